"""Every Redis key, in one place. A loop's keys share a hash tag, ``{loop}``, so that they share a cluster slot."""

from __future__ import annotations

LOOPS = "sl:loops"
"""Hash: loop name → current settings version (decimal)."""

API_KEYS = "sl:keys"
"""Hash: key id → JSON of the key's record; its secret is stored as a SHA-256 digest only."""

SIGNING_KEYS = "sl:signing"
"""Hash: signing key id → 32 secret bytes; field ``current`` names the id that signs."""

METRICS = "sl:metrics"
"""Hash: metric sample → cumulative count, incremented by every process."""

CHANGES = "sl:changes"
"""Channel: a loop's name, whenever its settings, snapshot or catalogue changed; ``keys`` when an API key did."""


def log(loop: str) -> str:
    """Stream: every event of the loop, in the only order."""
    return f"sl:{{{loop}}}:log"


def log_deleted(loop: str) -> str:
    """Counter: entries deleted from the beginning of the log."""
    return f"sl:{{{loop}}}:log-deleted"


def features(loop: str) -> str:
    """Hash: content address (12 bytes) → canonical JSON of a feature row."""
    return f"sl:{{{loop}}}:features"


def event(loop: str, event_id: str) -> str:
    """String with expiry: stream id and body digest of the decision with this client event id."""
    return f"sl:{{{loop}}}:event:{event_id}"


def settings(loop: str) -> str:
    """Hash: version (decimal) → JSON of the loop's settings."""
    return f"sl:{{{loop}}}:settings"


def items(loop: str) -> str:
    """Hash: item id → JSON features of the loop's catalogue."""
    return f"sl:{{{loop}}}:items"


def items_version(loop: str) -> str:
    """Counter: raised by each change of the catalogue."""
    return f"sl:{{{loop}}}:items-version"


def lineages(loop: str) -> str:
    """Hash: learning hash → JSON of the lineage (settings version it began with, when, state)."""
    return f"sl:{{{loop}}}:lineages"


def serving(loop: str) -> str:
    """Hash: what replicas serve: lineage, version, pinned version, previous."""
    return f"sl:{{{loop}}}:serving"


def epoch(loop: str, lineage: str) -> str:
    """Counter: the fencing epoch; each new learner raises it."""
    return f"sl:{{{loop}}}:epoch:{lineage}"


def checkpoints(loop: str, lineage: str) -> str:
    """Sorted set of kept checkpoint numbers, newest highest; moved only under the current epoch."""
    return f"sl:{{{loop}}}:checkpoints:{lineage}"


def checkpoint(loop: str, lineage: str, number: int) -> str:
    """String: one checkpoint record."""
    return f"sl:{{{loop}}}:checkpoint:{lineage}:{number}"


def snapshots(loop: str, lineage: str) -> str:
    """Hash: version → JSON of the snapshot's description (when, how many learned, bytes)."""
    return f"sl:{{{loop}}}:snapshots:{lineage}"


def snapshot(loop: str, version: str) -> str:
    """String: one snapshot's bytes."""
    return f"sl:{{{loop}}}:snapshot:{version}"


def start(loop: str, address: str) -> str:
    """String: a trained agent that a lineage begins with; expires unless some settings name it."""
    return f"sl:{{{loop}}}:start:{address}"


def user(loop: str, lineage: str, mark: str) -> str:
    """String with expiry: what a lineage has learned of one user, named by a digest of the user's name."""
    return f"sl:{{{loop}}}:user:{lineage}:{mark}"


def progress(loop: str, lineage: str) -> str:
    """String: JSON of what the learner last reported (counters, positions, lag); for people, never for learning."""
    return f"sl:{{{loop}}}:progress:{lineage}"


def evaluations(loop: str) -> str:
    """Hash: evaluation id → JSON of what was asked for and what was found."""
    return f"sl:{{{loop}}}:evaluations"
