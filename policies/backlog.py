"""What has come to an agent with nets and has changed no net yet: for people, never for learning.

In: counts from its learner. Out: one record, which reports and the status carry on as it is.
"""

from __future__ import annotations

import msgspec


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """Steps that wait. Nets change only when a block of finished steps is full.

    Attributes:
        n_early: Lessons that wait for the encoder to be fitted.
        n_fit: It is fitted on so many, or fewer where they are large; 0 once it is.
        n_sessions: Open sessions.
        n_open: Steps in them.
        n_finished: Steps of finished sessions, in a block that isn't full yet.
        n_block: The block is full at so many; early blocks are smaller than ``options.block``.
        n_blocks: Blocks that were full so far.
        n_since: Steps that came since the last one, or since the first lesson.
        since_s: Stream time from the first of these to the latest lesson or end of a session.
        gap_s: A session idle for longer, in stream time, is over.
    """

    n_early: int = 0
    n_fit: int = 0
    n_sessions: int = 0
    n_open: int = 0
    n_finished: int = 0
    n_block: int = 0
    n_blocks: int = 0
    n_since: int = 0
    since_s: float = 0.0
    gap_s: float = 0.0
