from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from envs.world import WorldError
from simulator.bakeoff_command import SECTION, Outcome, Plan, Request, bake, notes, plan_of, show, to_json
from simulator.cells import CellError, PolicyChoice
from simulator.costs import Cost
from simulator.measuring import Failure
from simulator.simulate_command import EXPLAINED
from tests.simulator.baked import cost


def request(out: Path, **changes: object) -> Request:
    base = Request(
        policies=("vw", "popularity"),
        sets=("iris",),
        n_seeds=1,
        n_requests=40,
        matrix=False,
        out=out,
        plots=False,
        n_jobs=1,
        command=("slateloop", "bakeoff", "--seeds", "1"),
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]  # names and types are the test's


def run(wanted: Request) -> tuple[Outcome, str, str]:
    out, err = io.StringIO(), io.StringIO()
    outcome = bake(wanted, Console(file=err, width=200), costs=made_up)
    show(outcome, Console(file=out, width=200), Console(file=err, width=200))
    return outcome, out.getvalue(), err.getvalue()


def made_up(policies: Sequence[PolicyChoice]) -> list[Cost]:
    return [cost(one.name) for one in policies]


def test_it_prints_tables_the_default_and_writes_files_and_the_page(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    outcome, out, err = run(request(tmp_path / "out", plots=True, write=page))
    assert outcome.is_whole
    assert "Default: vw:squarecb" in out
    assert "[3/3]" in err
    assert {path.name for path in outcome.plots} == {"iris-reward.png", "iris-regret.png"}
    for path in (*outcome.files, *outcome.plots):
        assert path.stat().st_size > 0
        assert str(path) in out
    assert f"<!-- {SECTION} -->" in page.read_text(encoding="utf-8")


def test_a_second_run_finds_everything_and_says_so(tmp_path: Path) -> None:
    run(request(tmp_path))
    again, _, err = run(request(tmp_path))
    assert again.experiment.n_found == 3
    assert "3 of 3 pieces were finished before" in err


def test_json_is_plain(tmp_path: Path) -> None:
    outcome, _, _ = run(request(tmp_path))
    found = json.loads(json.dumps(to_json(outcome), allow_nan=False))
    assert [one["policy"] for one in found["sets"][0]["scores"]] == ["vw:squarecb", "popularity"]
    assert found["n_finished"] == found["n_pieces"] == 3


def test_a_page_is_written_only_when_all_is_finished(tmp_path: Path) -> None:
    outcome, _, _ = run(request(tmp_path))
    broken = dataclasses.replace(outcome, request=dataclasses.replace(outcome.request, write=tmp_path / "page.md"))
    broken.experiment.failures.append(Failure(outcome.plan.sets[0].cells[0], "WorldError: the world ended"))
    assert not broken.is_whole
    *_, last = notes(broken)
    assert last.endswith("page.md was not written: not everything is finished")


def test_the_matrix_is_measured_with_policies_of_its_own() -> None:
    plan = plan_of(Request(policies=("vw",), sets=("news",), n_seeds=1, n_requests=500))
    assert [one.name for one in plan.policies] == ["vw:squarecb"]
    assert len(plan.situations) == 5
    assert any("forgetting" in one.name for stage in plan.situations.values() for one in stage.policies)
    assert isinstance(plan, Plan)
    assert len(plan.stages) == 6


def test_mistakes_are_told_before_anything_runs(tmp_path: Path) -> None:
    wrong = [
        (request(tmp_path / "out", sets=("nowhere",)), WorldError, "nowhere"),
        (request(tmp_path / "out", policies=("oracle",)), CellError, "oracle"),
        (request(tmp_path / "out", table=tmp_path / "no.csv"), WorldError, "label=None"),
    ]
    for one, kind, name in wrong:
        with pytest.raises(kind, match=name):
            bake(one, Console(file=io.StringIO()))
        assert kind in EXPLAINED
    assert list(tmp_path.iterdir()) == []
