"""The arms of a loop: each variant's policy, ready to choose, with the rules its choice is bent by.

In: a loop's settings, and the policy of the snapshot being served. Out: for each variant an ``Arm``. The service and
in-process experiments choose by the same arms, so their propensities mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from agent.loops import LoopSettings
from policies import sampling
from policies.base import Action, Context, Mask, Policy, Slate, Slot
from policies.derived import completed
from policies.registry import make_policy

BASELINE = "baseline"
"""Name of the policy that serves the application's order with exploration, where no snapshot can."""

LEARNED = "learned"
BASELINE_FLOOR = 0.2

_PROBE = (
    Action("a", {"x": "a", "n": 1.0}, b"a" * 12, completed((0.5, 1.0))),
    Action("b", {"x": "b", "n": -2.5}, b"b" * 12, completed((0.1, 9.0, 2.5, 0.3, 0.1, 4.0, -0.2, 1.5))),
    Action("c", {}, b"c" * 12),
)
_PROBE_SLOTS = (Slot("0"), Slot("1"), Slot("2"))


@dataclass(frozen=True, slots=True)
class Arm:
    """A variant, ready to choose.

    Attributes:
        kind: Logged and answered as the policy that chose.
        version: The snapshot's version, or "" where the policy needs none.
        floor: Share of uniform choice mixed in.
    """

    policy: Policy
    kind: str
    version: str = ""
    floor: float = 0.0

    def choose(
        self,
        context: Context,
        actions: Sequence[Action],
        slots: Sequence[Slot],
        seed: int,
        masks: Sequence[Mask] | None,
    ) -> Slate:
        """Fill the slots."""
        rules = sampling.Rules(self.floor, masks)
        return sampling.choose(self.policy.prepare(context, actions), slots, seed, rules)

    def choose_seen(
        self,
        context: Context,
        actions: Sequence[Action],
        slots: Sequence[Slot],
        seed: int,
        masks: Sequence[Mask] | None,
    ) -> tuple[Slate, Sequence[float]]:
        """As ``choose``, with the probability of each action in the first slot."""
        rules = sampling.Rules(self.floor, masks)
        return sampling.choose_seen(self.policy.prepare(context, actions), slots, seed, rules)


def baseline() -> Arm:
    """What a loop serves before its first snapshot, and when nothing else works."""
    return Arm(make_policy("order", {}, b"", reward_range=(0.0, 1.0)), BASELINE, floor=BASELINE_FLOOR)


def arms_of(settings: LoopSettings, learned: Arm | None) -> Mapping[str, Arm]:
    """Variant → arm.

    Args:
        settings: The loop's.
        learned: The snapshot's arm, or None before the first: then the baseline stands in for it.
    """
    first = baseline() if learned is None else replace(learned, floor=settings.floor)
    return MappingProxyType(
        {variant: first if variant == LEARNED else _static(variant, settings) for variant in settings.variants}
    )


def probe(policy: Policy) -> None:
    """See whether a policy answers sensibly before anyone is served by it.

    Raises:
        PolicyError: its distributions are none.
    """
    Arm(policy, "probe").choose(Context({"probe": True}), _PROBE, _PROBE_SLOTS, 1, None)


def _static(kind: str, settings: LoopSettings) -> Arm:
    return Arm(make_policy(kind, {}, b"", reward_range=(settings.reward.min, settings.reward.max)), kind)
