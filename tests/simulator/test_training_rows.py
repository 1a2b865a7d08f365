from __future__ import annotations

import json
import math

import pytest

from simulator import training_rows
from simulator.training_rows import grids, markdown, rows_of, spark
from tests.simulator.training_results import ELSEWHERE, piece, result

PIECES = [
    piece("random", sort="reference"),
    piece("informed", sort="reference"),
    *(piece("slateq", seed) for seed in range(3)),
    *(piece("vw", seed, sort="bandit") for seed in range(3)),
    piece("slateq", scene=ELSEWHERE),
]
RESULTS = {
    one.key: found
    for one, found in [
        (PIECES[0], result(PIECES[0], 100.0)),
        (PIECES[1], result(PIECES[1], 200.0)),
        *(
            (one, result(one, mean, curve=(1.0, mean)))
            for one, mean in zip(PIECES[2:5], (180.0, 190.0, 200.0), strict=True)
        ),
        *((one, result(one, 120.0)) for one in PIECES[5:7]),
        (PIECES[8], result(PIECES[8], 7.0, curve=(7.0,))),
    ]
}


def test_a_mean_over_seeds_has_students_interval_and_its_way_between_the_references() -> None:
    """Seeds 180, 190, 200: mean 190, standard deviation 10, t of two degrees of freedom 4.303."""
    row = rows_of(PIECES, RESULTS)[0]
    assert (row.name, row.seeds, row.n_steps, row.minutes, row.busy_min) == ("slateq", (0, 1, 2), 200.0, 1.0, 0.5)
    assert row.score.value == pytest.approx(190.0)
    assert row.score.half == pytest.approx(4.3027 * 10 / math.sqrt(3), rel=1e-4)
    assert row.way.value == pytest.approx(0.9)
    assert row.way.half == pytest.approx(row.score.half / 100)
    assert row.curve == (1.0, 190.0)


def test_references_and_single_seeds_have_intervals_over_users() -> None:
    """100 users with a standard deviation of 10: 1.96."""
    rows = {(row.scene.title, row.name): row for row in rows_of(PIECES, RESULTS)}
    for who in (("somewhere", "random"), ("elsewhere", "slateq")):
        assert rows[who].score.half == pytest.approx(1.96)
    assert rows["somewhere", "random"].way.value == 0.0
    assert math.isnan(rows["elsewhere", "slateq"].way.value)
    assert rows["somewhere", "vw"].seeds == (0, 1)


def test_the_tables_compare_agents_bandits_and_references_in_all_worlds() -> None:
    returns, ways, trainings = grids(rows_of(PIECES, RESULTS))
    assert list(returns.headings) == ["", "somewhere", "elsewhere"]
    assert [row[0] for row in returns.rows] == ["slateq", "vw", "random (reference)", "informed (reference)"]
    assert returns.rows[0][1:] == ["190.0 ± 24.8", "7.000 ± 1.960"]
    assert returns.rows[1][2] == ways.rows[0][2] == "–"
    assert trainings.rows[0] == ["slateq", "somewhere", "3", "200", "1.0", "0.5", "▁█"]
    assert "| slateq | 190.0 ± 24.8 | 7.000 ± 1.960 |" in markdown(returns)
    assert training_rows.table(returns).row_count == 4


def test_nothing_finished_is_no_table() -> None:
    assert grids(rows_of(PIECES, {})) == []


def test_json_has_null_where_nothing_is_known() -> None:
    found = training_rows.to_json(rows_of(PIECES, RESULTS))
    assert json.loads(json.dumps(found, allow_nan=False))[0]["way"]["value"] == 0.9
    assert found[-1]["n_steps"] is None


def test_a_spark_is_a_curve_in_one_line() -> None:
    assert spark([]) == ""
    assert spark([5.0, 5.0]) == "▁▁"
    assert spark([0.0, 1.0, 7.0]) == "▁▂█"
