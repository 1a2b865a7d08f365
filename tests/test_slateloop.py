from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from typer.testing import CliRunner, Result

import slateloop
from agent.connection import DatastoreError
from serve_app.client import Client
from serve_app.commands.connection import Outside
from serve_app.retries import Backoff
from serve_app.settings import ServiceSettings
from simulator.world_course import WorldName
from tests.serve_app.fake_http import FakeHttp, problem, stored
from tests.simulator.fake_live import LiveLoop
from tests.simulator.recordings import movielens

KEY = ["--key", "slk_1_x"]
ONCE = Backoff(budget_s=0.0)


@dataclass
class FakeRunning:
    url: str = "http://127.0.0.1:1234"
    admin_key: str | None = "slk_first_key"
    n_stopped: int = 0

    def stop(self) -> None:
        self.n_stopped += 1


@dataclass
class FakeOutside:
    """Everything a command can reach, none of it real."""

    http: FakeHttp = field(default_factory=FakeHttp)
    running: FakeRunning = field(default_factory=FakeRunning)
    started: list[ServiceSettings] = field(default_factory=list)
    connected: list[tuple[str, str]] = field(default_factory=list)

    def outside(self) -> Outside:
        return Outside(connect=self._connect, start=self._start, wait_for_end=lambda: "SIGTERM")

    def _connect(self, url: str, key: str, _: Backoff) -> Client:
        self.connected.append((url, key))
        return Client(url, key, backoff=ONCE, transport=self.http.transport)

    def _start(self, settings: ServiceSettings) -> FakeRunning:
        self.started.append(settings)
        return self.running


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLATELOOP_URL", "SLATELOOP_KEY", "SLATELOOP_REDIS_URL", "SLATELOOP_PORT"):
        monkeypatch.delenv(name, raising=False)


def run(fake: FakeOutside, *arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(slateloop.app, list(arguments), obj=fake.outside(), env=env)


def serving(method: str, path: str, answer: Any) -> FakeOutside:
    return FakeOutside(http=FakeHttp(routes={(method, path): answer}))


def test_every_command_teaches_by_an_example() -> None:
    fake = FakeOutside()
    commands = [
        ["serve"],
        ["demo"],
        ["doctor"],
        ["simulate"],
        ["bakeoff"],
        ["parity"],
        ["replay", "movielens"],
        *(
            ["loops", name]
            for name in ["list", "show", "apply", "versions", "status", "snapshots", "rollback", "release"]
        ),
        *(["keys", name] for name in ["create", "list", "revoke"]),
    ]
    for command in commands:
        result = run(fake, *command, "--help")
        assert result.exit_code == 0
        assert f"Example: slateloop {' '.join(command)}" in " ".join(result.stdout.split()), command


@pytest.mark.parametrize("arguments", [["nonsense"], ["loops", "show"], ["keys", "create", "root", *KEY], ["replay"]])
def test_a_wrong_command_line_exits_with_2(arguments: list[str]) -> None:
    fake = FakeOutside()
    assert run(fake, *arguments).exit_code == 2
    assert not fake.http.requests


def test_url_and_key_come_from_options_or_the_environment() -> None:
    fake = serving("GET", "/v1/loops", {"loops": [{"loop": "default", "version": 1}]})
    run(fake, "loops", "list", "--url", "http://one", "--key", "k1")
    run(fake, "loops", "list", env={"SLATELOOP_URL": "http://two", "SLATELOOP_KEY": "k2"})
    assert fake.connected == [("http://one", "k1"), ("http://two", "k2")]


def test_without_a_key_it_says_where_to_get_one() -> None:
    result = run(FakeOutside(), "loops", "list")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "SLATELOOP_KEY" in result.stderr


def test_what_the_service_refuses_is_explained() -> None:
    fake = FakeOutside(http=FakeHttp(problem(404, detail="no loop 'x'", field="loop", cure="one of: default")))
    result = run(fake, "loops", "status", "x", *KEY)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no loop 'x'" in result.stderr
    assert "one of: default" in result.stderr


def test_an_unreachable_service_is_a_message_not_a_traceback() -> None:
    fake = FakeOutside(http=FakeHttp(httpx.ConnectError("refused")))
    result = run(fake, "loops", "list", *KEY)
    assert result.exit_code == 1
    assert "is the service running there?" in result.stderr


def test_show_prints_yaml_that_apply_takes_back(tmp_path: Path) -> None:
    settings = {"variants": {"learned": 1.0}, "reward": {"window_s": 5.0}}
    fake = serving("GET", "/v1/loops/home", stored("home", 4, **settings))
    shown = run(fake, "loops", "show", "home", *KEY)
    assert shown.exit_code == 0
    file = tmp_path / "loop.yaml"
    file.write_text(shown.stdout, encoding="utf-8")
    fake = serving("PUT", "/v1/loops/home", stored("home", 5, **settings))
    applied = run(fake, "loops", "apply", str(file), "--loop", "home", *KEY, "--json")
    assert json.loads(applied.stdout)["version"] == 5
    assert fake.http.bodies()[0]["variants"] == {"learned": 1.0}
    assert fake.http.bodies()[0]["reward"]["window_s"] == 5.0


def test_a_bad_file_lists_every_problem_and_sends_nothing(tmp_path: Path) -> None:
    file = tmp_path / "loop.yaml"
    file.write_text("variants: {learned: 0.5}\nfloor: 2\nreward: {window_s: -1}\nnonsense: 1\n", encoding="utf-8")
    fake = FakeOutside()
    result = run(fake, "loops", "apply", str(file), "--loop", "home", *KEY)
    assert result.exit_code == 1
    for named in ("variants", "floor", "reward.window_s", "nonsense"):
        assert f"{file}: {named}" in result.stderr
    assert not fake.connected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("policy: {kind: oracle}", "no such policy"),
        ("policy: {kind: vw, options: {epsilon: 7, nonsense: 1}}", "nonsense: no such option"),
        ("a: [", "not YAML"),
    ],
)
def test_a_bad_policy_or_text_is_seen_before_anything_is_sent(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "loop.yaml"
    file.write_text(text, encoding="utf-8")
    fake = FakeOutside()
    result = run(fake, "loops", "apply", str(file), "--loop", "home", *KEY)
    assert result.exit_code == 1
    assert says in result.stderr
    assert not fake.connected


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    result = run(FakeOutside(), "loops", "apply", str(tmp_path / "no.yaml"), "--loop", "home", *KEY)
    assert result.exit_code == 1
    assert "no.yaml: No such file" in result.stderr


STATUS = {
    "loop": "home",
    "settings_version": 2,
    "serving": {"version": "v3", "pinned": True, "published_at": 1.0, "age_s": 2.0, "n_learned": 4000},
    "learner": {"alive": True, "n_behind": 7, "n_open": 1, "lag_s": 0.2, "reported_at": 1.0},
    "experiences": {"learned": 4001, "late": 3, "ignored": 1200},
    "variants": {
        "learned": {"share": 0.9, "n_decisions": 10, "reward_per_slot": 0.25, "interval_95": [0.2, 0.3]},
        "order": {"share": 0.1, "n_decisions": 0},
    },
    "lift": {"order": {"value": 0.157, "interval_95": [0.1, 0.2]}},
    "log": {"n_entries": 9000},
    "why": ["Version v3 is pinned by a rollback."],
}


def test_status_tells_what_was_learned_and_why_not_more() -> None:
    fake = serving("GET", "/v1/loops/home/status", STATUS)
    result = run(fake, "loops", "status", "home", *KEY)
    assert result.exit_code == 0
    for part in ("serves v3, pinned", "4,000", "7 entries behind", "late 3", "+15.7%", "pinned by a rollback"):
        assert part in result.stdout
    assert "refused 0, ignored 1,200; log" in result.stdout
    as_json = json.loads(run(fake, "loops", "status", "home", *KEY, "--json").stdout)
    assert as_json["serving"]["n_learned"] == 4000
    assert as_json["lift"]["order"]["value"] == 0.157


def test_rollback_and_release_say_what_is_served() -> None:
    fake = FakeOutside(http=FakeHttp(*(httpx.Response(200, json={"version": "v2", "pinned": True}) for _ in range(2))))
    assert "v2 until `slateloop loops release home`" in run(fake, "loops", "rollback", "home", "v2", *KEY).stdout
    assert "newest" in run(fake, "loops", "release", "home", *KEY).stdout
    assert fake.http.asked() == [("POST", "/v1/loops/home/rollback"), ("POST", "/v1/loops/home/release")]
    assert fake.http.bodies()[0] == {"version": "v2"}


def test_snapshots_and_versions_are_listed() -> None:
    snapshot = {"version": "v9", "lineage": "abc", "n_learned": 50, "published_at": 0.0, "n_bytes": 10}
    fake = serving("GET", "/v1/loops/home/snapshots", {"snapshots": [snapshot]})
    assert "1970-01-01" in run(fake, "loops", "snapshots", "home", *KEY).stdout
    fake = serving("GET", "/v1/loops/home/versions", {"versions": [stored("home", 1), stored("home", 2)]})
    listed = json.loads(run(fake, "loops", "versions", "home", *KEY, "--json").stdout)
    assert [one["version"] for one in listed] == [1, 2]


def test_a_new_key_is_alone_on_its_line() -> None:
    made = {"id": "k", "scopes": ["reward"], "loop": "home", "name": "web", "created_at": 1.0, "key": "slk_k_s"}
    fake = serving("POST", "/v1/keys", made)
    result = run(fake, "keys", "create", "reward", "--loop", "home", "--name", "web", *KEY)
    assert result.stdout.splitlines()[0] == "slk_k_s"
    assert fake.http.bodies() == [{"scopes": ["reward"], "loop": "home", "name": "web"}]


def test_listed_keys_have_no_secrets() -> None:
    record = {"id": "k", "scopes": ["admin"], "loop": None, "name": "", "created_at": 1.0}
    fake = serving("GET", "/v1/keys", {"keys": [record]})
    assert "every" in run(fake, "keys", "list", *KEY).stdout
    assert json.loads(run(fake, "keys", "list", *KEY, "--json").stdout)[0]["id"] == "k"
    fake = FakeOutside(http=FakeHttp(httpx.Response(200, json={"deleted": 1})))
    assert "works no more" in run(fake, "keys", "revoke", "k", *KEY).stdout
    assert fake.http.asked() == [("DELETE", "/v1/keys/k")]


def test_serve_shows_the_key_once_and_stops_cleanly(tmp_path: Path) -> None:
    fake = FakeOutside()
    result = run(fake, "serve", "--port", "8123", "--data-dir", str(tmp_path), "--replicas", "2")
    assert result.exit_code == 0
    settings = fake.started[0]
    assert (settings.port, settings.data_dir, settings.replicas) == (8123, tmp_path, 2)
    assert result.stdout.count("slk_first_key") == 1
    assert "curl -sS http://127.0.0.1:1234/v1/slates" in result.stdout
    assert "curl -sS http://127.0.0.1:1234/v1/rewards" in result.stdout
    assert "SIGTERM: stopping" in result.stderr
    assert fake.running.n_stopped == 1


def test_serve_takes_options_over_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "service.yaml"
    file.write_text("port: 9001\nreplicas: 3\nhost: 127.0.0.3\n", encoding="utf-8")
    fake = FakeOutside()
    run(fake, "serve", "--config", str(file), "--port", "9003", env={"SLATELOOP_REPLICAS": "2", "SLATELOOP_PORT": "1"})
    settings = fake.started[0]
    assert (settings.port, settings.replicas, settings.host) == (9003, 2, "127.0.0.3")


def test_serve_lists_every_wrong_setting_and_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "service.yaml"
    file.write_text("port: 99999\nnonsense: 1\n", encoding="utf-8")
    fake = FakeOutside()
    result = run(fake, "serve", "--config", str(file))
    assert result.exit_code == 1
    assert "port" in result.stderr
    assert "nonsense" in result.stderr
    assert not fake.started


def test_serve_says_why_it_could_not_start() -> None:
    class Locked(FakeOutside):
        def _start(self, settings: ServiceSettings) -> FakeRunning:
            raise DatastoreError("the data folder is used by another Slateloop service")

    result = run(Locked(), "serve")
    assert result.exit_code == 1
    assert "used by another Slateloop service" in result.stderr


def test_replay_prints_one_object_with_the_lifts(tmp_path: Path) -> None:
    loop = LiveLoop()
    fake = FakeOutside(http=loop.http)
    arguments = ["--path", str(movielens(tmp_path)), "--limit", "10", "--seed", "3", *KEY, "--json"]
    result = run(fake, "replay", "movielens", *arguments)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["n_requests"], found["seed"], found["limit"]) == (10, 3, 10)
    assert set(found["arms"]) == {"learned", "popularity"}
    assert isinstance(found["lift"], float)
    assert isinstance(found["lift_popularity"], float)
    assert loop.settings == {"learned": 0.5, "popularity": 0.5}
    assert len(loop.decided) == len(loop.rewarded) == 10
    assert all(len(ask["actions"]) == 10 and ask["slots"] == 3 for ask in loop.decided)


def test_replay_sends_the_policy_that_is_named_and_writes_its_page(tmp_path: Path) -> None:
    loop, page = LiveLoop(), tmp_path / "results.md"
    arguments = ["--path", str(movielens(tmp_path)), "--policy", "linear:thompson", "--write", str(page), *KEY]
    result = run(FakeOutside(http=loop.http), "replay", "movielens", *arguments)
    assert result.exit_code == 0, result.stderr
    assert loop.policy == {"kind": "linear", "options": {"explorer": "thompson"}, "start": ""}
    assert 'Policy linear with {"explorer": "thompson"}' in page.read_text(encoding="utf-8")


def test_replay_writes_no_page_of_a_loop_that_knew_something(tmp_path: Path) -> None:
    fake, page = FakeOutside(http=LiveLoop(n_before=7).http), tmp_path / "results.md"
    result = run(fake, "replay", "movielens", "--path", str(movielens(tmp_path)), "--write", str(page), *KEY)
    assert result.exit_code == 1
    assert "was not written: the loop had learned before" in result.stderr
    assert not page.exists()


def test_replay_warns_where_the_loop_has_learned_before(tmp_path: Path) -> None:
    fake = FakeOutside(http=LiveLoop(n_before=77).http)
    result = run(fake, "replay", "movielens", "--path", str(movielens(tmp_path)), "--limit", "2", *KEY)
    assert result.exit_code == 0
    assert "has learned from 77 already" in result.stderr
    assert "lift is over it" in result.stdout


def test_replay_refuses_a_wrong_folder_before_it_calls_anyone(tmp_path: Path) -> None:
    fake = FakeOutside()
    result = run(fake, "replay", "movielens", "--path", str(tmp_path), *KEY)
    assert result.exit_code == 1
    assert "movies.csv: No such file" in result.stderr
    assert not fake.connected


def test_the_demo_starts_shows_and_stops_its_own_service(tmp_path: Path) -> None:
    loop = LiveLoop()
    fake = FakeOutside(http=loop.http)
    result = run(fake, "demo", "--seconds", "1", "--keep", str(tmp_path))
    assert result.exit_code == 0, result.stderr
    assert loop.settings == {"learned": 0.5, "popularity": 0.25, "uniform": 0.25}
    assert "click rate" in result.stdout
    assert loop.ended
    settings = fake.started[0]
    assert settings.data_dir == tmp_path
    assert settings.admin_key == fake.connected[0][1]
    assert fake.running.n_stopped == 1
    for step in (f" serve --data-dir {tmp_path}", "/v1/slates", "/v1/rewards", "loops status", "/docs"):
        assert step in result.stdout


@pytest.mark.parametrize("world", get_args(WorldName))
def test_the_demo_shows_any_of_its_worlds(world: str) -> None:
    loop = LiveLoop()
    result = run(FakeOutside(http=loop.http), "demo", "--world", world, "--seconds", "1", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["world"], found["loop"]) == (world, world)
    assert set(found["lead_over"]) == {"popularity", "uniform"}
    assert found["n_requests"] == len(loop.decided) > 1
    told = {piece["type"] for pieces in loop.rewarded for piece in pieces}
    assert told
    assert found["kpi"]["feedback"] in loop.recipe
    assert told <= set(loop.recipe)


def test_the_demo_knows_its_worlds() -> None:
    result = run(FakeOutside(), "demo", "--world", "moon")
    assert result.exit_code == 2
    assert "news" in result.stderr


def test_a_demo_that_fails_still_stops_its_service() -> None:
    fake = FakeOutside(http=FakeHttp(httpx.ConnectError("refused")))
    result = run(fake, "demo", "--seconds", "1")
    assert result.exit_code == 1
    assert "is the service running there?" in result.stderr
    assert fake.running.n_stopped == 1
    assert not fake.started[0].data_dir.exists()


def test_a_bakeoff_prints_one_object_that_names_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.costs.N_LESSONS", 20)
    monkeypatch.setattr("simulator.costs.N_LESSONS_OF_MANY", 5)
    small = ["--set", "iris", "--seeds", "1", "--requests", "40", "--no-matrix", "--no-plots", "--jobs", "1"]
    result = run(
        FakeOutside(), "bakeoff", *small, "--policy", "vw", "--out", str(tmp_path), "--limit-us", "1e9", "--json"
    )
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["default"]["kind"] == "vw"


def test_a_bakeoff_explains_a_mistake_before_it_runs(tmp_path: Path) -> None:
    result = run(
        FakeOutside(), "bakeoff", "--set", "table", "--table", "no.csv", "--label", "y", "--out", str(tmp_path)
    )
    assert (result.exit_code, result.stdout, list(tmp_path.iterdir())) == (1, "", [])
    assert "no.csv: No such file" in result.stderr
