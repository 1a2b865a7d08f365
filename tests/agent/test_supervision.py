from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest
import redis

from agent import keys, progress
from agent.datastore import MemoryUse
from agent.event_log import append, server_ms
from agent.fencing import claim
from agent.learner_host import State
from agent.loop_store import LoopStore
from agent.loops import LoopSettings
from agent.records import Tick
from agent.snapshots import LoopSnapshot, SnapshotStore, version_of
from agent.supervision import FEW, FRESH_MS, MEMORY_EVERY_MS, SILENT_MS, LearnerId, Supervision
from tests.agent import traffic
from tests.agent.learner_crew import Crew
from tests.agent.traffic import LOOP, settings

A, B, C = settings("uniform"), settings("order"), settings("popularity")


class FakeLearners:
    """Learners that only have a name and a state."""

    def __init__(self) -> None:
        self.states: dict[LearnerId, State | None] = {}
        self.orders: list[tuple[str, str]] = []

    def running(self) -> dict[LearnerId, State | None]:
        return dict(self.states)

    def start(self, learner: LearnerId) -> None:
        self.states[learner] = "learning"
        self.orders.append(("start", learner.lineage))

    def stop(self, learner: LearnerId) -> None:
        del self.states[learner]
        self.orders.append(("stop", learner.lineage))


class Scene:
    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.learners = FakeLearners()
        self.supervision = Supervision(client, self.learners)
        self.snapshots = SnapshotStore(client, LOOP)

    def apply(self, wanted: LoopSettings) -> None:
        LoopStore(self.client).apply(LOOP, wanted)

    def begin(self, wanted: LoopSettings) -> None:
        self.apply(wanted)
        append(self.client, LOOP, Tick(0))
        self.supervision.step()

    def publish(self, wanted: LoopSettings, n_learned: int = 1) -> str:
        lineage = wanted.learning_hash
        version = version_of(lineage, n_learned, b"")
        snapshot = LoopSnapshot("uniform", {}, 0.0, 1.0, b"", b"", n_learned, "1-0", lineage, version)
        self.snapshots.publish(snapshot, claim(self.client, LOOP, lineage))
        return version

    def report(self, wanted: LoopSettings, *, n_behind: int = 0, age_ms: int = 0, n_learned: int = 1) -> None:
        said = progress.Progress(LOOP, wanted.learning_hash, n_learned=n_learned, n_behind=n_behind)
        at = server_ms(self.client) - age_ms
        progress.write(self.client, msgspec.structs.replace(said, reported_at=at))

    def step(self) -> list[tuple[str, str]]:
        self.learners.orders.clear()
        self.supervision.step()
        return self.learners.orders


@pytest.fixture
def scene(redis_client: redis.Redis) -> Scene:
    return Scene(redis_client)


def test_a_loop_without_events_has_no_learner(scene: Scene) -> None:
    scene.apply(A)
    assert scene.step() == []
    scene.apply(B)
    assert scene.step() == []
    append(scene.client, LOOP, Tick(0))
    assert scene.step() == [("start", B.learning_hash)]
    assert scene.step() == []


def test_one_that_died_is_started_again(scene: Scene) -> None:
    scene.begin(A)
    scene.learners.states.clear()
    assert scene.step() == [("start", A.learning_hash)]
    scene.learners.states[LearnerId(LOOP, A.learning_hash)] = "stopped"
    assert scene.step() == [("stop", A.learning_hash), ("start", A.learning_hash)]
    scene.learners.states[LearnerId(LOOP, A.learning_hash)] = None
    assert scene.step() == []


def test_a_fenced_one_makes_way_while_the_other_is_at_work(scene: Scene) -> None:
    scene.begin(A)
    scene.learners.states[LearnerId(LOOP, A.learning_hash)] = "fenced"
    scene.report(A)
    assert scene.step() == []
    scene.report(A, age_ms=FRESH_MS + 1)
    assert scene.step() == [("stop", A.learning_hash), ("start", A.learning_hash)]


def test_an_unknown_learner_is_stopped(scene: Scene) -> None:
    scene.begin(A)
    scene.learners.states[LearnerId("gone", "0" * 12)] = "learning"
    assert scene.step() == [("stop", "0" * 12)]


def test_a_new_lineage_takes_over_when_it_has_caught_up(scene: Scene) -> None:
    scene.begin(A)
    old = scene.publish(A)
    scene.apply(B)
    assert scene.step() == [("start", B.learning_hash)]
    scene.report(B, n_behind=FEW + 1)
    assert scene.step() == []
    scene.report(B, n_behind=FEW, n_learned=50)
    assert scene.step() == []
    scene.publish(B, 49 - FEW)
    assert scene.step() == []
    new = scene.publish(B, 50 - FEW)
    serving = scene.snapshots.serving()
    assert serving is not None
    assert serving.version == old
    assert scene.step() == [("stop", A.learning_hash)]
    serving = scene.snapshots.serving()
    assert serving is not None
    assert (serving.lineage, serving.version, serving.previous) == (B.learning_hash, new, old)
    assert old in [info.version for info in scene.snapshots.kept()]


def test_one_that_neither_answers_nor_reports_is_started_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.begin(A)
    now_ms = server_ms(scene.client)
    monkeypatch.setattr("agent.supervision.server_ms", lambda client: now_ms)
    scene.learners.states[LearnerId(LOOP, A.learning_hash)] = None
    assert scene.step() == []
    scene.report(A, age_ms=-2 * SILENT_MS)
    now_ms += SILENT_MS + 1000
    assert scene.step() == []
    scene.report(A)
    assert scene.step() == [("stop", A.learning_hash), ("start", A.learning_hash)]
    scene.learners.states[LearnerId(LOOP, A.learning_hash)] = None
    assert scene.step() == [], "it has only just been started"


def test_a_loop_that_cannot_be_looked_after_disturbs_no_other(scene: Scene) -> None:
    """Settings that a newer version stored: that loop's learner goes on, the other loop gets its own."""
    scene.begin(A)
    scene.client.hset(keys.settings(LOOP), "1", '{"unknown": 1}')
    for name in ("aaa", "zzz"):
        LoopStore(scene.client).apply(name, A)
        append(scene.client, name, Tick(0))
    assert scene.step() == [("start", A.learning_hash)] * 2
    assert set(scene.learners.states) == {LearnerId(name, A.learning_hash) for name in ("aaa", LOOP, "zzz")}


def test_a_datastore_that_is_filling_up_is_told_once_a_minute(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now_ms = server_ms(scene.client)
    monkeypatch.setattr("agent.supervision.server_ms", lambda client: now_ms)
    monkeypatch.setattr("agent.supervision.memory", lambda client: MemoryUse(80, 100))
    for n_told in (1, 1, 2):
        now_ms += MEMORY_EVERY_MS - 1 if n_told == 1 and caplog.records else MEMORY_EVERY_MS
        scene.step()
        assert sum("80 % full" in record.getMessage() for record in caplog.records) == n_told


def test_it_need_not_be_closer_than_the_one_it_replaces(scene: Scene) -> None:
    scene.begin(A)
    scene.publish(A)
    scene.apply(B)
    scene.publish(B)
    scene.step()
    scene.report(A, n_behind=500)
    scene.report(B, n_behind=510)
    assert scene.step() == [("stop", A.learning_hash)]


def test_an_old_report_proves_nothing(scene: Scene) -> None:
    scene.begin(A)
    scene.publish(A)
    scene.apply(B)
    scene.publish(B)
    scene.report(B, age_ms=FRESH_MS + 1)
    assert scene.step() == [("start", B.learning_hash)]


def test_a_third_lineage_replaces_the_second_before_it_has_caught_up(scene: Scene) -> None:
    scene.begin(A)
    scene.publish(A)
    scene.apply(B)
    scene.step()
    scene.apply(C)
    assert scene.step() == [("stop", B.learning_hash), ("start", C.learning_hash)]


def test_while_pinned_the_new_lineage_takes_over_learning_and_not_serving(scene: Scene) -> None:
    scene.begin(A)
    old = scene.publish(A)
    scene.snapshots.roll_back(old)
    scene.apply(B)
    new = scene.publish(B)
    scene.report(B)
    assert ("stop", A.learning_hash) in scene.step()
    serving = scene.snapshots.serving()
    assert serving is not None
    assert (serving.version, serving.pinned) == (old, True)
    released = scene.snapshots.release()
    assert released is not None
    assert released.version == new


def test_each_loop_has_its_own(scene: Scene) -> None:
    scene.begin(A)
    LoopStore(scene.client).apply("other", A)
    append(scene.client, "other", Tick(0))
    scene.step()
    assert set(scene.learners.states) == {LearnerId(LOOP, A.learning_hash), LearnerId("other", A.learning_hash)}


def test_real_learners_hand_over_to_a_lineage_that_learned_the_whole_log(
    redis_url: str, redis_client: redis.Redis
) -> None:
    """Settings change under traffic: the new lineage reads from the beginning, catches up, and is served."""
    traffic.store_rows(redis_client)
    old, new = settings("uniform"), settings("vw", explorer="epsilon")
    store = LoopStore(redis_client)
    store.apply(LOOP, old)
    start_ms = server_ms(redis_client) + 3_600_000
    for written in traffic.traffic(1, 300, start_ms=start_ms):
        traffic.write(redis_client, written)
    traffic.write(redis_client, traffic.Written(start_ms + 1_000_000, Tick(start_ms + 1_000_000)))
    crew = Crew(redis_url)
    supervision, snapshots = Supervision(redis_client, crew), SnapshotStore(redis_client, LOOP)
    try:
        look_until(supervision, lambda: follows(snapshots, old))
        store.apply(LOOP, new)
        look_until(supervision, lambda: follows(snapshots, new))
        look_until(supervision, lambda: list(crew.hosts) == [LearnerId(LOOP, new.learning_hash)])
    finally:
        crew.stop_all()
    serving = snapshots.serving()
    assert serving is not None
    assert snapshots.load(serving.version).kind == "vw"
    retired, current = (progress.read(redis_client, LOOP, each.learning_hash) for each in (old, new))
    assert retired is not None
    assert current is not None
    assert current.n_learned == retired.n_learned > 200
    assert {info.lineage for info in snapshots.kept()} == {old.learning_hash, new.learning_hash}


def follows(snapshots: SnapshotStore, wanted: LoopSettings) -> bool:
    serving = snapshots.serving()
    return serving is not None and serving.lineage == wanted.learning_hash


def look_until(supervision: Supervision, condition: Callable[[], bool]) -> None:
    while not condition():
        supervision.step()
        time.sleep(0.02)
