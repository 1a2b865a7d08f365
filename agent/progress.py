"""What a learner last reported of itself: for people, for metrics, and for the supervisor; never for learning.

In: the learner's counters and positions. Out: JSON under the lineage's progress key.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec
import redis

from agent import keys
from agent.apprentice import ApprenticeSums
from agent.join import Counters
from agent.variant_stats import VariantSums
from policies.backlog import Backlog

_log = logging.getLogger(__name__)


class Progress(msgspec.Struct, frozen=True):
    """One report.

    Attributes:
        reported_at: Milliseconds of the server's clock; an old report means that no learner is at work.
        epoch: Fencing epoch of the learner that reports.
        settings_version: The loop's current settings when it reported.
        tail: Stream id of the last entry taken in.
        n_learned: Experiences learned since the log began.
        n_refused: Experiences and rewards refused, and entries that could not be read.
        refused: The same by reason.
        counters: What the join counted.
        n_orphans_lately: Of its orphans, those within the last ten minutes of the log, as far as this learner saw them.
        n_learned_lately: Experiences learned of the same ten minutes.
        troubles: What of the features could not be taken as it came, by reason.
        backlog: What has changed no net yet; None where the policy has none.
        variants: Variant → sums, for ``agent.variant_stats``.
        apprentice: How the policy's own choices fared where the baseline was served in their stead.
        n_behind: Decisions whose window has closed and that are not learned yet, and entries not read yet.
        n_open: Decisions whose window is open.
        lag_s: How long ago the window of the next decision closed; 0 where it is open or there is none.
        published: Version published last, or "".
        n_unpublished: Snapshots that failed their check and were not published.
        clock_ahead_s: How far the log's newest entry lies in the server's future; beyond a few seconds the server's
            clock was set back and stream time stands still until it has caught up.
        why: Plain sentences about what keeps it from learning or publishing.
    """

    loop: str
    lineage: str
    reported_at: int = 0
    epoch: int = 0
    settings_version: int = 0
    tail: str = "0-0"
    n_learned: int = 0
    n_refused: int = 0
    refused: dict[str, int] = {}
    counters: Counters = msgspec.field(default_factory=Counters)
    n_orphans_lately: int = 0
    n_learned_lately: int = 0
    variants: dict[str, VariantSums] = {}
    troubles: dict[str, int] = {}
    backlog: Backlog | None = None
    apprentice: ApprenticeSums = msgspec.field(default_factory=ApprenticeSums)
    n_behind: int = 0
    n_open: int = 0
    lag_s: float = 0.0
    published: str = ""
    n_unpublished: int = 0
    clock_ahead_s: float = 0.0
    why: tuple[str, ...] = ()


def write(client: redis.Redis, progress: Progress) -> None:
    """Replace the lineage's report."""
    client.set(keys.progress(progress.loop, progress.lineage), msgspec.json.encode(progress))


def read(client: redis.Redis, loop: str, lineage: str) -> Progress | None:
    """The lineage's last report, or None before the first and where it can't be read."""
    data: Any = client.get(keys.progress(loop, lineage))
    try:
        return None if data is None else msgspec.json.decode(data, type=Progress)
    except msgspec.MsgspecError as error:
        _log.warning("loop %s: the report of lineage %s can't be read and is passed over: %s", loop, lineage, error)
        return None


def add_trouble(client: redis.Redis, loop: str, lineage: str, sentence: str) -> None:
    """Say why no learner is at work, without renewing the last report."""
    last = read(client, loop, lineage) or Progress(loop, lineage)
    write(client, msgspec.structs.replace(last, why=(sentence,)))
