from __future__ import annotations

import dataclasses
import io

from rich.console import Console

from simulator.bakeoff_tables import grids, table
from tests.simulator.baked import POLICIES
from tests.simulator.test_bakeoff_report import found

LINEAR, VW, POPULARITY = POLICIES


def test_tables_have_yardsticks_first_then_every_policy_best_first() -> None:
    shares, rewards, costs, reached, matrix = grids(found())
    assert [row[0] for row in shares.rows] == ["informed (knows the truth)", POPULARITY, LINEAR, VW]
    assert shares.rows[0] == ("informed (knows the truth)", "–", "150.0 % ± 0.0 %")
    assert shares.rows[3] == (VW, "50.0 % ± 0.0 %", "50.0 % ± 0.0 %")
    assert [row[1] for row in rewards.rows[:3]] == ["0.6000 ± 0.0000", "0.1000 ± 0.0000", "0.4000 ± 0.0000"]
    assert costs.rows[1] == (LINEAR, "321", "1,284", "456", "5.0", "64", "yes")
    assert reached.rows == [("news", "per cent of the best", "98 %", "100.0 % ± 0.0 %", "not judged: 2 of 5 seeds")]
    assert matrix.rows == [
        (
            "a few items",
            "news, 2 seeds",
            LINEAR,
            "yes",
            "linear:randucb 100.0 % ± 0.0 %; vw:squarecb 50.0 % ± 0.0 %; popularity 25.0 % ± 0.0 %",
            "321",
        ),
        ("decisions must cost least", "all sets", VW, "yes", "vw:squarecb 50.0 % ± 0.0 %", "80"),
    ]


def test_without_costs_and_matrix_their_tables_are_left_out() -> None:
    bare = dataclasses.replace(
        found(), verdicts=[], standings=[dataclasses.replace(one, cost=None) for one in found().standings]
    )
    assert [grid.title for grid in grids(bare)] == ["per cent of the best reward", "reward while learning", "bars"]


def test_tables_print() -> None:
    out = io.StringIO()
    for grid in grids(found()):
        Console(file=out, width=160).print(table(grid))
    assert "linear:randucb" in out.getvalue()
