"""The fence: of all learners that think they learn a lineage, only the one that claimed it last may write.

In: a claim by each new learner. Out: a fence to check inside the transaction that writes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import redis

from agent import keys


class Fenced(RuntimeError):  # noqa: N818 - says what happened
    """Another learner has claimed this lineage; this one must stop."""


class Fence(NamedTuple):
    """One learner's claim on a lineage of a loop."""

    loop: str
    lineage: str
    epoch: int

    @property
    def key(self) -> str:
        """What a transaction must watch."""
        return keys.epoch(self.loop, self.lineage)

    def check(self, pipe: Any) -> None:
        """Read the current epoch through a client, or a pipeline that watches ``key``.

        Raises:
            Fenced: if a later learner has claimed the lineage.
        """
        current = pipe.get(self.key)
        if current is None or int(current) != self.epoch:
            raise Fenced(
                f"loop {self.loop}, lineage {self.lineage}: epoch {self.epoch} is over, "
                f"{'none' if current is None else int(current)} has begun; another learner has taken over"
            )


def claim(client: redis.Redis, loop: str, lineage: str) -> Fence:
    """Begin a new epoch; whoever held the lineage before can write no more."""
    epoch: Any = client.incr(keys.epoch(loop, lineage))
    return Fence(loop, lineage, int(epoch))
