from __future__ import annotations

import dataclasses
import importlib
import io
import json
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

import slateloop
from agent.loops import LoopSettings
from simulator import encoded_world, train_command
from simulator.cells import CellError
from simulator.extras import MissingExtraError
from simulator.train_options import Request
from simulator.training_plan import pieces_of
from simulator.training_rows import to_json
from tests.serve_app.fake_http import FakeHttp, problem, stored
from tests.simulator.test_publishing import FakeService, FakeStored
from tests.test_slateloop import KEY, FakeOutside, run
from tests.trained import packed

QUIET = Console(quiet=True)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_world, "N_STEPS", 300)


def request(out: Path) -> Request:
    return Request(
        worlds=("long-term-satisfaction-0.3,num_candidates=5",),
        agents=("gradient",),
        beside=("popularity",),
        n_seeds=2,
        n_steps=2048,
        frugal=True,
        n_users=20,
        n_requests=100,
        agent_options=("hidden=[8]", "fit_on=32", "block=32", "block_minibatch=16"),
        out=out / "results",
        tensorboard=False,
        n_jobs=1,
        write=out / "results.md",
    )


def test_it_trains_compares_writes_and_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = dataclasses.replace(request(tmp_path), n_logged=200, n_served=100)
    first = train_command.train(asked, QUIET)
    assert first.is_whole
    assert [row.who for row in first.rows[:3]] == ["gradient (frugal)", "gradient (from a log)", "popularity"]
    assert len(first.agents) == 2
    assert all(path.exists() for path in (*first.agents, *first.files, *first.plots))
    page = (tmp_path / "results.md").read_text()
    assert "<!-- train -->" in page
    assert "seeds 0 to 1, at most 2,048 user-steps each" in page
    assert "Agents (--frugal)" in page
    assert all(line in page for line in ("| gradient (frugal) |", "### Learned from a log", "| gradient | long-term"))
    assert "From a log: 200 decisions of a uniform control, then 100 of the agent's own snapshots" in page
    assert first.costs.decide_us.keys() == {(first.rows[0].scene.title, "gradient (frugal)")}
    assert str(tmp_path) not in page
    again = train_command.train(asked, QUIET)
    assert again.training.n_found == len(again.pieces)
    assert to_json(again.rows) == to_json(first.rows)
    page = (tmp_path / "results.md").read_text()
    assert "aren't asked for now" not in capsys.readouterr().err
    train_command.train(dataclasses.replace(asked, section="train-2", beside=("none",)), QUIET)
    told = capsys.readouterr().err
    assert "pieces of it that aren't asked for now: 2; it was slateloop train\n" in told
    assert told.endswith(f"{asked.write}: section 'train-2' added at its end\n")
    both = (tmp_path / "results.md").read_text()
    assert page.strip() in both
    assert "simulated worlds: train-2\n" in both.partition("<!-- train-2 -->")[2]
    assert "Bandits: each" not in both.partition("<!-- train-2 -->")[2]
    out, err = io.StringIO(), io.StringIO()
    train_command.show(again, Console(file=out, width=200), Console(file=err, width=200))
    assert "least_clickbait (reference)" in out.getvalue()
    assert "were finished before" in err.getvalue()
    plain = train_command.to_json(again)
    assert json.loads(json.dumps(plain, allow_nan=False))["n_finished_before"] == len(again.pieces)
    assert [one["name"] for one in plain["decisions"]] == ["gradient (frugal)"]

    service = FakeService()
    wanted = dataclasses.replace(again, request=dataclasses.replace(asked, publish="x"))
    published = train_command.publish(wanted, service)
    assert published.published is not None
    assert service.agents[0][1] in [path.read_bytes() for path in first.agents]
    assert train_command.to_json(published)["published"]["loop"] == "x"
    assert "next: slateloop simulate --world long-term-satisfaction-0.3 --candidates 5 --trained" in out.getvalue()
    said = io.StringIO()
    train_command.show(published, Console(file=said, width=200), Console(quiet=True))
    (told,) = (line for line in said.getvalue().splitlines() if line.startswith("loop x is"))
    (name,) = (one for one in first.agents if one.read_bytes() == service.agents[0][1])
    assert told.startswith("loop x is made, and told to begin with gradient (frugal), seed ")
    assert f" by validation users), {name} (settings version 1); " in told
    assert "next:" not in said.getvalue()


def test_what_does_not_suit_is_told_before_the_work_begins(tmp_path: Path) -> None:
    said, service = io.StringIO(), FakeService({"shop": FakeStored(1, LoopSettings())})
    train_command.foresee(
        dataclasses.replace(request(tmp_path), publish="shop"), service, Console(file=said, width=200)
    )
    assert "before anything is published to shop: the loop's rewards are cut to 0 … 1" in said.getvalue()
    assert "the loop's recipe weighs nothing of engagement" in said.getvalue()
    assert service.agents == []
    with pytest.raises(KeyError):  # as the fake says that there is none
        train_command.foresee(dataclasses.replace(request(tmp_path), publish="shp"), service, Console(file=said))
    assert "loop shp doesn't exist; it is made with the agent (did you mean shop?)" in said.getvalue()


def test_publishing_that_fails_is_told_last_and_goes_on_with_the_same_command(tmp_path: Path) -> None:
    command = [
        *("train", "--world", "long-term-satisfaction-0.3,num_candidates=5", "--agent", "gradient", "--bandit", "none"),
        *("--seeds", "1", "--steps", "2048", "--users", "20", "--frugal", "--agent-option", "hidden=[8]"),
        *("--no-tensorboard", "--no-plots", "--jobs", "1", "--out", str(tmp_path / "x"), "--publish", "shop"),
    ]
    http, loop = FakeHttp(), ("GET", "/v1/loops/shop")
    http.routes = {("GET", "/v1/loops"): {"loops": ["shop"]}, loop: stored("shop")}
    fake = FakeOutside(http=http)
    first = run(fake, *command, "--fresh", *KEY)
    assert first.exit_code == 1
    assert "gradient (frugal)" in first.stdout
    assert str(tmp_path / "x" / "agents") in first.stdout
    early, failed, cure = first.stderr.splitlines()[0], *first.stderr.splitlines()[-2:]
    assert early.startswith("before anything is published to shop: the loop's rewards are cut")
    assert failed.startswith("nothing was published to shop: 404: no route ('PUT', '/v1/loops/shop/agents')")
    assert cure.startswith(
        "the agents are kept: once that is mended, this publishes and trains nothing again: slateloop"
    )
    http.routes["PUT", "/v1/loops/shop/agents"] = {"start": "sha256:" + 64 * "0"}
    http.routes["PUT", "/v1/loops/shop"] = stored("shop", 2)
    again = run(fake, *command, *KEY, "--json")
    assert again.exit_code == 0
    told = json.loads(again.stdout)
    assert (told["n_finished_before"], told["n_pieces"]) == (told["n_pieces"], told["n_finished"])
    assert (told["published"]["version"], told["unpublished"]) == (2, "")
    del http.routes["PUT", "/v1/loops/shop"]
    failed_again = run(fake, *command, *KEY, "--json")
    assert failed_again.exit_code == 1
    told = json.loads(failed_again.stdout)
    assert told["published"] is None
    assert told["unpublished"].startswith("404")
    assert told["rows"]


def test_a_loop_that_is_another_keys_is_told_before_the_work_begins(tmp_path: Path) -> None:
    names = httpx.Response(200, json={"loops": []})
    http = FakeHttp(names, names, problem(403, detail="key k is for the loop other only"))
    asked = ("train", "--world", "news", "--agent", "gradient", "--publish", "shop", "--out", str(tmp_path / "x"))
    result = run(FakeOutside(http=http), *asked, *KEY)
    assert result.exit_code == 1
    assert "403: key k is for the loop other only; give --key" in result.stderr
    assert not (tmp_path / "x").exists()


def test_a_full_disk_at_the_end_hides_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = dataclasses.replace(request(tmp_path), agents=(), n_seeds=1)
    train_command.train(asked, QUIET)

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("simulator.training_folder.write_whole", full)
    outcome = train_command.train(asked, QUIET)
    assert outcome.is_finished
    assert not outcome.is_whole
    assert [one.partition(": ")[0] for one in outcome.unwritten] == ["can't write results"] * 2
    out, err = io.StringIO(), io.StringIO()
    train_command.show(outcome, Console(file=out, width=200), Console(file=err, width=200))
    assert "popularity" in out.getvalue()
    assert "summary.md'; make room, or choose another folder with --out" in err.getvalue()


def test_bars_are_on_the_page(tmp_path: Path) -> None:
    asked = dataclasses.replace(request(tmp_path), worlds=("long-term-satisfaction-0.3",), frugal=False, n_seeds=1)
    outcome = train_command.train(asked, QUIET)
    assert [one.outcome for one in outcome.bars] == ["not judged"] * 2
    page = (tmp_path / "results.md").read_text()
    assert "### Bars" in page
    assert "| at most 5 minutes a seed |" in page
    assert "not judged: 1 of 5 seeds" in page
    assert len(train_command.to_json(outcome)["bars"]) == 2


def test_nothing_trained_is_nothing_to_publish(tmp_path: Path) -> None:
    asked = dataclasses.replace(request(tmp_path), agents=(), n_seeds=1, plots=False)
    outcome = train_command.train(asked, QUIET)
    assert outcome.rows[0].sort == "bandit"
    with pytest.raises(CellError, match="nothing to publish"):
        train_command.publish(outcome, FakeService())


def test_a_failure_is_told_and_no_page_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr("simulator.training.train", broken)
    outcome = train_command.train(dataclasses.replace(request(tmp_path), n_seeds=1), QUIET)
    assert not outcome.is_whole
    told = list(train_command.notes(outcome))
    assert any("gradient (frugal), seed 0: ValueError: no" in line for line in told)
    assert any("was not written" in line for line in told)
    assert not (tmp_path / "results.md").exists()


def test_ctrl_c_names_the_best_agent_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(course: object, *, seed: int, tell: object, keep: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("simulator.training.train", interrupted)
    asked = dataclasses.replace(request(tmp_path), n_seeds=1, beside=("none",))
    agent = pieces_of(asked)[-1]
    best = asked.out / "best" / f"{agent.stem}.agent"
    best.parent.mkdir(parents=True)
    best.write_bytes(b"an agent")
    outcome = train_command.train(asked, QUIET)
    assert outcome.training.interrupted
    assert any(str(best) in line for line in train_command.notes(outcome))
    assert [row.sort for row in outcome.rows] == ["reference"] * 5
    assert outcome.plots == []
    assert any("no plots were drawn" in line for line in train_command.notes(outcome))


def test_what_is_not_installed_is_told_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = importlib.import_module

    def without_torch(name: str) -> object:
        if name == "torch":
            raise ImportError(name)
        return load(name)

    monkeypatch.setattr(importlib, "import_module", without_torch)
    with pytest.raises(MissingExtraError, match=r"needs torch, which isn't installed: `make agents`, or pip install"):
        train_command.train(request(tmp_path), QUIET)
    for wrong in ({"agents": ("dqn",)}, {"agent_options": ("hiden=[8]",)}, {"log_worlds": ("shop",)}):
        with pytest.raises(CellError, match=r"no such|add --log"):
            train_command.train(dataclasses.replace(request(tmp_path), **wrong), QUIET)  # type: ignore[arg-type]  # ours


def test_what_would_fail_late_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "slateq.agent"
    file.write_bytes(packed("slateq"))
    begins = f"slateq:start={file},hidden="
    wrong = [
        ({"worlds": ("long-term-satisfaction", "words")}, "world=words .*: no agent can be trained in it"),
        (
            {"worlds": ("interest-evolution",), "beside": (f"{begins}[8]",)},
            "requests of interest-evolution have no clickbait",
        ),
        ({"beside": (f"{begins}[16]",)}, r"options.hidden=\[16\]: the agent was trained with \[8\]"),
    ]
    for changes, said in wrong:
        asked = dataclasses.replace(request(tmp_path), **changes)  # type: ignore[arg-type]  # each of its own type
        with pytest.raises(CellError, match=said):
            train_command.train(asked, QUIET)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_the_command_line_explains_a_wrong_request(tmp_path: Path) -> None:
    result = CliRunner().invoke(slateloop.app, ["train", "--agent", "dqn", "--out", str(tmp_path / "x")])
    assert result.exit_code == 1
    assert "no such agent; choose one of slateq, gradient" in result.output
    published = CliRunner().invoke(slateloop.app, ["train", "--publish", "shop"], env={"SLATELOOP_KEY": ""})
    assert published.exit_code == 1
    assert "no API key" in published.output
