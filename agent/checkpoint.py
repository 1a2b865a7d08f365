"""Checkpoints: all that learning needs to go on, in one checked record.

In: the learner's training state together with the position in the log that it stands for. Out: the newest valid one.
The blob goes first, under a key of its own that expires unless one transaction, checked against the fencing epoch,
adds it to the kept ones: so a stale learner or a crash in between leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import redis

from agent import keys
from agent.fencing import Fence
from agent.join import JoinState
from agent.sealed import SealError, seal, unseal

N_KEPT = 3
UNREFERENCED_S = 600
"""A blob that no transaction has kept vanishes after this long."""

_KIND = b"SLCP1"


class Checkpoint(msgspec.Struct, frozen=True):
    """Training state and position, inseparable.

    Attributes:
        lineage: Learning hash of the settings it was learned with.
        epoch: Of the learner that took it.
        n_learned: Experiences learned.
        join: Tail position, what to reread, clock references, counters.
        learner: ``LoopLearner.state()``: policy, item rates, variant statistics.
    """

    lineage: str
    epoch: int
    n_learned: int
    join: JoinState
    learner: bytes


class Loaded(NamedTuple):
    """The newest valid checkpoint, if any, and what was wrong with newer ones."""

    checkpoint: Checkpoint | None
    problems: tuple[str, ...]


class CheckpointStore:
    """The checkpoints of one lineage, as one learner writes them."""

    def __init__(self, client: redis.Redis, fence: Fence) -> None:
        self._client = client
        self._fence = fence
        self._kept = keys.checkpoints(fence.loop, fence.lineage)
        self._next = fence.epoch << 24  # no two learners ever write under the same number

    def save(self, checkpoint: Checkpoint) -> int:
        """Keep a checkpoint, and the ``N_KEPT`` newest in all.

        Returns:
            Its number; later ones have higher numbers.

        Raises:
            Fenced: if another learner has claimed the lineage; nothing was kept.
        """
        number, self._next = self._next, self._next + 1
        key = self._key(number)
        self._client.set(key, seal(_encoder.encode(checkpoint), _KIND), ex=UNREFERENCED_S)

        def keep(pipe: Any) -> None:
            self._fence.check(pipe)
            old = [int(kept) for kept in pipe.zrange(self._kept, 0, -N_KEPT)]
            pipe.multi()
            pipe.persist(key)
            pipe.zadd(self._kept, {str(number): number})
            if old:
                pipe.zrem(self._kept, *map(str, old))
                pipe.unlink(*map(self._key, old))

        self._client.transaction(keep, self._fence.key, self._kept)
        return number

    def load(self) -> Loaded:
        """The newest checkpoint that is whole; older ones stand in for broken ones."""
        problems: list[str] = []
        for number, data in self._newest_first():
            try:
                return Loaded(self._read(number, data), tuple(problems))
            except SealError as error:
                problems.append(str(error))
        return Loaded(None, tuple(problems))

    def _newest_first(self) -> Iterator[tuple[int, bytes | None]]:
        numbers: Any = self._client.zrevrange(self._kept, 0, -1)
        for number in map(int, numbers):
            data: Any = self._client.get(self._key(number))
            yield number, data

    def _read(self, number: int, data: bytes | None) -> Checkpoint:
        if data is None:
            raise SealError(f"checkpoint {number} is missing")
        try:
            checkpoint = _decoder.decode(unseal(data, _KIND))
        except (SealError, msgspec.MsgspecError) as error:
            raise SealError(f"checkpoint {number}: {error}") from error
        if checkpoint.lineage != self._fence.lineage:
            raise SealError(f"checkpoint {number} belongs to lineage {checkpoint.lineage}")
        return checkpoint

    def _key(self, number: int) -> str:
        return keys.checkpoint(self._fence.loop, self._fence.lineage, number)


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(Checkpoint)
