"""Policies × worlds × seeds, measured: what was finished before is found, the rest is run, each result kept at once.

In: the wanted work and a folder. Out: an ``Experiment``: every record there is, and what failed. Interrupted, it keeps
what is finished; the same call goes on from there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Protocol

from simulator.cells import Cell, Job, PolicyChoice, Setting, Via, Yardstick
from simulator.measuring import Failure, attempt
from simulator.ray_local import spread
from simulator.records import CellRecord, Record, YardstickRecord, code_digest
from simulator.results import Folder

Runner = Callable[[Sequence[Job]], Iterator[tuple[Job, Record | Failure]]]
"""Runs work and yields each result as it is finished, in any order."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted.

    Attributes:
        n_requests: For each cell.
        n_seeds: Seeds 0, 1, … are used.
        url: Of the running service that cells are measured against.
        per_world: Title of a setting → policies that are compared in that world alone.
    """

    settings: tuple[Setting, ...]
    policies: tuple[PolicyChoice, ...]
    n_seeds: int
    n_requests: int
    publish_every: int = 50
    via: Via = "process"
    url: str = ""
    per_world: Mapping[str, tuple[PolicyChoice, ...]] = field(default_factory=dict)

    def policies_in(self, setting: Setting) -> tuple[PolicyChoice, ...]:
        """Those of every world, then its own."""
        return (*self.policies, *self.per_world.get(setting.title, ()))

    @property
    def cells(self) -> list[Cell]:
        """World by world, seed by seed, so that early results already compare policies."""
        return [
            Cell(setting, policy, seed, self.n_requests, self.publish_every, self.via, url=self.url)
            for setting, seed in product(self.settings, range(self.n_seeds))
            for policy in self.policies_in(setting)
        ]

    @property
    def yardsticks(self) -> list[Yardstick]:
        """One per world and seed."""
        return [
            Yardstick(setting, seed, self.n_requests) for setting, seed in product(self.settings, range(self.n_seeds))
        ]

    @property
    def jobs(self) -> list[Job]:
        """Everything; the yardstick of a world and seed before its cells, so that what is finished can be placed."""
        found: list[Job] = []
        for gauge in self.yardsticks:
            found.append(gauge)
            found += [one for one in self.cells if (one.setting, one.seed) == (gauge.setting, gauge.seed)]
        return found


class Screen(Protocol):
    """Where progress is shown."""

    def begin(self, n_all: int, n_found: int, n_outdated: int, first: str) -> None:
        """So much is wanted, so much of it was finished before, and so much by other code, which isn't used.

        ``first`` is the title of what is run first, "" where nothing is left to run.
        """
        ...

    def doing(self, text: str) -> None:
        """What the piece under way waits for, or has waited for."""
        ...

    def finished(self, job: Job, result: Record | Failure) -> None:
        """One more piece."""
        ...


@dataclass(slots=True)
class Experiment:
    """What came of it.

    Attributes:
        records: Key → record of everything finished, now or before.
        n_found: Finished before, and used.
        n_other_code: Of these, measured by other code than this.
        n_outdated: Finished before by other code, so measured again.
        failures: What went wrong.
        interrupted: Someone stopped it.
    """

    records: dict[str, Record] = field(default_factory=dict)
    n_found: int = 0
    n_other_code: int = 0
    n_outdated: int = 0
    failures: list[Failure] = field(default_factory=list)
    interrupted: bool = False

    def cells_of(self, plan: Plan) -> list[CellRecord]:
        """Finished cells, in the plan's order."""
        found = (self.records.get(cell.key) for cell in plan.cells)
        return [one for one in found if isinstance(one, CellRecord)]

    def yardsticks_of(self, plan: Plan) -> list[YardstickRecord]:
        """Finished yardsticks, in the plan's order."""
        found = (self.records.get(one.key) for one in plan.yardsticks)
        return [one for one in found if isinstance(one, YardstickRecord)]


def conduct(
    jobs: Iterable[Job],
    folder: Folder,
    *,
    run: Runner,
    screen: Screen,
    fresh: bool = False,
    keep_old: bool = False,
) -> Experiment:
    """Find what is finished, run the rest, keep each result as it comes.

    Args:
        jobs: What is wanted.
        folder: Where finished work is looked for and kept.
        run: How the rest is run.
        screen: Told of progress.
        fresh: Measure anew what was finished before.
        keep_old: Use what other code has measured, too.
    """
    done, wanted = Experiment(), list(jobs)
    rest = [job for job in wanted if fresh or not _take(done, job, folder, keep_old=keep_old)]
    screen.begin(len(wanted), done.n_found, done.n_outdated, rest[0].title if rest else "")
    results = run(rest) if rest else iter(())
    try:
        for job, result in results:
            _note(done, job, result, folder)
            screen.finished(job, result)
    except KeyboardInterrupt:
        done.interrupted = True
    return done


def in_turn(jobs: Sequence[Job]) -> Iterator[tuple[Job, Record | Failure]]:
    """One after the other, in this process."""
    for job in jobs:
        yield job, attempt(job)


def on_ray(n_jobs: int) -> Runner:
    """As Ray tasks, so many at once."""

    def run(jobs: Sequence[Job]) -> Iterator[tuple[Job, Record | Failure]]:
        for job, answer in spread(attempt, jobs, n_jobs=n_jobs):
            yield job, Failure.of(job, answer) if isinstance(answer, Exception) else answer

    return run


def notes_on(done: Experiment, n_all: int, out: Path) -> Iterator[str]:
    """What someone must know before believing the figures."""
    if done.n_found:
        yield f"{done.n_found} of {n_all} pieces were finished before, in {out}; --fresh runs them anew"
    if done.n_other_code:
        yield f"{done.n_other_code} of them were measured by other code than this ({code_digest()})"
    if done.n_outdated:
        yield (
            f"{done.n_outdated} of {n_all} pieces were finished before by other code than this ({code_digest()}), "
            "so they are measured again"
        )
    for failure in done.failures:
        job = failure.job
        yield f"failed: {job.title}: {failure.error}\n  in {job.setting.title}, {job.n_requests:,} requests"
    if done.interrupted:
        yield f"interrupted: {len(done.records)} of {n_all} pieces are finished; the same command goes on from there"


def runner(n_jobs: int | None) -> Runner:
    """So many processes at once; 1 does without Ray; None is one per core that this process may use."""
    n = cores() if n_jobs is None else n_jobs
    return in_turn if n == 1 else on_ray(n)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _take(done: Experiment, job: Job, folder: Folder, *, keep_old: bool) -> bool:
    record = folder.find(job)
    if record is None:
        return False
    is_old = record.code != code_digest()
    if is_old and not keep_old:
        done.n_outdated += 1
        return False
    done.records[job.key] = record
    done.n_found += 1
    done.n_other_code += is_old
    return True


def _note(done: Experiment, job: Job, result: Record | Failure, folder: Folder) -> None:
    if isinstance(result, Failure):
        done.failures.append(result)
        return
    folder.keep(result)
    done.records[job.key] = result
