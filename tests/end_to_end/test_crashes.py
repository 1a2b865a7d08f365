"""SIGKILL to replica, learner and embedded server under traffic: no answer is lost, and learning stays exact."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import keys
from agent.datastore import connect
from agent.event_log import LogReader
from agent.log_follower import relearn
from agent.loops import LoopSettings, PolicySettings, RewardSettings, UserSettings
from agent.records import ZERO, Decision, Entry, Reward
from agent.user_rates import MemoryUsers, UserLedger, mark_of
from serve_app.client import Client
from serve_app.commands.relearning import compare, datastore_url
from serve_app.retries import Backoff
from serve_app.service import start
from serve_app.settings import ServiceSettings
from tests.end_to_end.processes import descendants, kill_one
from tests.end_to_end.until import until

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.timeout(180)]

LOOP = "crashes"
N_USERS = 5
SETTINGS = LoopSettings(
    policy=PolicySettings(kind="vw", options={"explorer": "bag", "settle_every": 64}),
    reward=RewardSettings(window_s=1.0),
    users=UserSettings(keep_days=30),
)
ADMIN_KEY = "test-admin-key-0123456789abcdefghij"
ACTIONS = {f"a{i}": {"topic": f"t{i % 3}", "price": i / 2} for i in range(8)}


@pytest.fixture(scope="module")
def settings(quick_disk: Path, free_port: int) -> ServiceSettings:
    return ServiceSettings(port=free_port, data_dir=quick_disk / "crashes", admin_key=ADMIN_KEY)


@pytest.fixture(scope="module")
def service_url(settings: ServiceSettings) -> Iterator[str]:
    with start(settings) as service:
        yield service.url


class Traffic:
    """One user after the other until told to stop; remembers what was answered."""

    def __init__(self, url: str) -> None:
        self.client = Client(url, ADMIN_KEY, loop=LOOP, backoff=Backoff(budget_s=45.0))
        self.answered: list[str] = []
        self.rewarded: list[str] = []
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.client.close()

    def _run(self) -> None:
        dice = random.Random(3)
        try:
            while not self._stop.is_set():
                context, user = {"hour": dice.randrange(24)}, f"u{dice.randrange(N_USERS)}"
                slate = self.client.choose(ACTIONS, slots=2, context=context, user=user)
                self.answered.append(slate.event_id)
                self.client.reward_slate(slate.event_id, [float(one in ("a1", "a4")) for one in slate.ids])
                self.rewarded.append(slate.event_id)
        except BaseException as error:  # noqa: BLE001 - handed to the test, which raises it
            self.error = error

    def goes_on(self, n_more: int = 60) -> None:
        """Wait until so many more users were served."""
        target = len(self.rewarded) + n_more
        until(lambda: len(self.rewarded) >= target or self.error is not None, within_s=60.0)
        if self.error is not None:
            raise self.error


def test_every_process_may_be_killed(service_url: str, settings: ServiceSettings) -> None:
    with Client(service_url, ADMIN_KEY) as admin:
        admin.apply_settings(LOOP, SETTINGS)
        with Traffic(service_url) as traffic:
            traffic.goes_on(200)
            until(lambda: n_learned(admin) > 100, within_s=30.0)
            for title in ("ray::ServeReplica", "ray::LearnerActor", "redis.sock", "ray::LearnerActor", "redis.sock"):
                kill_one(title)
                traffic.goes_on()
                until(lambda title=title: len(descendants(title)) == 1, within_s=30.0)  # type: ignore[misc]  # bound now
                learned = n_learned(admin)
                until(lambda learned=learned: n_learned(admin) > learned, within_s=30.0)  # type: ignore[misc]  # bound now
        assert traffic.error is None
        log = entries(settings)
        decisions = Counter(entry.record.event_id for entry in log if isinstance(entry.record, Decision))
        assert set(traffic.answered) <= decisions.keys()
        assert max(decisions.values()) == 1
        rewards = Counter(entry.record.event_id for entry in log if isinstance(entry.record, Reward))
        assert set(traffic.rewarded) <= rewards.keys()

        until(lambda: n_learned(admin) >= len(decisions), within_s=30.0)
        time.sleep(1.0)  # a learner that counted anything twice would go on
        assert n_learned(admin) == len(decisions)
        relearned = compare(datastore_url(settings), LOOP)
        assert relearned.is_equal
        # The newest checkpoint is as old as two seconds of traffic, and what stands since the engine settled.
        assert relearned.n_learned > len(decisions) // 2
        assert_users_are_counted_once(settings)


def assert_users_are_counted_once(settings: ServiceSettings) -> None:
    """What the datastore has of users is what the whole log, learned in one go, tells of them."""
    again = MemoryUsers()
    with connect(datastore_url(settings)) as client:
        relearn(LogReader(client, LOOP), SETTINGS, users=UserLedger(again)).close()
        marks = [mark_of(f"u{number}") for number in range(N_USERS)]
        kept = {mark: client.get(keys.user(LOOP, SETTINGS.learning_hash, mark)) for mark in marks}
    assert kept == again.rows


def n_learned(admin: Client) -> int:
    return admin.status(LOOP).experiences.learned


def entries(settings: ServiceSettings) -> list[Entry]:
    with connect(datastore_url(settings)) as client:
        return LogReader(client, LOOP).read(ZERO, 1_000_000)
