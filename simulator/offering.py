"""Actions as a loop in this process offers them: checked, addressed by content, with the rates of the served snapshot.

In: ids and JSON features. Out: ``Offered``s, made once while features and snapshot stay the same, the user's part of
them filled in for each request; the counterpart of ``serve_app/rows.py``, so a policy sees here what it sees there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agent.loops import LimitSettings
from policies import features
from policies.base import N_LOOP_DERIVED, Action, Features
from policies.derived import packed
from policies.rates import ItemRates
from policies.tags import Tags, tags_of
from policies.user_rates import UserRates

N_KEPT = 20_000
"""Actions remembered as offered; beyond it all are forgotten and made again."""


class Offered(NamedTuple):
    """An action ready to be chosen from, and what the log needs of it.

    Attributes:
        row: Canonical JSON of the features; its address is ``action.key``.
        derived: float32 little-endian, for the first of ``policies.base.DERIVED``: the loop's alone, or the user's too;
            empty where nothing is known.
        tags: The item's.
    """

    action: Action
    row: bytes
    derived: bytes
    tags: Tags


class Shelf:
    """Actions under one snapshot's item rates."""

    def __init__(self, rates: ItemRates, limits: LimitSettings) -> None:
        self._rates, self._limits = rates, limits
        self._ready: dict[tuple[str, bytes], Offered] = {}

    def offer(self, actions: Mapping[str, Features]) -> list[Offered]:
        """The actions of a request, in its order.

        Raises:
            policies.features.FeatureError: if features can't be used.
        """
        ready, offered = self._ready, []
        for action_id, given in actions.items():
            row = features.canonical(given)
            known = ready.get((action_id, row))
            if known is None:
                known = self._make(action_id, given, row)
            offered.append(known)
        return offered

    def check(self, given: Features) -> None:
        """Refuse features that the service would refuse.

        Raises:
            policies.features.FeatureError: naming the place, the value and the cure.
        """
        limits = self._limits
        features.check(given, n_features=limits.features, string_bytes=limits.string_bytes, nesting=limits.nesting)

    def _make(self, action_id: str, given: Features, row: bytes) -> Offered:
        self.check(given)
        key = features.address(row)
        tags = tags_of(given, key)
        derived = self._rates.derive(action_id, tags)
        offered = Offered(Action(action_id, given, key, derived), row, packed(derived[:N_LOOP_DERIVED]), tags)
        if len(self._ready) >= N_KEPT:
            self._ready.clear()
        self._ready[action_id, row] = offered
        return offered


def seen_by(user: UserRates, offered: Sequence[Offered]) -> list[Offered]:
    """The actions of a request with what is known of its user; as they are while nothing is known of items."""
    if not all([one.derived for one in offered]):
        return list(offered)
    columns = user.derive([one.tags for one in offered])
    return [_with(one, own) for one, own in zip(offered, columns, strict=True)]


def _with(one: Offered, own: tuple[float, ...]) -> Offered:
    action = one.action
    known = Action(action.id, action.features, action.key, action.derived[:N_LOOP_DERIVED] + own)
    return Offered(known, one.row, one.derived + packed(own), one.tags)
