from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agent.evaluation.targets import AsLogged, Baseline, Candidate, Chance, OfVariant, bare, may_be_anything
from agent.records import Decision, SlotRecord
from policies.base import Action, Context, Lesson, Slate, Slot

KNOWN: dict[str, Any] = {
    "event_id": "e", "clock_ms": 0, "window_ms": 1, "variant": "learned", "policy": "vw", "version": "v", "seed": 1,
    "context": b"{}", "action_ids": ("a", "b", "c", "d"), "feature_keys": bytes(48), "slots": (SlotRecord("0"),),
    "chosen": (0,), "propensities": (0.25,), "floor": 0.1,
}  # fmt: skip


def decision(**fields: Any) -> Decision:
    return Decision(**KNOWN | fields)


def weights(target: Any, logged: Decision) -> Any:
    return target.weights(logged, bare(logged))


def test_chance_is_one_over_the_number_eligible_slot_by_slot() -> None:
    slots = (SlotRecord("0", b"{}", (3,)), SlotRecord("1", b"{}", (2,)))
    logged = decision(slots=slots, chosen=(1, 3), propensities=(0.5, 0.25))
    # 1/3 of a, b, c; then 1/2 of a, d (b is taken, c excluded).
    assert weights(Chance(), logged) == pytest.approx([(1 / 3) / 0.5, (1 / 3) / 0.5 * (1 / 2) / 0.25])


def test_the_baseline_is_the_order_of_the_request_without_what_is_excluded() -> None:
    assert weights(Baseline(), decision(chosen=(0,))) == [4.0]
    assert weights(Baseline(), decision(chosen=(1,))) == [0.0]
    assert weights(Baseline(), decision(chosen=(1,), slots=(SlotRecord("0", b"{}", (0,)),))) == [4.0]
    two = (SlotRecord("0"), SlotRecord("1"))
    assert weights(Baseline(), decision(slots=two, chosen=(0, 1), propensities=(0.5, 0.5))) == [2.0, 4.0]
    assert weights(Baseline(), decision(slots=two, chosen=(0, 2), propensities=(0.5, 0.5))) == [2.0, 0.0]


def test_a_baseline_of_its_own_goes_before_the_order() -> None:
    assert weights(Baseline(), decision(chosen=(2,), baseline=(2,))) == [4.0]
    assert weights(Baseline(), decision(chosen=(0,), baseline=(2,))) == [0.0]


def test_what_had_no_chance_of_being_logged_is_not_estimated() -> None:
    """Decisions of a policy that always does the same tell of the baseline alone; of a greedy one, of nothing."""
    order = decision(policy="order", floor=0.0, propensities=(1.0,))
    greedy = decision(policy="popularity", floor=0.0)
    assert weights(Baseline(), order) == [1.0]
    assert weights(Chance(), order) is None
    assert weights(Baseline(), greedy) is None
    assert weights(AsLogged(), greedy) == [1.0]


def test_whether_everything_had_a_chance_is_read_from_the_log() -> None:
    assert may_be_anything(decision(policy="uniform", floor=0.0))
    assert may_be_anything(decision(floor=0.01))
    likely = np.array([0.5, 0.25, 0.25, 0.0], "<f4").tobytes()
    assert not may_be_anything(decision(floor=0.0, likely=likely))
    assert may_be_anything(decision(floor=0.0, likely=likely, slots=(SlotRecord("0", b"{}", (3,)),)))


def test_a_variant_is_known_by_its_own_decisions() -> None:
    assert weights(OfVariant("learned"), decision()) == [1.0]
    assert weights(OfVariant("learned"), decision(variant="order")) is None


def test_a_candidate_comes_to_prefer_what_is_rewarded() -> None:
    """After 400 lessons of uniform choice, where b alone brings 1, a greedy bandit gives b all but the floor."""
    target = Candidate("vw", {"explorer": "epsilon", "epsilon": 0.0}, reward_range=(0.0, 1.0), floor=0.2)
    actions = [Action(id, {"x": id}) for id in "abcd"]
    for place in range(400):
        chosen = place % 4
        told = Lesson(Context(), actions, [Slot("0")], Slate((chosen,), (0.25,)), [float(chosen == 1)])
        target.learn(told)
    told = Lesson(Context(), actions, [Slot("0")], Slate((1,), (0.25,)), [1.0])
    assert target.weights(decision(chosen=(1,)), told) == pytest.approx([(0.8 + 0.2 / 4) / 0.25])


@pytest.mark.parametrize("ends", [False, True])
def test_a_candidate_that_learns_from_whole_sessions_is_told_their_ends(ends: bool) -> None:
    """Sessions of four slates, where b alone brings 1, within a moment: without ends nothing is ever learned."""
    options = {"hidden": [], "fit_on": 8, "block": 16, "block_minibatch": 16, "block_share": 1.0}
    target = Candidate("gradient", {**options, "block_learning_rate": 0.01}, reward_range=(0.0, 1.0), floor=0.0)
    actions = [Action(id, {"x": id}) for id in "abcd"]
    for place in range(400):
        chosen, session = place % 4, f"session:{place // 4}"
        slate, rewards = Slate((chosen,), (0.25,)), [float(chosen == 1)]
        target.learn(Lesson(Context(), actions, [Slot("0")], slate, rewards, trajectory=session))
        if ends and chosen == 3:
            target.end(session, 0)
    told = Lesson(Context(), actions, [Slot("0")], Slate((1,), (0.25,)), [1.0])
    (weight,) = target.weights(decision(chosen=(1,)), told) or ()
    assert (weight > 1.1) == ends
    assert weight == 1.0 or ends
