"""The linear bandit: exact states, training that matches serving, and learning that shows."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace as changed
from numpy.testing import assert_allclose, assert_array_equal

from policies import linear
from policies.base import Action, Context, Lesson, Mask, PolicyError, Slate, Slot
from policies.linear import LinearLearner, LinearPolicy
from policies.linear_bytes import Snapshot, State
from policies.linear_options import EXPLORERS, MODELS, parse
from policies.rates import ItemRates
from policies.sampling import choose
from tests.policies.offers import SLOTS, lessons, offer, share_liked

REWARDS = (0.0, 1.0)
FREE: Mask = np.ones(2, dtype=np.bool_)

ELSEWHERE = """
import hashlib, sys
from policies.linear import LinearLearner
from policies.linear_bytes import Snapshot, State
from policies.linear_options import parse
from tests.policies.offers import lessons
learner = LinearLearner(parse({"model": sys.argv[1]}), sys.stdin.buffer.read(), reward_range=(0.0, 1.0))
learner.learn(lessons(160, seed=8)[64:])
print(hashlib.sha256(learner.state()).hexdigest(), hashlib.sha256(learner.snapshot()).hexdigest())
"""


def fresh(seed: int = 5, rewards: tuple[float, float] = REWARDS, **options: Any) -> LinearLearner:
    return LinearLearner.fresh(parse(options), reward_range=rewards, seed=seed)


def served(learner: LinearLearner, **options: Any) -> LinearPolicy:
    return LinearPolicy(parse(options), learner.snapshot())


@pytest.mark.parametrize("model", MODELS)
def test_another_process_goes_on_to_the_same_bytes(model: str) -> None:
    learner, many = fresh(model=model), lessons(160, seed=8)
    learner.learn(many[:64])
    middle = learner.state()
    learner.learn(many[64:])
    found = subprocess.run([sys.executable, "-c", ELSEWHERE, model], input=middle, capture_output=True, check=True)
    wanted = [hashlib.sha256(data).hexdigest() for data in (learner.state(), learner.snapshot())]
    assert found.stdout.decode().split() == wanted


def test_resumed_anywhere_the_states_agree() -> None:
    undisturbed, resumed = fresh(), fresh()
    for place, lesson in enumerate(lessons(130, seed=9)):
        undisturbed.learn([lesson])
        resumed.learn([lesson])
        if place % 13 == 5:
            resumed = LinearLearner(parse({}), resumed.state(), reward_range=REWARDS)
            assert resumed.state() == undisturbed.state()
    assert resumed.snapshot() == undisturbed.snapshot()


def test_resumed_after_unusable_features_the_states_agree() -> None:
    """A name that is a number and a word at once, and a number too large: kept, they lack what was unusable."""
    odd = {"a.b": "word", "a": {"b": 2.0}, "large": 1e300}
    undisturbed, resumed = fresh(), fresh()
    for number in range(20):
        actions = [Action("one", odd, b"same address"), Action("two", {"n": number}, bytes([number]))]
        lesson = Lesson(Context(odd), actions, [Slot("0")], Slate((number % 2,), (0.5,)), [number % 3 / 2])
        undisturbed.learn([lesson])
        resumed.learn([lesson])
        resumed = LinearLearner(parse({}), resumed.state(), reward_range=REWARDS)
        assert resumed.state() == undisturbed.state()


@pytest.mark.parametrize("explorer", EXPLORERS)
@pytest.mark.parametrize("model", ["auto", "shared"])
def test_it_learns_what_is_liked(explorer: str, model: str) -> None:
    learner = fresh(explorer=explorer, model=model)
    learner.learn(lessons(800))
    assert share_liked(served(learner, explorer=explorer, model=model)) > 0.7


@pytest.mark.parametrize("model", ["auto", "hybrid", "disjoint"])
def test_actions_without_features_are_told_apart_by_id(model: str) -> None:
    """Which of two actions is good depends on a number of the context, on a scale of its own."""
    dice, learner = np.random.default_rng(1), fresh(model=model)
    for _ in range(300):
        weight, index = float(dice.normal(5000.0, 100.0)), int(dice.integers(2))
        good = 0 if weight > 5000.0 else 1
        slate = Slate((index,), (0.5,))
        told = Context({"weight": weight})
        learner.learn([Lesson(told, [Action("a"), Action("b")], SLOTS[:1], slate, [float(index == good)])])
    policy = served(learner, model=model)
    heavy, light = (
        policy.prepare(Context({"weight": weight}), [Action("a"), Action("b")]).distribution(SLOTS[0], (), FREE)
        for weight in (5150.0, 4850.0)
    )
    assert heavy[0] > 0.9
    assert light[1] > 0.9


def test_nothing_known_is_uniform() -> None:
    for explorer in EXPLORERS:
        request = served(fresh(explorer=explorer), explorer=explorer).prepare(*offer(4, 1, ItemRates()))
        found = request.distribution(SLOTS[0], (), np.array([True, True, False, True]))
        expected = [1 / 3, 1 / 3, 0.0, 1 / 3]
        assert_allclose(found, expected, atol=0.25 if explorer == "thompson" else 1e-9)


def test_what_is_uncertain_is_tried() -> None:
    """Two actions look alike; the one shown 200 times is chosen less than the one shown twice."""
    learner = fresh()
    for number in range(202):
        index = int(number in (50, 153))
        reward = float(number // 2 % 2)
        learner.learn([Lesson(Context(), [Action("a"), Action("b")], SLOTS[:1], Slate((index,), (0.5,)), [reward])])
    found = served(learner).prepare(Context(), [Action("a"), Action("b")]).distribution(SLOTS[0], (), FREE)
    assert found[1] > 0.6


def test_an_option_of_width_explores_more_or_less() -> None:
    learner = fresh()
    learner.learn(lessons(60))
    free, sure = np.ones(8, dtype=np.bool_), []
    for scale in (0.0, 1.0, 8.0):
        policy = served(learner, scale=scale)
        requests = [policy.prepare(*offer(8, seed)) for seed in range(20)]
        sure.append(np.mean([request.distribution(SLOTS[0], (), free).max() for request in requests]))
    assert 1.0 == sure[0] > sure[1] > sure[2]


def test_forgetting_follows_a_world_that_turns() -> None:
    """After 300 lessons a is good, after 100 more b is: only the forgetful one has noticed."""
    best = []
    for forgetting in (1.0, 0.97):
        learner = fresh(forgetting=forgetting)
        for number in range(400):
            index = number % 2
            reward = float(index == (0 if number < 300 else 1))
            slate = Slate((index,), (0.5,))
            learner.learn([Lesson(Context(), [Action("a"), Action("b")], SLOTS[:1], slate, [reward])])
        found = served(learner, forgetting=forgetting).prepare(Context(), [Action("a"), Action("b")])
        best.append(int(found.distribution(SLOTS[0], (), FREE).argmax()))
    assert best == [0, 1]


def test_a_slot_of_its_own_name_and_features_is_asked_about_anew() -> None:
    slots = [Slot("hero", {"size": "big"}), Slot("1"), Slot("2")]
    learner = fresh()
    learner.learn(lessons(100, slots=slots))
    request = served(learner).prepare(*offer(5, 3))
    found = request.distribution(slots[0], (), np.ones(5, dtype=np.bool_))
    assert_allclose(found.sum(), 1.0, atol=1e-12)
    assert_array_equal(found, request.distribution(slots[0], (), np.ones(5, dtype=np.bool_)))


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_being_asked_changes_no_answer(explorer: str) -> None:
    learner = fresh(explorer=explorer)
    learner.learn(lessons(100))
    policy, undisturbed = served(learner, explorer=explorer), served(learner, explorer=explorer)
    for seed in range(50):
        _, actions = offer(7, seed)
        strange = Action("new", {"price": 1e6 * seed, f"never {seed}": 1.0})
        choose(policy.prepare(Context({"hour": -1e5}), [*actions, strange]), SLOTS, seed)
    mask = np.ones(7, dtype=np.bool_)
    for seed in range(10):
        found = [each.prepare(*offer(7, seed)).distribution(SLOTS[0], (), mask) for each in (policy, undisturbed)]
        assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("model", ["auto", "hybrid", "disjoint"])
def test_more_actions_than_have_room_are_counted_and_go_on(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "N_OWN_CELLS", 200)
    learner = fresh(model=model)
    for number in range(40):
        actions = [Action(f"item {number}"), Action(f"item {number + 1}")]
        learner.learn([Lesson(Context({"n": float(number)}), actions, SLOTS[:1], Slate((0,), (0.5,)), [1.0])])
        again = LinearLearner(parse({"model": model}), learner.state(), reward_range=REWARDS)
        assert again.state() == learner.state()
        found = served(learner, model=model).prepare(Context({"n": 3.0}), actions).distribution(SLOTS[0], (), FREE)
        assert_allclose(found.sum(), 1.0, atol=1e-9)
    (reason,) = (one for one in learner.trouble() if not one.startswith("new: "))
    assert reason.startswith("actions: too many to keep weights of their own")


@pytest.mark.parametrize("n_few", [3, 70])
@pytest.mark.parametrize("model", ["hybrid", "disjoint"])
def test_own_weights_stay_within_their_room_as_contexts_grow(
    model: str, n_few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their table was full while contexts held one word; forty words later it has as many rows, and still serves."""
    monkeypatch.setattr(linear, "N_OWN_CELLS", 150)
    learner = fresh(model=model)
    for number in range(100):
        told = Context({"word": f"w{max(0, number - n_few) % 40}"})
        actions = [Action(f"a{number % 9}"), Action("b")]
        learner.learn([Lesson(told, actions, [Slot("0")], Slate((0,), (0.5,)), [number % 2 / 2])])
    found = Snapshot.from_bytes(learner.snapshot())
    n_actions, n_own, _ = found.posterior.own_map.shape
    assert found.own.is_full
    assert n_actions * n_own**2 <= 150
    assert served(learner, model=model).prepare(told, actions).distribution(Slot("0"), (), FREE).sum() == 1.0
    resumed = LinearLearner(parse({"model": model}), learner.state(), reward_range=REWARDS)
    assert resumed.snapshot() == learner.snapshot()


def test_rewards_of_any_unit_teach_the_same() -> None:
    """Powers of two scale without rounding."""
    small, large = fresh(rewards=(0.0, 1.0)), fresh(rewards=(-1024.0, 1024.0))
    many = [replace(lesson, actions=[changed(one, derived=()) for one in lesson.actions]) for lesson in lessons(100)]
    small.learn(many)
    large.learn([replace(lesson, rewards=[2048.0 * reward - 1024.0 for reward in lesson.rewards]) for lesson in many])
    assert small.snapshot() == large.snapshot()


def test_rewards_beyond_the_range_are_cut() -> None:
    """The many rare words of a context included, which learn apart from the sums."""
    cut, plain = fresh(dimensions=16), fresh(dimensions=16)
    many = [
        replace(lesson, context=Context({"word": f"w{number}", "again": f"x{number % 9}"}))
        for number, lesson in enumerate(lessons(80))
    ]
    cut.learn([replace(lesson, rewards=[1e300 if reward else -1e300 for reward in lesson.rewards]) for lesson in many])
    plain.learn(many)
    assert cut.state() == plain.state()
    assert cut.snapshot() == plain.snapshot()


def test_a_fixed_prior_is_kept() -> None:
    learned, fixed = fresh(), fresh(prior_weight=3.0)
    for each in (learned, fixed):
        each.learn(lessons(200))
    assert fixed.snapshot() != learned.snapshot()
    assert State.from_bytes(fixed.state()).precisions[1:] == (3.0,) * 5
    assert State.from_bytes(learned.state()).precisions[1:] != (3.0,) * 5


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(PolicyError, match="must rise"):
        fresh(rewards=(1.0, 1.0))
    with pytest.raises(PolicyError, match="no state of a linear bandit"):
        LinearLearner(parse({}), b"", reward_range=REWARDS)
    with pytest.raises(PolicyError, match="no snapshot of a linear bandit"):
        LinearPolicy(parse({}), b"")
    one, other = Snapshot.from_bytes(fresh().snapshot()), fresh()
    other.learn(lessons(5))
    encoder = Snapshot.from_bytes(other.snapshot()).encoder
    with pytest.raises(PolicyError, match="differ"):
        LinearPolicy(parse({}), replace(one, encoder=encoder).to_bytes())
