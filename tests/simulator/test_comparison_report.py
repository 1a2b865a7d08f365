from __future__ import annotations

import dataclasses
import io
import json
import math
from collections.abc import Sequence

import pytest
from rich.console import Console

from simulator.comparison import UNKNOWN, Estimate, Row, compare, reference_rows
from simulator.comparison_report import n_old, number, percent, tables, to_json, to_markdown
from tests.simulator.measured import cell_record, yardstick_record

TITLE = "news (10 candidates, 3 slots)"
REFERENCES = reference_rows([yardstick_record(0), yardstick_record(1, random=0.2)])


def rows() -> list[Row]:
    cells = [
        cell_record(name, seed, reward=0.4 + 0.1 * seed, base=0.2) for name in ("vw", "uniform") for seed in (0, 1)
    ]
    return compare(cells, [yardstick_record(0), yardstick_record(1)])


def printed(rows: Sequence[Row], references: Sequence[Row] = REFERENCES, width: int = 100) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width)
    for table in tables(rows, references):
        console.print(table)
    return out.getvalue()


def test_the_table_has_a_line_per_policy_and_says_how_much_it_stands_on() -> None:
    text = printed(rows())
    assert f"{TITLE}: 400 requests, seeds 0 to 1" in text
    vw = next(line for line in text.splitlines() if line.startswith("vw"))
    assert vw.count("0.4500 ±") == 2, "KPI and reward"
    assert "70 ± 127" in vw
    assert "+125 ± 318" in vw
    uniform = next(line for line in text.splitlines() if line.startswith("uniform"))
    assert uniform.count("–") == 2
    assert "*" not in text


def test_a_row_of_dashes_is_explained() -> None:
    unended = [dataclasses.replace(row, per="episode", kpi=UNKNOWN) if row.policy == "vw" else row for row in rows()]
    told = "vw: no episode ended in 400 requests; ask for more (--requests)."
    assert told in printed(unended)
    assert told in to_markdown(unended, REFERENCES, command="slateloop simulate")
    assert "ended in" not in printed(rows()) + to_markdown(rows(), REFERENCES, command="slateloop simulate")


def test_references_are_rows_with_intervals() -> None:
    """Random reaches .1 and .2: mean .15, half width 12.706 · .0707 / √2 = .635. Its gap is none, informed's all."""
    text = printed(rows())
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert lines["random"].count("0.1500 ± 0.6353") == 2
    assert "0.0 ± 0.0" in lines["random"]
    assert "100.0 ± 0.0" in lines["informed"]
    assert "myopic" in lines


def test_a_hundred_columns_are_enough() -> None:
    policies = [cell_record("vw", seed, reward=0.4 + 0.01 * seed) for seed in range(3)]
    text = printed(compare(policies, [yardstick_record(seed) for seed in range(3)]), [], width=200)
    assert "+105.0 ±" in text or "+105 ±" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_row_with_other_seeds_says_so() -> None:
    found = compare([cell_record(seed=0), cell_record(seed=2), cell_record("uniform", 1)], [])
    text = printed(found, [], width=140)
    assert "400 requests, seeds 0, 2" in text
    assert "uniform (seed 1)" in text


def test_rows_of_other_code_are_marked_and_counted() -> None:
    old = dataclasses.replace(cell_record(), code="older")
    found = compare([old, cell_record("uniform")], [])
    assert n_old(found) == 1
    text = printed(found, [])
    assert "vw *" in text
    assert "uniform *" not in text
    assert "*: 1 of 2 rows hold what other code than this has measured." in text
    assert "*: 1 of 2 rows" in to_markdown(found, [], command="")
    assert to_json(found)[0]["codes"] == ["older"]


def test_a_reference_of_other_code_is_in_the_rows_it_places() -> None:
    old = dataclasses.replace(yardstick_record(), code="older")
    assert n_old(compare([cell_record()], [old])) == 1


def test_json_is_plain_and_unknown_is_null() -> None:
    found = json.loads(json.dumps(to_json(rows()), allow_nan=False))
    first = found[0]
    assert (first["world"], first["policy"], first["span"], first["n_seeds"]) == ("news", "vw", "whole", 2)
    assert first["kpi"]["value"] == pytest.approx(0.45)
    assert first["gap_share"]["value"] == pytest.approx(0.7)
    assert found[2]["lead_over_popularity"] == {"value": None, "low": None, "high": None}


def test_markdown_says_command_seeds_settings_and_figures() -> None:
    notes = ["failed: it rained"]
    page = to_markdown(rows(), REFERENCES, command="slateloop simulate --world news", notes=notes, machine="a machine")
    assert "```\nslateloop simulate --world news\n```" in page
    assert f"### {TITLE}" in page
    assert "400 requests, seeds 0 to 1" in page
    assert "| vw | 0.4500 ±" in page
    assert "| informed | 0.6000 ±" in page
    assert "- failed: it rained" in page
    assert "on: a machine." in page
    assert page.count("| --- |") == 1


def test_one_seed_is_said() -> None:
    (table,) = tables(compare([cell_record()], []), [])
    assert str(table.title).endswith("seed 0, so no intervals")


def test_figures_have_as_many_decimals_as_they_need() -> None:
    def made(value: float, half: float) -> Estimate:
        return Estimate(value, value - half, value + half, 3)

    assert number(made(0.25, 0.0123)) == "0.2500 ± 0.0123"
    assert number(made(1234.5, 6.78)) == "1,234.5 ± 6.8"
    assert number(Estimate(2.0, math.nan, math.nan, 1)) == "2.000"
    assert number(Estimate(math.nan, math.nan, math.nan, 0)) == "–"
    assert percent(made(0.5, 0.25)) == "50.0 % ± 25.0 %"
    assert percent(made(-0.02, 0.01), signed=True) == "-2.0 % ± 1.0 %"
