from __future__ import annotations

import math

import pytest

from simulator import figures
from simulator.tally import Lead


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.12345, "0.123"), (9.8765, "9.877"), (12.3456, "12.35"), (345.678, "345.7"), (-20.0, "-20.00")],
)
def test_numbers_have_about_three_digits_that_matter(value: float, shown: str) -> None:
    assert figures.number(value) == shown


def test_nothing_is_a_dash_for_people_and_null_for_programs() -> None:
    nothing = (math.nan, math.nan)
    assert figures.with_half(math.nan, nothing) == "– ± –"
    assert figures.percent_with_half(math.nan, nothing) == "– ± –"
    assert figures.rate(math.nan) == "–/s"
    assert figures.lead_json(Lead(math.nan, nothing)) == {"value": None, "interval_95": [None, None]}


def test_an_interval_is_shown_by_half_its_width() -> None:
    assert figures.with_half(0.5, (0.4, 0.6)) == "0.500 ± 0.100"
    assert figures.with_half(349.7, (268.0, 432.0)) == "349.7 ± 82.0"
    assert figures.percent_with_half(0.25, (0.2, 0.3)) == "+25.0% ± 5.0%"
    assert figures.pair((0.1, math.nan)) == [0.1, None]
