"""The body of ``slateloop train``: from what was asked to agents, tables, curves, and what a loop begins with.

In: a ``Request``, and for publishing a client of the running service. Out: an ``Outcome``, which prints itself as
tables or JSON. It knows no HTTP; the command line hands the client in.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from agent.starts import StartError
from envs.presets import make_world
from envs.world import WorldError
from policies.base import PolicyError
from policies.spelling import meant
from simulator import extras, training_rows, training_tables
from simulator.cells import CellError, PolicyChoice
from simulator.earlier_run import foretell
from simulator.experiments import cores
from simulator.extras import MissingExtraError
from simulator.next_step import chosen, next_step
from simulator.publishing import Published, Publisher, unsuited_to
from simulator.publishing import publish as publish_agent
from simulator.ray_local import RayStartError
from simulator.results import ResultsError
from simulator.results_page import require_page
from simulator.suited_starts import require_suited
from simulator.train_options import Request
from simulator.training_bars import Finding, findings
from simulator.training_costs import Costs, decision_costs
from simulator.training_files import write_files
from simulator.training_folder import TrainingFolder, finished_in
from simulator.training_page import notes_of, page_of
from simulator.training_pieces import Piece, best_of
from simulator.training_plan import agent_options, pieces_of
from simulator.training_rows import Row
from simulator.training_run import Manner, Training, conduct, in_turn, on_ray
from simulator.training_screen import screen
from simulator.training_worlds import require_trainable

EXPLAINED = (CellError, WorldError, PolicyError, ResultsError, MissingExtraError, RayStartError, StartError)
"""Errors whose message names value and cure."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        rows: Who × world, as far as finished.
        bars: What was to be reached.
        costs: Of decisions.
        files: Settings, summary and the page.
        plots: PNGs.
        agents: Files of the agents that were trained.
        published: What a loop begins with now, if anything.
        unpublished: Why it doesn't, where it was to.
        unwritten: Files that couldn't be written, each with the cause and a cure.
    """

    request: Request
    pieces: list[Piece]
    training: Training
    rows: list[Row]
    bars: list[Finding]
    costs: Costs
    files: list[Path]
    plots: list[Path]
    agents: list[Path]
    published: Published | None = None
    unpublished: str = ""
    unwritten: Sequence[str] = ()

    @property
    def is_finished(self) -> bool:
        """Every piece was measured."""
        return not self.training.failures and not self.training.interrupted

    @property
    def is_whole(self) -> bool:
        """And whatever else was asked for was done."""
        return self.is_finished and not self.unpublished and not self.unwritten


def train(request: Request, console: Console) -> Outcome:
    """Do what is asked for, write files, draw plots.

    Args:
        request: What is asked for.
        console: For progress; results go elsewhere.

    Raises:
        CellError, WorldError, PolicyError, ResultsError, MissingExtraError, RayStartError: it can't be begun; all in
            ``EXPLAINED``.
    """
    pieces = pieces_of(request)
    _require(request)
    _foresee_failures(request, pieces)
    if request.write is not None:
        require_page(request.write, request.section)
    folder = TrainingFolder(request.out)
    foretell(folder.path, [one.key for one in pieces])
    n_jobs = cores() if request.n_jobs is None else request.n_jobs
    manner = Manner(in_turn if n_jobs == 1 else on_ray(n_jobs), request.tensorboard, request.fresh, request.keep_old)
    with screen(console, request.out) as progress:
        done = conduct(pieces, folder, progress, manner)
    return _finish(request, pieces, folder, done)


def foresee(request: Request, service: Publisher, console: Console) -> None:
    """Tell what of a loop doesn't suit the agent that it is to begin with, before an hour is spent on training it.

    Raises:
        CellError, WorldError: as ``train``; and whatever the service's client does where there is no such loop.
    """
    scene, loop, names = pieces_of(request)[0].scene, request.publish, service.loop_names()
    if loop not in names:
        console.print(f"loop {loop} doesn't exist; it is made with the agent{meant(loop, names)}", highlight=False)
    settings, world = service.settings(loop).settings, make_world(scene.preset, scene.options)
    for line in unsuited_to(settings, world.reward_range, world):
        console.print(f"before anything is published to {loop}: {line}", style="yellow", highlight=False)


def publish(outcome: Outcome, service: Publisher) -> Outcome:
    """Let the loop begin with the seed that its validation users liked best.

    Raises:
        CellError: nothing was trained.
    """
    best = _best(outcome)
    data = TrainingFolder(outcome.request.out).agent(best).read_bytes()
    world, options = make_world(best.scene.preset, best.scene.options), agent_options(outcome.request)
    found = publish_agent(service, outcome.request.publish, data, world=world, options=options)
    return dataclasses.replace(outcome, published=found)


def unpublished(outcome: Outcome, why: str) -> Outcome:
    """The outcome where publishing failed: all else of it stands."""
    return dataclasses.replace(outcome, unpublished=why)


def show(outcome: Outcome, out: Console, err: Console) -> None:
    """Print tables, and where the files are; problems on the other console."""
    for grid in training_tables.grids(outcome.rows, outcome.bars, outcome.costs.decide_us):
        out.print(training_tables.table(grid))
    if outcome.rows:
        out.print(training_tables.EXPLANATION, style="dim", highlight=False)
    for path in [*outcome.files, *outcome.plots, *outcome.agents]:
        out.print(str(path), highlight=False, soft_wrap=True)
    if outcome.published is not None:
        out.print(_told(outcome, outcome.published), style="bold", highlight=False, markup=False, soft_wrap=True)
    if outcome.is_whole and (line := next_step(outcome.request, outcome.pieces)):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    for line in notes(outcome):
        err.print(line, highlight=False, markup=False, style="yellow")
    for line in failures(outcome):
        err.print(line, highlight=False, markup=False, style="red")


def notes(outcome: Outcome) -> Iterator[str]:
    """What someone must know before believing the figures."""
    request = outcome.request
    yield from notes_of(outcome.pieces, outcome.training, str(request.out))
    yield from _unfinished(outcome)
    yield from outcome.costs.problems
    if request.write is not None and not outcome.is_finished:
        yield f"{request.write} was not written: not everything is finished"
    if request.plots and outcome.training.interrupted:
        yield "no plots were drawn: they are once everything is finished"
    if request.publish and not outcome.is_finished:
        yield f"nothing was published to {request.publish}: not everything is finished"
    if outcome.published is not None:
        yield from outcome.published.warnings


def failures(outcome: Outcome) -> Iterator[str]:
    """What was asked for and couldn't be done once everything was measured; measuring isn't needed for it again."""
    yield from outcome.unwritten
    if outcome.unpublished:
        words = [word for word in outcome.request.command if word != "--fresh"]
        yield f"nothing was published to {outcome.request.publish}: {outcome.unpublished}"
        yield f"the agents are kept: once that is mended, this publishes and trains nothing again: {shlex.join(words)}"


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Everything as one JSON object."""
    done = outcome.training
    return {
        "rows": training_rows.to_json(outcome.rows),
        "bars": [one._asdict() for one in outcome.bars],
        "decisions": [
            {"world": world, "name": who, "microseconds": value}
            for (world, who), value in outcome.costs.decide_us.items()
        ],
        "n_pieces": len(outcome.pieces),
        "n_finished": len(done.results),
        "n_finished_before": done.n_found,
        "n_of_other_code": done.n_other_code,
        "n_measured_again": done.n_outdated,
        "interrupted": done.interrupted,
        "failures": [{"title": one.title, "error": one.error} for one in done.failures],
        "notes": list(notes(outcome)),
        "files": [str(path) for path in outcome.files],
        "plots": [str(path) for path in outcome.plots],
        "agents": [str(path) for path in outcome.agents],
        "published": None if outcome.published is None else dataclasses.asdict(outcome.published),
        "unpublished": outcome.unpublished,
        "unwritten": list(outcome.unwritten),
    }


def _require(request: Request) -> None:
    """Find out before the work begins what isn't installed."""
    wanted = ["torch"] if request.agents else []
    wanted += ["tensorboardX"] if request.tensorboard and request.agents else []
    extras.require(wanted, "slateloop train", install=extras.INSTALL_RL)
    extras.require(["threadpoolctl"] if request.agents else [], "measuring decisions")
    extras.require(["matplotlib.figure"] if request.plots else [], "drawing learning curves")


def _foresee_failures(request: Request, pieces: Sequence[Piece]) -> None:
    """Refuse before anything is measured what would fail late: worlds and starts that training can't do with."""
    for one in pieces:
        if one.sort == "bandit" and one.seed == 0:
            choice = PolicyChoice(one.name, one.kind, one.options)
            require_suited([choice], partial(one.course.world, 1), title=one.scene.title)
    require_trainable(pieces, (piece for piece, _ in finished_in(request.out)))


def _finish(request: Request, pieces: list[Piece], folder: TrainingFolder, done: Training) -> Outcome:
    rows = training_rows.rows_of(pieces, done.results)
    costs = Costs({}) if done.interrupted else decision_costs(pieces, done.results, folder)
    bars = findings(rows, costs.decide_us)
    page = page_of(request, pieces, done, training_tables.grids(rows, bars, costs.decide_us))
    files = write_files(request, pieces, done, page)
    agents = [folder.agent(one) for one in pieces if one.sort == "agent" and one.key in done.results]
    return Outcome(
        request, pieces, done, rows, bars, costs, files.written, files.plots, agents, unwritten=files.unwritten
    )


def _unfinished(outcome: Outcome) -> Iterator[str]:
    """Where the best point is of trainings that were stopped."""
    folder = TrainingFolder(outcome.request.out)
    for piece in outcome.pieces:
        path = None if piece.key in outcome.training.results else folder.best(piece)
        if path is not None:
            yield f"{piece.title}: not finished; its best agent so far is {path}"


def _best(outcome: Outcome) -> Piece:
    """The agent that its validation users liked best.

    Raises:
        CellError: nothing was trained.
    """
    results = outcome.training.results
    trained = [one for one in outcome.pieces if one.sort == "agent" and one.key in results]
    if not trained:
        raise CellError("no agent was trained, so there is nothing to publish; name one with --agent")
    return best_of(trained, results)


def _told(outcome: Outcome, found: Published) -> str:
    best = _best(outcome)
    agent = chosen(best, outcome.training.results[best.key], outcome.request)
    made = "made, and " if found.is_new else ""
    return (
        f"loop {found.loop} is {made}told to begin with {agent} (settings version {found.version}); "
        f"`slateloop loops status {found.loop}` tells when it serves"
    )
