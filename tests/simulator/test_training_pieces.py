from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from simulator import training_pieces
from simulator.train import FRUGAL, Budget
from simulator.training_pieces import Piece, Scene
from tests.simulator.training_results import PLAIN, log, piece

SCENE = Scene("interest-evolution (10 candidates, 2 slots)", "interest-evolution", dict(PLAIN.options))
BUDGET = Budget(
    n_steps=10_000_000,
    n_users=1024,
    n_worlds=16,
    n_segment=32,
    n_validations=20,
    n_validation_users=1000,
    patience=8,
    n_test_users=1000,
)
"""As it was when these keys were first written; as defaults they may change."""


@pytest.mark.parametrize(
    ("one", "key"),
    [
        (Piece("agent", "slateq", SCENE, 0, {}, "slateq", BUDGET), "1e05423e5f7460af"),
        (Piece("reference", "random", SCENE, budget=BUDGET), "9490cce840b1f7d8"),
        (Piece("bandit", "vw", SCENE, 0, {}, "vw", BUDGET, n_requests=20_000), "328d4d79edda00f7"),
    ],
)
def test_results_that_were_kept_long_ago_are_found_again(one: Piece, key: str) -> None:
    assert one.key == key


@dataclasses.dataclass(frozen=True, slots=True)
class Grown(Budget):
    """A budget of a later release."""

    n_more: int = 3


def test_a_field_that_came_later_is_in_a_key_only_where_it_says_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(training_pieces._FIRST, "Grown", training_pieces._FIRST["Budget"])
    now = dataclasses.asdict(BUDGET)
    one = Piece("agent", "slateq", SCENE, 0, {}, "slateq", Grown(**now))
    assert one.key == "1e05423e5f7460af"
    assert dataclasses.replace(one, budget=Grown(**now, n_more=4)).key != one.key


@pytest.mark.parametrize("changed", [{"n_logged": 7}, {"n_served": 7}, {"seed": 7}, {"options": {"gamma": 0.5}}])
def test_what_a_log_is_is_in_its_key(changed: dict[str, Any]) -> None:
    assert dataclasses.replace(log("slateq"), **changed).key != log("slateq").key


def test_names_tell_the_sorts_apart() -> None:
    frugal = dataclasses.replace(piece("slateq"), budget=dataclasses.replace(FRUGAL, n_steps=7, n_test_users=2))
    assert [one.title for one in (piece("slateq"), frugal, log("slateq"), piece("random", sort="reference"))] == [
        "somewhere, slateq, seed 0",
        "somewhere, slateq (frugal), seed 0",
        "plain, slateq (from a log), seed 0",
        "somewhere, random",
    ]
    assert dataclasses.replace(frugal, sort="bandit").who == "slateq"
    assert (log("slateq").n_steps, frugal.n_steps) == (300, 7)


def test_a_plain_world_has_nothing_but_sizes() -> None:
    assert PLAIN.is_plain
    assert PLAIN.sizes == (10, 2)
    assert not dataclasses.replace(PLAIN, options={**PLAIN.options, "visible_budget": True}).is_plain
