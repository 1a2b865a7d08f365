"""A loop's runtime from what Redis holds; blocking, so it runs in a thread beside the requests.

In: the loop's settings, the snapshot that is to be served, the version of its catalogue. Out: a new ``LoopRuntime``
that reuses what didn't change. A snapshot that can't be trusted is not served: the one before stays, with the reason.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from redis import Redis

from agent.arms import Arm, probe
from agent.catalogue import Catalogue as StoredCatalogue
from agent.loop_store import LoopStore
from agent.loops import LimitSettings
from agent.snapshots import SnapshotError, SnapshotStore
from policies.base import PolicyError
from policies.rates import ItemRates
from policies.registry import make_policy
from serve_app.loop_runtime import LoopRuntime, Served, runtime
from serve_app.rows import Catalogue, Rows, Shelf

logger = logging.getLogger("slateloop.load")


class Loader:
    """Reads loops.

    Args:
        redis: A sync client; used by one thread at a time.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._settings = LoopStore(redis)

    def load(self, name: str, before: LoopRuntime | None) -> LoopRuntime | None:
        """The loop as it is stored now.

        Args:
            name: The loop.
            before: Its runtime so far, or None the first time.

        Returns:
            A runtime, or None where no such loop exists.

        Raises:
            PolicyError: its settings name a policy that doesn't exist, and it was never loaded before.
        """
        stored = self._settings.current(name)
        if stored is None:
            return None
        served, rates, trouble = self._snapshot(name, before)
        rows = self._rows(name, before, stored.settings.limits)
        return runtime(name, stored.settings, stored.version, shelf=Shelf(rows, rates), served=served, trouble=trouble)

    def _snapshot(self, name: str, before: LoopRuntime | None) -> tuple[Served | None, ItemRates, str]:
        old = None if before is None else before.served
        known = ItemRates() if before is None else before.shelf.rates
        store = SnapshotStore(self._redis, name)
        wanted = store.serving()
        if wanted is None or (old is not None and old.arm.version == wanted.version):
            return old, known, ""
        try:
            snapshot = store.load(wanted.version)
            policy = make_policy(
                snapshot.kind,
                snapshot.options,
                snapshot.policy,
                reward_range=(snapshot.reward_min, snapshot.reward_max),
            )
            probe(policy)
            rates = ItemRates.from_bytes(snapshot.rates)
        except (SnapshotError, PolicyError) as error:
            logger.warning("loop %s keeps serving what it has: snapshot %s: %s", name, wanted.version, error)
            return old, known, f"snapshot {wanted.version} can't be served: {error}"
        arm = Arm(policy, snapshot.kind, wanted.version)
        return Served(arm, None if old is None else old.arm, snapshot.lineage), rates, ""

    def _rows(self, name: str, before: LoopRuntime | None, limits: LimitSettings) -> Rows:
        store = StoredCatalogue(self._redis, name)
        version = store.version()
        old = None if before is None else before.shelf.rows
        if old is not None and old.limits == limits and old.catalogue.version == version:
            return old

        async def fetch(ids: Sequence[str]) -> Mapping[str, bytes]:
            return await asyncio.to_thread(store.fetch, ids)

        return Rows(limits, Catalogue(fetch if version else None, version=version))
