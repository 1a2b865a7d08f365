from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from simulator import parity
from simulator.parity_command import EXPLAINED, Outcome, measure, show, to_json
from simulator.parity_options import Request, asked
from simulator.parity_values import CELLS
from simulator.results import ResultsError


@pytest.fixture(autouse=True)
def _one_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "CELLS", CELLS[:1])


def quiet() -> Console:
    return Console(file=io.StringIO())


def test_the_page_is_printed_as_it_stands_and_written(tmp_path: Path) -> None:
    page, out = tmp_path / "parity.md", io.StringIO()
    outcome = measure(asked(episodes=40, seed=3, write=page), quiet())
    show(outcome, Console(file=out, width=20), quiet())
    assert out.getvalue() == page.read_text(encoding="utf-8") + "\n"
    assert outcome.page.startswith("# Parity with RecSim")
    assert len(json.loads(json.dumps(to_json(outcome)))["rows"]) == len(outcome.rows) > 0


def test_it_is_whole_only_if_every_row_passes() -> None:
    rows = measure(Request(n_episodes=40, seed=3), quiet()).rows
    failed = rows[0]._replace(distance=9.0)
    assert Outcome(Request(), [one for one in rows if one.passed]).is_whole
    assert not Outcome(Request(), [*rows, failed]).is_whole


def test_only_its_own_page_is_replaced_and_that_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, other = tmp_path / "parity.md", tmp_path / "results.md"
    for done in ("made", "replaced"):
        measure(asked(episodes=40, seed=3, write=page), quiet())
        assert capsys.readouterr().err == f"{page}: page {done}\n"
    other.write_text("# Results\n", encoding="utf-8")
    with pytest.raises(ResultsError, match=r"results\.md is another page, .*--write"):
        measure(asked(episodes=40, write=other), quiet())
    assert other.read_text(encoding="utf-8") == "# Results\n"


def test_a_file_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="--write"):
        measure(Request(n_episodes=40, write=tmp_path), quiet())
    assert ResultsError in EXPLAINED
