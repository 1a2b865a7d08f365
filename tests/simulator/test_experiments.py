from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simulator.cells import Cell, Job, parse_policy
from simulator.comparison import compare
from simulator.experiments import Plan, conduct, notes_on
from simulator.measuring import Failure
from simulator.records import Record, code_digest
from simulator.results import Folder
from tests.simulator.measured import SETTING, cell_record, yardstick_record

PLAN = Plan((SETTING,), (parse_policy("vw"), parse_policy("uniform")), n_seeds=2, n_requests=400)


@dataclass
class FakeScreen:
    begun: list[tuple[int, int]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def begin(self, n_all: int, n_found: int, n_outdated: int, first: str) -> None:
        self.begun.append((n_all, n_found))

    def doing(self, text: str) -> None:
        self.told.append(text)

    def finished(self, job: Job, result: Record | Failure) -> None:
        self.told.append(job.title)


@dataclass
class FakeRunner:
    """Measures by making up; fails or is interrupted where it is told."""

    fail_at: str = ""
    stop_at: str = ""
    ran: list[str] = field(default_factory=list)

    def __call__(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Record | Failure]]:
        for job in jobs:
            if job.title == self.stop_at:
                raise KeyboardInterrupt
            self.ran.append(job.title)
            yield job, self._result(job)

    def _result(self, job: Job) -> Record | Failure:
        if job.title == self.fail_at:
            return Failure(job, "WorldError: the world ended")
        return cell_record(job.policy.name, job.seed) if isinstance(job, Cell) else yardstick_record(job.seed)


def test_a_world_may_have_policies_of_its_own() -> None:
    elsewhere, own = dataclasses.replace(SETTING, preset="shop"), parse_policy("linear")
    plan = dataclasses.replace(PLAN, settings=(SETTING, elsewhere), per_world={elsewhere.title: (own,)})
    found = [(one.setting.preset, one.seed, one.policy.name) for one in plan.cells]
    assert found == [
        *(("news", seed, name) for seed in (0, 1) for name in ("vw", "uniform")),
        *(("shop", seed, name) for seed in (0, 1) for name in ("vw", "uniform", "linear")),
    ]
    assert [one for one in plan.jobs if isinstance(one, Cell)] == plan.cells


def test_a_plan_is_every_policy_in_every_world_with_every_seed_and_its_references() -> None:
    assert [one.title for one in PLAN.jobs] == [
        "news, references, seed 0",
        "news, vw, seed 0",
        "news, uniform, seed 0",
        "news, references, seed 1",
        "news, vw, seed 1",
        "news, uniform, seed 1",
    ]


def test_what_is_finished_is_not_run_again(tmp_path: Path) -> None:
    first, again, screen = FakeRunner(), FakeRunner(), FakeScreen()
    conduct(PLAN.jobs, Folder(tmp_path), run=first, screen=FakeScreen())
    done = conduct(PLAN.jobs, Folder(tmp_path), run=again, screen=screen)
    assert (len(first.ran), again.ran, done.n_found, screen.begun) == (6, [], 6, [(6, 6)])
    assert [one.cell.seed for one in done.cells_of(PLAN)] == [0, 0, 1, 1]


def test_only_what_is_missing_is_run(tmp_path: Path) -> None:
    conduct(PLAN.jobs, Folder(tmp_path), run=FakeRunner(), screen=FakeScreen())
    (tmp_path / "finished" / f"{PLAN.cells[2].key}.json").unlink()
    again = FakeRunner()
    done = conduct(PLAN.jobs, Folder(tmp_path), run=again, screen=FakeScreen())
    assert again.ran == ["news, vw, seed 1"]
    assert len(done.records) == 6


def test_fresh_runs_everything(tmp_path: Path) -> None:
    conduct(PLAN.jobs, Folder(tmp_path), run=FakeRunner(), screen=FakeScreen())
    again = FakeRunner()
    done = conduct(PLAN.jobs, Folder(tmp_path), run=again, screen=FakeScreen(), fresh=True)
    assert (len(again.ran), done.n_found) == (6, 0)


def test_more_seeds_keep_the_seeds_there_are(tmp_path: Path) -> None:
    conduct(PLAN.jobs, Folder(tmp_path), run=FakeRunner(), screen=FakeScreen())
    wider = Plan(PLAN.settings, PLAN.policies, n_seeds=3, n_requests=400)
    again = FakeRunner()
    conduct(wider.jobs, Folder(tmp_path), run=again, screen=FakeScreen())
    assert again.ran == ["news, references, seed 2", "news, vw, seed 2", "news, uniform, seed 2"]


def test_interrupted_it_keeps_what_is_finished(tmp_path: Path) -> None:
    done = conduct(PLAN.jobs, Folder(tmp_path), run=FakeRunner(stop_at="news, vw, seed 1"), screen=FakeScreen())
    assert (done.interrupted, len(done.records)) == (True, 4)
    assert not math.isnan(compare(done.cells_of(PLAN), done.yardsticks_of(PLAN))[0].gap.value)
    again = FakeRunner()
    done = conduct(PLAN.jobs, Folder(tmp_path), run=again, screen=FakeScreen())
    assert again.ran[0] == "news, vw, seed 1"
    assert not done.interrupted


def test_a_failure_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    screen = FakeScreen()
    done = conduct(PLAN.jobs, Folder(tmp_path), run=FakeRunner(fail_at="news, vw, seed 0"), screen=screen)
    assert [one.job.title for one in done.failures] == ["news, vw, seed 0"]
    assert (len(done.records), len(screen.told)) == (5, 6)
    again = FakeRunner()
    conduct(PLAN.jobs, Folder(tmp_path), run=again, screen=FakeScreen())
    assert again.ran == ["news, vw, seed 0"]


def test_what_other_code_measured_is_measured_again(tmp_path: Path) -> None:
    folder, again = Folder(tmp_path), FakeRunner()
    conduct(PLAN.jobs, folder, run=FakeRunner(), screen=FakeScreen())
    folder.keep(dataclasses.replace(cell_record("vw", 1), code="older"))
    done = conduct(PLAN.jobs, folder, run=again, screen=FakeScreen())
    assert (again.ran, done.n_found, done.n_outdated, done.n_other_code) == (["news, vw, seed 1"], 5, 1, 0)
    assert list(notes_on(done, 6, tmp_path))[1].startswith("1 of 6 pieces were finished before by other code than this")
    assert {one.code for one in done.records.values()} == {code_digest()}


def test_what_other_code_measured_can_be_kept(tmp_path: Path) -> None:
    folder, again = Folder(tmp_path), FakeRunner()
    conduct(PLAN.jobs, folder, run=FakeRunner(), screen=FakeScreen())
    folder.keep(dataclasses.replace(cell_record("vw", 1), code="older"))
    done = conduct(PLAN.jobs, folder, run=again, screen=FakeScreen(), keep_old=True)
    assert (again.ran, done.n_found, done.n_outdated, done.n_other_code) == ([], 6, 0, 1)
    assert "1 of them were measured by other code" in list(notes_on(done, 6, tmp_path))[1]
