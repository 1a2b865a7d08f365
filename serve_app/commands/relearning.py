"""Learns a loop's log again from its beginning and compares with what the running learner had at its newest checkpoint.

In: the datastore of a running service. Out: whether the two training states have the same bytes. Reads only.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

import redis

from agent.checkpoint import CheckpointStore
from agent.connection import connect
from agent.event_log import LogReader
from agent.fencing import Fence
from agent.learner_host import settings_of
from agent.log_follower import relearn
from agent.loop_store import LoopStore
from agent.server_files import ServerFiles
from agent.snapshots import SnapshotStore
from agent.starts import StartError, StartStore
from policies.base import PolicyError
from serve_app.settings import ServiceSettings


class RelearnError(RuntimeError):
    """There is nothing to compare; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Relearned:
    """Two training states of one lineage at one position of the log."""

    loop: str
    lineage: str
    tail: str
    n_learned: int
    n_bytes: int
    checkpoint_sha256: str
    relearned_sha256: str
    seconds: float

    @property
    def is_equal(self) -> bool:
        """The same bytes."""
        return self.checkpoint_sha256 == self.relearned_sha256


def datastore_url(settings: ServiceSettings) -> str:
    """Where the service's datastore listens.

    Raises:
        RelearnError: if none is named and none has run in the data folder.
    """
    if settings.redis_url is not None:
        return settings.redis_url
    folder = settings.data_dir / "datastore"
    record = ServerFiles(folder).record() if folder.is_dir() else None
    if record is None:
        raise RelearnError(
            f"no datastore has run in {folder.absolute()}; name the service's folder with --data-dir, "
            "or its server with SLATELOOP_REDIS_URL"
        )
    return record.url


def compare(url: str, loop: str) -> Relearned:
    """Learn again up to the newest checkpoint of the lineage being served.

    Raises:
        RelearnError: if there is no such loop or no checkpoint, part of its log was deleted, or the datastore is away.
        agent.connection.DatastoreError: if the URL is none.
    """
    try:
        with connect(url) as client:
            return _compare(client, loop)
    except redis.RedisError as error:
        raise RelearnError(f"the datastore doesn't answer ({error}); start the service first") from error


def _compare(client: redis.Redis, loop: str) -> Relearned:
    stored = LoopStore(client).current(loop)
    if stored is None:
        raise RelearnError(f"no loop {loop}; these exist: {', '.join(LoopStore(client).names())}")
    serving = SnapshotStore(client, loop).serving()
    lineage = stored.settings.learning_hash if serving is None else serving.lineage
    kept = CheckpointStore(client, Fence(loop, lineage, 0)).load().checkpoint
    if kept is None:
        raise RelearnError(f"loop {loop} has no checkpoint yet; it takes one after some hundred experiences")
    if n_deleted := LogReader(client, loop).n_deleted():
        raise RelearnError(
            f"loop {loop} can't be learned again: the first {n_deleted:,} entries of its log were deleted "
            "(DELETE log). Its learning is well; there is nothing left to compare it with"
        )
    began_at = time.monotonic()
    settings = settings_of(client, loop, lineage).settings
    try:
        start = StartStore(client, loop).named_by(settings)
        learner = relearn(LogReader(client, loop), settings, kept.join.tail, start=start)
    except (StartError, PolicyError) as error:
        raise RelearnError(str(error)) from error
    try:
        again = learner.state() if learner.n_until_settled == 0 else b""
    finally:
        learner.close()
    return Relearned(
        loop=loop,
        lineage=lineage,
        tail=str(kept.join.tail),
        n_learned=learner.n_learned,
        n_bytes=len(again),
        checkpoint_sha256=hashlib.sha256(kept.learner).hexdigest(),
        relearned_sha256=hashlib.sha256(again).hexdigest(),
        seconds=time.monotonic() - began_at,
    )
