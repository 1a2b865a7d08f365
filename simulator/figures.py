"""Figures as people and programs read them: a dash or null where nothing was counted, never NaN.

In: floats and intervals. Out: text, or what JSON can hold.
"""

from __future__ import annotations

import math

from simulator.tally import Interval, Lead


def number(value: float) -> str:
    """About three digits that matter."""
    return _fixed(value, _n_decimals(value))


def percent(value: float) -> str:
    """Signed, one decimal."""
    return "–" if math.isnan(value) else f"{value:+.1%}"


def with_half(value: float, interval: Interval) -> str:
    """A number with half its interval's width, to the same decimal."""
    return f"{number(value)} ± {_fixed(half(interval), _n_decimals(value))}"


def percent_with_half(value: float, interval: Interval) -> str:
    """A percentage with half its interval's width."""
    return f"{percent(value)} ± {percent(half(interval)).removeprefix('+')}"


def rate(value: float) -> str:
    """Requests per second."""
    return "–/s" if math.isnan(value) else f"{value:.0f}/s"


def half(interval: Interval) -> float:
    """Half an interval's width."""
    return (interval[1] - interval[0]) / 2


def known(value: float) -> float | None:
    """For JSON: five decimals, or null."""
    return None if math.isnan(value) else round(value, 5)


def pair(interval: Interval) -> list[float | None]:
    """For JSON."""
    return [known(end) for end in interval]


def lead_json(lead: Lead) -> dict[str, object]:
    """For JSON: a fraction and its interval."""
    return {"value": known(lead.value), "interval_95": pair(lead.interval)}


def _n_decimals(value: float) -> int:
    return 3 if abs(value) < 10 else 2 if abs(value) < 100 else 1


def _fixed(value: float, n_decimals: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{n_decimals}f}"
