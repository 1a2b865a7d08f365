"""The body of ``slateloop simulate``: from what was asked on the command line to tables, Parquet files and plots.

In: a ``Request``, and for live runs a client of the running service. Out: an ``Outcome``, which prints itself as tables
or JSON. It knows no HTTP; the command line hands the client in.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.counted import counted
from agent.starts import StartError
from envs.world import WorldError
from policies.base import PolicyError
from simulator import comparison, comparison_report, extras, listing, machine, trained_agents
from simulator.cells import Cell, CellError, Job, PolicyChoice, Setting, parse_option, parse_policy
from simulator.earlier_run import foretell
from simulator.experiments import Experiment, Plan, Runner, conduct, notes_on, runner
from simulator.extras import MissingExtraError
from simulator.measuring import Failure, LiveService, attempt, measure_live, settled, world_of
from simulator.pacing import StalledError
from simulator.plots import draw_all
from simulator.progress import progress
from simulator.ray_local import RayStartError
from simulator.records import Record, code_digest
from simulator.results import Folder, ResultsError
from simulator.results_page import require_page, write_section
from simulator.simulate_options import Request
from simulator.suited_starts import require_suited
from simulator.typed import shown, without_user

SECTION = "simulate"

MOST_LETTERS = 64
"""A loop's name isn't longer."""

EXPLAINED = (CellError, WorldError, PolicyError, ResultsError, MissingExtraError, RayStartError, StalledError)
"""Errors whose message names value and cure."""


@dataclass(frozen=True, slots=True)
class Live:
    """A running service to measure against.

    Attributes:
        token: Makes the names of this run's loops new.
        url: Where it listens.
    """

    service: LiveService
    token: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        references: Rows of choosers that need no learning.
        files: Parquet files and settings.
        plots: PNGs.
        loops: Of a running service, made by this run; they stay there.
    """

    request: Request
    plan: Plan
    experiment: Experiment
    rows: list[comparison.Row]
    references: list[comparison.Row]
    files: list[Path]
    plots: list[Path]
    loops: Sequence[str] = ()

    @property
    def is_whole(self) -> bool:
        """Nothing failed and nobody stopped it."""
        return not self.experiment.failures and not self.experiment.interrupted


def plan_of(request: Request, *, live: Live | None = None) -> Plan:
    """Everything settled, so that mistakes are told before anything runs.

    Raises:
        CellError: a policy or an option is written wrongly, a policy begins with an agent that doesn't suit a world,
            or no trained agent is of these worlds.
        WorldError: there is no such world or option, or a value can't be.
        ResultsError: there is no such folder of trained agents.
    """
    options = dict(parse_option(text) for text in request.options)
    sizes = {"n_candidates": request.n_candidates, "n_slots": request.n_slots}
    settings = tuple(settled(world, options=options, **sizes) for world in dict.fromkeys(request.worlds))
    plan = Plan(
        settings=settings,
        policies=tuple(parse_policy(text) for text in dict.fromkeys(request.policies)),
        n_seeds=request.n_seeds,
        n_requests=request.n_requests,
        via="process" if live is None else "live",
        url="" if live is None else without_user(live.url).rstrip("/"),
        per_world=_trained(request.trained, settings),
    )
    for setting in settings:
        require_suited(plan.policies_in(setting), partial(world_of, setting), title=setting.title)
    return plan


def simulate(request: Request, console: Console, *, live: Live | None = None) -> Outcome:
    """Run what is asked for, write its files, draw its plots.

    Args:
        request: What is asked for.
        console: For progress; results go elsewhere.
        live: Measure against this service, one cell after the other; None measures in process.

    Raises:
        CellError, WorldError, ResultsError, MissingExtraError, RayStartError: it can't be begun; all in ``EXPLAINED``.
    """
    extras.require(["pyarrow.parquet", *(["matplotlib.figure"] if request.plots else [])], "slateloop simulate")
    plan = plan_of(request, live=live)
    if live is None:  # else the service is what learns
        extras.require_learners([cell.policy.kind for cell in plan.cells], "slateloop simulate")
    if request.write is not None:
        require_page(request.write, SECTION)
    folder = Folder(request.out)
    foretell(folder.path, [job.key for job in plan.jobs])
    how = {"fresh": request.fresh, "keep_old": request.keep_old}
    loops: list[str] = []
    with progress(console) as screen:
        run = runner(request.n_jobs) if live is None else _live_runner(live, request.max_lag, screen.doing, loops)
        done = conduct(plan.jobs, folder, run=run, screen=screen, **how)
    return dataclasses.replace(_finish(request, plan, folder, done), loops=tuple(loops))


def show(outcome: Outcome, out: Console, err: Console) -> None:
    """Print tables and where the files are; problems on the other console."""
    for table in comparison_report.tables(outcome.rows, outcome.references):
        out.print(table)
    if outcome.rows or outcome.references:
        out.print(comparison_report.EXPLANATION, style="dim", highlight=False)
    for path in [*outcome.files, *outcome.plots]:
        out.print(str(path), highlight=False, soft_wrap=True)
    if outcome.loops:
        n, own = counted(len(outcome.loops), "loop"), ", ".join(outcome.loops)
        out.print(f"left in the service, {n} of this run: {own}", highlight=False, markup=False, soft_wrap=True)
    for line in notes(outcome):
        err.print(line, highlight=False, markup=False, style="yellow")


def notes(outcome: Outcome) -> Iterator[str]:
    """What someone must know before believing the figures."""
    yield from _notes(outcome.request, outcome.plan, outcome.experiment, shlex.join)
    if outcome.request.write is not None and not outcome.is_whole:
        yield f"{outcome.request.write} was not written: not everything is finished"
    if outcome.request.plots and outcome.experiment.interrupted:
        yield "no plots were drawn: they are once everything is finished"


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Everything as one JSON object."""
    done = outcome.experiment
    return {
        "rows": comparison_report.to_json(outcome.rows),
        "references": comparison_report.to_json(outcome.references),
        "trained": trained_agents.begun_to_json(outcome.plan),
        "n_rows_of_other_code": comparison_report.n_old([*outcome.rows, *outcome.references]),
        "n_pieces": len(outcome.plan.jobs),
        "n_finished": len(done.records),
        "n_finished_before": done.n_found,
        "n_of_other_code": done.n_other_code,
        "n_measured_again": done.n_outdated,
        "notes": list(notes(outcome)),
        "interrupted": done.interrupted,
        "failures": [{"error": one.error, "settings": dataclasses.asdict(one.job)} for one in done.failures],
        "codes": dict(Counter(one.code for one in done.records.values())),
        "code_now": code_digest(),
        "files": [str(path) for path in outcome.files],
        "plots": [str(path) for path in outcome.plots],
        "loops": list(outcome.loops),
    }


def listing_json(trained: Path | None = None) -> dict[str, Any]:
    """Worlds and policies, and the agents of a folder if there is one, for ``--list --json``.

    Raises:
        ResultsError: there is no such folder of trained agents.
    """
    found = {
        "worlds": [{**dataclasses.asdict(one), "options": _printable(one.options)} for one in listing.worlds()],
        "policies": listing.policies(),
    }
    agents = {} if trained is None else {"trained": trained_agents.to_json(trained_agents.trained_in(trained))}
    return found | agents


def show_listing(out: Console, trained: Path | None = None) -> None:
    """Worlds with KPI and options, then the policies, then the agents of a folder.

    Raises:
        ResultsError: there is no such folder of trained agents.
    """
    agents = None if trained is None else trained_agents.trained_in(trained)
    table = Table(title="worlds (--world)", title_justify="left", show_lines=True)
    for heading in ("world", "KPI", "options (--option key=value) and their defaults"):
        table.add_column(heading, overflow="fold")
    for one in listing.worlds():
        options = ", ".join(f"{name}={value}" for name, value in one.options.items())
        table.add_row(one.preset, one.kpi, f"{one.about}\n{options}")
    out.print(table)
    out.print(f"policies (--policy): {', '.join(listing.policies())}; with options: vw:bag, vw:epsilon,epsilon=0.05")
    if trained is not None and agents:
        out.print(
            trained_agents.table(agents, f"trained agents (--trained {trained}), the best of each kind and world")
        )
    elif trained is not None:
        out.print(trained_agents.none_yet(trained), highlight=False, markup=False, soft_wrap=True)


def _trained(folder: Path | None, settings: Sequence[Setting]) -> dict[str, tuple[PolicyChoice, ...]]:
    """Title of a world → its trained agents."""
    if folder is None:
        return {}
    found = trained_agents.choices(trained_agents.trained_in(folder), settings)
    trained_agents.require_any(found, settings, folder)
    return found


def _live_runner(live: Live, max_lag: int, tell: Callable[[str], None], loops: list[str]) -> Runner:
    """``loops`` gets the names of those that are made."""

    def run(jobs: Sequence[Job]) -> Iterator[tuple[Job, Record | Failure]]:
        for job in jobs:
            yield job, _measure_live(live, job, max_lag, tell, loops) if isinstance(job, Cell) else attempt(job)

    return run


def _measure_live(
    live: Live, cell: Cell, max_lag: int, tell: Callable[[str], None], loops: list[str]
) -> Record | Failure:
    """A service that can't be reached ends the run; what is wrong with one cell is that cell's failure."""
    loop = f"simulate-{live.token}-{cell.key[:6]}-{cell.setting.preset}-{cell.policy.kind}-{cell.seed}"[:MOST_LETTERS]
    loops.append(loop)
    try:
        return measure_live(cell, live.service, loop=loop, max_lag=max_lag, tell=tell)
    except StartError as error:  # before there was a loop
        loops.remove(loop)
        return Failure.of(cell, error)
    except (StalledError, WorldError, PolicyError) as error:
        return Failure.of(cell, error)


def _notes(request: Request, plan: Plan, done: Experiment, write: Callable[[Sequence[str]], str]) -> Iterator[str]:
    """``write`` makes a line of words, of a command or one path."""
    yield from notes_on(done, len(plan.jobs), Path(write((str(request.out),))))
    if request.keep_old and done.n_other_code:
        yield "without --keep-old, what other code has measured is measured again"
    if request.trained is not None:
        yield from trained_agents.notes(request.trained, plan, write)


def _finish(request: Request, plan: Plan, folder: Folder, done: Experiment) -> Outcome:
    cells, yardsticks = done.cells_of(plan), done.yardsticks_of(plan)
    records: list[Record] = [*cells, *yardsticks]
    rows, references = comparison.compare(cells, yardsticks), comparison.reference_rows(yardsticks)
    page = comparison_report.to_markdown(
        rows,
        references,
        command=shown(request.command),
        notes=[line.replace("\n", ";") for line in _notes(request, plan, done, shown)],
        machine=machine.sentence(),
    )
    files = [
        *folder.write_tables(records),
        folder.write_settings(request.command, records),
        folder.write_text("summary.md", page),
    ]
    if request.write is not None and not done.failures and not done.interrupted:
        files.append(write_section(request.write, SECTION, page))
    is_drawn = request.plots and cells and not done.interrupted
    plots = draw_all(cells, yardsticks, request.out / "plots") if is_drawn else []
    return Outcome(request, plan, done, rows, references, files, plots)


def _printable(options: Mapping[str, Any]) -> dict[str, Any]:
    plain = (str, int, float, bool, type(None))
    return {name: value if isinstance(value, plain) else str(value) for name, value in options.items()}
