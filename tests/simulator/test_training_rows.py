from __future__ import annotations

import json
import math

import pytest

from simulator import training_rows
from simulator.training_rows import rows_of, way_between
from tests.simulator.training_results import ELSEWHERE, PLAIN, log, log_result, piece, result

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
    assert (row.who, row.seeds, row.n_steps, row.minutes, row.busy_min) == ("slateq", (0, 1, 2), 200.0, 1.0, 0.5)
    assert row.score.value == pytest.approx(190.0)
    assert row.score.half == pytest.approx(4.3027 * 10 / math.sqrt(3), rel=1e-4)
    assert row.way.value == pytest.approx(0.9)
    assert row.way.half == pytest.approx(row.score.half / 100)
    assert row.curve == (1.0, 190.0)


def test_references_and_single_seeds_have_intervals_over_users() -> None:
    """100 users with a standard deviation of 10: 1.96."""
    rows = {(row.scene.title, row.who): row for row in rows_of(PIECES, RESULTS)}
    for who in (("somewhere", "random (reference)"), ("elsewhere", "slateq")):
        assert rows[who].score.half == pytest.approx(1.96)
    assert rows["somewhere", "random (reference)"].way.value == 0.0
    assert math.isnan(rows["elsewhere", "slateq"].way.value)
    assert rows["somewhere", "vw"].seeds == (0, 1)


def test_json_has_null_where_nothing_is_known() -> None:
    found = training_rows.to_json(rows_of(PIECES, RESULTS))
    assert json.loads(json.dumps(found, allow_nan=False))[0]["way"]["value"] == 0.9
    assert found[-1]["n_steps"] is None


def test_what_a_log_teaches_is_a_row_of_its_own_with_the_gain_seed_by_seed() -> None:
    """At the logs' ends 100 and 120, after serving 130 and 140: gains 30 and 20, mean 25, t of one degree 12.706."""
    pieces = [log("slateq", seed) for seed in range(2)]
    results = {
        one.key: log_result(one, *means) for one, means in zip(pieces, ((100.0, 130.0), (120.0, 140.0)), strict=True)
    }
    (row,) = rows_of(pieces, results)
    assert (row.who, row.score.value, row.served.value, row.gain.value) == ("slateq (from a log)", 110.0, 135.0, 25.0)
    assert row.gain.half == pytest.approx(12.706 * 5.0, rel=1e-3)
    (told,) = training_rows.to_json([row])
    assert (told["n_logged"], told["n_served"], told["gain_by_serving"]["value"]) == (200, 100, 25.0)


def test_a_log_that_nobody_served_after_has_no_gain() -> None:
    one = log("slateq", n_served=0)
    (row,) = rows_of([one], {one.key: log_result(one, 100.0)})
    assert math.isnan(row.served.value)
    assert math.isnan(row.gain.value)


def test_a_way_needs_ends_that_rise() -> None:
    row = rows_of(PIECES, RESULTS)[0]
    assert way_between(row.score, 90.0, 290.0).value == pytest.approx(0.5)
    assert math.isnan(way_between(row.score, 90.0, 90.0).value)
    assert math.isnan(way_between(row.score, math.nan, 90.0).value)


def test_the_slowest_seed_is_told() -> None:
    pieces = [piece("slateq", seed, scene=PLAIN) for seed in range(2)]
    results = {one.key: result(one, 1.0, seconds=60.0 + 120.0 * one.seed) for one in pieces}
    (row,) = rows_of(pieces, results)
    assert (row.minutes, row.most_minutes) == (2.0, 3.0)
