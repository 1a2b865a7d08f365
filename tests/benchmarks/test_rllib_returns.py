"""Figures are judged, kept, gone on from and written; a fake trains."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import rllib_returns
from benchmarks.rllib_course import attempt, code_of
from benchmarks.rllib_returns import SECTION, main, pieces_for
from simulator.train_options import NOBODY, Request
from simulator.training import Task
from simulator.training_costs import Costs
from simulator.training_pieces import Failed, Result
from simulator.training_run import Runner
from tests.simulator.training_results import result

MEANS = {"slateq": 295.0, "gradient": 281.0, "random": 154.0, "informed": 294.0}


class Fake:
    """Trains nothing; seed n reaches n more than what is said."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.failing = ""

    def on_ray(self, n_jobs: int, measure: Callable[[Task], Result | Failed]) -> Runner:
        assert measure is attempt
        return self.run

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result | Failed]]:
        for task in tasks:
            piece = task.piece
            self.ran.append(f"{piece.name} {piece.seed}")
            if piece.name == self.failing:
                yield task, Failed(piece.title, "ValueError: no")
                continue
            mean = MEANS.get(piece.name, 200.0) + piece.seed
            start = b"agent" if piece.sort == "agent" else b""
            curve = (mean - 1.0, mean) if start else ()
            yield task, result(piece, mean, curve=curve, code=code_of(piece.sort, piece.kind), start=start)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fake:
    found = Fake()
    monkeypatch.setattr(rllib_returns, "on_ray", found.on_ray)
    monkeypatch.setattr(rllib_returns, "decision_costs", lambda *_: Costs({}))
    monkeypatch.chdir(tmp_path)
    return found


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["rllib_returns", *words])
    return main()


def test_bars_are_judged_and_the_section_is_filled(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seeds 0 to 4: 295 … 299 and 281 … 285, means 297 and 283; half widths 2.776 · √2.5 / √5 = 1.96."""
    page = Path("page.md")
    page.write_text("# Page\n\nBefore.\n")
    assert run(monkeypatch, "--write", "page.md") == 0
    text = capsys.readouterr().out.strip()
    assert page.read_text() == f"# Page\n\nBefore.\n\n<!-- {SECTION} -->\n\n{text}\n\n<!-- /{SECTION} -->\n"
    assert "```\npython -m benchmarks.rllib_returns --write page.md\n```" in text
    world = "interest-evolution (10 candidates, 2 slots)"
    assert f"| {world} | slateq | return of at least 292 | 297.0 ± 2.0 | passed |" in text
    assert f"| {world} | gradient | return of at least 282 | 283.0 ± 2.0 | passed |" in text
    assert f"| {world} | slateq | at most 5 minutes a seed | 1.0 minutes (0.5 of processor, mean) | passed |" in text
    assert "| informed (reference) | 294.0 ± 2.0 |" in text, "1.96 · 10 / √100"
    for said in ("seeds 0, 1, 2, 3, 4", "32,768 user-steps", "until 5,000,000 are done", "1,000 fresh users", "torch "):
        assert said in text


def test_a_bar_that_is_not_reached_is_the_status(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEANS, "gradient", 270.0)
    assert run(monkeypatch, "--agent", "slateq") == 0
    assert run(monkeypatch) == 1


def test_it_goes_on_with_what_is_missing(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.failing = "gradient"
    assert run(monkeypatch, "--seeds", "2", "--write", "page.md") == 1
    shown = capsys.readouterr()
    assert "failed: interest-evolution (10 candidates, 2 slots), gradient, seed 1: ValueError: no" in shown.out
    assert not Path("page.md").exists()
    fake.ran, fake.failing = [], ""
    assert run(monkeypatch, "--seeds", "2", "--write", "page.md") == 0
    assert fake.ran == ["gradient 0", "gradient 1"]
    assert "6 of 8 pieces were finished before, in results/rllib; --fresh runs them anew" in Path("page.md").read_text()


def test_code_of_rllib_decides_what_is_old(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "--seeds", "1", "--agent", "slateq")
    monkeypatch.setattr(rllib_returns, "code_of", lambda sort, kind: "other" if kind else code_of(sort, kind))
    fake.ran = []
    run(monkeypatch, "--seeds", "1", "--agent", "slateq", "--keep-old")
    assert fake.ran == []
    run(monkeypatch, "--seeds", "1", "--agent", "slateq")
    assert fake.ran == ["slateq 0"]


def test_no_training_stops_early(fake: Fake) -> None:
    asked = Request(beside=(NOBODY,), n_seeds=1)
    assert {one.budget.patience for one in pieces_for(asked)} == {None}


def test_as_json(fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch, "--seeds", "2", "--agent", "gradient", "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (found["rows"][0]["name"], found["rows"][0]["return"]["value"]) == ("gradient", 281.5)
    assert found["bars"][0]["outcome"] == "not judged"
    assert [Path(one).read_bytes() for one in found["agents"]] == [b"agent", b"agent"]


@pytest.mark.parametrize(
    ("words", "said"), [(["--world", "nowhere"], "nowhere"), (["--write", "broken.md"], "put the marks right")]
)
def test_what_cannot_be_is_told(
    fake: Fake,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    Path("broken.md").write_text(f"<!-- {SECTION} -->\n")
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *words)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
    assert fake.ran == []
