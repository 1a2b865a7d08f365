"""Evaluations over a log whose truth is known."""

from __future__ import annotations

import random
import subprocess
import sys

import msgspec
import pytest
import redis

from agent.evaluation.findings import N_KEPT, Evaluation, EvaluationStore, Wanted
from agent.evaluation.job import Job, run
from agent.keys import features, log
from agent.loop_store import LoopStore
from agent.loops import LoopSettings
from agent.records import Decision, Reward, SlotRecord, Tick, encode
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
