"""What one loop serves at one moment: its settings, its arms, its actions. Immutable, swapped whole.

In: the loop's stored settings and the snapshot being served. Out: for each variant an ``Arm``: the policy to ask, the
rules its choice is bent by, and the names under which the decision is logged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from agent.loops import LoopSettings
from policies import sampling
from policies.base import Action, Context, Mask, Policy, Slate, Slot
from policies.registry import make_policy
from serve_app.rows import Shelf
from serve_app.variants import Dealer

BASELINE = "baseline"
"""Name of the policy that serves the application's order with exploration, where no snapshot can."""

LEARNED = "learned"
BASELINE_FLOOR = 0.2

_PROBE = (
    Action("a", {"x": "a", "n": 1.0}, b"a" * 12, (0.5, 1.0)),
    Action("b", {"x": "b", "n": -2.5}, b"b" * 12, (0.1, 9.0)),
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


@dataclass(frozen=True, slots=True)
class Served:
    """The snapshot an arm stands on.

    Attributes:
        arm: ``learned`` as the snapshot has it.
        previous: The snapshot before, to fall back on.
    """

    arm: Arm
    previous: Arm | None = None


@dataclass(frozen=True, slots=True)
class LoopRuntime:
    """All that a request of this loop needs, in memory.

    Attributes:
        settings_version: Version of ``settings``.
        arms: Variant → arm.
        fallbacks: What to try, in order, when ``learned`` fails.
        shelf: The loop's actions under the snapshot's item rates.
        served: The snapshot being served, or None before the first.
        trouble: Why a newer snapshot is not being served; "" where all is well.
    """

    name: str
    settings: LoopSettings
    settings_version: int
    dealer: Dealer
    arms: Mapping[str, Arm]
    fallbacks: tuple[Arm, ...]
    shelf: Shelf
    served: Served | None = None
    trouble: str = ""


def baseline() -> Arm:
    """What a loop serves before its first snapshot, and when nothing else works."""
    return Arm(make_policy("order", {}, b"", reward_range=(0.0, 1.0)), BASELINE, floor=BASELINE_FLOOR)


def runtime(
    name: str, settings: LoopSettings, settings_version: int, *, shelf: Shelf, served: Served | None, trouble: str
) -> LoopRuntime:
    """Put a loop's runtime together."""
    reserve = baseline()
    learned = reserve if served is None else replace(served.arm, floor=settings.floor)
    previous = () if served is None or served.previous is None else (replace(served.previous, floor=settings.floor),)
    arms = {variant: learned if variant == LEARNED else _static(variant, settings) for variant in settings.variants}
    return LoopRuntime(
        name,
        settings,
        settings_version,
        Dealer(settings.variants, salt=settings.salt, sticky=settings.sticky),
        MappingProxyType(arms),
        (*previous, reserve),
        shelf,
        served,
        trouble,
    )


def probe(policy: Policy) -> None:
    """See whether a policy answers sensibly before anyone is served by it.

    Raises:
        PolicyError: its distributions are none.
    """
    Arm(policy, "probe").choose(Context({"probe": True}), _PROBE, _PROBE_SLOTS, 1, None)


def _static(kind: str, settings: LoopSettings) -> Arm:
    return Arm(make_policy(kind, {}, b"", reward_range=(settings.reward.min, settings.reward.max)), kind)
