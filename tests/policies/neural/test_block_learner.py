"""What every agent does the same way as it learns from the log, where something is out of the ordinary."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from policies.base import Action, Context, Lesson, PolicyError, Slate
from policies.gradient import options as gradient_options
from policies.gradient.learner import GradientLearner
from policies.neural import arrays
from policies.neural.block_learner import BlockLearner, Saved
from policies.neural.block_state import State
from policies.neural.dense import DenseEncoder
from policies.neural.nets import Tower, load
from policies.neural.waiting import Block
from policies.slateq import options as slateq_options
from policies.slateq.learner import SlateQLearner
from tests.policies.neural.sessions import ACTIONS, SLOTS, sessions, tell

KINDS = ["slateq", "gradient"]
SMALL = {"fit_on": 20, "block": 32, "block_minibatch": 16, "block_share": 0.5, "hidden": (8,)}
Learner = BlockLearner[Any]


def parts(kind: str, options: dict[str, Any]) -> tuple[type[Learner], Any]:
    if kind == "slateq":
        return SlateQLearner, slateq_options.parse(options)
    return GradientLearner, gradient_options.parse(options)


def fresh(kind: str, *, most: float = 1.0, **options: Any) -> Learner:
    made, parsed = parts(kind, {**SMALL, **options})
    return made.fresh(parsed, reward_range=(0.0, most), seed=5)


def resumed(kind: str, learner: Learner, *, most: float = 1.0, **options: Any) -> Learner:
    made, parsed = parts(kind, {**SMALL, **options})
    return made(parsed, learner.state(), reward_range=(0.0, most))


def lesson(number: int, *, reward: float = 1.0, context: dict[str, Any] | None = None, **more: Any) -> Lesson:
    told = Context({"mood": number % 7 / 7} if context is None else context)
    index = number % 3
    known: dict[str, Any] = {"at_ms": number, **more}
    return Lesson(told, known.pop("actions", ACTIONS), SLOTS, Slate((index,), (1 / 3,)), [reward], **known)


REPLAYED: list[int] = []
"""How many steps, block by block."""


def rewards_of(block: Block) -> list[float]:
    return [float(step.rewards.sum()) for one in block for step in one.steps]


class Sums:
    """Nets of one number, the sum of all rewards; one of 13 brings bad luck."""

    def __init__(self, encoder: DenseEncoder, parameters: bytes = b"") -> None:
        self.encoder = encoder
        self._sum = arrays.from_bytes(parameters)["sum"] if parameters else np.zeros(1, dtype=np.float32)

    def learn(self, block: Block, dice: np.random.Generator, *, replayed: Sequence[Block] = ()) -> None:
        rewards, again = rewards_of(block), [one for each in replayed for one in rewards_of(each)]
        self._sum = self._sum + np.float32(np.nan if 13.0 in [*rewards, *again] else sum(rewards))
        REPLAYED.append(len(again))

    def parameters(self) -> bytes:
        return arrays.to_bytes({"sum": self._sum})

    served = moments = snapshot = parameters


class SumLearner(BlockLearner[Any]):
    kind = "sums"

    def _fresh(self, encoder: DenseEncoder, n_slots: int) -> Sums:
        return Sums(encoder)

    def _restored(self, encoder: DenseEncoder, saved: Saved) -> Sums:
        return Sums(encoder, saved.parameters)

    def _blank(self) -> bytes:
        return b""


def sum_of(learner: Learner) -> float:
    return float(arrays.from_bytes(learner.snapshot())["sum"][0])


def test_a_block_that_no_number_comes_of_is_let_go_and_never_replayed() -> None:
    REPLAYED.clear()
    _, options = parts("slateq", {**SMALL, "fit_on": 1, "block": 8})
    learner: Learner = SumLearner.fresh(options, reward_range=(0.0, 20.0), seed=5)
    tell(learner, [lesson(number) for number in range(8)])
    assert sum_of(learner) == 8.0
    tell(learner, [lesson(number, reward=13.0 if number == 12 else 1.0) for number in range(8, 16)])
    assert sum_of(learner) == 8.0
    again = SumLearner(options, learner.state(), reward_range=(0.0, 20.0))
    for one in (learner, again):
        tell(one, [lesson(number) for number in range(16, 24)])
        assert sum_of(one) == 16.0
        assert one.trouble() == {"nets: a number in them was not finite; its block was let go": 1}
    assert again.state() == learner.state()
    assert REPLAYED == [0, 4 * 8, 4 * 8, 4 * 8], "the third block is learned from by both"


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_of_another_format_is_refused_clearly(kind: str) -> None:
    state = msgspec.msgpack.decode(tell(fresh(kind), sessions(40)).state())
    for other in ([1, *state[1:]], [1, kind, *[0] * 11], [9, kind]):
        made, options = parts(kind, SMALL)
        with pytest.raises(PolicyError, match=f"format {other[0]}; this release reads {kind}, format {state[0]}"):
            made(options, msgspec.msgpack.encode(other), reward_range=(0.0, 1.0))


STRANGE: list[tuple[str, dict[str, Any]]] = [
    ("a name of a number", {"context": {"mood": 0.5, "hour": 3}}),
    ("a word", {"actions": [*ACTIONS, Action("late", {"kind": "late"}, b"late")]}),
]


@pytest.mark.parametrize(("_what", "change"), STRANGE)
def test_what_comes_after_the_encoder_was_fitted_is_told(_what: str, change: dict[str, Any]) -> None:
    learner = tell(fresh("slateq"), [lesson(number) for number in range(30)])
    assert learner.trouble() == {}
    tell(learner, [lesson(40 + number, **change) for number in range(3)])
    assert list(resumed("slateq", learner).trouble().items()) == [
        ("vocabulary: features that came after the encoder was fitted are left out", 3)
    ]


def test_where_the_encoder_is_full_nothing_is_left_out() -> None:
    many = [Action(str(number), {f"n{number}": 1.0}) for number in range(120)]
    encoder = DenseEncoder.fitted([(Context(), many)])
    assert not encoder.leaves_out(Context(), [Action("late", {"late": 1.0})])
    assert encoder.leaves_out(Context({"late": 1.0}), many)


@pytest.mark.parametrize("kind", KINDS)
def test_where_early_lessons_are_large_the_encoder_is_fitted_on_fewer(kind: str) -> None:
    learner = fresh(kind, fit_on=1000, most_bytes=4096)
    blank = learner.snapshot()
    for number in range(40):
        again = resumed(kind, learner, fit_on=1000, most_bytes=4096)
        assert tell(again, [lesson(number)]).state() == tell(learner, [lesson(number)]).state()
        assert len(learner.state()) < 4096 or learner.snapshot() != blank
    assert learner.snapshot() != blank


@pytest.mark.parametrize("kind", KINDS)
def test_where_room_is_short_sessions_are_over_and_it_is_told(kind: str) -> None:
    learner = fresh(kind, fit_on=5, most_bytes=2048)
    assert learner.trouble() == {}
    tell(learner, [one for one in sessions(60, n_open=30) if isinstance(one, Lesson)])
    assert list(learner.trouble()) == ["room: too many sessions were open; those idle for longest counted as over"]


def without_ends(n_lessons: int) -> Iterator[Lesson]:
    """One step a second of 50 users' sessions of 2 to 8 steps; each step earns 1, unless the dull item is shown."""
    dice = random.Random(0)
    names, left = [f"s{user}" for user in range(50)], [dice.randint(2, 8) for _ in range(50)]
    for number in range(n_lessons):
        user, index = dice.randrange(50), dice.randrange(3)
        yield lesson(number, reward=float(index != 2), at_ms=1000 * number, trajectory=names[user])
        left[user] -= 1
        if not left[user]:
            names[user], left[user] = f"s{number}-x", dice.randint(2, 8)


def value_at_first(learner: Learner) -> float:
    """Of a session's first moment, in steps that earn 1."""
    state = State.from_bytes(learner.state(), "slateq")
    encoder = DenseEncoder.from_bytes(state.encoder)
    value = Tower(encoder.n_context + encoder.n_action + 1, 1, (8,))
    load(value, arrays.part(arrays.from_bytes(state.parameters), "value"))
    inputs = np.zeros((1, encoder.n_context + encoder.n_action + 1), dtype=np.float32)
    inputs[0, : encoder.n_context] = encoder.context(Context({"mood": 0.5}))
    scale = state.reward_scale * slateq_options.SlateQOptions.value_scale
    with torch.no_grad():
        return float(value(torch.tensor(inputs))[0, 0]) * scale


def test_where_nobody_ends_sessions_and_room_is_short_values_stay_bounded() -> None:
    """No session has more than 8 steps, so no value is more than 8; without any end to be seen they rise to 20."""
    learner = fresh("slateq", most_bytes=12 * 1024, block=256, block_learning_rate=3e-3, block_epochs=2)
    found = []
    for number, told in enumerate(without_ends(6000), 1):
        learner.learn([told])
        if number % 1500 == 0:
            found.append(value_at_first(learner))
    assert max(found) < 9.0
    assert found[-1] > 2.0
    assert learner.trouble().keys() == {"room: too many sessions were open; those idle for longest counted as over"}


def test_lessons_wait_for_the_encoder_and_then_for_a_block() -> None:
    learner = tell(fresh("slateq"), [lesson(0, trajectory="a"), ("a", 1), lesson(1)])
    backlog = learner.backlog()
    assert (backlog.n_early, backlog.n_fit, backlog.n_open) == (2, SMALL["fit_on"], 0)
    tell(learner, [lesson(number, trajectory="b") for number in range(2, 22)])
    backlog = learner.backlog()
    assert (backlog.n_early, backlog.n_fit, backlog.n_sessions, backlog.n_open) == (0, 0, 1, 20)
    assert (backlog.n_finished, backlog.n_block, backlog.n_blocks) == (2, SMALL["block"], 0)
    assert resumed("slateq", learner).backlog() == backlog
