"""What one loop serves at one moment: its settings, its arms, its actions. Immutable, swapped whole.

In: the loop's stored settings and the snapshot being served. Out: all that a request of this loop needs, in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.arms import LEARNED, Arm, arms_of, baseline
from agent.loops import LoopSettings
from agent.user_rates import keep_s
from agent.variants import Dealer
from serve_app.rows import Shelf


@dataclass(frozen=True, slots=True)
class Served:
    """The snapshot an arm stands on.

    Attributes:
        arm: ``learned`` as the snapshot has it.
        previous: The snapshot before, to fall back on.
        lineage: What learned it; its users' rows are read.
    """

    arm: Arm
    previous: Arm | None = None
    lineage: str = ""


@dataclass(frozen=True, slots=True)
class LoopRuntime:
    """All that a request of this loop needs, in memory.

    Attributes:
        settings_version: Version of ``settings``.
        arms: Variant → arm.
        fallbacks: What to try, in order, when ``learned`` fails.
        shelf: The loop's actions under the snapshot's rates.
        served: The snapshot being served, or None before the first.
        trouble: Why a newer snapshot is not being served; "" where all is well.
        users_of: The lineage whose rows of users decisions read; "" where they read none.
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
    users_of: str = ""


def runtime(
    name: str, settings: LoopSettings, settings_version: int, *, shelf: Shelf, served: Served | None, trouble: str
) -> LoopRuntime:
    """Put a loop's runtime together."""
    previous = () if served is None or served.previous is None else (replace(served.previous, floor=settings.floor),)
    return LoopRuntime(
        name,
        settings,
        settings_version,
        Dealer(settings.variants, salt=settings.salt, sticky=settings.sticky),
        arms_of(settings, None if served is None else served.arm),
        (*previous, baseline()),
        shelf,
        served,
        trouble,
        _users_of(settings, served),
    )


def _users_of(settings: LoopSettings, served: Served | None) -> str:
    """Every arm reads them where ``learned`` does, since it learns from all."""
    is_learning = settings.variants.get(LEARNED, 0.0) > 0.0 and keep_s(settings) > 0
    return served.lineage if served is not None and is_learning else ""
