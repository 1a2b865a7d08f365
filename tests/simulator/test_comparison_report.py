from __future__ import annotations

import io
import json
import math

import pytest
from rich.console import Console

from simulator.comparison import Estimate, Row, compare
from simulator.comparison_report import number, percent, tables, to_json, to_markdown
from tests.simulator.measured import cell_record, yardstick_record

TITLE = "news (10 candidates, 3 slots)"
REFERENCES = {TITLE: {"random": 0.1, "informed": 0.6}}


def rows() -> list[Row]:
    cells = [
        cell_record(name, seed, reward=0.4 + 0.1 * seed, base=0.2) for name in ("vw", "uniform") for seed in (0, 1)
    ]
    return compare(cells, [yardstick_record(0), yardstick_record(1)])


def printed() -> str:
    out = io.StringIO()
    console = Console(file=out, width=200)
    for table in tables(rows(), REFERENCES):
        console.print(table)
    return out.getvalue()


def test_the_table_has_a_line_per_policy_and_says_how_much_it_stands_on() -> None:
    text = printed()
    assert f"{TITLE}: 400 requests, 2 seeds" in text
    vw = next(line for line in text.splitlines() if "│ vw" in line)
    assert "0.4500 ±" in vw
    assert "70.0 % ±" in vw
    assert "+125.0 % ±" in vw
    uniform = next(line for line in text.splitlines() if "│ uniform" in line)
    assert uniform.count("–") == 2
    assert "random 0.1000, informed 0.6000" in text


def test_json_is_plain_and_unknown_is_null() -> None:
    found = json.loads(json.dumps(to_json(rows()), allow_nan=False))
    first = found[0]
    assert (first["world"], first["policy"], first["span"], first["n_seeds"]) == ("news", "vw", "whole", 2)
    assert first["kpi"]["value"] == pytest.approx(0.45)
    assert first["gap_share"]["value"] == pytest.approx(0.7)
    assert found[2]["lead_over_popularity"] == {"value": None, "low": None, "high": None}


def test_markdown_says_command_seeds_settings_and_figures() -> None:
    page = to_markdown(rows(), REFERENCES, command="slateloop simulate --world news")
    assert page.startswith("```\nslateloop simulate --world news\n```")
    assert f"## {TITLE}" in page
    assert "400 requests, seeds 0 to 1" in page
    assert "| vw | 0.4500 ±" in page
    assert page.count("| --- |") == 1


def test_one_seed_is_said() -> None:
    (table,) = tables(compare([cell_record()], []), {})
    assert str(table.title).endswith("1 seed, so no intervals")


def test_figures_have_as_many_decimals_as_they_need() -> None:
    def made(value: float, half: float) -> Estimate:
        return Estimate(value, value - half, value + half, 3)

    assert number(made(0.25, 0.0123)) == "0.2500 ± 0.0123"
    assert number(made(1234.5, 6.78)) == "1,234.5 ± 6.8"
    assert number(Estimate(2.0, math.nan, math.nan, 1)) == "2.000"
    assert number(Estimate(math.nan, math.nan, math.nan, 0)) == "–"
    assert percent(made(0.5, 0.25)) == "50.0 % ± 25.0 %"
    assert percent(made(-0.02, 0.01), signed=True) == "-2.0 % ± 1.0 %"
