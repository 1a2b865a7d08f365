"""The tables say what was found, and the command makes them of a tiny log."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from pathlib import Path

import pytest

from benchmarks.replay import SECTION, leads, main, markdown, plain
from benchmarks.replay_course import OURS, PASSES, WAYS, Plan, Reached

REPLAY = "replay, 8 steps, best slate"
OTHER = "8 passes over each block"
PLAN = Plan({way: WAYS[way] for way in (PASSES, OTHER, REPLAY)}, [PASSES, REPLAY], 400, 50, 10, range(2))
FOUND = {
    PASSES: [Reached((100.0, 110.0, 120.0, 130.0), 1.0), Reached((102.0, 112.0, 122.0, 132.0), 3.0)],
    OTHER: [Reached((101.0, 109.0, 120.0, math.nan), 8.0), Reached((103.0, 111.0, 122.0, math.nan), 8.0)],
    REPLAY: [Reached((105.0, 110.0, 120.0, 128.0), 20.0), Reached((109.0, 112.0, 122.0, 130.0), 30.0)],
}


def test_looks_are_at_a_quarter_half_and_all_of_the_log_and_after_serving() -> None:
    assert PLAN.marks == (100, 200, 400)
    assert PLAN.columns == ("100", "200", "400", "50 served")


def test_leads_are_seed_by_seed() -> None:
    found = leads(FOUND, REPLAY)
    assert [one.value for one in found] == [6.0, 0.0, 0.0, -2.0]
    assert found[0].half == pytest.approx(12.706, abs=1e-3), "5 and 7: Student's t with 1 degree of freedom"
    assert [one.half for one in found[1:]] == [0.0, 0.0, 0.0]


def test_the_tables_by_hand() -> None:
    text = markdown(PLAN, FOUND, "python -m benchmarks.replay --log 400")
    assert "```\npython -m benchmarks.replay --log 400\n```" in text
    rows = {line.split(" | ")[0][2:]: line.split(" | ") for line in text.splitlines() if line.startswith("| ")}
    assert rows["return"][1:] == [
        "100 decisions",
        "200 decisions",
        "400 decisions",
        "50 served decisions",
        "processor seconds of learning |",
    ]
    returns = next(line for line in text.splitlines() if line.startswith(f"| {PASSES} "))
    assert [cell.split(" ±")[0] for cell in returns.split(" | ")[1:]] == ["101.0", "111.0", "121.0", "131.0", "2 |"]
    assert rows[OTHER][1].startswith("+1.0 ")
    assert rows[OTHER][2].startswith("-1.0 ")
    assert rows[OTHER][4] == "– |"
    assert PASSES not in [line.split(" | ")[0][2:] for line in text.split("| lead")[1].splitlines()]


def test_what_was_not_run_is_not_described() -> None:
    few = dataclasses.replace(PLAN, ways={way: WAYS[way] for way in (PASSES, OURS)}, n_served=0)
    text = markdown(few, {PASSES: FOUND[PASSES], OURS: FOUND[OTHER]}, "python -m benchmarks.replay")
    assert "Replay: batches" not in text
    assert "snapshots serve" not in text
    assert "the same with `replay_ratio` 0. Same log," in text
    both = markdown(PLAN, FOUND, "python -m benchmarks.replay")
    assert "`replay_ratio` 0. Replay: batches of 512 drawn" in both
    assert "snapshots serve" in both


def test_as_json_what_did_not_serve_is_null() -> None:
    found = json.loads(plain(PLAN, FOUND))
    assert found["looks"] == list(PLAN.columns)
    assert found["seeds"] == [0, 1]
    assert found["ways"][OTHER][0] == {"returns": [101.0, 109.0, 120.0, None], "busy_s": 8.0}


TINY = ["replay", "--log", "1600", "--served", "100", "--users", "4", "--seeds", "1", "--way", REPLAY]


def test_the_command_fills_a_section(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\nBefore.\n")
    monkeypatch.setattr(sys, "argv", [*TINY, "--write", str(page)])
    main()
    shown = capsys.readouterr()
    assert (
        page.read_text() == f"# Page\n\nBefore.\n\n<!-- {SECTION} -->\n\n{shown.out.strip()}\n\n<!-- /{SECTION} -->\n"
    )
    foretold, *told, done = shown.err.splitlines()
    assert foretold.startswith(f"{page} has no section '{SECTION}'")
    assert done == f"{page}: section '{SECTION}' added at its end"
    looks = ("400 logged", "800 logged", "1,600 logged", "100 served")
    assert [line.split(":")[0] for line in told] == [
        f"seed 0, {look}, {way}" for look in looks for way in (PASSES, REPLAY)
    ]


def test_a_log_too_short_to_learn_from_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["replay", "--log", "40"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "more than 256 decisions" in capsys.readouterr().err
