"""Actions as a loop in this process offers them: checked, addressed by content, with the rates of the served snapshot.

In: ids and JSON features. Out: what is offered of them (``agent/offering.py``), made once while features and snapshot
stay the same; the counterpart of ``serve_app/rows.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.loops import LimitSettings
from agent.offering import Offered, offered
from policies import features
from policies.base import Features
from policies.rates import ItemRates

N_KEPT = 20_000
"""Actions remembered as offered; beyond it all are forgotten and made again."""


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
        ready, found = self._ready, []
        for action_id, given in actions.items():
            row = features.canonical(given)
            known = ready.get((action_id, row))
            if known is None:
                known = self._make(action_id, given, row)
            found.append(known)
        return found

    def check(self, given: Features) -> None:
        """Refuse features that the service would refuse.

        Raises:
            policies.features.FeatureError: naming the place, the value and the cure.
        """
        limits = self._limits
        features.check(given, n_features=limits.features, string_bytes=limits.string_bytes, nesting=limits.nesting)

    def _make(self, action_id: str, given: Features, row: bytes) -> Offered:
        self.check(given)
        made = offered(action_id, given, row, key=features.address(row), rates=self._rates)
        if len(self._ready) >= N_KEPT:
            self._ready.clear()
        self._ready[action_id, row] = made
        return made
