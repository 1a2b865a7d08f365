"""SlateQ served: held to the contract, true to the best slate, and finite whatever is asked."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from policies.base import Action, Context, Policy, PolicyError, Slot
from policies.sampling import Rules, choose
from policies.slateq import search
from policies.slateq.options import parse
from policies.slateq.policy import SlateQPolicy
from policies.slateq.snapshot import Snapshot
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


class TestContract(PolicyContract):
    @pytest.fixture(params=CASES)
    def policy(self, request: pytest.FixtureRequest) -> Policy:
        return SlateQPolicy(parse(CASES[request.param]), blob(item_units=4))


def cold(seed: int = 0, **options: Any) -> SlateQPolicy:
    return SlateQPolicy(parse({"temperature": 0.0, **options}), blob(seed=seed))


@pytest.mark.parametrize("seed", range(5))
def test_without_chance_it_shows_the_best_slate(seed: int) -> None:
    found = Snapshot.from_bytes(blob(seed=seed))
    for number in range(20):
        context, actions = offer(9, number)
        vectors = found.encoder.context(context)[None], found.encoder.actions(actions)[None]
        weights, values, nothing = found.model.prospects(*(vector.astype(np.float64) for vector in vectors))
        expected = search.best(weights, values, nothing, found.model.slots)[0][0]
        assert choose(cold(seed).prepare(context, actions), SLOTS, 0).chosen == tuple(expected.tolist())


def test_greedy_adds_what_makes_the_slate_best_at_each_step() -> None:
    found, (context, actions) = Snapshot.from_bytes(blob()), offer(7, 3)
    vectors = found.encoder.context(context), found.encoder.actions(actions)
    weights, values, nothing = found.model.prospects(*(vector.astype(np.float64) for vector in vectors))
    chosen: list[int] = []
    for _ in SLOTS:
        looks = found.model.slots[: len(chosen) + 1]
        worth = {
            index: (nothing + (weights[ids] * values[ids] * looks).sum()) / (1.0 + (weights[ids] * looks).sum())
            for index in set(range(7)) - set(chosen)
            for ids in [[*chosen, index]]
        }
        chosen.append(max(worth, key=lambda index: worth[index]))
    assert choose(cold(search="greedy").prepare(context, actions), SLOTS, 0).chosen == tuple(chosen)


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


def test_serving_loads_no_training_framework() -> None:
    code = "import sys, policies.slateq.policy; print(sorted({'torch', 'ray', 'gymnasium'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
