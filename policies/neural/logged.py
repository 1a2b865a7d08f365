"""Lessons as steps of a trajectory: encoded, compact, exact in bytes; and, before there is an encoder, as they came.

In: lessons. Out: ``LoggedStep``s, which wait in open trajectories and in a block until they are learned from.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policies.base import Action, Context, Lesson, PolicyError, Slate, Slot
from policies.neural.dense import DenseEncoder, Float32s

_HEAD = struct.Struct("<HHHHB")


@dataclass(frozen=True, slots=True)
class LoggedStep:
    """One decision and what came of it.

    Attributes:
        context: (n_context,).
        candidates: (n_candidates, n_action).
        items: (n_slots,): the candidate in each slot.
        logged: (n_slots,): log-propensities.
        rewards: (n_slots,): scaled.
        allowed: (n_slots, n_candidates): what might have gone there before earlier slots took it.
    """

    context: Float32s
    candidates: Float32s
    items: NDArray[np.uint16]
    logged: Float32s
    rewards: Float32s
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
            allowed=np.array(masks, dtype=np.bool_),
        )

    @property
    def clicks(self) -> NDArray[np.bool_]:
        """(n_slots,): whose items brought something."""
        return np.not_equal(self.rewards, 0.0)

    @property
    def shown(self) -> Float32s:
        """(n_slots, n_action)."""
        return self.candidates[self.items]

    def pack(self) -> bytes:
        """All of it, exactly."""
        (n_candidates, n_action), n_slots, restricted = self.candidates.shape, len(self.items), not self.allowed.all()
        parts: list[NDArray[Any]] = [self.context, self.candidates, self.items, self.logged, self.rewards]
        if restricted:
            parts.append(self.allowed)
        head = _HEAD.pack(len(self.context), n_candidates, n_action, n_slots, restricted)
        return head + b"".join([part.tobytes() for part in parts])

    @classmethod
    def unpack(cls, data: bytes) -> LoggedStep:
        """What ``pack`` gave.

        Raises:
            PolicyError: if the bytes are something else.
        """
        try:
            n_context, n_candidates, n_action, n_slots, restricted = _HEAD.unpack_from(data)
            shapes: list[tuple[tuple[int, ...], str]] = [
                ((n_context,), "<f4"),
                ((n_candidates, n_action), "<f4"),
                ((n_slots,), "<u2"),
                ((n_slots,), "<f4"),
                ((n_slots,), "<f4"),
                ((n_slots, n_candidates), "?"),
            ]
            at, parts = _HEAD.size, list[NDArray[Any]]()
            for shape, kind in shapes if restricted else shapes[:-1]:
                count = int(np.prod(shape))
                parts.append(np.frombuffer(data, kind, count, at).reshape(shape))
                at += count * np.dtype(kind).itemsize
        except (struct.error, ValueError) as error:
            raise PolicyError(f"{len(data)} bytes are no logged step: {error}") from error
        if not restricted:
            parts.append(np.ones((n_slots, n_candidates), dtype=np.bool_))
        return cls(*parts)


def pack_lesson(lesson: Lesson) -> bytes:
    """A lesson as it came, without what no encoder reads."""
    slate = lesson.slate
    masks = None if lesson.eligible is None else [np.asarray(mask).tolist() for mask in lesson.eligible]
    actions = [(action.id, action.features) for action in lesson.actions]
    numbers = [slate.chosen, slate.propensities, [float(reward) for reward in lesson.rewards]]
    return json.dumps([lesson.context.features, actions, numbers, masks, lesson.at_ms, lesson.trajectory]).encode()


def unpack_lesson(data: bytes) -> Lesson:
    """What ``pack_lesson`` gave.

    Raises:
        PolicyError: if the bytes are something else.
    """
    try:
        context, actions, (chosen, propensities, rewards), masks, at_ms, trajectory = json.loads(data)
        return Lesson(
            context=Context(context),
            actions=[Action(id, features) for id, features in actions],
            slots=[Slot(str(number)) for number in range(len(chosen))],
            slate=Slate(tuple(chosen), tuple(propensities)),
            rewards=rewards,
            eligible=None if masks is None else [np.array(mask, dtype=np.bool_) for mask in masks],
            at_ms=at_ms,
            trajectory=trajectory,
        )
    except (ValueError, TypeError) as error:
        raise PolicyError(f"{len(data)} bytes are no lesson: {error}") from error
