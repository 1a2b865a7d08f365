from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from envs.movielens import Film, Rating, Ten
from simulator import replay
from simulator.env_users import EnvUsers, loop_settings
from simulator.report import LINE_EVERY_S, line, screen, table, to_json
from simulator.run import Course, Drive, Run, begin, conduct
from simulator.traffic import Route
from tests.simulator.fake_world import FakeWorld
from tests.simulator.fakes import FakeClock, FakeService


class ByUser(FakeService):
    """Users with an odd number get the learned arm."""

    def choose(self, *args: object, user: str, **named: object) -> object:  # type: ignore[override]  # passed on
        found = super().choose(*args, user=user, **named)  # type: ignore[arg-type]  # as they came
        found.variant = "learned" if int(user.removeprefix("u")) % 2 else "popularity"
        return found


def world_course() -> Course:
    world = FakeWorld()
    users = EnvUsers(world, seed=1)
    return Course(Route("demo", 2), users, loop_settings(world), controls=("popularity", "uniform"), kpi=world.kpi)


def films_course() -> Course:
    films = [Film(str(number), ("Drama",), 1994) for number in range(10)]
    tens = [Ten(f"u{n}", tuple(Rating(f"u{n}", film, n % 3 > 0) for film in films)) for n in range(200)]
    return replay.course("demo", tens)


def ran(console: Console, course: Course, *, seconds: float = 12.0, rate: float = 10.0) -> Run:
    """A run at a fixed rate on a fake clock."""
    clock = FakeClock()
    service = ByUser(clock, delay_s=1.0)
    drive = Drive(rate=rate, seconds=seconds, clock=clock, sleep=clock.sleep)
    run = begin(service, course, drive)  # type: ignore[arg-type]  # ByUser passes its arguments on
    with screen(console) as shown:
        conduct(service, run, shown)  # type: ignore[arg-type]  # as above
    return run


def pipe(width: int = 200) -> Console:
    return Console(file=io.StringIO(), width=width)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def shown(run: Run, width: int = 80) -> str:
    console = pipe(width)
    console.print(table(run))
    return text(console)


def test_a_pipe_gets_a_line_every_few_seconds() -> None:
    console = pipe()
    run = ran(console, world_course())
    lines = text(console).splitlines()
    assert len(lines) == int(12.0 / LINE_EVERY_S)
    assert lines[0].startswith("51 requests, 10/s, 10 behind: purchases learned ")
    assert ", popularity " in lines[0]
    assert run.pace == pytest.approx(10.0, rel=0.02)


def test_a_terminal_gets_a_table_that_is_redrawn() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    ran(console, world_course())
    assert text(console).count("reward per slate") > 10


def test_the_table_of_a_world_fits_a_terminal_and_names_what_was_counted() -> None:
    run = ran(pipe(), world_course())
    found = shown(run)
    arm = run.tally.arm("learned")
    learned = next(row for row in found.splitlines() if "learned" in row and "│" in row)
    assert f"│ {arm.n_episodes} │" in " ".join(learned.split())
    assert f"{arm.slate.value:.3f} ±" in learned
    assert f"{arm.kpi.value:.3f} ±" in learned
    assert "…" not in learned
    assert "purchases: buy per user" in found
    lead = arm.kpi.lead(run.tally.arm("popularity").kpi).value
    assert f"{lead:+.1%} ±" in " ".join(found.split())


def test_the_table_of_a_replay_fits_a_terminal_and_names_its_lifts() -> None:
    run = ran(pipe(), films_course())
    learned = next(row for row in shown(run).splitlines() if "learned" in row and "│" in row)
    arm = run.tally.arm("learned")
    assert f"{arm.n_slates} " in learned
    assert f"{arm.slot.value:.3f}" in learned
    assert f"{arm.lift:+.1%}" in learned
    assert "…" not in learned


@pytest.mark.parametrize("course", [world_course, films_course])
def test_nothing_counted_is_null_and_a_dash_never_nan(course: object) -> None:
    assert callable(course)
    clock = FakeClock()
    run = begin(FakeService(clock), course(), Drive(clock=clock, sleep=clock.sleep))
    found = to_json(run)
    json.dumps(found, allow_nan=False)
    assert found["pace_per_s"] is None
    assert "nan" not in line(run)
    assert "none yet" in shown(run)
    assert "nan" not in shown(run)


def test_json_of_a_world_holds_arms_leads_pace_and_curve() -> None:
    run = ran(pipe(), world_course())
    found = to_json(run)
    json.dumps(found, allow_nan=False)
    assert found["kpi"] == {"name": "purchases", "feedback": "buy", "per": "episode"}
    assert found["n_requests"] == 121
    assert sum(arm["n_requests"] for arm in found["arms"].values()) == 121 // 6 * 6
    assert found["arms"]["learned"]["kpi"] == pytest.approx(run.tally.arm("learned").kpi.value, abs=1e-5)
    lead = run.tally.arm("learned").kpi.lead(run.tally.arm("popularity").kpi)
    assert found["lead_over"]["popularity"]["value"] == pytest.approx(lead.value, abs=1e-5)
    assert found["lead_over"]["popularity"]["interval_95"] == pytest.approx(lead.interval, abs=1e-5)
    assert found["lead_over"]["uniform"]["value"] is None
    assert found["learning_curve"]["learned"][-1]["until"] == 121
    assert (found["max_lag"], found["loop"]) == (100, "demo")
    assert found["lag"] <= 100


def test_json_of_a_replay_holds_lifts_and_curve() -> None:
    found = to_json(ran(pipe(), films_course()))
    json.dumps(found, allow_nan=False)
    assert found["n_requests"] == sum(arm["n_requests"] for arm in found["arms"].values())
    assert found["lift"] == found["arms"]["learned"]["lift"]
    assert set(found["lead_over"]) == {"popularity"}
    assert found["learning_curve"][-1]["until"] == found["n_requests"]
