"""The body of ``slateloop bakeoff``: from what was asked on the command line to tables, files and the default's name.

In: a ``Request``. Out: an ``Outcome``, which prints itself as tables or JSON, and may fill a section of a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from envs.world import WorldError
from policies.base import PolicyError
from simulator import bakeoff, bakeoff_report, bakeoff_tables, bars, contenders, extras, machine, situations, stages
from simulator.bakeoff import Results
from simulator.bakeoff_found import Bakeoff
from simulator.bakeoff_options import Request
from simulator.cells import CellError, PolicyChoice
from simulator.costs import Cost, measure_costs
from simulator.earlier_run import foretell
from simulator.experiments import Experiment, conduct, notes_on, runner
from simulator.extras import MissingExtraError
from simulator.plots import draw_all
from simulator.progress import progress
from simulator.ray_local import RayStartError
from simulator.records import Record, code_digest
from simulator.results import Folder, ResultsError
from simulator.results_page import require_page, write_section
from simulator.stages import Stage, jobs_of
from simulator.typed import shown

PLOTS = ("reward", "regret")

EXPLAINED = (CellError, WorldError, PolicyError, ResultsError, MissingExtraError, RayStartError)
"""Errors whose message names value and cure."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything settled.

    Attributes:
        sets: Where the default is decided.
        situations: Where the decision matrix is; by situation.
    """

    policies: tuple[PolicyChoice, ...]
    sets: tuple[Stage, ...]
    situations: dict[str, Stage]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All of them."""
        return (*self.sets, *self.situations.values())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        files: Parquet files, settings, summary, and the page.
        plots: PNGs.
    """

    request: Request
    plan: Plan
    experiment: Experiment
    found: Bakeoff
    files: list[Path]
    plots: list[Path]

    @property
    def is_whole(self) -> bool:
        """Nothing failed and nobody stopped it."""
        return not self.experiment.failures and not self.experiment.interrupted


def plan_of(request: Request) -> Plan:
    """Everything settled, so that mistakes are told before anything runs.

    Raises:
        CellError: a policy is written wrongly.
        WorldError: there is no such set, or its data can't be read.
    """
    policies = contenders.choices(request.policies)
    wanted = stages.wanted(request.sets, movielens=request.movielens, table=request.table, label=request.label)
    length = {"n_requests": request.n_requests, "n_seeds": request.n_seeds}
    sets = tuple(stages.settle(one, policies, **length) for one in wanted)
    return Plan(policies, sets, situations.stages(_for_matrix(), **length) if request.matrix else {})


Costs = Callable[[Sequence[PolicyChoice]], list[Cost]]


def bake(request: Request, console: Console, *, costs: Costs = measure_costs) -> Outcome:
    """Run what is asked for, measure costs, write files, draw plots.

    Args:
        request: What is asked for.
        console: For progress; results go elsewhere.
        costs: Measures what each policy costs, in this process, once nothing else of ours runs.

    Raises:
        CellError, WorldError, PolicyError, ResultsError, MissingExtraError, RayStartError: it can't be begun; all in
            ``EXPLAINED``.
    """
    wanted = ["pyarrow.parquet", "threadpoolctl", *(["matplotlib.figure"] if request.plots else [])]
    extras.require(wanted, "slateloop bakeoff")
    plan = plan_of(request)
    extras.require_learners([one.kind for one in plan.policies], "slateloop bakeoff")
    if request.write is not None:
        require_page(request.write, request.section)
    folder = Folder(request.out)
    foretell(folder.path, [job.key for job in jobs_of(plan.stages)])
    how = {"fresh": request.fresh, "keep_old": request.keep_old}
    with progress(console) as screen:
        done = conduct(jobs_of(plan.stages), folder, run=runner(request.n_jobs), screen=screen, **how)
    measured: list[Cost] = []
    if not done.interrupted:
        with console.status("measuring what decisions and lessons cost"):
            measured = costs(list({one.name: one for stage in plan.stages for one in stage.policies}.values()))
    return _finish(request, plan, folder, (done, measured))


def show(outcome: Outcome, out: Console, err: Console) -> None:
    """Print tables, the default, how it stands and where the files are; problems on the other console."""
    for grid in bakeoff_tables.grids(outcome.found):
        out.print(bakeoff_tables.table(grid))
    out.print(bakeoff_report.MEANING, style="dim", highlight=False)
    for line in (bakeoff_report.verdict(outcome.found), *bakeoff_report.bars(outcome.found)):
        out.print(line, style="bold", highlight=False)
    for path in [*outcome.files, *outcome.plots]:
        out.print(str(path), highlight=False, soft_wrap=True)
    for line in notes(outcome):
        err.print(line, highlight=False, markup=False, style="yellow")


def notes(outcome: Outcome) -> Iterator[str]:
    """What someone must know before believing the figures."""
    yield from bakeoff_report.left_out()
    yield from notes_on(outcome.experiment, len(jobs_of(outcome.plan.stages)), outcome.request.out)
    if outcome.request.write is not None and not outcome.is_whole:
        yield f"{outcome.request.write} was not written: not everything is finished"


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Everything as one JSON object."""
    done = outcome.experiment
    return {
        **bakeoff_report.to_json(outcome.found),
        "n_pieces": len(jobs_of(outcome.plan.stages)),
        "n_finished": len(done.records),
        "n_finished_before": done.n_found,
        "n_of_other_code": done.n_other_code,
        "n_measured_again": done.n_outdated,
        "interrupted": done.interrupted,
        "failures": [f"{one.job.title}: {one.error}" for one in done.failures],
        "code": code_digest(),
        "files": [str(path) for path in outcome.files],
        "plots": [str(path) for path in outcome.plots],
    }


def _for_matrix() -> tuple[PolicyChoice, ...]:
    return contenders.choices(contenders.of_situations())


def _finish(request: Request, plan: Plan, folder: Folder, measured: tuple[Experiment, list[Cost]]) -> Outcome:
    done, _ = measured
    found = _found(request, plan, *measured)
    text = bakeoff_report.to_markdown(found)
    records = _records(plan, done)
    files = [
        *folder.write_tables(records),
        folder.write_settings(request.command, records),
        folder.write_text("summary.md", text),
    ]
    if request.write is not None and not done.failures and not done.interrupted:
        files.append(write_section(request.write, request.section, text))
    return Outcome(request, plan, done, found, files, _drawn(request, plan, done))


def _found(request: Request, plan: Plan, done: Experiment, costs: Sequence[Cost]) -> Bakeoff:
    by_name = {one.policy: one for one in costs}
    results = [Results(stage, done) for stage in plan.sets]
    standings = bakeoff.standings(plan.policies, results, by_name, limit_us=request.limit_us)
    winners = bakeoff.default(standings, results)
    notes = notes_on(done, len(jobs_of(plan.stages)), Path(shown((str(request.out),))))
    return Bakeoff(
        results=results,
        standings=standings,
        verdicts=situations.verdicts(plan.situations, done, by_name),
        winners=winners,
        bars=bars.findings(winners[0].policy.name if winners else None, results),
        limit_us=request.limit_us,
        machine=machine.facts(),
        command=shown(request.command),
        codes=sorted({one.code for one in _records(plan, done)}),
        notes=[line.replace("\n", ";") for line in notes],
    )


def _records(plan: Plan, done: Experiment) -> list[Record]:
    """What this command asked for, and no more."""
    found = (done.records.get(job.key) for job in jobs_of(plan.stages))
    return [one for one in found if one is not None]


def _drawn(request: Request, plan: Plan, done: Experiment) -> list[Path]:
    if not request.plots:
        return []
    paths = []
    for stage in plan.sets:
        if cells := stage.cells_of(done):
            paths += draw_all(cells, stage.yardsticks_of(done), request.out / "plots", kinds=PLOTS)
    return paths
