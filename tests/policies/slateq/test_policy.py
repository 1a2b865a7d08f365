"""SlateQ served: held to the contract, true to the best slate, and finite whatever is asked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from policies.base import Action, Context, Policy, PolicyError, Slot
from policies.sampling import Rules, choose, propensities
from policies.slateq import search
from policies.slateq.model import Prospects
from policies.slateq.options import parse
from policies.slateq.policy import SlateQPolicy, SlateQPrepared
from policies.slateq.slot_gains import Worths
from tests.contracts.policy_contract import PolicyContract, ask
from tests.policies.offers import SLOTS, offer
from tests.policies.slateq.trained import blob

CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "hot": {"temperature": 2.0},
    "cold": {"temperature": 0.0},
    "epsilon": {"explorer": "epsilon", "epsilon": 0.2},
    "greedy": {"search": "greedy"},
    "top-k": {"search": "top-k"},
}
RISING = (0.4, 0.7, 1.0)


class TestContract(PolicyContract):
    @pytest.fixture(params=CASES)
    def policy(self, request: pytest.FixtureRequest) -> Policy:
        return SlateQPolicy(parse(CASES[request.param]), blob(item_units=4))


class TestContractWhereSlotsAreLookedAtMoreAndMore(PolicyContract):
    @pytest.fixture(params=["defaults", "epsilon", "greedy", "top-k"])
    def policy(self, request: pytest.FixtureRequest) -> Policy:
        return SlateQPolicy(parse(CASES[request.param]), blob(looks=RISING))


def cold(seed: int = 0, *, looks: Sequence[float] = (), **options: Any) -> SlateQPolicy:
    return SlateQPolicy(parse({"temperature": 0.0, **options}), blob(seed=seed, looks=looks))


def believed(policy: SlateQPolicy, request: tuple[Context, list[Action]]) -> Prospects:
    """Of the actions of one request, computed as rollouts do."""
    context, actions = request
    vectors = policy.encoder.context(context)[None], policy.encoder.actions(actions)[None]
    return policy.model.prospects(*(vector.astype(np.float64) for vector in vectors))


@pytest.mark.parametrize("looks", [(1.0, 0.8, 0.5), (1.0, 1.0, 1.0), RISING, (0.6, 1.0, 0.2), (0.5, 1.0)])
@pytest.mark.parametrize("seed", range(3))
def test_without_chance_it_shows_the_best_slate_there_is(looks: tuple[float, ...], seed: int) -> None:
    """Of all 210 slates of three, and of slates of another length than those that it was trained on."""
    policy = cold(seed, looks=looks)
    for number, n_slots in enumerate([*[len(looks)] * 8, 1, 2, 3, 4]):
        request = offer(7, number)
        multipliers = np.array([looks[min(place, len(looks) - 1)] for place in range(n_slots)]) / max(looks)
        every = np.array(list(permutations(range(7), n_slots)))
        rows = [np.repeat(part, len(every), axis=0) for part in believed(policy, request)]
        worths = search.worth(*rows, slates=every, slots=multipliers)
        chosen = choose(policy.prepare(*request), [Slot(str(place)) for place in range(n_slots)], 0).chosen
        assert_allclose(worths[every.tolist().index(list(chosen))], worths.max(), rtol=1e-7)


@pytest.mark.parametrize("looks", [(), RISING])
def test_rollouts_and_serving_show_the_same(looks: tuple[float, ...]) -> None:
    policy = cold(looks=looks)
    for number in range(20):
        expected = search.best(*believed(policy, offer(9, number)), policy.model.slots)[0][0]
        assert choose(policy.prepare(*offer(9, number)), SLOTS, 0).chosen == tuple(expected.tolist())


@pytest.mark.parametrize("looks", [(), RISING])
@pytest.mark.parametrize("n_slots", [1, 2, 3, 5])
def test_propensities_are_those_that_it_was_drawn_with(looks: tuple[float, ...], n_slots: int) -> None:
    """Whatever was chosen before, and however long the slate is."""
    policy, slots = SlateQPolicy(parse({}), blob(looks=looks)), [Slot(str(number)) for number in range(n_slots)]
    for seed in range(30):
        slate = choose(policy.prepare(*offer(7, 1)), slots, seed, Rules(0.3))
        again = propensities(policy.prepare(*offer(7, 1)), slots, slate.chosen, Rules(0.3))
        assert_allclose(slate.propensities, again, rtol=1e-12)


def test_values_that_are_nearly_alike_are_told_apart() -> None:
    """By more than nine decimals; here by seven."""
    policy = cold(search="top-k")
    weights, values, nothing = np.ones(2), np.array([0.5, 0.5 + 1e-7]), 0.0
    request = SlateQPrepared(policy.options, Worths(weights, values, nothing, [1.0]))
    assert_array_equal(ask(request), [0.0, 1.0])


def test_what_was_served_before_changes_nothing() -> None:
    """A replica keeps rows of actions between requests."""
    fresh, used = SlateQPolicy(parse({}), blob()), SlateQPolicy(parse({}), blob())
    for seed in range(10):
        ask(used.prepare(*offer(3 + seed, seed)))
    for seed in range(10):
        context, actions = offer(6, seed)
        assert_array_equal(ask(fresh.prepare(context, actions)), ask(used.prepare(context, actions[:])))


def test_greedy_adds_what_makes_the_slate_best_at_each_step() -> None:
    policy, request = cold(search="greedy"), offer(7, 3)
    weights, values, nothing = (part[0] for part in believed(policy, request))
    chosen: list[int] = []
    for _ in SLOTS:
        looks = policy.model.slots[: len(chosen) + 1]
        worth = {
            index: (nothing + (weights[ids] * values[ids] * looks).sum()) / (1.0 + (weights[ids] * looks).sum())
            for index in set(range(7)) - set(chosen)
            for ids in [[*chosen, index]]
        }
        chosen.append(max(worth, key=lambda index: worth[index]))
    assert choose(policy.prepare(*request), SLOTS, 0).chosen == tuple(chosen)


def test_the_colder_the_greedier() -> None:
    context, actions = offer(8, 1)
    best = ask(cold().prepare(context, actions)).argmax()
    shares = [
        ask(SlateQPolicy(parse({"temperature": heat}), blob()).prepare(context, actions))[best]
        for heat in (100.0, 1.0, 0.1, 0.0)
    ]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(1 / 8, abs=0.01)
    assert shares[-1] == 1.0


def test_epsilon_is_shared_evenly() -> None:
    context, actions = offer(5, 2)
    found = ask(SlateQPolicy(parse({"explorer": "epsilon", "epsilon": 0.2}), blob()).prepare(context, actions))
    assert_allclose(np.sort(found), [0.04, 0.04, 0.04, 0.04, 0.84])


def test_items_that_are_alike_are_as_likely() -> None:
    context, actions = offer(4, 6)
    twin = Action("twin", actions[0].features, actions[0].key)
    found = ask(cold().prepare(context, [actions[0], twin]))
    assert_array_equal(found, [0.5, 0.5])


def test_more_slots_than_it_was_trained_on_and_any_exclusion() -> None:
    context, actions = offer(9, 4)
    policy = cold()
    assert policy.n_slots == 3
    slots = [Slot(str(number)) for number in range(6)]
    masks = [np.arange(9) % 3 != number % 3 for number in range(6)]
    slate = choose(policy.prepare(context, actions), slots, 3, Rules(0.0, masks))
    assert all(masks[number][index] for number, index in enumerate(slate.chosen))
    assert set(slate.propensities) == {1.0}


def test_what_it_never_saw_gets_a_finite_answer() -> None:
    strange = [Action("a"), Action("b", {"topic": "chess", "price": -1e17}), Action("c", {"x": [None, "y", 3]})]
    found = ask(SlateQPolicy(parse({}), blob()).prepare(Context({"device": 3, "hour": "late"}), strange))
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1.0)


def test_other_bytes_are_refused() -> None:
    with pytest.raises(PolicyError, match="no snapshot of SlateQ"):
        SlateQPolicy(parse({}), b"\x00")
