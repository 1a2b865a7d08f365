from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from envs.world import WorldError
from simulator.bakeoff_command import EXPLAINED, Outcome, Plan, bake, notes, plan_of, show, to_json
from simulator.bakeoff_options import SECTION, Request
from simulator.cells import CellError, PolicyChoice
from simulator.costs import Cost
from simulator.measuring import Failure
from simulator.records import code_digest
from simulator.results import Folder, ResultsError
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


def test_a_page_that_cannot_be_written_is_told_before_the_work_begins(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="--write"):
        run(request(tmp_path / "out", write=tmp_path))
    assert not (tmp_path / "out").exists()


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


def test_records_of_other_code_are_measured_again_unless_they_are_kept(tmp_path: Path) -> None:
    outcome, _, _ = run(request(tmp_path))
    record = outcome.plan.sets[0].cells_of(outcome.experiment)[0]
    Folder(tmp_path).keep(dataclasses.replace(record, code="older"))
    kept, _, err = run(request(tmp_path, keep_old=True))
    assert to_json(kept)["n_of_other_code"] == 1
    assert "1 of them were measured by other code than this" in err
    page = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert f"Measured by code {', '.join(sorted({code_digest(), 'older'}))}, on: " in page
    assert "1 of them were measured by other code than this" in page
    again, _, err = run(request(tmp_path))
    assert (to_json(again)["n_of_other_code"], to_json(again)["n_measured_again"]) == (0, 1)
    assert "1 of 3 pieces were finished before by other code than this" in err


def test_the_tables_hold_what_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And not what else was finished in the same folder; that they take the place of others is told."""
    run(request(tmp_path, policies=("uniform",)))
    assert capsys.readouterr().err == ""
    outcome, _, _ = run(request(tmp_path))
    assert "pieces of it that aren't asked for now: 1; it was slateloop bakeoff --seeds 1\n" in capsys.readouterr().err
    settings = json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))
    assert {one["policy"]["name"] for one in settings["cells"]} == {"vw:squarecb", "popularity"}
    assert outcome.experiment.n_found == 1


def test_the_page_shows_no_folder_of_this_machine(tmp_path: Path) -> None:
    words = ("slateloop", "bakeoff", "--movielens", str(tmp_path / "ml"), f"--out={tmp_path / 'out'}")
    run(request(tmp_path / "out", command=words))
    run(request(tmp_path / "out", command=words))
    page = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert "slateloop bakeoff --movielens ml --out=out\n" in page
    assert "finished before, in out;" in page
    assert str(tmp_path) not in page


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
