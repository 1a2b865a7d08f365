"""The real service over real HTTP: it learns what it is told, listens on loopback alone, and survives its replica."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from ray import serve

import simulator.service
from agent.loops import PolicySettings
from serve_app.client import Client
from serve_app.hosting import APPLICATION
from serve_app.service import start
from serve_app.settings import ServiceSettings
from serve_app.startup import StartError
from simulator.env_users import EnvUsers, loop_settings
from simulator.in_process import InProcess
from simulator.pacing import LagGate
from simulator.tally import Tally
from simulator.traffic import Route, play
from tests.end_to_end.processes import descendants, kill_one
from tests.end_to_end.until import until
from tests.simulator.fake_world import FakeWorld

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.timeout(150)]

ADMIN_KEY = "test-admin-key-0123456789abcdefghij"
HEADERS = {"authorization": f"Bearer {ADMIN_KEY}"}
SLATE = {"loop": "e2e", "actions": ["a", "b", "c"], "slots": 1}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, free_port: int) -> ServiceSettings:
    return ServiceSettings(
        port=free_port, data_dir=tmp_path_factory.mktemp("data"), admin_key=ADMIN_KEY, body_bytes=200_000
    )


@pytest.fixture(scope="module")
def strangers() -> set[int]:
    """What other tests of this run have left running."""
    return set(descendants(""))


@pytest.fixture(scope="module")
def http(settings: ServiceSettings, strangers: set[int]) -> Iterator[httpx.Client]:
    with start(settings) as service, httpx.Client(base_url=service.url, headers=HEADERS, timeout=20) as client:
        loop = {"variants": {"learned": 1.0}, "reward": {"window_s": 0.2}}
        assert client.put("/v1/loops/e2e", json=loop).status_code == 200
        yield client


def decided(http: httpx.Client) -> dict[str, Any]:
    response = http.post("/v1/slates", json=SLATE)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_rewards_become_another_policy_within_seconds(http: httpx.Client) -> None:
    assert decided(http)["policy"] == "baseline"
    for _ in range(60):
        answer = decided(http)
        value = 1.0 if answer["slate"][0]["id"] == "c" else 0.0
        accepted = http.post("/v1/rewards", json={"event_id": answer["event_id"], "value": value})
        assert (accepted.status_code, accepted.json()) == (202, {"accepted": 1})
    until(lambda: http.get("/v1/loops/e2e/status").json()["experiences"]["learned"] >= 61, within_s=20)
    status = http.get("/v1/loops/e2e/status").json()
    assert status["learner"]["alive"] is True
    until(
        lambda: decided(http)["version"] == http.get("/v1/loops/e2e/status").json()["serving"]["version"], within_s=10
    )
    assert decided(http)["policy"] == PolicySettings().kind
    metrics = http.get("/metrics").text
    assert 'slateloop_experiences_total{loop="e2e",result="learned"}' in metrics


def test_a_world_earns_alike_live_and_in_process(http: httpx.Client) -> None:
    """The same users, dealt to the same arms, in a live loop and in one of this process.

    Counted are 400 requests after 300 to learn from, some 33 users an arm: per arm, the rewards per slate differ by
    less than four standard errors of their difference, and learned earns more than uniform by more than four.
    """
    world = FakeWorld()
    settings = loop_settings(world, variants={"learned": 0.5, "uniform": 0.5})
    with Client(str(http.base_url), ADMIN_KEY) as client:
        client.apply_settings("world", settings)
        gate = LagGate(client, "world", max_lag=300, clock=time.monotonic, sleep=time.sleep)
        live = second_part(client, admit=gate.admit, settled=lambda: gate.wait_below(0))
        assert client.status("world").experiences.ignored == 0
    with InProcess(settings) as loop:
        here = second_part(loop)
    for arm in ("learned", "uniform"):
        mine, theirs = here.arm(arm).slate, live.arm(arm).slate
        assert abs(mine.value - theirs.value) < 4 * math.sqrt(mine.variance + theirs.variance)
    for found in (live, here):
        learned, uniform = found.arm("learned").slate, found.arm("uniform").slate
        assert learned.value - uniform.value > 4 * math.sqrt(learned.variance + uniform.variance)


def second_part(
    service: simulator.service.Service,
    *,
    admit: Callable[[], None] = lambda: None,
    settled: Callable[[], None] = lambda: None,
) -> Tally:
    """What 400 requests earn, after 300 that were learned from."""
    steps = play(service, EnvUsers(FakeWorld(), seed=0), Route("world", 2), n_requests=700, admit=admit)
    for _ in islice(steps, 300):
        pass
    settled()
    tally = Tally()
    for step in steps:
        tally.add(step)
    return tally


@pytest.mark.usefixtures("http")
def test_everything_of_ours_listens_on_loopback(strangers: set[int]) -> None:
    ours = {inode for pid in set(descendants("")) - strangers for inode in _socket_inodes(pid)}
    listening = [(address, inode) for address, inode in _listening() if inode in ours]
    assert len(listening) > 10
    assert [address for address, _ in listening if not _is_loopback(address)] == []


def test_a_replica_has_met_no_training_framework(http: httpx.Client) -> None:
    handle = serve.get_app_handle(APPLICATION)
    found = handle.imported.remote(["serve_app.app", "torch", "ray.rllib", "gymnasium"]).result(timeout_s=20)
    assert found == ["serve_app.app"]


def test_through_haproxy_refusals_stay_problem_documents(http: httpx.Client) -> None:
    for body, status in ((b"{", 400), (b"x" * 300_000, 413), (b"[" * 50_000, 422)):
        response = http.post("/v1/slates", content=body)
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
    strange = http.post(
        "/v1/slates",
        json=SLATE,
        headers={b"x-request-id": b"\xff", b"x-session-id": b"\xff", b"x-request-timeout-seconds": b"0.000001"},
    )
    assert strange.status_code == 200
    assert http.post("/v1/events/a%2Fb/activate", json={"loop": "e2e"}).status_code == 202


def test_a_taken_port_is_told_before_anything_starts(
    http: httpx.Client, settings: ServiceSettings, tmp_path: Path
) -> None:
    with pytest.raises(StartError, match=f"port {settings.port} .* is taken"):
        start(settings.model_copy(update={"data_dir": tmp_path / "other"}))
    assert not (tmp_path / "other").exists()


def test_a_cluster_needs_a_datastore_that_it_reaches(
    free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    settings = ServiceSettings(port=free_port + 1, data_dir=tmp_path)
    with pytest.raises(StartError, match="SLATELOOP_REDIS_URL"):
        start(settings)


def test_a_killed_replica_comes_back(http: httpx.Client) -> None:
    version = decided(http)["version"]
    killed = kill_one("ray::ServeReplica")

    def answers() -> bool:
        try:
            return http.post("/v1/slates", json=SLATE).status_code == 200
        except httpx.HTTPError:
            return False

    until(answers, within_s=40)
    until(lambda: killed not in descendants("ray::ServeReplica"), within_s=5)
    assert decided(http)["version"] >= version


def _socket_inodes(pid: int) -> Iterator[str]:
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            target = link.readlink().name
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target.removeprefix("socket:[").removesuffix("]")


def _listening() -> Iterator[tuple[str, str]]:
    """Address (hex, as the kernel writes it) and inode of every listening TCP socket."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                yield fields[1].partition(":")[0], fields[9]


def _is_loopback(address: str) -> bool:
    """127.0.0.0/8, the same mapped into IPv6, or ::1; the kernel writes words of four bytes, the lowest first."""
    return (
        address.endswith("7F") and address[:-8] in ("", "0000000000000000FFFF0000")
    ) or address == "0" * 24 + "01000000"
