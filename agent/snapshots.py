"""Snapshots: what serving needs of a loop's learner, immutable and versioned, and which version is served.

In: a snapshot from the learner; a rollback, a release or a new lineage from people and the supervisor.
Out: bytes for the replicas, a pointer to the version they serve, and word on ``keys.CHANGES`` whenever it moved.

The pointer follows one lineage: each version its learner publishes is served at once, unless a rollback has pinned a
version. While pinned, newer versions become available and are not served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec
import redis

from agent import keys
from agent.event_log import server_ms
from agent.fencing import Fence
from agent.sealed import SealError, seal, unseal
from agent.thinning import N_NEWEST, to_drop

UNREFERENCED_S = 600
"""The bytes of a version that was never published vanish after this long."""

_KIND = b"SLSN1"
_IN_ORDER = "order-"
_T = TypeVar("_T")


class SnapshotError(ValueError):
    """No such version, or its bytes are not what was published; the message names the cure."""


class LoopSnapshot(msgspec.Struct, frozen=True):
    """A loop's policy and running item rates, as learned up to a place in the log.

    Attributes:
        policy: For ``policies.registry.make_policy``.
        rates: For ``policies.rates.ItemRates.from_bytes``.
        learned_to: Stream id of the last entry taken in.
        version: ``<lineage>-<n_learned>-<6 hex digits of the content>``; see ``in_order`` for another.
    """

    kind: str
    options: dict[str, Any]
    reward_min: float
    reward_max: float
    policy: bytes
    rates: bytes
    n_learned: int
    learned_to: str
    lineage: str
    version: str


class SnapshotInfo(msgspec.Struct, frozen=True):
    """A kept version; ``published_at`` in milliseconds of the server's clock."""

    version: str
    lineage: str
    n_learned: int
    published_at: int
    n_bytes: int


class Serving(msgspec.Struct, frozen=True):
    """What replicas serve.

    Attributes:
        lineage: The lineage that is followed; a pinned version may be of another.
        published_at: When this version was published, in milliseconds of the server's clock.
        previous: The version served before, or "".
    """

    lineage: str
    version: str
    pinned: bool
    published_at: int
    n_learned: int
    previous: str = ""


def version_of(lineage: str, n_learned: int, *content: bytes) -> str:
    """The version's name; equal content has an equal name."""
    digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in content)).hexdigest()
    return f"{lineage}-{n_learned}-{digest[:6]}"


def in_order(snapshot: LoopSnapshot) -> LoopSnapshot:
    """The order in which the application sends the actions, in a snapshot's place, with its running rates.

    It has learned nothing, so whatever else its lineage learns replaces it, and no lineage takes over by it. Its
    version begins otherwise than those of its lineage's own policy.
    """
    version = version_of(_IN_ORDER + snapshot.lineage, 0, b"", snapshot.rates)
    return msgspec.structs.replace(snapshot, kind="order", options={}, policy=b"", n_learned=0, version=version)


def is_in_order(version: str) -> bool:
    """Whether a version is one that ``in_order`` made."""
    return version.startswith(_IN_ORDER)


def pack(snapshot: LoopSnapshot) -> bytes:
    """Bytes of a snapshot, with their checksum."""
    return seal(_encoder.encode(snapshot), _KIND)


def unpack(data: bytes) -> LoopSnapshot:
    """The snapshot of packed bytes.

    Raises:
        SnapshotError: if they are not whole.
    """
    try:
        return _decoder.decode(unseal(data, _KIND))
    except (SealError, msgspec.MsgspecError) as error:
        raise SnapshotError(f"not a snapshot: {error}") from error


class SnapshotStore:
    """The snapshots of one loop, of all its lineages."""

    def __init__(self, client: redis.Redis, loop: str, *, clock_ms: Callable[[], int] | None = None) -> None:
        """Nothing is read yet.

        Args:
            client: From ``connect``.
            loop: Name of the loop.
            clock_ms: Dates the versions; the server's clock unless given.
        """
        self._client = client
        self._loop = loop
        self._clock_ms = clock_ms or (lambda: server_ms(client))
        self._serving = keys.serving(loop)

    def publish(self, snapshot: LoopSnapshot, fence: Fence) -> bool:
        """Keep a snapshot and serve it, unless a version is pinned or another lineage is followed; thin older ones.

        Returns:
            Whether it is served now.

        Raises:
            Fenced: if another learner has claimed the lineage; nothing was published.
        """
        data, now_ms = pack(snapshot), self._clock_ms()
        info = SnapshotInfo(snapshot.version, snapshot.lineage, snapshot.n_learned, now_ms, len(data))
        self._client.set(keys.snapshot(self._loop, info.version), data, ex=UNREFERENCED_S)

        def move(pipe: Any) -> bool:
            fence.check(pipe)
            before = self._read_serving(pipe)
            others = self._read_infos(pipe, info.lineage)
            pipe.multi()
            serves = before is None or (before.lineage == info.lineage and not before.pinned)
            self._keep(pipe, info)
            if serves:
                self._serve(pipe, info, before)
            self._thin(pipe, {**others, info.version: info}, now_ms, before)
            return serves

        return self._transact(move, fence.key)

    def serving(self) -> Serving | None:
        """What is served, or None before the first publish."""
        return self._read_serving(self._client)

    def load(self, version: str) -> LoopSnapshot:
        """A kept version.

        Raises:
            SnapshotError: if it isn't kept, or broken.
        """
        data: Any = self._client.get(keys.snapshot(self._loop, version))
        if data is None:
            raise SnapshotError(f"version={version!r} is not kept; the loop's snapshots list those that are")
        return unpack(data)

    def kept(self) -> list[SnapshotInfo]:
        """Every kept version of every lineage, newest first."""
        lineages: Any = self._client.hkeys(keys.lineages(self._loop))
        followed = self.serving()
        names = {name.decode() for name in lineages} | ({followed.lineage} if followed else set())
        infos = [info for name in names for info in self._read_infos(self._client, name).values()]
        return sorted(infos, key=lambda info: (info.published_at, info.n_learned), reverse=True)

    def newest(self, lineage: str) -> SnapshotInfo | None:
        """The kept version of a lineage that has learned most, or None where it has none."""
        return max(self._read_infos(self._client, lineage).values(), key=_order, default=None)

    def roll_back(self, version: str) -> Serving:
        """Serve a kept version, of any lineage, and pin it until ``release``.

        Raises:
            SnapshotError: if it isn't kept, or broken; nothing has changed.
        """
        snapshot = self.load(version)

        def pin(pipe: Any) -> Serving:
            info = self._read_infos(pipe, snapshot.lineage).get(version)
            before = self._read_serving(pipe)
            pipe.multi()
            if info is None:
                raise SnapshotError(f"version={version!r} is not kept; the loop's snapshots list those that are")
            return self._serve(pipe, info, before, pinned=True)

        return self._transact(pin, keys.snapshots(self._loop, snapshot.lineage))

    def release(self) -> Serving | None:
        """Undo the pin: serve the newest version of the lineage that is followed; no change where nothing is pinned."""

        def unpin(pipe: Any) -> Serving | None:
            before = self._read_serving(pipe)
            if before is None or not before.pinned:
                return before
            infos = self._read_infos(pipe, before.lineage)
            pipe.multi()
            newest = max(infos.values(), key=_order, default=None)
            return self._unpinned_in_place(pipe, before) if newest is None else self._serve(pipe, newest, before)

        return self._transact(unpin)

    def switch_lineage(self, lineage: str) -> Serving:
        """Follow another lineage, and serve its newest version unless one is pinned.

        Raises:
            SnapshotError: if that lineage has no snapshot yet.
        """

        def follow(pipe: Any) -> Serving:
            infos, before = self._read_infos(pipe, lineage), self._read_serving(pipe)
            pipe.multi()
            if not infos:
                raise SnapshotError(
                    f"lineage={lineage!r} has no snapshot yet; wait until its learner has published one"
                )
            if before is not None and before.pinned:
                pipe.hset(self._serving, "lineage", lineage)
                return msgspec.structs.replace(before, lineage=lineage)
            return self._serve(pipe, max(infos.values(), key=_order), before)

        return self._transact(follow, keys.snapshots(self._loop, lineage))

    def thin(self, lineage: str) -> int:
        """Drop old versions of a lineage that nobody publishes to any more; returns how many."""

        def drop(pipe: Any) -> int:
            infos, before = self._read_infos(pipe, lineage), self._read_serving(pipe)
            pipe.multi()
            return self._thin(pipe, infos, self._clock_ms(), before)

        return self._transact(drop, keys.snapshots(self._loop, lineage))

    def _transact(self, change: Callable[[Any], _T], *watched: str) -> _T:
        """Run a change that reads first and then queues its writes, again and again until nobody interfered."""
        result: Any = self._client.transaction(cast(Any, change), self._serving, *watched, value_from_callable=True)
        return cast(_T, result)

    def _keep(self, pipe: Any, info: SnapshotInfo) -> None:
        pipe.persist(keys.snapshot(self._loop, info.version))
        pipe.hset(keys.snapshots(self._loop, info.lineage), info.version, msgspec.json.encode(info))

    def _serve(self, pipe: Any, info: SnapshotInfo, before: Serving | None, *, pinned: bool = False) -> Serving:
        lineage = before.lineage if pinned and before else info.lineage
        previous = before.version if before and before.version != info.version else before.previous if before else ""
        serving = Serving(lineage, info.version, pinned, info.published_at, info.n_learned, previous)
        pipe.hset(self._serving, mapping={**msgspec.to_builtins(serving), "pinned": int(pinned)})
        pipe.publish(keys.CHANGES, self._loop)
        return serving

    def _unpinned_in_place(self, pipe: Any, before: Serving) -> Serving:
        pipe.hset(self._serving, "pinned", 0)
        return msgspec.structs.replace(before, pinned=False)

    def _thin(self, pipe: Any, infos: dict[str, SnapshotInfo], now_ms: int, before: Serving | None) -> int:
        never = {info.version for info in sorted(infos.values(), key=_order)[-N_NEWEST:]}
        never |= {before.version, before.previous} if before else set()
        ages = {version: info.published_at for version, info in infos.items()}
        drop = to_drop(ages, now_ms=now_ms, never=never)
        if drop:
            pipe.hdel(keys.snapshots(self._loop, infos[drop[0]].lineage), *drop)
            pipe.unlink(*(keys.snapshot(self._loop, version) for version in drop))
        return len(drop)

    def _read_serving(self, reader: Any) -> Serving | None:
        fields = {name.decode(): value.decode() for name, value in reader.hgetall(self._serving).items()}
        return msgspec.convert(fields, Serving, strict=False) if fields else None

    def _read_infos(self, reader: Any, lineage: str) -> dict[str, SnapshotInfo]:
        found = reader.hgetall(keys.snapshots(self._loop, lineage)).values()
        infos = [msgspec.json.decode(text, type=SnapshotInfo) for text in found]
        return {info.version: info for info in infos}


def _order(info: SnapshotInfo) -> tuple[int, int]:
    """Within a lineage: by what was learned first, for clocks are set back."""
    return info.n_learned, info.published_at


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(LoopSnapshot)
