from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from agent.loops import LoopSettings
from agent.starts import address_of, pack
from envs.world import WorldError
from simulator import listing
from simulator.cells import CellError
from simulator.experiments import conduct
from simulator.results import Folder, ResultsError
from simulator.simulate_command import (
    EXPLAINED,
    Live,
    Outcome,
    listing_json,
    notes,
    plan_of,
    show,
    show_listing,
    simulate,
    to_json,
)
from simulator.simulate_options import Request
from simulator.training_folder import TrainingFolder, agent_file
from tests.simulator.test_experiments import PLAN, FakeRunner, FakeScreen
from tests.simulator.test_measuring import FakeLive, small
from tests.simulator.trained_folder import agent, keep
from tests.trained import WORLD, packed, start


def request(out: Path, **changes: object) -> Request:
    base = Request(
        worlds=("interest-evolution",),
        policies=("vw", "uniform"),
        n_seeds=1,
        n_requests=120,
        n_candidates=5,
        n_slots=2,
        out=out,
        plots=False,
        n_jobs=1,
        command=("slateloop", "simulate", "--seeds", "1"),
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]  # names and types are the test's


def run(wanted: Request) -> tuple[Outcome, str, str]:
    out, err = io.StringIO(), io.StringIO()
    outcome = simulate(wanted, Console(file=err, width=200))
    show(outcome, Console(file=out, width=200), Console(file=err, width=200))
    return outcome, out.getvalue(), err.getvalue()


def test_it_prints_tables_and_where_the_files_are(tmp_path: Path) -> None:
    outcome, out, err = run(request(tmp_path / "out", plots=True))
    assert outcome.is_whole
    assert "interest-evolution (5 candidates, 2 slots): 120 requests" in out
    assert "watch time" in out
    assert "left in the service" not in out
    assert "[3/3]" in err
    for path in (*outcome.files, *outcome.plots):
        assert path.stat().st_size > 0
        assert str(path) in out
    assert {path.name for path in outcome.files} >= {"results.parquet", "settings.json", "summary.md"}
    assert len(outcome.plots) == 4


def test_a_second_run_finds_everything_and_says_so(tmp_path: Path) -> None:
    first, out, _ = run(request(tmp_path))
    again, same, err = run(request(tmp_path))
    assert (again.experiment.n_found, first.experiment.n_found) == (3, 0)
    assert "3 of 3 pieces were finished before" in err
    assert out == same


def test_that_the_summary_of_another_command_is_replaced_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(request(tmp_path))
    run(request(tmp_path, policies=("vw", "uniform", "popularity")))
    assert "of another command" not in capsys.readouterr().err, "nothing is lost"
    run(request(tmp_path, policies=("uniform",)))
    assert "pieces of it that aren't asked for now: 2; it was slateloop simulate --seeds 1\n" in capsys.readouterr().err


def test_json_is_plain(tmp_path: Path) -> None:
    outcome, _, _ = run(request(tmp_path))
    found = json.loads(json.dumps(to_json(outcome), allow_nan=False))
    assert [row["policy"] for row in found["rows"][::2]] == ["vw", "uniform"]
    assert found["n_finished"] == found["n_pieces"] == 3
    assert found["failures"] == []


def test_what_failed_is_told_with_its_settings(tmp_path: Path) -> None:
    runner = FakeRunner(fail_at="news, vw, seed 0", stop_at="news, references, seed 1")
    done = conduct(PLAN.jobs, Folder(tmp_path), run=runner, screen=FakeScreen())
    outcome = Outcome(request(tmp_path), PLAN, done, [], [], [], [])
    assert not outcome.is_whole
    failed, interrupted = notes(outcome)
    assert failed.startswith("failed: news, vw, seed 0: WorldError: the world ended\n  in news (")
    assert "{" not in failed
    assert interrupted == "interrupted: 2 of 6 pieces are finished; the same command goes on from there"
    assert [one["settings"]["seed"] for one in to_json(outcome)["failures"]] == [0]


def test_mistakes_are_told_before_anything_runs(tmp_path: Path) -> None:
    wrong = [
        (request(tmp_path, worlds=("nowhere",)), WorldError, "nowhere"),
        (request(tmp_path, policies=("oracle",)), CellError, "oracle"),
        (request(tmp_path, options=("nonsense=1",)), WorldError, "nonsense"),
        (request(tmp_path, options=("nonsense",)), CellError, "key=value"),
        (request(tmp_path, n_slots=9), WorldError, "slate_size=9"),
    ]
    for one, kind, name in wrong:
        with pytest.raises(kind, match=name):
            simulate(one, Console(file=io.StringIO()))
        assert kind in EXPLAINED
    assert list(tmp_path.iterdir()) == []


def test_options_reach_every_world() -> None:
    plan = plan_of(Request(worlds=("interest-evolution",), options=("visible_budget=true",)))
    assert [dict(one.options) for one in plan.settings] == [{"visible_budget": True}]


def test_the_same_thing_twice_is_once() -> None:
    plan = plan_of(Request(worlds=("news", "news"), policies=("vw", "vw"), n_seeds=1))
    assert len(plan.cells) == 1


def test_live_cells_run_in_loops_with_new_names(tmp_path: Path) -> None:
    with FakeLive(small()) as service:
        wanted = request(tmp_path, policies=("vw",))
        outcome = simulate(wanted, Console(file=io.StringIO()), live=Live(service, "t1", "http://a/"))
        assert outcome.is_whole
        ((loop, _),) = service.applied
        assert loop.startswith("simulate-t1-")
        assert loop.endswith("-interest-evolution-vw-0")
        assert (outcome.plan.cells[0].via, outcome.plan.cells[0].url) == ("live", "http://a")
    out = Console(file=io.StringIO(), width=200)
    show(outcome, out, out)
    assert f"left in the service, 1 loop of this run: {loop}\n" in out.file.getvalue()  # type: ignore[attr-defined]  # ours
    assert to_json(outcome)["loops"] == [loop]


def of_trained(out: Path, trained: Path, **changes: object) -> Request:
    return request(out, worlds=(WORLD, "news"), policies=("popularity",), trained=trained, **changes)


def test_trained_agents_stand_in_the_same_table_in_the_worlds_that_they_are_of(tmp_path: Path) -> None:
    trained = tmp_path / "train"
    keep(trained, agent("gradient", 1), 5.0)
    outcome, out, err = run(of_trained(tmp_path / "out", trained))
    assert outcome.is_whole
    first, second = out.split("news (")
    assert "popularity " in first
    assert "gradient (trained) " in first
    assert "gradient" not in second
    name = agent_file(trained, agent("gradient", 1)).name
    assert f"gradient (trained) in {WORLD} (5 candidates, 2 slots) begins with {name}" in err
    assert "`slateloop train --world news --candidates 5 --slots 2 --out" in err
    summary = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert "| gradient (trained) |" in summary
    assert "no agent in train was trained in news" in summary
    assert str(tmp_path) not in summary
    found = to_json(outcome)["trained"]
    assert found == [
        {
            "world": f"{WORLD} (5 candidates, 2 slots)",
            "policy": "gradient (trained)",
            "file": str(agent_file(trained, agent("gradient", 1))),
            "start": address_of(packed("gradient")),
        }
    ]


def test_results_of_another_start_are_not_taken_for_this_ones(tmp_path: Path) -> None:
    """The same piece trained again has the same file name and other bytes."""
    trained, piece = tmp_path / "train", agent("gradient")
    keep(trained, piece, 5.0)
    wanted = of_trained(tmp_path / "out", trained)
    first, again = plan_of(wanted), plan_of(wanted)
    assert [one.key for one in first.cells] == [one.key for one in again.cells]
    retrained = msgspec.structs.replace(start("gradient"), reward_max=99.0)
    agent_file(trained, piece).write_bytes(pack(retrained))
    other = plan_of(wanted)
    same = [one.key == before.key for one, before in zip(other.cells, first.cells, strict=True)]
    assert [one.policy.name for one, kept in zip(other.cells, same, strict=True) if not kept] == ["gradient (trained)"]


def test_trained_agents_of_no_world_and_no_folder_are_errors(tmp_path: Path) -> None:
    keep(tmp_path / "train", agent("gradient"), 5.0)
    wanted = of_trained(tmp_path / "out", tmp_path / "train")
    wrong = [
        (dataclasses.replace(wanted, worlds=("news",)), CellError, "no agent there was trained in news"),
        (dataclasses.replace(wanted, n_slots=1), CellError, "`slateloop train --world long-term"),
        (dataclasses.replace(wanted, trained=tmp_path / "nowhere"), ResultsError, "no folder of trained agents"),
    ]
    for one, kind, said in wrong:
        with pytest.raises(kind, match=said):
            simulate(one, Console(file=io.StringIO()))
        assert kind in EXPLAINED
    assert [path.name for path in tmp_path.iterdir()] == ["train"]


def test_a_live_loop_begins_with_the_trained_agent(tmp_path: Path) -> None:
    keep(tmp_path / "train", agent("gradient"), 5.0)
    wanted = of_trained(tmp_path / "out", tmp_path / "train")
    wanted = dataclasses.replace(wanted, worlds=(WORLD,), policies=(), n_requests=40)
    (cell,) = plan_of(wanted).cells
    with FakeLive(cell) as service:
        outcome = simulate(wanted, Console(file=io.StringIO()), live=Live(service, "t1", "http://user:pw@a/"))
    assert outcome.is_whole
    ((loop, data),), ((set_up, settings),) = service.agents, service.applied
    assert (loop, data) == (set_up, packed("gradient"))
    assert (settings.policy.kind, settings.policy.start) == ("gradient", address_of(data))
    assert outcome.plan.cells[0].url == "http://a", "results are kept without anyone's password"


def test_a_live_loop_whose_agent_is_waited_for_is_told(tmp_path: Path) -> None:
    keep(tmp_path / "train", agent("gradient"), 5.0)
    wanted = dataclasses.replace(of_trained(tmp_path / "out", tmp_path / "train"), worlds=(WORLD,), n_requests=40)
    err = io.StringIO()
    with FakeLive(plan_of(dataclasses.replace(wanted, policies=())).cells[0]) as service:
        simulate(wanted, Console(file=err, width=200), live=Live(service, "t1", "http://a"))
    begun, other = f"{WORLD}, gradient (trained), seed 0: ", f"{WORLD}, popularity, seed 0: "
    assert f"{begun}waiting until its agent is served\n{begun}its agent is served after 0." in err.getvalue()
    assert f"{other}waiting" not in err.getvalue()


class Overwriting(FakeLive):
    """Someone trains anew meanwhile."""

    file: Path

    def apply_settings(self, loop: str, settings: LoopSettings) -> None:
        super().apply_settings(loop, settings)
        self.file.write_bytes(packed("slateq"))


def test_an_agent_that_changed_meanwhile_is_that_cells_failure(tmp_path: Path) -> None:
    keep(tmp_path / "train", agent("gradient"), 5.0)
    wanted = of_trained(tmp_path / "out", tmp_path / "train", n_seeds=2)
    wanted = dataclasses.replace(wanted, worlds=(WORLD,), policies=(), n_requests=40)
    with Overwriting(plan_of(wanted).cells[0]) as service:
        service.file = agent_file(tmp_path / "train", agent("gradient"))
        outcome = simulate(wanted, Console(file=io.StringIO()), live=Live(service, "t1", "http://a"))
    (failure,) = outcome.experiment.failures
    assert failure.job.seed == 1
    assert len(outcome.loops) == 1, "the other was never made"
    assert "the file has changed meanwhile; run the command again" in failure.error


@pytest.mark.parametrize("is_live", [False, True])
def test_a_start_that_does_not_suit_is_refused_before_anything_is_played(tmp_path: Path, is_live: bool) -> None:
    files = {kind: tmp_path / f"{kind}.agent" for kind in ("gradient", "slateq")}
    for kind, file in files.items():
        file.write_bytes(packed(kind))
    wrong = [
        (f"slateq:start={files['slateq']},hidden=[8]", "requests of interest-evolution have no clickbait, which"),
        (f"slateq:start={files['gradient']}", "an agent of kind gradient; write gradient:start=…"),
        (f"slateq:start={files['slateq']},hidden=[8],value_scale=3", "value_scale=3.*: the agent was trained with"),
    ]
    with FakeLive(small()) as service:
        live = Live(service, "t1", "http://a") if is_live else None
        for policy, said in wrong:
            worlds = (WORLD,) if "value_scale" in policy else ("interest-evolution",)
            one = request(tmp_path / "out", worlds=worlds, policies=("vw", policy))
            with pytest.raises(CellError, match=said):
                simulate(one, Console(file=io.StringIO()), live=live)
        assert (service.agents, service.applied) == ([], [])
    assert not (tmp_path / "out").exists()


def test_cells_of_two_services_do_not_mix(tmp_path: Path) -> None:
    wanted = request(tmp_path, policies=("vw",))
    with FakeLive(small()) as one, FakeLive(small()) as other:
        simulate(wanted, Console(file=io.StringIO()), live=Live(one, "t1", "http://a/"))
        again = simulate(wanted, Console(file=io.StringIO()), live=Live(other, "t2", "http://b"))
    assert len(other.applied) == 1
    assert again.experiment.n_found == 1, "the reference, which needs no service"


def test_the_page_gets_its_section(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    outcome, _, _ = run(request(tmp_path / "out", write=page))
    text = page.read_text(encoding="utf-8")
    assert page in outcome.files
    assert text.count("<!-- simulate -->") == text.count("<!-- /simulate -->") == 1
    assert "slateloop simulate --seeds 1" in text
    assert "120 requests, seed 0" in text
    assert "processor" in text or "cores" in text


def test_records_of_other_code_are_counted_in_tables_summary_and_json(tmp_path: Path) -> None:
    outcome, _, _ = run(request(tmp_path))
    record = next(iter(outcome.experiment.cells_of(outcome.plan)))
    Folder(tmp_path).keep(dataclasses.replace(record, code="older"))
    kept, out, err = run(request(tmp_path, keep_old=True))
    found = to_json(kept)
    assert (found["n_rows_of_other_code"], found["n_of_other_code"], found["codes"]["older"]) == (1, 1, 1)
    assert "*: 1 of 5 rows" in out
    assert "*: 1 of 5 rows" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    again, out, err = run(request(tmp_path))
    assert "1 of 3 pieces were finished before by other code than this" in err
    assert (to_json(again)["n_measured_again"], to_json(again)["n_rows_of_other_code"], "*" in out) == (1, 0, False)


def test_sizes_may_be_options() -> None:
    plan = plan_of(Request(worlds=("news",), options=("num_candidates=20", "slate_size=2")))
    assert [(one.n_candidates, one.n_slots, dict(one.options)) for one in plan.settings] == [(20, 2, {})]


@pytest.mark.parametrize(
    ("options", "cure"),
    [
        (("num_candidates=20",), "give one of them"),
        (("preset=shop",), "--world"),
        (("num_envs=4",), "leave it out"),
    ],
)
def test_what_is_said_elsewhere_is_no_option(tmp_path: Path, options: tuple[str, ...], cure: str) -> None:
    with pytest.raises(CellError, match=cure):
        simulate(request(tmp_path / "out", options=options), Console(file=io.StringIO()))
    assert not (tmp_path / "out").exists()


OPTIONS = [(one.preset, option) for one in listing.worlds() for option in one.options]


@pytest.mark.parametrize("value", ["loud", "null"])
@pytest.mark.parametrize(("preset", "option"), OPTIONS)
def test_a_wrong_value_of_any_option_is_told_at_once(preset: str, option: str, value: str) -> None:
    """Null is right where it is the default; all else is one error that names the option, or is no error at all."""
    try:
        plan_of(Request(worlds=(preset,), options=(f"{option}={value}",)))
    except EXPLAINED as error:
        assert option in str(error) or "path" in str(error) or "data" in str(error)  # noqa: PT017  null may be right
    else:
        assert value == "null" or option in ("path", "data", "label")


def test_the_listing_names_worlds_and_policies() -> None:
    out = io.StringIO()
    show_listing(Console(file=out, width=160))
    assert "streaming" in out.getvalue()
    assert "vw" in out.getvalue()
    assert "trained" not in out.getvalue()
    assert "trained" not in json.loads(json.dumps(listing_json(), allow_nan=False))


def test_the_listing_names_what_a_folder_of_trained_agents_holds(tmp_path: Path) -> None:
    keep(tmp_path, agent("gradient", 3), 5.0)
    file, out = agent_file(tmp_path, agent("gradient", 3)), io.StringIO()
    show_listing(Console(file=out, width=200), tmp_path)
    assert file.name in out.getvalue()
    file.unlink()
    show_listing(Console(file=out, width=200), tmp_path)
    assert f"{file.name} is missing" in out.getvalue()
    assert [one["seed"] for one in listing_json(tmp_path)["trained"]] == [3]
    with pytest.raises(ResultsError, match="no folder of trained agents"):
        show_listing(Console(file=out), tmp_path / "nowhere")


def test_the_listing_of_a_folder_without_a_finished_training_says_what_to_do(tmp_path: Path) -> None:
    TrainingFolder(tmp_path)
    out = io.StringIO()
    show_listing(Console(file=out, width=200), tmp_path)
    last = out.getvalue().splitlines()[-1]
    assert last == (
        f"trained agents (--trained {tmp_path}): no training there is finished; `slateloop train --out {tmp_path}` "
        "trains agents"
    )
    assert listing_json(tmp_path)["trained"] == []
