"""The Vowpal Wabbit bandits: exact states, training that matches serving, and no trace left by being asked."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from policies.base import Action, Context, Lesson, PolicyError, Slate, Slot
from policies.sampling import choose
from policies.vw import Costs, VwLearner, VwPolicy
from policies.vw_lines import ActionTexts, context_text
from policies.vw_options import EXPLORERS, VwOptions, parse
from policies.vw_prepared import AskedOnce, SlotBySlot
from policies.vw_workspace import Lines, Workspace
from tests.policies.offers import SLOTS, lessons, offer, share_liked

REWARDS = (0.0, 1.0)

ELSEWHERE = """
import hashlib, sys
from policies.vw import VwLearner
from policies.vw_lines import ActionTexts, context_text
from policies.vw_options import parse
from tests.policies.offers import lessons
options = parse({"explorer": sys.argv[1], "settle_every": 32})
learner = VwLearner(options, sys.stdin.buffer.read(), reward_range=(0.0, 1.0))
learner.learn(lessons(160, seed=8)[64:])
print(hashlib.sha256(learner.state()).hexdigest())
"""


def fresh(explorer: str = "epsilon", settle_every: int = 256, seed: int = 5) -> VwLearner:
    options = parse({"explorer": explorer, "settle_every": settle_every})
    return VwLearner.fresh(options, reward_range=REWARDS, seed=seed)


def served(learner: VwLearner, options: VwOptions | None = None) -> VwPolicy:
    return VwPolicy(options or learner.options, learner.snapshot(), reward_range=REWARDS)


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_another_process_goes_on_to_the_same_bytes(explorer: str) -> None:
    learner, many = fresh(explorer, settle_every=32), lessons(160, seed=8)
    learner.learn(many[:64])
    middle = learner.state()
    learner.learn(many[64:])
    found = subprocess.run([sys.executable, "-c", ELSEWHERE, explorer], input=middle, capture_output=True, check=True)
    assert found.stdout.decode().strip() == hashlib.sha256(learner.state()).hexdigest()


def test_the_state_is_exact_only_where_it_is_settled() -> None:
    learner = fresh(settle_every=4)
    empty, many = learner.state(), lessons(9)
    learner.learn([*many[:2], replace(many[2], rewards=[float("nan")] * 3)])
    assert learner.n_until_settled == 2
    with pytest.raises(PolicyError, match="2 more lessons"):
        learner.state()
    learner.learn(many[3:5])
    assert learner.n_until_settled == 0
    assert learner.state() == learner.snapshot()
    assert learner.state() != empty


def test_it_learns_what_is_liked() -> None:
    learner = fresh("squarecb")
    learner.learn(lessons(1500))
    assert share_liked(served(learner)) > 0.7


def test_slots_are_learned_apart() -> None:
    """Action a is good in the first slot, b in the second: the model must tell the slots apart."""
    actions, slots = [Action("a"), Action("b")], SLOTS[:2]
    learner = fresh()
    for number in range(400):
        chosen = (0, 1) if number % 2 else (1, 0)
        rewards = [1.0, 1.0] if number % 2 else [0.0, 0.0]
        learner.learn([Lesson(Context(), actions, slots, Slate(chosen, (0.5, 1.0)), rewards)])
    found = served(learner).prepare(Context(), actions).distribution(slots[0], (), np.ones(2, dtype=np.bool_))
    assert found[0] > 0.9


def test_lessons_with_masks_equal_lessons_without_the_masked_actions() -> None:
    """What was not eligible, and what was taken before, has no part in a lesson."""
    masked, plain = fresh("squarecb"), fresh("squarecb")
    for lesson in lessons(100, n_actions=6):
        for each, eligible in ((masked, True), (plain, False)):
            each.learn([_without(lesson, eligible)])
    context, actions = offer(6, 77)
    mask = np.ones(6, dtype=np.bool_)
    found = [served(each).prepare(context, actions).distribution(SLOTS[0], (), mask) for each in (masked, plain)]
    assert_allclose(found[0], found[1], atol=1e-6)


def _without(lesson: Lesson, by_mask: bool) -> Lesson:
    """The first slot of a lesson in which only even actions were eligible: masked, or never offered."""
    index = lesson.slate.chosen[0] // 2
    one = replace(lesson, slots=SLOTS[:1], slate=Slate((index,), (0.3,)), rewards=lesson.rewards[:1])
    if by_mask:
        mask = np.arange(len(lesson.actions)) % 2 == 0
        return replace(one, slate=Slate((2 * index,), (0.3,)), eligible=[mask])
    return replace(one, actions=lesson.actions[::2])


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_being_asked_changes_no_answer(explorer: str) -> None:
    """Not even about features never seen, on scales never seen."""
    learner = fresh(explorer)
    learner.learn(lessons(100))
    policy, undisturbed = served(learner), served(learner)
    for seed in range(50):
        _, actions = offer(7, seed)
        strange = Action("new", {"price": 1e6 * seed, f"never {seed}": 1.0})
        choose(policy.prepare(Context({"hour": -1e5}), [*actions, strange]), SLOTS, seed)
    mask = np.ones(7, dtype=np.bool_)
    for seed in range(10):
        found = [each.prepare(*offer(7, seed)).distribution(SLOTS[0], (), mask) for each in (policy, undisturbed)]
        assert_array_equal(found[0], found[1])


class Counting(Workspace):
    """Counts the lines that are given back."""

    returned: list[int]

    def finish(self, lines: Lines) -> None:
        self.returned.append(len(lines))
        super().finish(lines)

    def predict(self, lines: Lines) -> list[float]:
        found = super().predict(lines)
        if len(found) == 3:
            raise KeyError("an engine's own trouble")
        return found


@pytest.mark.parametrize("ask", [SlotBySlot, AskedOnce])
@pytest.mark.parametrize("n_actions", [3, 4])
def test_parsed_lines_are_given_back_even_when_asking_fails(
    ask: type[SlotBySlot] | type[AskedOnce], n_actions: int
) -> None:
    workspace = Counting.load(fresh("squarecb").snapshot())
    assert isinstance(workspace, Counting)
    workspace.returned = []

    def fail() -> None:
        prepared = ask(workspace, "shared |c x", ["|a one", "|a two", "|a three", "|a four"][:n_actions])
        prepared.distribution(SLOTS[0], (), np.ones(n_actions, dtype=np.bool_))
        raise KeyError("the caller's own trouble")

    with pytest.raises(KeyError):
        fail()
    assert workspace.returned == [1 + n_actions]


def test_what_is_closed_refuses_to_answer() -> None:
    policy = served(fresh())
    prepared, other = policy.prepare(*offer(3)), policy.prepare(*offer(3))
    assert isinstance(prepared, SlotBySlot)
    assert isinstance(other, SlotBySlot)
    prepared.close()
    prepared.close()
    with pytest.raises(PolicyError, match="prepare it again"):
        prepared.distribution(SLOTS[0], (), np.ones(3, dtype=np.bool_))
    policy.close()
    with pytest.raises(PolicyError, match="closed"):
        policy.prepare(*offer(3))
    with pytest.raises(PolicyError, match="closed"):
        other.distribution(SLOTS[0], (), np.ones(3, dtype=np.bool_))
    other.close()


@pytest.mark.parametrize("gamma_scale", [0.5, 100.0, 1e5])
def test_one_answer_of_squarecb_tells_all_others(gamma_scale: float) -> None:
    """Asked once, it says what the engine says when it is asked slot by slot, up to the engine's float32."""
    learner = VwLearner.fresh(parse({"gamma_scale": gamma_scale}), reward_range=REWARDS, seed=5)
    learner.learn(lessons(200, n_actions=7))
    workspace, texts = Workspace.load(learner.snapshot()), ActionTexts(learner.options, reward_range=REWARDS)
    dice, worst = np.random.Generator(np.random.PCG64(3)), 0.0
    for seed in range(60):
        context, actions = offer(7, seed)
        request = context_text(context), texts.all(actions)
        once, apart = AskedOnce(workspace, *request), SlotBySlot(workspace, *request)
        for n_chosen in range(6):
            mask = np.ones(7, dtype=np.bool_)
            mask[dice.choice(7, n_chosen, replace=False)] = False
            chosen, slot = np.flatnonzero(~mask).tolist(), Slot(f"slot {seed % 3}", {"wide": seed % 2 == 0})
            found = once.distribution(slot, chosen, mask)
            worst = max(worst, float(np.abs(found - apart.distribution(slot, chosen, mask)).max()))
            assert found.sum() == pytest.approx(1.0, abs=1e-6)
    assert worst < 5e-6


def test_what_was_not_asked_about_is_asked_about_when_it_may_be_chosen() -> None:
    learner = fresh("squarecb")
    learner.learn(lessons(100))
    masks = [np.array(row) for row in ([True, True, False, False], [False, False, True, True], [True] * 4)]
    prepared, slots = served(learner).prepare(*offer(4)), zip(SLOTS, masks, strict=True)
    for number, (slot, mask) in enumerate(slots):
        once = prepared.distribution(slot, tuple(range(number)), mask)
        assert_array_equal(once, served(learner).prepare(*offer(4)).distribution(slot, tuple(range(number)), mask))
        assert_array_equal(once, prepared.distribution(slot, tuple(range(number)), mask))
        assert once[~mask].tolist() == [0.0] * np.count_nonzero(~mask)


def test_it_is_asked_once_only_where_the_slot_can_make_no_difference() -> None:
    """A model that crosses the slot with the items answers differently for each slot, and so must its policy."""
    for explorer, interactions, is_once in (
        ("squarecb", ["ca"], True),
        ("squarecb", ["ca", "sa"], False),
        ("softmax", ["ca"], False),
    ):
        options = parse({"explorer": explorer, "interactions": interactions})
        learner = VwLearner.fresh(options, reward_range=REWARDS, seed=5)
        assert isinstance(served(learner).prepare(*offer(3)), AskedOnce) == is_once


def test_equal_gaps_share_alike_and_impossible_answers_stay_finite() -> None:
    class Told(Workspace):
        def predict(self, lines: Lines) -> list[float]:
            super().predict(lines)
            return [0.0, 1.0, 0.0, 0.0]

    prepared = AskedOnce(Told.load(fresh().snapshot()), "shared |c x", ["|a one", "|a two", "|a three", "|a four"])
    whole = np.ones(4, dtype=np.bool_)
    assert prepared.distribution(SLOTS[0], (), whole).tolist() == [0.0, 1.0, 0.0, 0.0]
    mask = np.array([True, False, True, True])
    assert_allclose(prepared.distribution(SLOTS[1], (1,), mask), [1 / 3, 0.0, 1 / 3, 1 / 3], atol=1e-12)


def test_learning_lines_that_look_like_labels_or_namespaces_harms_nothing() -> None:
    learner = fresh("squarecb", settle_every=8)
    hostile = Action("0:-9:0.1 |i", {"|": "a\nb", "shared |c": "x:nan", "n": 1e300, "m": 1e-193, "l": ["\n\n", "|"]})
    context = Context({"a\n0:-1:1 |": "b", "\r": "\u2028"})
    slot = Slot("shared\n|a x", {"y\n": "z"})
    many = [
        replace(lesson, context=context, actions=[hostile, *lesson.actions[1:]], slots=[slot, *SLOTS[1:]])
        for lesson in lessons(64)
    ]
    assert learner.learn(many).n_learned == 64
    found = served(learner).prepare(context, many[0].actions).distribution(slot, (), np.ones(6, dtype=np.bool_))
    assert_allclose(found.sum(), 1.0, atol=1e-5)


@pytest.mark.parametrize(
    ("rewards", "reward", "cost"),
    [
        ((0.0, 1.0), 1.0, -1.0),
        ((0.0, 1.0), 0.25, -0.25),
        ((0.0, 1.0), 7.0, -1.0),
        ((0.0, 1.0), -7.0, 0.0),
        ((0.0, 200.0), 50.0, -0.25),
        ((-1.0, 1.0), 0.0, 0.0),
        ((-1.0, 1.0), -1.0, 0.5),
        ((10.0, 20.0), 10.0, 0.0),
        ((10.0, 20.0), 20.0, -1.0),
        ((-20.0, -10.0), -20.0, 1.0),
    ],
)
def test_costs_span_one_and_keep_the_zero(rewards: tuple[float, float], reward: float, cost: float) -> None:
    assert Costs(*rewards).of(reward) == cost
    least, greatest = Costs(*rewards).range
    assert (greatest - least, least <= 0.0 <= greatest) == (1.0, True)


def test_a_lesson_read_as_another_number_of_lines_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    learner, many, parse_lines = fresh(settle_every=4), lessons(5), Workspace.parse
    monkeypatch.setattr(Workspace, "parse", lambda self, text: parse_lines(self, text + "\n|x y"))
    report = learner.learn(many)
    assert (report.n_learned, report.refused) == (0, {"text: not one line for each slot and action": 5})
    assert learner.n_until_settled == 3
    monkeypatch.undo()
    assert learner.learn(many[:3]).n_learned == 3
    assert learner.state() == learner.snapshot()


def test_an_empty_reward_range_is_refused() -> None:
    with pytest.raises(PolicyError, match="must rise"):
        Costs(1.0, 1.0)


def test_rewards_of_any_unit_teach_the_same() -> None:
    options = VwOptions(item_rate=False)
    small, large = (VwLearner.fresh(options, reward_range=(0.0, unit), seed=5) for unit in (1.0, 1000.0))
    many = lessons(100)
    small.learn(many)
    large.learn([replace(lesson, rewards=[1000.0 * reward for reward in lesson.rewards]) for lesson in many])
    assert small.snapshot() == large.snapshot()
