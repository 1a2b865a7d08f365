"""What of the features could not be taken as it came, in plain sentences with a cure.

In: the learner's counts by reason. Out: sentences for a loop's status. What happens now and then is counted and no
more; what happens often enough to matter is explained.
"""

from __future__ import annotations

from collections.abc import Mapping

FEW = 10
"""So many are no pattern yet."""

RARE = 0.01
"""Per lesson; below, it is counted and not explained."""

CURES: Mapping[str, str] = {
    "absent": "it counts as average there; send it with every request, or leave it out for good",
    "actions": "send features that similar actions share, or set options.model to shared",
    "dimension limit": "send fewer different names and words, or raise options.dimensions",
    "unmet": "it counts as average; send it, or train the agent anew with what your requests have",
    "type": "both are learned, each for itself; send it always as the one or always as the other",
    "value": "it was left out; send finite numbers up to 1e18, strings, booleans, null, lists and objects of these",
}
"""What a reason begins with → what to do. A reason that isn't here is ordinary: counted, never explained."""

_ALWAYS = frozenset({"actions", "unmet"})
"""Conditions rather than events: told once they hold."""


def explained(troubles: Mapping[str, int], n_learned: int) -> list[str]:
    """A sentence for each reason that matters, in order of reason.

    Args:
        troubles: Reason → count, since the lineage began.
        n_learned: Lessons since then.
    """
    return [
        f"Features: {reason} ({count:,} times in {n_learned:,} lessons); {CURES[kind]}."
        if kind not in _ALWAYS
        else f"Features: {reason}; {CURES[kind]}."
        for reason, count in sorted(troubles.items())
        if (kind := reason.partition(":")[0]) in CURES and (kind in _ALWAYS or _matters(count, n_learned))
    ]


def _matters(count: int, n_learned: int) -> bool:
    return count > FEW and count > RARE * n_learned
