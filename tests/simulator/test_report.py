from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from simulator.front_page import course
from simulator.report import LINE_EVERY_S, line, screen, table, to_json
from simulator.run import Drive, Run, begin, conduct
from tests.simulator.fakes import FakeClock, FakeService


def ran(console: Console, *, seconds: float = 12.0, rate: float = 10.0) -> Run:
    """A demo at a fixed rate on a fake clock; arms are learned and popularity in turn."""
    clock = FakeClock()
    service = FakeService(clock, delay_s=1.0)
    drive = Drive(rate=rate, seconds=seconds, clock=clock, sleep=clock.sleep)
    run = begin(service, course("demo", 1), drive)
    with screen(console) as shown:
        conduct(service, run, shown)
    return run


def pipe() -> Console:
    return Console(file=io.StringIO(), width=200)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_pipe_gets_a_line_every_few_seconds() -> None:
    console = pipe()
    run = ran(console)
    lines = text(console).splitlines()
    assert len(lines) == int(12.0 / LINE_EVERY_S)
    assert lines[0].startswith("51 requests, 10/s, 10 behind: clicks per slot learned 0.")
    assert run.pace == pytest.approx(10.0, rel=0.02)


def test_a_terminal_gets_a_table_that_is_redrawn() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    ran(console)
    assert text(console).count("clicks per slot") > 10


def test_the_table_fits_a_terminal_and_names_what_was_counted() -> None:
    run = ran(pipe())
    console = Console(file=io.StringIO(), width=80)
    console.print(table(run))
    shown = text(console)
    learned = next(row for row in shown.splitlines() if "learned" in row and "│" in row)
    arm = run.tally.arm("learned")
    assert f"{arm.n} " in learned
    assert f"{arm.reward_per_slot:.3f}" in learned
    assert f"{arm.lift:+.1%}" in learned
    assert "…" not in learned


def test_nothing_counted_is_null_and_a_dash_never_nan() -> None:
    clock = FakeClock()
    run = begin(FakeService(clock), course("demo", 1), Drive(clock=clock, sleep=clock.sleep))
    found = to_json(run)
    json.dumps(found, allow_nan=False)
    assert found["lift"] is None
    assert found["lift_order"] is None
    assert "nan" not in line(run)
    console = pipe()
    console.print(table(run))
    assert "none yet" in text(console)
    assert "nan" not in text(console)


def test_json_holds_pace_lag_and_curve() -> None:
    found = to_json(ran(pipe()))
    assert found["n_requests"] == sum(arm["n_requests"] for arm in found["arms"].values())
    assert found["max_lag"] == 100
    assert found["lag"] <= 100
    assert found["learning_curve"][-1]["until"] == found["n_requests"]
    assert found["loop"] == "demo"
