"""The last look at a snapshot before anyone serves it.

In: a snapshot and the latest lessons. Out: None, or what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.snapshots import LoopSnapshot, pack, unpack
from policies.base import Lesson, Policy
from policies.rates import ItemRates
from policies.registry import make_policy
from policies.sampling import Rules, propensities


def fault(snapshot: LoopSnapshot, lessons: Iterable[Lesson]) -> str | None:
    """Why this snapshot must not be served: its bytes don't load, or it answers one of these lessons untruly."""
    try:
        whole = unpack(pack(snapshot))
        ItemRates.from_bytes(whole.rates)
        reward_range = whole.reward_min, whole.reward_max
        policy = make_policy(whole.kind, whole.options, whole.policy, reward_range=reward_range)
        _ask(policy, lessons)
    except Exception as error:  # noqa: BLE001 - whatever it raises here it would raise in every replica
        return f"{snapshot.version}: {type(error).__name__}: {error}"
    return None


def _ask(policy: Policy, lessons: Iterable[Lesson]) -> None:
    try:
        for lesson in lessons:
            _answer(policy, lesson)
    finally:
        free = getattr(policy, "close", None)
        if free is not None:
            free()


def _answer(policy: Policy, lesson: Lesson) -> None:
    """One request; what was prepared for it is gone before the policy is freed, else its parsed lines leak."""
    prepared = policy.prepare(lesson.context, lesson.actions)
    propensities(prepared, lesson.slots, lesson.slate.chosen, Rules(eligible=lesson.eligible))
