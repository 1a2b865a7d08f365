"""Which old snapshots to drop: the newest few stay, then about one for each doubling of age, none beyond a month.

In: when each version was published. Out: the versions to drop.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

N_NEWEST = 5
KEEP_MS = 30 * 86_400_000


def to_drop(published_at: Mapping[str, int], *, now_ms: int, never: Collection[str] = ()) -> list[str]:
    """Versions to drop, newest first.

    Of the versions whose age lies between two powers of two (in seconds) the oldest stays, so that it grows into the
    next pair as time goes on and each age keeps its witness.

    Args:
        published_at: Version → milliseconds.
        now_ms: Milliseconds, on the same clock.
        never: Versions that stay whatever their age.
    """
    newest_first = sorted(published_at, key=lambda version: (published_at[version], version), reverse=True)
    witnesses: dict[int, str] = {}
    for version in newest_first[N_NEWEST:]:
        age_ms = now_ms - published_at[version]
        if age_ms <= KEEP_MS:
            witnesses[math.frexp(max(age_ms, 1000) / 1000)[1]] = version
    kept = {*newest_first[:N_NEWEST], *witnesses.values(), *never}
    return [version for version in newest_first if version not in kept]
