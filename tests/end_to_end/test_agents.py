"""Tiny agents, trained by the command, published over HTTP, served by replicas, and learning on from the log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from ray import serve
from rich.console import Console

from agent.connection import connect
from agent.loop_store import LoopStore
from agent.loops import LoopSettings
from agent.snapshots import SnapshotStore
from agent.starts import StartStore
from envs.presets import make_world
from serve_app.client import Client
from serve_app.commands.relearning import compare, datastore_url
from serve_app.hosting import APPLICATION
from serve_app.service import start
from serve_app.settings import ServiceSettings
from simulator import train_command
from simulator.env_users import EnvUsers
from simulator.pacing import LagGate
from simulator.traffic import Route, play
from simulator.train_options import Request
from tests.end_to_end.until import until

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.timeout(300)]

ADMIN_KEY = "test-admin-key-0123456789abcdefghij"
WORLD = "long-term-satisfaction-0.3"
N_REQUESTS = 200
"""Three sessions of 60 slates, and some of a fourth; each is more than a block."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, free_port: int) -> ServiceSettings:
    return ServiceSettings(port=free_port, data_dir=tmp_path_factory.mktemp("data"), admin_key=ADMIN_KEY)


@pytest.fixture(scope="module")
def client(settings: ServiceSettings) -> Iterator[Client]:
    with start(settings) as service, Client(service.url, ADMIN_KEY, timeout_s=20) as made:
        yield made


@pytest.mark.parametrize("kind", ["slateq", "gradient"])
def test_a_trained_agent_is_published_served_and_learns_on(
    client: Client, settings: ServiceSettings, tmp_path: Path, kind: str
) -> None:
    """Its nets change with the first sessions, change again with more of them, and what they became can be repeated."""
    loop = f"begins-with-{kind}"
    trained = train_command.train(request(kind, loop, tmp_path), Console(quiet=True))
    assert trained.is_whole
    published = train_command.publish(trained, client).published
    assert published is not None
    assert (published.kind, published.is_new, published.warnings) == (kind, True, ())
    hasten(client, loop)

    until(lambda: client.status(loop).serving is not None, within_s=60)
    first = client.choose(offer(), slots=2, loop=loop, user="who gets the learned arm")
    until(lambda: served_by(client, loop) == kind, within_s=20)
    serving = client.status(loop).serving
    assert serving is not None
    assert serving.version.split("-")[:2] == [client.settings(loop).learning_hash, "0"]
    assert first.ids
    nets = [served_nets(settings, loop)]
    assert nets == [begun_with(settings, loop)]

    for n_met in (N_REQUESTS, 2 * N_REQUESTS):
        meet_users(client, loop)
        until(partial(has_learned, client, loop, n_met), within_s=60)
        nets.append(served_nets(settings, loop))
    assert len(set(nets)) == 3
    status = client.status(loop)
    assert status.experiences.refused == 0
    assert not any("unmet" in reason for reason in status.troubles)
    assert served_by(client, loop) == kind
    imported = serve.get_app_handle(APPLICATION).imported.remote(["serve_app.app", "torch", "ray.rllib", "gymnasium"])
    assert imported.result(timeout_s=20) == ["serve_app.app"]
    again = compare(datastore_url(settings), loop)
    assert again.is_equal
    assert again.n_learned > N_REQUESTS


def hasten(client: Client, loop: str) -> None:
    """A loop that publishing made waits a minute for feedback, as people need it."""
    made = client.settings(loop)
    assert made.settings.reward.window_s == 60.0
    soon = made.settings.reward.model_copy(update={"window_s": 0.5})
    quick = client.apply_settings(loop, made.settings.model_copy(update={"reward": soon}))
    until(lambda: serves(client, loop, quick.learning_hash), within_s=60)


def serves(client: Client, loop: str, lineage: str) -> bool:
    serving = client.status(loop).serving
    return serving is not None and serving.version.startswith(lineage)


def test_a_loop_that_serves_already_goes_on_until_the_agent_has_learned_its_log(client: Client, tmp_path: Path) -> None:
    loop = "had-a-bandit"
    client.apply_settings(loop, LoopSettings.model_validate({"variants": {"learned": 1.0}, "reward": REWARD}))
    meet_users(client, loop)
    until(lambda: has_learned(client, loop, N_REQUESTS), within_s=60)
    bandit = client.settings(loop).settings.policy.kind
    trained = train_command.train(request("gradient", loop, tmp_path), Console(quiet=True))
    published = train_command.publish(trained, client).published
    assert published is not None
    assert not published.is_new
    seen = [served_by(client, loop)]
    deadline = time.monotonic() + 60
    while seen[-1] != "gradient" and time.monotonic() < deadline:
        seen.append(served_by(client, loop))
    assert set(seen) == {bandit, "gradient"}
    assert client.status(loop).experiences.learned >= N_REQUESTS


REWARD = {"window_s": 0.5, "aggregation": "sum", "min": 0.0, "max": 100.0, "recipe": {"engagement": {"weight": 1.0}}}


def request(kind: str, loop: str, out: Path) -> Request:
    """A few thousand steps of a small world."""
    return Request(
        worlds=(f"{WORLD},num_candidates=5,slate_size=2",),
        agents=(kind,),
        beside=("none",),
        n_seeds=1,
        n_steps=3072,
        frugal=True,
        n_users=20,
        agent_options=("hidden=[8]", "block=32", "block_minibatch=16"),
        out=out,
        tensorboard=False,
        plots=False,
        n_jobs=1,
        publish=loop,
    )


def offer() -> dict[str, dict[str, float]]:
    return {"a": {"clickbait": 0.9}, "b": {"clickbait": 0.1}, "c": {"clickbait": 0.5}}


def has_learned(client: Client, loop: str, n: int) -> bool:
    """Whether what is served has learned from so many."""
    serving = client.status(loop).serving
    return serving is not None and serving.n_learned >= n


def served_nets(settings: ServiceSettings, loop: str) -> bytes:
    """What is served now."""
    with connect(datastore_url(settings)) as redis:
        store = SnapshotStore(redis, loop)
        serving = store.serving()
        assert serving is not None
        return store.load(serving.version).policy


def begun_with(settings: ServiceSettings, loop: str) -> bytes:
    """What was published."""
    with connect(datastore_url(settings)) as redis:
        stored = LoopStore(redis).current(loop)
        assert stored is not None
        begun = StartStore(redis, loop).named_by(stored.settings)
        assert begun is not None
        return begun.snapshot


def served_by(client: Client, loop: str) -> str:
    """The policy that answers users of the learned arm."""
    slates = [client.choose(offer(), slots=2, loop=loop, user=f"u{number}") for number in range(8)]
    return next(one.policy for one in slates if one.variant == "learned")


def meet_users(client: Client, loop: str) -> None:
    """Users of the world, whose sessions end, and as many slates as they get."""
    world = make_world(WORLD, num_candidates=5, slate_size=2)
    gate = LagGate(client, loop, max_lag=400, clock=time.monotonic, sleep=time.sleep)
    for _ in play(client, EnvUsers(world, seed=0), Route(loop, 2), n_requests=N_REQUESTS, admit=gate.admit):
        pass
