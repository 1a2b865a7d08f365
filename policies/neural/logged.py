"""Lessons as steps of a trajectory, encoded; and, before there is an encoder, as bytes of what came.

In: lessons. Out: ``LoggedStep``s, which ``policies/neural/kept.py`` keeps until they are learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from policies.base import Action, Context, Lesson, PolicyError, Slate, Slot
from policies.beginning import plain
from policies.neural.dense import DenseEncoder, Float32s


@dataclass(frozen=True, slots=True)
class LoggedStep:
    """One decision and what came of it.

    Attributes:
        context: (n_context,).
        candidates: (n_candidates, n_action).
        items: (n_slots,): the candidate in each slot.
        logged: (n_slots,): log-propensities.
        rewards: (n_slots,): scaled.
        clicks: (n_slots,): see ``Lesson.clicked``.
        allowed: (n_slots, n_candidates): what might have gone there before earlier slots took it.
    """

    context: Float32s
    candidates: Float32s
    items: NDArray[np.uint16]
    logged: Float32s
    rewards: Float32s
    clicks: NDArray[np.bool_]
    allowed: NDArray[np.bool_]

    @classmethod
    def of(cls, lesson: Lesson, encoder: DenseEncoder, rewards: Sequence[float]) -> LoggedStep:
        """A lesson's step, with its rewards scaled."""
        n_slots, n_candidates = len(lesson.slots), len(lesson.actions)
        masks = np.ones((n_slots, n_candidates), dtype=np.bool_) if lesson.eligible is None else lesson.eligible
        return cls(
            context=encoder.context(lesson.context),
            candidates=encoder.actions(lesson.actions),
            items=np.array(lesson.slate.chosen, dtype=np.uint16),
            logged=np.log(np.array(lesson.slate.propensities)).astype(np.float32),
            rewards=np.array(rewards, dtype=np.float32),
            clicks=np.array(lesson.clicks, dtype=np.bool_),
            allowed=np.array(masks, dtype=np.bool_),
        )

    @property
    def shown(self) -> Float32s:
        """(n_slots, n_action)."""
        return self.candidates[self.items]


def pack_lesson(lesson: Lesson) -> bytes:
    """A lesson, without what no encoder reads."""
    slate = lesson.slate
    masks = (
        None if lesson.eligible is None else [np.asarray(mask, dtype=np.bool_).tobytes() for mask in lesson.eligible]
    )
    actions = [(action.id, plain(action.features)) for action in lesson.actions]
    numbers = (slate.chosen, slate.propensities, [float(reward) for reward in lesson.rewards])
    clicks = [bool(click) for click in lesson.clicks]
    return _encoder.encode(
        (plain(lesson.context.features), actions, *numbers, clicks, masks, lesson.at_ms, lesson.trajectory)
    )


def unpack_lesson(data: bytes) -> Lesson:
    """What ``pack_lesson`` gave.

    Raises:
        PolicyError: if the bytes are something else.
    """
    try:
        context, actions, chosen, propensities, rewards, clicks, masks, at_ms, trajectory = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise PolicyError(f"{len(data)} bytes are no lesson: {error}") from error
    return Lesson(
        context=Context(context),
        actions=[Action(id, features) for id, features in actions],
        slots=[Slot(str(number)) for number in range(len(chosen))],
        slate=Slate(chosen, propensities),
        rewards=rewards,
        eligible=None if masks is None else [np.frombuffer(mask, dtype=np.bool_) for mask in masks],
        at_ms=at_ms,
        trajectory=trajectory,
        clicked=clicks,
    )


_Json = dict[str, Any]
_Floats = tuple[float, ...]
_Lesson = tuple[
    _Json, list[tuple[str, _Json]], tuple[int, ...], _Floats, _Floats, list[bool], list[bytes] | None, int, str
]
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[_Lesson] = msgspec.msgpack.Decoder(_Lesson)
