"""The comparison trains what it says, pairs seeds, and fills its section."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
from pathlib import Path

import pytest

from benchmarks.history import HistoryCourse, Outcome, Told, gain, main, markdown, outcomes, place_of, reached
from benchmarks.remembered_world import RememberedWorld
from envs.interest_evolution import InterestEvolution
from envs.world import WorldError
from simulator import encoded_world
from simulator.train import Budget, Course, train

TINY = Budget(
    n_steps=320, n_users=16, n_worlds=2, n_segment=10, n_validations=1, n_validation_users=10, n_test_users=10
)
OPTIONS = {"hidden": [8], "minibatch": 32}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_world, "N_STEPS", 300)
    monkeypatch.setattr(encoded_world, "N_REQUESTS", 300)


def outcome(told: Told, seed: int, score: float) -> Outcome:
    return Outcome("w (10 candidates, 2 slots)", "slateq", told, seed, score, 1.0, 320, 2.0)


def test_a_gain_is_of_the_same_seed() -> None:
    """Returns differ by 100 between seeds and by 1, 2 and 3 within; the half width is 4.303 · 1 / √3."""
    found = [outcome("nothing", seed, 100.0 * seed) for seed in range(3)]
    found += [outcome("session", seed, 100.0 * seed + seed + 1) for seed in (2, 0, 1)]
    assert gain(found, "session").value == pytest.approx(2.0)
    assert gain(found, "session").half == pytest.approx(4.303 / 3**0.5, rel=1e-3)
    assert reached(found, "session").value == pytest.approx(102.0)
    text = markdown(found, TINY, OPTIONS, "python -m benchmarks.history --seeds 3")
    assert (
        "| w (10 candidates, 2 slots) | slateq | 100.0 ± 248.4 | 102.0 ± 250.9 | +2.000 ± 2.484 | – | – | 2 | 2 |"
        in text
    )
    assert "seeds 0, 1, 2." in text.lower()
    assert "at most 320 steps (hidden [8], minibatch 32)" in text


def test_only_what_is_told_differs() -> None:
    """What is trained as it is, is what ``simulator.train`` trains."""
    place = place_of("interest-evolution,num_candidates=6")
    assert place.told == ("nothing", "session")
    ticks = itertools.count()
    course = Course("gradient", "", {}, OPTIONS, TINY)
    plain, told = outcomes([place], [course], 1, clock=lambda: float(next(ticks)))
    same = train(dataclasses.replace(course, preset=place.preset, world_options=place.options), seed=0)
    assert (plain.score, plain.se, plain.n_steps) == (same.score.mean, same.score.se, 320)
    assert (plain.told, told.told, plain.busy_s) == ("nothing", "session", 1.0)
    assert told.score != plain.score


def test_episodes_of_several_sessions_are_tried_both_ways() -> None:
    place = place_of("streaming")
    assert place.told == ("nothing", "session", "episode")
    worlds = [HistoryCourse("slateq", place.preset, place.options, told=told).world(2) for told in place.told]
    assert [isinstance(world, RememberedWorld) for world in worlds] == [False, True, True]
    assert isinstance(HistoryCourse("slateq", "interest-evolution").world(2), InterestEvolution)


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(WorldError, match="speed=3"):
        place_of("streaming,speed=3")


def test_it_fills_its_section(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    asked = "--world interest-evolution --agent gradient --seeds 1 --steps 64 --users 4"
    monkeypatch.setattr(sys, "argv", ["history", *asked.split(), "--write", str(page)])
    main()
    said = capsys.readouterr()
    foretold, *lines, done = said.err.splitlines()
    assert foretold.startswith(f"{page} doesn't exist; ")
    assert done == f"{page}: page made, with section 'history'"
    assert [json.loads(line)["told"] for line in lines] == ["nothing", "session"]
    assert said.out.strip() in page.read_text()
    assert f"python -m benchmarks.history {asked}" in said.out
    assert "<!-- /history -->" in page.read_text()


def test_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = [outcome("nothing", 0, 1.0), outcome("session", 0, 2.0)]
    monkeypatch.setattr("benchmarks.history.outcomes", lambda places, courses, n_seeds: iter(told))
    monkeypatch.setattr(sys, "argv", ["history", "--world", "interest-evolution", "--json"])
    main()
    assert [Outcome(**json.loads(line)) for line in capsys.readouterr().out.splitlines()] == told
