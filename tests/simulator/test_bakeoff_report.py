from __future__ import annotations

import dataclasses
import io
import json

from rich.console import Console

from simulator.bakeoff import Results, default, standings
from simulator.bakeoff_report import Bakeoff, grids, table, to_json, to_markdown, verdict
from simulator.situations import verdicts
from tests.simulator.baked import POLICIES, cost, finished, stage

LINEAR, VW, POPULARITY = POLICIES


def found(limit_us: float = 1000.0) -> Bakeoff:
    one = stage()
    done = finished([one], [{LINEAR: (0.4, 0.4), VW: (0.2, 0.2), POPULARITY: (0.1, 0.1)}])
    costs = {LINEAR: cost(LINEAR, 321.0, 456.0), VW: cost(VW, 80.0), POPULARITY: cost(POPULARITY, 10.0)}
    results = [Results(one, done)]
    ranked = standings(one.policies, results, costs, limit_us=limit_us)
    matrix = verdicts({"a few items": one}, done, costs)
    machine = {"processor": "Fast 9000", "cores": "2"}
    return Bakeoff(results, ranked, matrix, default(ranked), limit_us, machine, "slateloop bakeoff --seeds 2")


def test_the_verdict_names_the_default_and_why() -> None:
    assert verdict(found()).startswith(
        "Default: linear:randucb (100.0 % ± 0.0 % of the best on average, 321 µs a decision, 456 µs a lesson)"
    )
    assert "at most 1,000 µs each" in verdict(found())
    assert verdict(found(limit_us=1.0)).startswith("No default: no policy that learns")


def test_tables_have_every_policy_best_first() -> None:
    shares, rewards, costs, matrix = grids(found())
    assert [row[0] for row in shares.rows] == [LINEAR, VW, POPULARITY]
    assert shares.rows[1] == (VW, "50.0 % ± 0.0 %", "50.0 % ± 0.0 %")
    assert rewards.rows[0] == (LINEAR, "0.4000 ± 0.0000")
    assert costs.rows[0] == (LINEAR, "321", "1,284", "456", "5.0", "64", "yes")
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


def test_the_page_says_command_machine_settings_and_winner() -> None:
    page = to_markdown(found())
    for part in (
        "```\nslateloop bakeoff --seeds 2\n```",
        "- news: 10 candidates, 3 slots, 400 requests, seeds 0 to 1; learned and published as a loop does",
        "**Default: linear:randucb",
        "| vw:squarecb | 50.0 % ± 0.0 % | 50.0 % ± 0.0 % |",
        "### When to pick which",
        "Measured on: processor Fast 9000, cores 2.",
    ):
        assert part in page


def test_without_costs_and_matrix_their_tables_are_left_out() -> None:
    bare = dataclasses.replace(
        found(), verdicts=[], standings=[dataclasses.replace(one, cost=None) for one in found().standings]
    )
    assert [grid.title for grid in grids(bare)] == ["per cent of the best reward", "reward while learning"]


def test_json_is_plain() -> None:
    data = json.loads(json.dumps(to_json(found()), allow_nan=False))
    assert data["default"]["kind"] == "linear"
    assert data["sets"][0]["scores"][1]["share"]["value"] == 0.5
    assert data["standings"][0]["cost"]["decide_us"] == 321.0
    assert data["matrix"][0]["pick"] == LINEAR


def test_tables_print() -> None:
    out = io.StringIO()
    for grid in grids(found()):
        Console(file=out, width=160).print(table(grid))
    assert "linear:randucb" in out.getvalue()
