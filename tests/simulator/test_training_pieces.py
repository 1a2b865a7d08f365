from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from simulator import training_pieces
from simulator.cells import Setting
from simulator.train import FRUGAL, Budget
from simulator.training_pieces import Piece, Scene, Sort, best_of, scene_of
from tests.simulator.training_results import PLAIN, log, piece, result

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
        (Piece("reference", "random", SCENE), "4385b8061b4bd73d"),
        (Piece("bandit", "vw", SCENE, 0, {}, "vw", n_requests=20_000), "dcba722007544f1c"),
        (Piece("log", "slateq", SCENE, 0, {}, "slateq", n_logged=200_000, n_served=50_000), "5d3728b19519826a"),
    ],
)
def test_results_that_were_kept_long_ago_are_found_again(one: Piece, key: str) -> None:
    assert one.key == key


@pytest.mark.parametrize("sort", ["reference", "bandit", "log"])
def test_an_agents_budget_is_in_no_other_key(sort: Sort) -> None:
    one = piece("linear", sort=sort)
    assert dataclasses.replace(one, budget=FRUGAL).key == one.key
    assert (dataclasses.replace(one, seed=7).key == one.key) == (sort == "reference")
    for changed in ({"name": "x"}, {"n_test_users": 7}, {"scene": PLAIN}):
        assert dataclasses.replace(one, **changed).key != one.key
    agent = piece("slateq")
    assert dataclasses.replace(agent, budget=FRUGAL).key != agent.key


def test_the_best_agent_is_the_one_that_its_validation_users_liked_best_where_it_was_kept() -> None:
    pieces = [piece("slateq", seed) for seed in range(4)]
    curves = ((5.0,), (1.0, 6.0), (9.0, 4.0), (6.0,))
    results = {one.key: result(one, -seed, curve=curves[seed]) for seed, one in enumerate(pieces)}
    assert best_of(pieces, results).seed == 1


def test_a_look_at_few_users_does_not_beat_one_at_many() -> None:
    pieces = [piece("slateq", seed) for seed in range(3)]
    results = {one.key: result(one, 0.0, curve=(mean,)) for one, mean in zip(pieces, (9.0, 5.0, 6.0), strict=True)}
    quick = results[pieces[0].key]
    few = msgspec.structs.replace(quick, curve=[msgspec.structs.replace(quick.validated, n=20)])
    assert best_of(pieces, results | {few.key: few}).seed == 2
    assert best_of(pieces, results).seed == 0
    assert best_of(pieces[:1], {few.key: few}).seed == 0


def test_a_setting_is_a_scene_with_its_sizes_among_the_options() -> None:
    found = scene_of(Setting("shop", 12, 4, {"drift": 0.0}))
    assert found == Scene("shop (12 candidates, 4 slots, drift=0.0)", "shop", {**found.options})
    assert (found.sizes, dict(found.options)) == ((12, 4), {"drift": 0.0, "num_candidates": 12, "slate_size": 4})


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
