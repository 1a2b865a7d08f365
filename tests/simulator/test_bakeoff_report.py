from __future__ import annotations

import dataclasses
import json

from simulator.bakeoff import Results, default, standings
from simulator.bakeoff_found import Bakeoff
from simulator.bakeoff_report import bars, to_json, to_markdown, verdict
from simulator.bars import findings
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
    winners = default(ranked, results)
    judged = findings(winners[0].policy.name if winners else None, results)
    command = "slateloop bakeoff --seeds 2"
    return Bakeoff(results, ranked, matrix, winners, judged, limit_us, machine, command, ["c0de"], ["one thing"])


def test_the_verdict_names_the_default_and_why() -> None:
    assert verdict(found()).startswith(
        "Default: linear:randucb (100.0 % ± 0.0 % of the best on average, 321 µs a decision, 456 µs a lesson)"
    )
    assert "at most 1,000 µs each" in verdict(found())
    assert verdict(found(limit_us=1.0)).startswith("No default: no policy that learns")


def test_the_page_says_command_machine_settings_and_winner() -> None:
    page = to_markdown(found())
    for part in (
        "```\nslateloop bakeoff --seeds 2\n```",
        "- news: 10 candidates, 3 slots, 400 requests, seeds 0 to 1; learned and published as a loop does",
        "**Default: linear:randucb",
        "| vw:squarecb | 50.0 % ± 0.0 % | 50.0 % ± 0.0 % |",
        "### When to pick which",
        "- one thing",
        "Measured by code c0de, on: processor Fast 9000, cores 2.",
    ):
        assert part in page


def test_bars_are_lines_of_their_own() -> None:
    line = "Bar: news, of the best reward at least 98 %: 100.0 % ± 0.0 %, not judged (2 of 5 seeds)"
    assert bars(found()) == [line]


def test_who_is_tied_with_the_default_is_named() -> None:
    one = found()
    tied = dataclasses.replace(one, winners=one.standings[:2])
    assert "Tied with vw:squarecb (within 0.5 points" in verdict(tied)
    assert "Tied" not in verdict(one)
    assert to_json(tied)["tied"] == [VW]


def test_json_is_plain() -> None:
    data = json.loads(json.dumps(to_json(found()), allow_nan=False))
    assert data["default"]["kind"] == "linear"
    assert data["sets"][0]["scores"][1]["share"]["value"] == 0.5
    assert data["standings"][0]["cost"]["decide_us"] == 321.0
    assert data["matrix"][0]["pick"] == LINEAR
