from __future__ import annotations

from simulator.training_bars import Finding
from simulator.training_rows import rows_of
from simulator.training_tables import grids, markdown, spark, table
from tests.simulator.test_training_rows import PIECES, RESULTS
from tests.simulator.training_results import log, log_result


def test_the_tables_compare_agents_bandits_and_references_in_all_worlds() -> None:
    returns, ways, trainings = grids(rows_of(PIECES, RESULTS), decide_us={("somewhere", "slateq"): 120.4})
    assert list(returns.headings) == ["", "somewhere", "elsewhere"]
    assert [row[0] for row in returns.rows] == ["slateq", "vw", "random (reference)", "informed (reference)"]
    assert returns.rows[0][1:] == ["190.0 ± 24.8", "7.000 ± 1.960"]
    assert returns.rows[1][2] == ways.rows[0][2] == "–"
    assert trainings.rows[0] == [
        "slateq",
        "somewhere",
        "3",
        "5,000,000",
        "200",
        "1.0",
        "1.0",
        "0.5",
        "120",
        "▁█",
    ]
    assert trainings.rows[1][8] == "–"
    assert "| slateq | 190.0 ± 24.8 | 7.000 ± 1.960 |" in markdown(returns)
    assert table(returns).row_count == 4


def test_nothing_finished_is_no_table() -> None:
    assert grids(rows_of(PIECES, {})) == []


def test_logs_and_bars_have_tables_of_their_own() -> None:
    one = log("slateq")
    finding = Finding("somewhere", "slateq", "at least 7", "6", "not judged", "1 of 5 seeds")
    logs, bars = grids(rows_of([one], {one.key: log_result(one, 230.0, 250.0)}), [finding])
    assert logs.rows[0][:5] == ["slateq", "plain", "1", "200", "230.0 ± 2.0"]
    assert logs.rows[0][5:8] == ["100", "250.0 ± 2.0", "+20.00"]
    assert bars.rows == [["somewhere", "slateq", "at least 7", "6", "not judged: 1 of 5 seeds"]]
    assert "| --- | --- | --- | --- | --- |" in markdown(bars)
    assert markdown(bars).endswith(bars.note)
    assert table(bars).row_count == 1


def test_a_spark_is_a_curve_in_one_line() -> None:
    assert spark([]) == ""
    assert spark([5.0, 5.0]) == "▁▁"
    assert spark([0.0, 1.0, 7.0]) == "▁▂█"
