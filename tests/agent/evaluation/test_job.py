"""Evaluations over a log whose truth is known."""

from __future__ import annotations

import random
import subprocess
import sys

import msgspec
import pytest
import redis

from agent.evaluation.findings import (
    INTERVAL_MS,
    N_KEPT,
    N_SLOT_IDS,
    Evaluation,
    EvaluationStore,
    Wanted,
    interval_for,
)
from agent.evaluation.job import Job, _taught, evaluated, run
from agent.evaluation.targets import Candidate, bare
from agent.event_log import LogReader
from agent.keys import features, log
from agent.loop_store import LoopStore
from agent.loops import LoopSettings
from agent.records import Decision, Experience, Imitation, Reward, SessionEnd, SlotRecord, StreamId, Tick, encode
from policies.features import address, canonical

LOOP = "x"
ROWS = [canonical({"x": id}) for id in "ab"]
ASKED = Evaluation(id="e", name="n", start_ms=0, end_ms=10**12, created_ms=1)


def write(client: redis.Redis, n: int) -> None:
    """Two actions; a is chosen with 0.7 and worth 0.2 on average, b with 0.3 and worth 0.8."""
    LoopStore(client).apply(LOOP, LoopSettings())
    client.delete(log(LOOP))
    chance = random.Random(3)
    client.hset(features(LOOP), mapping={address(row): row for row in ROWS})
    keys = b"".join(address(row) for row in ROWS)
    pipe = client.pipeline(transaction=False)
    for place in range(n):
        at_ms = 1_000_000 + 100 * place
        chosen = int(chance.random() < 0.3)
        reward = float(chance.random() < (0.2, 0.8)[chosen])
        made = Decision(
            str(place), at_ms, 50, "learned", "vw", "v", 1, b"{}", ("a", "b"), keys, (SlotRecord("0"),), (chosen,),
            ((0.7, 0.3)[chosen],), floor=0.1,
        )  # fmt: skip
        pipe.xadd(log(LOOP), {b"r": encode(made)}, id=f"{at_ms}-0")
        pipe.xadd(log(LOOP), {b"r": encode(Reward(str(place), at_ms + 10, reward))}, id=f"{at_ms + 10}-0")
    pipe.xadd(log(LOOP), {b"r": encode(Tick(10**10))}, id=f"{10**10}-0")
    pipe.execute()


def test_each_policy_is_worth_what_it_is_worth(redis_client: redis.Redis) -> None:
    """2,000 decisions. Truth: online .7 · .2 + .3 · .8 = .38, baseline (a) .2, random .5; a learner comes near .8 less
    what a floor of .02 costs. Standard errors are at most sqrt(.25 / 2000 / .3) = .02; 4 of them are allowed."""
    write(redis_client, 2000)
    wanted = [Wanted("mine", "--cb_explore_adf", "vw", {"explorer": "epsilon"})]
    store = EvaluationStore(redis_client, LOOP)
    assert store.add(msgspec.structs.replace(ASKED, wanted=wanted))
    run(redis_client, LOOP, "e")
    done = store.get("e")
    assert done is not None
    assert (done.status, done.n_decisions, done.optimal) == ("completed", 2000, "mine")
    truth = {"Online": 0.38, "Baseline": 0.2, "Random": 0.5, "mine": 0.79}
    assert [one.name for one in done.results] == list(truth)
    for one in done.results:
        estimate = one.slots[""].total().snips()
        assert estimate is not None
        assert estimate.value == pytest.approx(truth[one.name], abs=0.08)
        assert estimate.low < estimate.value < estimate.high
        assert one.n_unsupported == 0
    sums = done.results[0].slots[""]
    assert sum(one.n for one in sums.by(300_000).values()) == sum(one.n for one in sums.by(3_600_000).values()) == 2000


def test_the_optimal_policy_is_one_that_can_be_applied(redis_client: redis.Redis) -> None:
    """In this log chance earns .5 and online .38, by 2,000 decisions: far apart, and chance is no candidate."""
    write(redis_client, 2000)
    done = evaluated(ASKED, LoopSettings(), LogReader(redis_client, LOOP))
    low = {one.name: one.slots[""].total().snips() for one in done.results}
    online, chance = low["Online"], low["Random"]
    assert online is not None and chance is not None  # noqa: PT018 - for the type checker
    assert chance.low > online.value
    assert done.optimal == "Online"


def test_the_interval_grows_with_the_span() -> None:
    day_ms = 86_400_000
    found = [interval_for(span_ms) for span_ms in (0, 7 * day_ms, 8 * day_ms, 80 * day_ms, 4000 * day_ms)]
    assert found == [INTERVAL_MS, INTERVAL_MS, 3_600_000, 3_600_000, day_ms]


def test_a_candidate_is_told_what_the_learner_would_be_told() -> None:
    """Of an apprentice's decision, whether it agreed; of one before ``learn_since_ms``, nothing."""
    settings = LoopSettings(learn_since_ms=500)
    served = Decision(
        "e", 600, 50, "baseline", "baseline", "", 1, b"{}", ("a", "b"), bytes(24), (SlotRecord("0"),), (0,), (1.0,),
        imitation=Imitation((1,), (0.25,), "vw", "v"),
    )  # fmt: skip
    plain = bare(served)
    told = _taught(Experience(StreamId(600, 0), served, (0.9,), 1), plain, settings)
    assert told is not None
    assert (told.slate.chosen, told.slate.propensities, list(told.rewards)) == ((1,), (0.25,), [0.0])
    own = msgspec.structs.replace(served, imitation=None)
    assert _taught(Experience(StreamId(600, 0), own, (0.9,), 1), plain, settings) is plain
    assert _taught(Experience(StreamId(499, 0), own, (0.9,), 1), plain, settings) is None


def test_candidates_are_told_where_sessions_ended(redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[tuple[str, int]] = []

    class Told(Candidate):
        def end(self, trajectory: str, at_ms: int) -> None:
            ended.append((trajectory, at_ms))

    monkeypatch.setattr("agent.evaluation.job.Candidate", Told)
    write(redis_client, 3)
    redis_client.xadd(log(LOOP), {b"r": encode(SessionEnd("s", 1))}, id=f"{10**10 + 1}-0")
    asked = msgspec.structs.replace(ASKED, wanted=[Wanted("mine", "", "vw", {})])
    assert evaluated(asked, LoopSettings(), LogReader(redis_client, LOOP)).n_decisions == 3
    assert ended == [("session:s", 10**10 + 1)]


def test_slot_ids_without_end_are_not_all_told_apart(redis_client: redis.Redis) -> None:
    LoopStore(redis_client).apply(LOOP, LoopSettings())
    redis_client.delete(log(LOOP))
    for place in range(N_SLOT_IDS):
        slots = (SlotRecord(f"x{place}"), SlotRecord(f"y{place}"))
        made = Decision(str(place), 1 + place, 1, "learned", "vw", "", 1, b"{}", ("a", "b"), bytes(24), slots, (0, 1),
                        (0.5, 1.0), floor=0.1)  # fmt: skip
        redis_client.xadd(log(LOOP), {b"r": encode(made)}, id=f"{1 + place}-0")
    redis_client.xadd(log(LOOP), {b"r": encode(Tick(1000))}, id="1000-0")
    done = evaluated(ASKED, LoopSettings(), LogReader(redis_client, LOOP))
    for one in done.results:
        assert len(one.slots) == N_SLOT_IDS + 1
        assert one.slots[""].total().n == N_SLOT_IDS


def test_a_failure_is_stored_and_what_was_deleted_stays_away(redis_client: redis.Redis) -> None:
    write(redis_client, 5)
    store = EvaluationStore(redis_client, LOOP)
    store.add(msgspec.structs.replace(ASKED, wanted=[Wanted("bad", "", "nonsense")]))
    with pytest.raises(ValueError, match="nonsense"):
        run(redis_client, LOOP, "e")
    failed = store.get("e")
    assert failed is not None
    assert (failed.status, "nonsense" in failed.error) == ("failed", True)
    assert store.delete("e")
    assert not store.delete("e")
    store.replace(failed)
    assert store.get("e") is None


def test_it_runs_in_a_process_of_its_own(redis_client: redis.Redis, redis_url: str) -> None:
    write(redis_client, 20)
    store = EvaluationStore(redis_client, LOOP)
    store.add(ASKED)
    job = msgspec.json.encode(Job(redis_url, LOOP, "e"))
    done = subprocess.run([sys.executable, "-m", "agent.evaluation.job"], input=job, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    found = store.get("e")
    assert found is not None
    assert found.status == "completed"


def test_an_id_is_taken_once_and_the_oldest_go(redis_client: redis.Redis) -> None:
    store = EvaluationStore(redis_client, LOOP)
    for place in range(N_KEPT + 2):
        assert store.add(msgspec.structs.replace(ASKED, id=str(place), created_ms=place))
    assert not store.add(msgspec.structs.replace(ASKED, id="7"))
    kept = [one.id for one in store.all()]
    assert (len(kept), kept[0], kept[-1]) == (N_KEPT, str(N_KEPT + 1), "2")
