"""Experiences become lessons: feature rows resolved, rewards clipped to the loop's range, everything checked.

In: an experience and the rows its decision names. Out: a lesson, or the reason why there is none.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import numpy as np

from agent.loops import RewardSettings
from agent.records import N_KEY_BYTES, Decision, Experience
from policies.base import DERIVED, Action, Context, Features, Lesson, Mask, Slate, Slot
from policies.derived import N_FIRST, completed

N_ROWS = 20_000
"""Parsed feature rows kept; one decision's are kept whatever their number."""


class LessonError(ValueError):
    """An experience can't be learned from; the message is the reason it is counted under."""


class FeatureRows:
    """Parsed feature rows, the most recently used of them kept in memory.

    Rows are fetched by ``load`` alone, before anything moves, so that a lost connection leaves all as it was.
    """

    def __init__(self, fetch: Callable[[Iterable[bytes]], Mapping[bytes, bytes]], *, n_rows: int = N_ROWS) -> None:
        self._fetch = fetch
        self._n_rows = n_rows
        self._rows: OrderedDict[bytes, Features | None] = OrderedDict()

    def load(self, decision: Decision) -> None:
        """Have this decision's rows at hand."""
        wanted = keys_of(decision)
        missing = [key for key in wanted if self._rows.get(key) is None]
        found = self._fetch(missing) if missing else {}
        for key in missing:
            self._rows[key] = _features(found[key]) if key in found else None
        for key in wanted:
            self._rows.move_to_end(key)
        while len(self._rows) > max(self._n_rows, len(wanted)):
            self._rows.popitem(last=False)

    def __getitem__(self, key: bytes) -> Features:
        """Features of one row of the decision loaded last.

        Raises:
            LessonError: if it isn't stored, or isn't a JSON object.
        """
        features = self._rows.get(key)
        if features is None:
            raise LessonError("features: a row is missing or unreadable")
        return features


def keys_of(decision: Decision) -> list[bytes]:
    """Content addresses of the actions' features, in the actions' order."""
    joined = decision.feature_keys
    return [joined[i : i + N_KEY_BYTES] for i in range(0, len(joined), N_KEY_BYTES)]


def lesson(experience: Experience, rows: FeatureRows, settings: RewardSettings) -> Lesson:
    """What a learner is told of an experience.

    Raises:
        LessonError: if anything the decision logged is missing, unreadable or contradicts itself.
    """
    decision = experience.decision
    slots = [Slot(slot.id, _known(_features(slot.features), "slot features")) for slot in decision.slots]
    rewards = [_clipped(reward, settings) for reward in experience.rewards]
    return Lesson(
        context=Context(_known(_features(decision.context), "context")),
        actions=_actions(decision, rows),
        slots=slots,
        slate=Slate(decision.chosen, decision.propensities),
        rewards=rewards,
        eligible=_eligible(decision),
        at_ms=experience.id.ms,
        trajectory=_trajectory(decision),
        clicked=_clicked(experience.fed, rewards, settings.default),
    )


def of_session(session: str) -> str:
    """The trajectory of a session."""
    return f"session:{session}"


def _trajectory(decision: Decision) -> str:
    if decision.session is not None:
        return of_session(decision.session)
    return "" if decision.user is None else f"user:{decision.user}"


def _actions(decision: Decision, rows: FeatureRows) -> list[Action]:
    derived = _derived(decision)
    keys = keys_of(decision)
    return [
        Action(id, rows[key], key, values) for id, key, values in zip(decision.action_ids, keys, derived, strict=True)
    ]


def _derived(decision: Decision) -> Sequence[tuple[float, ...]]:
    n_actions = len(decision.action_ids)
    if not decision.derived:
        return [()] * n_actions
    n_columns, n_left = divmod(len(decision.derived), 4 * n_actions)
    if n_left or not N_FIRST <= n_columns <= len(DERIVED):
        raise LessonError("derived: not one float32 for each action and derived feature")
    values = np.frombuffer(decision.derived, "<f4").reshape(n_actions, n_columns)
    if not np.isfinite(values).all():
        raise LessonError("derived: not finite")
    return [completed(row) for row in values.tolist()]


def _eligible(decision: Decision) -> list[Mask] | None:
    if not any(slot.excluded for slot in decision.slots):
        return None
    n_actions = len(decision.action_ids)
    masks = []
    for slot in decision.slots:
        if any(not 0 <= index < n_actions for index in slot.excluded):
            raise LessonError("excluded: not an action")
        mask = np.ones(n_actions, dtype=np.bool_)
        mask[list(slot.excluded)] = False
        masks.append(mask)
    return masks


def _clicked(fed: Sequence[bool] | None, rewards: Sequence[float], default: float) -> list[bool] | None:
    """Silence is no click, whatever it is worth; nor is feedback worth as much.

    So a client may post the default for what wasn't clicked; any other reward is a click, a 0 too.
    """
    if fed is None:
        return None
    return [had and reward != default for had, reward in zip(fed, rewards, strict=True)]


def _clipped(reward: float, settings: RewardSettings) -> float:
    return max(settings.min, min(settings.max, reward))


def _features(data: bytes) -> Features | None:
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError:
        return None


def _known(features: Features | None, field: str) -> Features:
    if features is None:
        raise LessonError(f"{field}: not a JSON object")
    return features


_decoder = msgspec.json.Decoder(dict)
