"""The only dice: seeded draws, the exploration floor, and the checks that make every propensity true.

In: a prepared request of any policy, a seed and the rules that narrow or bend a choice. Out: a slate whose
propensities are the probabilities it was really drawn with. ``choose`` and ``propensities`` walk the same path, so
they can't differ.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, compress

import msgspec
import numpy as np
from numpy.typing import NDArray

from policies.base import Distribution, Mask, PolicyError, Prepared, Slate, Slot

TOLERANCE = 1e-3
"""How far from 1 a policy's distribution may sum before it is refused rather than renormalised."""

_WORD = 0xFFFFFFFFFFFFFFFF
_GAMMA = 0x9E3779B97F4A7C15


class DistributionError(PolicyError):
    """A policy returned something that is no distribution over the eligible actions."""


class NothingEligible(PolicyError):  # noqa: N818 - reads as the outcome it names, and callers map it to a 422
    """A slot is left with nothing to choose from; ``slot`` is its 0-based number."""

    def __init__(self, slot: int) -> None:
        self.slot = slot
        super().__init__(
            f"slot {slot} has no eligible action left; offer more actions, exclude fewer, or ask for fewer slots"
        )


class Rules(msgspec.Struct, frozen=True, gc=False):
    """What narrows or bends a choice, whatever the policy.

    Attributes:
        floor: Share of uniform choice over the eligible actions mixed into every slot, in [0, 1].
        eligible: One mask (n_actions,) for each slot, before earlier slots are taken; None where all may be chosen.
    """

    floor: float = 0.0
    eligible: Sequence[Mask] | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.floor <= 1.0:
            raise PolicyError(f"floor={self.floor} must lie in [0, 1]")


_NO_RULES = Rules()


def uniform(seed: int, n: int) -> float:
    """The n-th draw of a seed, uniform in [0, 1) with 53 bits.

    Source: splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014), jumped to n.
    """
    z = (seed + (n + 1) * _GAMMA) & _WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WORD
    return ((z ^ (z >> 31)) >> 11) * 2.0**-53


def choose(prepared: Prepared, slots: Sequence[Slot], seed: int, rules: Rules = _NO_RULES) -> Slate:
    """Fill the slots in order, without repeats, by the policy's distribution and the rules.

    Args:
        prepared: The request, prepared by a policy.
        slots: The slots to fill.
        seed: 64 bits; slot k uses the k-th draw.
        rules: Floor and eligibility.

    Raises:
        NothingEligible: if a slot is left with nothing to choose from.
        DistributionError: if the policy's answer is no distribution over the eligible actions.
    """

    def draw(number: int, served: list[float]) -> int:
        return _drawn(served, uniform(seed, number))

    chosen, likely = _fill(prepared, slots, rules, draw)
    return Slate(tuple(chosen), tuple(likely))


def choose_seen(
    prepared: Prepared, slots: Sequence[Slot], seed: int, rules: Rules = _NO_RULES
) -> tuple[Slate, Sequence[float]]:
    """As ``choose``, with the probabilities that the first slot was drawn by.

    Returns:
        The slate, and one probability for each action: 0 where it could not be chosen, summing to 1.
    """
    seen: list[list[float]] = []

    def draw(number: int, served: list[float]) -> int:
        if not number:
            seen.append(served)
        return _drawn(served, uniform(seed, number))

    chosen, likely = _fill(prepared, slots, rules, draw)
    return Slate(tuple(chosen), tuple(likely)), seen[0] if seen else ()


def propensities(
    prepared: Prepared, slots: Sequence[Slot], chosen: Sequence[int], rules: Rules = _NO_RULES
) -> NDArray[np.float64]:
    """What ``choose`` would have given this very slate, slot by slot; off-policy evaluation stands on it.

    Args:
        prepared: The request, prepared by a policy.
        slots: The slots that were filled.
        chosen: Distinct action indices, one a slot.
        rules: Floor and eligibility.

    Returns:
        Shape (n_slots,): each conditional on the slots before; 0 where the policy or the rules forbid the action.

    Raises:
        PolicyError: if ``chosen`` is not one distinct index for each slot.
        NothingEligible: if a slot is left with nothing to choose from.
        DistributionError: if the policy's answer is no distribution over the eligible actions.
    """
    n_actions = prepared.n_actions
    if len(chosen) != len(slots) or len(set(chosen)) != len(chosen):
        raise PolicyError(f"chosen={tuple(chosen)} needs one distinct index for each of {len(slots)} slots")
    if any(not 0 <= index < n_actions for index in chosen):
        raise PolicyError(f"chosen={tuple(chosen)} needs indices below n_actions={n_actions}")
    return np.array(_fill(prepared, slots, rules, lambda number, _: chosen[number])[1], dtype=np.float64)


def checked(distribution: Distribution, eligible: Mask) -> Distribution:
    """A policy's answer renormalised in float64.

    Raises:
        DistributionError: if it has the wrong shape, is off by more than ``TOLERANCE``, or has a negative or NaN
            entry or mass outside the mask.
    """
    mask = np.asarray(eligible, dtype=np.bool_)
    return np.array(_served(distribution, mask.tolist(), 0.0), dtype=np.float64)


def for_slate(prepared: Prepared, n_slots: int) -> Prepared:
    """The request for a slate of so many slots; whoever asks for distributions by himself asks this first.

    A policy that looks ahead within the slate has a method ``of_length``; to others the length is all the same.
    """
    of_length: Callable[[int], Prepared] | None = getattr(prepared, "of_length", None)
    return prepared if of_length is None else of_length(n_slots)


def _fill(
    prepared: Prepared,
    slots: Sequence[Slot],
    rules: Rules,
    pick: Callable[[int, list[float]], int],
) -> tuple[list[int], list[float]]:
    if rules.eligible is not None and len(rules.eligible) != len(slots):
        raise PolicyError(f"eligible has {len(rules.eligible)} masks; it needs one for each of {len(slots)} slots")
    prepared = for_slate(prepared, len(slots))
    free = np.ones(prepared.n_actions, dtype=np.bool_)
    chosen: list[int] = []
    likely: list[float] = []
    for number, slot in enumerate(slots):
        mask = free.copy() if rules.eligible is None else _narrowed(free, rules.eligible[number])
        allowed: list[bool] = mask.tolist()
        if True not in allowed:
            raise NothingEligible(number)
        served = _served(prepared.distribution(slot, tuple(chosen), mask), allowed, rules.floor)
        index = pick(number, served)
        chosen.append(index)
        likely.append(served[index])
        free[index] = False
    return chosen, likely


def _narrowed(free: Mask, eligible: Mask) -> Mask:
    given = np.asarray(eligible, dtype=np.bool_)
    if given.shape != free.shape:
        raise PolicyError(f"an eligible mask has shape {given.shape}; it needs {free.shape}")
    return free & given


def _served(distribution: Distribution, allowed: list[bool], floor: float) -> list[float]:
    """The probabilities that are drawn from: checked, renormalised, floor mixed in.

    Plain lists: up to some hundred actions they beat arrays, whose every operation costs about a microsecond.
    """
    if distribution.shape != (len(allowed),):
        raise DistributionError(f"distribution has shape {distribution.shape}; it needs ({len(allowed)},)")
    values: list[float] = distribution.tolist()
    total = sum(values)
    if not abs(total - 1.0) <= TOLERANCE:  # also refuses NaN, which compares false
        raise DistributionError(f"distribution sums to {total}; it must sum to 1 within {TOLERANCE}")
    if min(values) < 0.0:
        raise DistributionError(f"distribution has the negative entry {min(values)}")
    if sum(compress(values, allowed)) != total:
        raise DistributionError("distribution gives mass to an action that is not eligible")
    keep, share = (1.0 - floor) / total, floor / sum(allowed)
    served = [value * keep + share if ok else 0.0 for value, ok in zip(values, allowed, strict=True)]
    return served if max(served) <= 1.0 else [min(value, 1.0) for value in served]


def _drawn(served: list[float], draw: float) -> int:
    """Inverse of the cumulative sum; rounding at its very end falls to the last action that has mass."""
    index = bisect_right(list(accumulate(served)), draw)
    return index if index < len(served) else max(i for i, value in enumerate(served) if value > 0.0)
