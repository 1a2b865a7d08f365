"""What of features and sessions could not be taken as it came, in plain sentences with a cure.

In: the learner's counts by reason. Out: sentences for a loop's status. What happens now and then is counted and no
more; what happens often enough to matter is explained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.counted import counted

FEW = 10
"""So many are no pattern yet."""

RARE = 0.01
"""Per lesson; below, it is counted and not explained."""

ENDS = "end sessions with POST /v1/sessions/{session}/end (and this loop's name)"

CURES: Mapping[str, str] = {
    "block": f"{ENDS}, lower options.gap_s, or lower options.block",
    "absent": "it counts as average there; send it with every request, or leave it out for good",
    "actions": "send features that similar actions share, or set options.model to shared",
    "length": f"{ENDS}, or raise options.most_steps",
    "nets": "look for rewards far beyond the usual ones; if it goes on, lower options.block_learning_rate",
    "room": f"{ENDS}, lower options.gap_s or raise options.most_bytes",
    "vocabulary": "raise options.fit_on to learn the log anew, or train the agent anew with what your requests have",
    "dimension limit": "send fewer different names and words, or raise options.dimensions",
    "unmet": "what lacks counts as average; send it, or train the agent anew with what your requests have",
    "type": "both are learned, each for itself; send it always as the one or always as the other",
    "value": "it was left out; send finite numbers up to 1e18, strings, booleans, null, lists and objects of these",
}
"""What a reason begins with → what to do. A reason that isn't here is ordinary: counted, never explained."""

_ALWAYS = frozenset({"actions", "block", "unmet"})
"""Conditions rather than events: told once they hold."""

_AT_ONCE = frozenset({"nets"})
"""Events that always matter."""

_ABOUT: Mapping[str, str] = {"block": "Learning", "length": "Sessions", "room": "Sessions", "nets": "Learning"}
"""What a reason is about, where that isn't features."""


def explained(troubles: Mapping[str, int], n_learned: int, *, left_out: Sequence[str] = ()) -> list[str]:
    """A sentence for each reason that matters, in order of reason.

    Args:
        troubles: Reason → count, since the lineage began.
        n_learned: Lessons since then.
        left_out: Some of the features that came too late, by name; none where they aren't known.
    """
    named = {"vocabulary": f", such as {', '.join(left_out)}" if left_out else ""}
    return [
        f"{_ABOUT.get(kind, 'Features')}: {reason}{named.get(kind, '')}{_often(kind, count, n_learned)}; {CURES[kind]}."
        for reason, count in sorted(troubles.items())
        if (kind := _kind(reason)) in CURES and _matters(kind, count, n_learned)
    ]


def is_told(kind: str, troubles: Mapping[str, int], n_learned: int) -> bool:
    """Whether ``explained`` says something of this kind of reason."""
    return any(_kind(reason) == kind and _matters(kind, count, n_learned) for reason, count in troubles.items())


def _kind(reason: str) -> str:
    return reason.partition(":")[0]


def _often(kind: str, count: int, n_learned: int) -> str:
    return "" if kind in _ALWAYS else f" ({counted(count, 'time')} in {counted(n_learned, 'lesson')})"


def _matters(kind: str, count: int, n_learned: int) -> bool:
    return kind in _ALWAYS or kind in _AT_ONCE or (count > FEW and count > RARE * n_learned)
