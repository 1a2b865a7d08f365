"""The contract of a policy and of its learner, as tests any class can inherit.

A subclass gives ``policy`` (and ``learner``, ``resume``, ``serve``) as fixtures; everything below must hold for it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed
from numpy.testing import assert_allclose, assert_array_equal

from policies.base import Action, Context, Distribution, Learner, Mask, Policy, Prepared, Slot
from policies.rates import ItemRates
from policies.sampling import NothingEligible, Rules, choose, propensities
from tests.policies.offers import SLOTS, lessons, offer

Resume = Callable[[bytes], Learner]
Serve = Callable[[bytes], Policy]

HOSTILE = (
    "a|b",
    "a b",
    "a:1",
    "a\nb",
    "shared",
    "|",
    ":",
    "\t",
    "",
    "\u2028",
    "\r",
    "é|ü",
    "0:1:0.5",
    "🎬 x",
    "%",
    "\x00",
)

any_text = st.text(max_size=12) | st.sampled_from(HOSTILE)
relaxed = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def rates() -> ItemRates:
    """Rates that differ from item to item, with a tie."""
    found = ItemRates()
    for number in range(400):
        found.observe(f"a{number % 7}", float(number % 7 > 2))
    return found


def prepared(policy: Policy, n_actions: int, seed: int = 0) -> Prepared:
    """A request of an ordinary shape."""
    return policy.prepare(*offer(n_actions, seed, rates()))


def ask(prepared: Prepared, chosen: Sequence[int] = (), eligible: Sequence[bool] | Mask | None = None) -> Distribution:
    """The distribution of the next slot; all that is not chosen is eligible unless said otherwise."""
    mask = np.ones(prepared.n_actions, dtype=np.bool_) if eligible is None else np.array(eligible, dtype=np.bool_)
    mask[list(chosen)] = False
    return prepared.distribution(Slot(str(len(chosen))), tuple(chosen), mask)


class PolicyContract:
    """What every policy owes."""

    def test_is_a_policy(self, policy: Policy) -> None:
        assert isinstance(policy, Policy)
        assert isinstance(prepared(policy, 3), Prepared)
        assert prepared(policy, 3).n_actions == 3

    @relaxed
    @given(data=st.data())
    def test_a_distribution_sums_to_one_inside_the_mask_and_is_zero_outside(
        self, policy: Policy, data: st.DataObject
    ) -> None:
        n = data.draw(st.integers(1, 12))
        eligible = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n).filter(any)))
        found = ask(prepared(policy, n, data.draw(st.integers(0, 50))), (), eligible)
        assert found.shape == (n,)
        assert_allclose(found.sum(), 1.0, atol=1e-3)
        assert np.all(found >= 0.0)
        assert_array_equal(found[~eligible], 0.0)

    @pytest.mark.parametrize("n_actions", [1, 2, 10, 500])
    def test_any_number_of_actions(self, policy: Policy, n_actions: int) -> None:
        n_slots = min(3, n_actions)
        slate = choose(prepared(policy, n_actions), SLOTS[:n_slots], 5, Rules(0.02))
        assert len(set(slate.chosen)) == n_slots
        assert all(0.0 < value <= 1.0 for value in slate.propensities)

    def test_a_single_eligible_action_gets_one(self, policy: Policy) -> None:
        for index in range(4):
            found = ask(prepared(policy, 4), (), np.arange(4) == index)
            assert_allclose(found[index], 1.0, atol=1e-6)

    def test_later_slots_depend_on_any_prefix(self, policy: Policy) -> None:
        request = prepared(policy, 5)
        for prefix in ((0,), (4,), (3, 1), (1, 3), (0, 1, 2, 4)):
            found = ask(request, prefix)
            assert_array_equal(found[list(prefix)], 0.0)
            assert_allclose(found.sum(), 1.0, atol=1e-3)

    def test_the_same_question_has_the_same_answer(self, policy: Policy) -> None:
        request = prepared(policy, 6)
        first = ask(request, (2,))
        for _ in range(30):
            ask(request, (1, 4))
            ask(prepared(policy, 9, seed=3))
        assert_array_equal(ask(request, (2,)), first)
        assert_array_equal(ask(prepared(policy, 6), (2,)), first)

    @relaxed
    @given(seed=st.integers(0, 2**64 - 1), floor=st.floats(0.0, 1.0), n=st.integers(3, 9), data=st.data())
    def test_choose_and_propensities_agree(
        self, policy: Policy, seed: int, floor: float, n: int, data: st.DataObject
    ) -> None:
        row = st.lists(st.booleans(), min_size=n, max_size=n).filter(lambda drawn: sum(drawn) >= 3)
        rules = Rules(floor, [np.array(data.draw(row)) for _ in SLOTS])
        slate = choose(prepared(policy, n), SLOTS, seed, rules)
        assert slate == choose(prepared(policy, n), SLOTS, seed, rules)
        again = propensities(prepared(policy, n), SLOTS, slate.chosen, rules)
        assert_allclose(again, slate.propensities, rtol=0.0, atol=1e-9)

    def test_propensities_of_all_slates_sum_to_one(self, policy: Policy) -> None:
        request, total = prepared(policy, 4), 0.0
        for first in range(4):
            for second in set(range(4)) - {first}:
                total += float(propensities(request, SLOTS[:2], (first, second), Rules(0.1)).prod())
        assert_allclose(total, 1.0, atol=1e-9)

    def test_exclusions_differ_by_slot(self, policy: Policy) -> None:
        rules = Rules(0.5, [np.array(row) for row in ([True, True, False, False], [False, False, True, True])])
        for seed in range(30):
            first, second = choose(prepared(policy, 4), SLOTS[:2], seed, rules).chosen
            assert first in {0, 1}
            assert second in {2, 3}

    def test_more_slots_than_actions_have_nothing_eligible(self, policy: Policy) -> None:
        with pytest.raises(NothingEligible) as caught:
            choose(prepared(policy, 2), SLOTS, 0)
        assert caught.value.slot == 2

    @relaxed
    @given(text=any_text, name=any_text, number=st.floats(allow_nan=False) | st.integers())
    def test_hostile_features_leave_the_other_actions_alone(
        self, policy: Policy, text: str, name: str, number: float
    ) -> None:
        """Between two eligible actions nothing changes, whatever a third, not eligible one holds."""
        context, actions = offer(4, 1, rates())
        features = {name: text, "tags": [text, "x"], "n": number, "inner": {name: number}}
        hostile = [*actions[:2], Action(text, features), *actions[2:]]
        found = ask(policy.prepare(context, hostile), (), [True, True, False, True, True])
        plain = ask(policy.prepare(context, actions))
        assert_array_equal(found[[0, 1, 3, 4]], plain)
        everything = ask(policy.prepare(Context(features), hostile))
        assert_allclose(everything.sum(), 1.0, atol=1e-3)

    def test_a_slot_of_any_name_and_features(self, policy: Policy) -> None:
        request = prepared(policy, 4)
        for text in HOSTILE:
            slot = Slot(text, {text: text, "size": [1.0, 2.0]})
            found = request.distribution(slot, (), np.ones(4, dtype=np.bool_))
            assert_allclose(found.sum(), 1.0, atol=1e-3)


class LearnerContract:
    """What every learner owes."""

    def test_is_a_learner(self, learner: Learner) -> None:
        assert isinstance(learner, Learner)
        assert learner.n_until_settled == 0
        assert learner.state() == learner.state()

    def test_the_same_lessons_give_the_same_bytes(self, learner: Learner, resume: Resume) -> None:
        other = resume(learner.state())
        for each in (learner, other):
            each.learn(lessons(60, seed=1))
        assert learner.snapshot() == other.snapshot()

    def test_a_snapshot_changes_nothing(self, learner: Learner, resume: Resume) -> None:
        undisturbed = resume(learner.state())
        for lesson in lessons(40, seed=2):
            learner.learn([lesson])
            learner.snapshot()
        undisturbed.learn(lessons(40, seed=2))
        assert learner.snapshot() == undisturbed.snapshot()

    def test_batches_do_not_matter(self, learner: Learner, resume: Resume) -> None:
        other, many = resume(learner.state()), lessons(50, seed=3)
        learner.learn(many)
        for start in (0, 1, 8, 40):
            other.learn(many[start : {0: 1, 1: 8, 8: 40, 40: 50}[start]])
        assert learner.snapshot() == other.snapshot()
        assert learner.n_until_settled == other.n_until_settled

    def test_refused_lessons_are_counted_and_change_nothing(self, learner: Learner, resume: Resume) -> None:
        other, many = resume(learner.state()), lessons(20, seed=4)
        bad = [
            replace(many[0], rewards=[0.0, float("inf"), 0.0]),
            replace(many[1], slate=changed(many[1].slate, propensities=(0.5, 2.0, 0.5))),
        ]
        report = learner.learn([*many[:10], *bad, *many[10:]])
        other.learn(many)
        assert report.n_learned == 20
        assert sum(report.refused.values()) == 2
        assert learner.snapshot() == other.snapshot()

    def test_resumed_in_the_middle_it_ends_the_same(self, learner: Learner, resume: Resume) -> None:
        many, place = lessons(200, seed=5), 0
        killed = resume(learner.state())
        learner.learn(many)
        while place < len(many):
            step = killed.n_until_settled or 7
            killed.learn(many[place : place + step])
            place += step
            if killed.n_until_settled == 0:
                killed = resume(killed.state())
        assert killed.snapshot() == learner.snapshot()
        assert killed.n_until_settled == learner.n_until_settled

    def test_what_serves_decides_as_it_did_before_saving(self, learner: Learner, resume: Resume, serve: Serve) -> None:
        learner.learn(lessons(80, seed=6))
        policies = [serve(learner.snapshot()), serve(learner.snapshot())]
        dice = random.Random(7)
        for seed in range(20):
            slates = [choose(prepared(policy, dice.choice([8]), seed), SLOTS, seed, Rules(0.02)) for policy in policies]
            assert slates[0] == slates[1]
