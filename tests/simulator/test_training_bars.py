"""Bars: judged by what was asked, each passing and failing by a hair, and not judged where too little was measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from simulator.train import FRUGAL, FRUGAL_OPTIONS
from simulator.training_bars import Finding, findings
from simulator.training_pieces import Piece, Result, Scene
from simulator.training_rows import rows_of
from tests.simulator.training_results import PLAIN, result

THREE = Scene("three", "interest-evolution", {"num_candidates": 10, "slate_size": 3})
CLICKBAIT = Scene("lts", "long-term-satisfaction-0.3", {"num_candidates": 10, "slate_size": 1})
STREAMING = Scene("streaming", "streaming", {"num_candidates": 10, "slate_size": 3})


def judged(*groups: tuple[Piece, float], seconds: float = 60.0, decide_us: float | None = None) -> list[Finding]:
    """Five seeds of each piece, all with the same mean."""
    pieces: list[Piece] = []
    results: dict[str, Result] = {}
    for piece, mean in groups:
        seeds = [piece] if piece.sort == "reference" else [dataclasses.replace(piece, seed=seed) for seed in range(5)]
        pieces += seeds
        results |= {one.key: result(one, mean, curve=(mean, mean), seconds=seconds) for one in seeds}
    costs = {} if decide_us is None else {(one.scene.title, one.who): decide_us for one in pieces}
    return findings(rows_of(pieces, results), costs)


def agent(name: str, scene: Scene = PLAIN, **changed: Any) -> Piece:
    return dataclasses.replace(Piece("agent", name, scene, kind=name), **changed)


def of(found: Sequence[Finding], asked: str) -> list[str]:
    return [one.outcome for one in found if one.asked.startswith(asked)]


@pytest.mark.parametrize(
    ("piece", "least"),
    [
        (agent("slateq"), 292.0),
        (agent("gradient"), 282.0),
        (agent("slateq", budget=FRUGAL, options=dict(FRUGAL_OPTIONS)), 285.0),
        (agent("slateq", THREE), 275.0),
        (agent("gradient", THREE), 260.0),
    ],
)
def test_returns_to_be_reached(piece: Piece, least: float) -> None:
    assert of(judged((piece, least)), f"return of at least {least:g}") == ["passed"]
    assert of(judged((piece, least - 0.01)), f"return of at least {least:g}") == ["FAILED"]


def test_the_least_clickbait_is_90_per_cent_of_the_way() -> None:
    ends = ((Piece("reference", "random", CLICKBAIT), 100.0), (Piece("reference", "least_clickbait", CLICKBAIT), 200.0))
    better = (Piece("reference", "informed", CLICKBAIT), 300.0)
    assert of(judged((agent("gradient", CLICKBAIT), 190.0), *ends, better), "at least 90 %") == ["passed"]
    assert of(judged((agent("gradient", CLICKBAIT), 189.0), *ends, better), "at least 90 %") == ["FAILED"]


def test_streaming_is_above_every_bandit_of_the_run() -> None:
    bandits = tuple(
        (Piece("bandit", name, STREAMING, n_requests=20_000), mean) for name, mean in (("a", 5.0), ("b", 7.0))
    )
    assert of(judged((agent("slateq", STREAMING), 7.1), *bandits), "return above every bandit") == ["passed"]
    assert of(judged((agent("slateq", STREAMING), 6.9), *bandits), "return above every bandit") == ["FAILED"]
    (found,) = [one for one in judged((agent("slateq", STREAMING), 6.9), *bandits) if "bandit" in one.asked]
    assert "the best of which is b: 7.000" in found.asked
    (near, far) = (
        next(one.reached for one in judged((agent("slateq", STREAMING), mean), *bandits) if "bandit" in one.asked)
        for mean in (7.0, 70.0)
    )
    assert near.endswith("and the intervals overlap")
    assert "overlap" not in far
    assert of(judged((agent("slateq", STREAMING), 9.0)), "return above every bandit") == ["not judged"]


def test_a_log_teaches_enough_and_serving_more() -> None:
    piece = Piece("log", "slateq", PLAIN, kind="slateq", n_logged=200_000, n_served=1000)
    enough, more = "return of at least 220 after 200,000 decisions", "a greater return"
    found = judged((piece, 220.0))
    assert (of(found, enough), of(found, more)) == (["passed"], ["FAILED"])
    assert of(judged((piece, 219.9)), enough) == ["FAILED"]
    pieces = [dataclasses.replace(piece, seed=seed) for seed in range(5)]
    rows = rows_of(pieces, {one.key: result(one, 220.0, curve=(220.0, 221.0)) for one in pieces})
    assert of(findings(rows, {}), more) == ["passed"]
    assert of(judged((dataclasses.replace(piece, n_served=0), 230.0)), more) == []
    assert of(judged((dataclasses.replace(piece, n_logged=1000), 230.0)), enough) == ["not judged"]


def test_five_minutes_a_seed_and_150_microseconds_a_decision() -> None:
    assert of(judged((agent("slateq"), 300.0), seconds=300.0), "at most 5 minutes") == ["passed"]
    assert of(judged((agent("slateq"), 300.0), seconds=301.0), "at most 5 minutes") == ["FAILED"]
    for took, outcome in ((150.0, "passed"), (151.0, "FAILED"), (None, "not judged")):
        assert of(judged((agent("slateq", THREE), 1.0), decide_us=took), "at most 150 µs") == [outcome]
    assert of(judged((agent("slateq"), 1.0), decide_us=1.0), "at most 150 µs") == []


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"n_test_users": 999}, "only 999 test users"),
        ({"options": {"hidden": [8]}}, "options of its own"),
        ({"budget": dataclasses.replace(agent("x").budget, n_steps=7)}, "at most 7 steps instead of 5,000,000"),
    ],
)
def test_too_little_is_not_judged(changed: dict[str, Any], why: str) -> None:
    found = judged((agent("slateq", **changed), 300.0))[0]
    assert (found.outcome, found.why) == ("not judged", why)


def test_four_seeds_are_too_few() -> None:
    pieces = [agent("slateq", seed=seed) for seed in range(4)]
    rows = rows_of(pieces, {one.key: result(one, 300.0) for one in pieces})
    assert findings(rows, {})[0].why == "4 of 5 seeds"


def test_what_was_not_asked_for_is_no_bar() -> None:
    other = Scene("other", "interest-evolution", {"num_candidates": 10, "slate_size": 2, "visible_budget": True})
    assert judged((agent("slateq", other), 300.0), decide_us=1.0) == []
