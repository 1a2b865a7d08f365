from __future__ import annotations

import math

import numpy as np
import pytest

from envs.episodes import Estimate
from envs.references import choosers
from simulator import parity, parity_page
from simulator.parity import Row, compared, measured, rounding, thompson_renewed, title
from simulator.parity_values import BY_TYPE, CELLS, RECSIM, RESTATED, Cell, Expected

PUBLISHED = Expected("return", "100.0", RECSIM, 400, 0.3)
CELL = Cell("interest-exploration", (10, 2), "random", (PUBLISHED,))


def row(distance: float, cell: Cell = CELL) -> Row:
    return Row(cell, PUBLISHED, Estimate(100.0, 8.0, 400), 0.3, distance)


def test_a_distance_by_hand() -> None:
    """Measured 102 ± 8 / √400 = 0.4 against 100 ± 0.3: 2 / 0.5."""
    found = compared(CELL, PUBLISHED, Estimate(102.0, 8.0, 400))
    assert found.distance == pytest.approx(4.0)
    assert compared(CELL, PUBLISHED, Estimate(98.0, 8.0, 400)).distance == pytest.approx(-4.0)


def test_an_unpublished_error_is_ours_at_their_number_of_episodes_and_the_rounding() -> None:
    found = compared(CELL, Expected("length", "83.5", RESTATED, 100), Estimate(83.5, 9.0, 900))
    assert found.expected_se == pytest.approx(math.hypot(0.9, 0.1 / math.sqrt(12)))


@pytest.mark.parametrize(("value", "unit"), [("184", 1.0), ("83.5", 0.1), (".467", 0.001), ("-0.597", 0.001)])
def test_rounding_is_one_unit_of_the_last_digit(value: str, unit: float) -> None:
    assert rounding(value) == pytest.approx(unit)


def test_four_errors_pass_and_more_fail() -> None:
    assert row(4.0).passed
    assert row(-4.0).passed
    assert not row(4.01).passed
    assert not row(-4.01).passed
    assert row(9.0, CELL._replace(judged=False)).passed


EXACT = {
    ("long-term-satisfaction 10/1, random", "length"): 60.0,
    ("long-term-satisfaction 10/1, random", "click_rate"): 1.0,
    ("long-term-satisfaction 10/1, most_clickbait", "length"): 60.0,
    ("long-term-satisfaction 10/1, most_clickbait", "click_rate"): 1.0,
    ("long-term-satisfaction 10/1, least_clickbait", "length"): 60.0,
    ("long-term-satisfaction 10/1, least_clickbait", "click_rate"): 1.0,
    ("interest-exploration 10/2, random", "length"): 100.0,
}


def test_figures_that_cannot_vary_must_be_equal() -> None:
    """Each is off by one unit up and down, and by less than its rounding: all fail."""
    exact = [(cell, one) for cell in CELLS for one in cell.expected if one.exact]
    assert {(title(cell), one.metric) for cell, one in exact} == set(EXACT)
    assert len(exact) == 9
    for cell, one in exact:
        right = EXACT[title(cell), one.metric]
        assert compared(cell, one, Estimate(right, 0.0, 400)).passed
        for wrong in (right + 1.0, right - 1.0, right + 0.001, 0.0):
            assert not compared(cell, one, Estimate(wrong, 0.0, 400)).passed


def test_every_row_of_the_reference_table_is_there() -> None:
    found = {title(cell) for cell in CELLS}
    assert len(found) == len(CELLS) == 30
    for sizes, policies in (
        ("10/2", ("random", "myopic", "quality", "ratio")),
        ("5/2", ("random", "quality")),
        ("10/3", ("random", "myopic", "quality", "ratio")),
        ("50/2", ("random", "myopic", "quality", "ratio")),
    ):
        assert {f"interest-evolution {sizes}, {policy}" for policy in policies} <= found
    only = [cell for cell in CELLS if not cell.judged]
    assert [cell.policy for cell in only] == ["thompson"]


def test_every_policy_is_known() -> None:
    for cell in CELLS:
        assert parity.policy(cell) is not None


def test_a_run_is_complete_and_tells_its_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    few = tuple(cell for cell in CELLS if cell.policy in ("random", "constant 1") and cell.sizes != (50, 2))
    monkeypatch.setattr(parity, "CELLS", few)
    told: list[tuple[int, int, str]] = []
    rows = parity.run(60, 3, lambda *one: told.append(one))
    assert [one.expected for one in rows] == [expected for cell in few for expected in cell.expected]
    assert told[0] == (0, len(few), "interest-evolution 10/2, random")
    assert told[-1] == (len(few), len(few), "done")
    assert all(one.passed for one in rows)
    assert parity.run(60, 3) == rows


def test_a_world_that_is_off_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Users who forget a little slower, 0.8 for 0.7: at sensitivity 0.1 and clickbait 0, 8 % more engagement."""
    cell = next(one for one in CELLS if one.policy == "constant 0" and one.sensitivity == 0.1)
    expected = cell.expected[0]
    assert compared(cell, expected, measured(cell, 2000, 1)["return"]).passed
    monkeypatch.setattr("envs.long_term_satisfaction.MEMORY", 0.8)
    assert not compared(cell, expected, measured(cell, 2000, 1)["return"]).passed


def test_click_rates_by_type_add_up() -> None:
    cell = next(one for one in CELLS if any(expected.metric in BY_TYPE for expected in one.expected))
    found = measured(cell, 200, 1)
    n = [found[name].n for name in BY_TYPE]
    mean = sum(found[name].mean * count for name, count in zip(BY_TYPE, n, strict=True)) / 200
    assert sum(n) == 200
    assert mean == pytest.approx(found["click_rate"].mean)
    assert found[BY_TYPE[0]].mean > found[BY_TYPE[1]].mean


def test_renewed_dice_say_the_same_again_to_the_same_user() -> None:
    shown, clicked = np.full((3, 2), 10.0), np.full((3, 2), 4.0)
    first, again = (thompson_renewed(shown, clicked, np.random.default_rng(seed)) for seed in (1, 2))
    np.testing.assert_array_equal(first, again)
    assert len({tuple(one) for one in first.tolist()}) == 3


def test_random_of_the_reference_is_the_one_used() -> None:
    assert parity.policy(CELLS[0]) is choosers("interest-evolution")["random"]


def test_the_page_tells_verdict_worst_row_and_every_row() -> None:
    rows = [row(1.0), row(-2.5), row(8.0, CELL._replace(judged=False, policy="other"))]
    page = parity_page.markdown(rows, n_episodes=50, seed=7)
    assert "slateloop parity --episodes 50 --seed 7 --write docs/parity.md" in page
    assert "**All 2 rows pass: 2 statistical rows, 0 exact.**\nThe largest distance is 2.50 standard errors" in page
    assert f"{math.sqrt((1 + 6.25) / 2):.2f}; about 1 is expected" in page
    assert page.count("| pass |") == 2
    assert (
        "| interest-exploration 10/2, other | return | RecSim, 400 | 100.0 ± 0.3 | 100.00 ± 0.4 | +8.00 | not judged |"
        in page
    )


def test_the_page_tells_failures() -> None:
    page = parity_page.markdown([row(1.0), row(5.0)], n_episodes=50, seed=7)
    assert "**1 of 2 rows fail (2 statistical rows, 0 exact).**" in page
    assert "| +5.00 | **fail** |" in page


def test_the_page_and_json_tell_exact_figures_apart() -> None:
    exact = Expected("length", "60", RESTATED, 400, exact=True)
    rows = [row(3.0), compared(CELL, exact, Estimate(60.0, 0.0, 400)), compared(CELL, exact, Estimate(61.0, 0.0, 400))]
    page = parity_page.markdown(rows, n_episodes=50, seed=7)
    assert "**1 of 3 rows fail (1 statistical rows, 2 exact).**\nThe largest distance is 3.00" in page
    assert "statistical rows is 3.00; about 1" in page
    assert "| length | restatement, 400 | 60 | 60 | equal | pass |" in page
    assert "| length | restatement, 400 | 60 | 61 | not equal | **fail** |" in page
    told = parity_page.to_json(rows)
    assert not told["passed"]
    assert [one["exact"] for one in told["rows"]] == [False, True, True]
    assert [one["distance"] for one in told["rows"]] == [3.0, 0.0, None]
