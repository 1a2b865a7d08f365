from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from agent.loops import PolicySettings
from simulator.cells import CellError
from simulator.datasets import DatasetError
from simulator.replay_command import EXPLAINED, SECTION, plan_of, publish
from simulator.replay_options import Request
from simulator.results import ResultsError
from simulator.run import Run, begin, conduct
from tests.simulator.fakes import FakeClock, FakeService
from tests.simulator.recordings import movielens
from tests.simulator.test_replay import NoScreen


def replayed(request: Request) -> Run:
    clock = FakeClock()
    plan = plan_of(request)
    drive = dataclasses.replace(plan.drive, clock=clock, sleep=clock.sleep)
    service = FakeService(clock)
    run = begin(service, plan.course, drive)
    conduct(service, run, NoScreen())
    return run


def test_the_page_gets_its_section_without_folders(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    words = ("slateloop", "replay", "movielens", "--path", str(tmp_path), "--write", "docs/results.md")
    request = Request(movielens(tmp_path), write=page, command=words)
    assert publish(request, replayed(request)) == ""
    text = page.read_text(encoding="utf-8")
    assert text.count(f"<!-- {SECTION} -->") == text.count(f"<!-- /{SECTION} -->") == 1
    assert f"slateloop replay movielens --path {tmp_path.name} --write docs/results.md" in text
    assert str(tmp_path) not in text


def test_a_page_is_written_only_when_all_was_sent(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    request = Request(movielens(tmp_path), write=page)
    run = replayed(request)
    run.drive = dataclasses.replace(run.drive, n_wanted=run.tally.n + 1)
    assert publish(request, run) == f"{page} was not written: only 12 of 13 requests were sent"
    assert not page.exists()


def test_a_page_is_written_only_of_a_loop_that_began_afresh(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    request = Request(movielens(tmp_path), write=page)
    run = replayed(request)
    run.gate.n_at_start = 3
    assert "had learned before" in publish(request, run)
    assert not page.exists()


def test_without_a_page_nothing_is_written(tmp_path: Path) -> None:
    request = Request(movielens(tmp_path))
    assert publish(request, replayed(request)) == ""


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("", PolicySettings()),
        ("linear", PolicySettings(kind="linear")),
        ("vw:bag", PolicySettings(kind="vw", options={"explorer": "bag"})),
    ],
)
def test_the_learned_arm_is_what_was_asked_for(tmp_path: Path, text: str, policy: PolicySettings) -> None:
    assert plan_of(Request(movielens(tmp_path), policy=text)).course.settings.policy == policy


def test_mistakes_are_told_before_anyone_is_called(tmp_path: Path) -> None:
    wrong = [
        (Request(tmp_path / "nowhere"), DatasetError, "no such folder"),
        (Request(movielens(tmp_path), policy="oracle"), CellError, "oracle"),
        (Request(movielens(tmp_path), policy="popularity"), CellError, "learns nothing"),
        (Request(movielens(tmp_path), write=tmp_path), ResultsError, "--write"),
    ]
    for request, kind, says in wrong:
        with pytest.raises(kind, match=says):
            plan_of(request)
        assert kind in EXPLAINED
