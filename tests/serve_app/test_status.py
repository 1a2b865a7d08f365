"""What the learner met in the features arrives in the status, from the log on."""

from __future__ import annotations

import json
import random

import msgspec
import redis

from agent import progress
from agent.records import Tick
from serve_app.answers import Status
from serve_app.status import read_status
from serve_app.troubles import CURES, explained
from tests.agent import traffic
from tests.agent.learning import Life, closed_log, opened
from tests.agent.traffic import LOOP, START_MS, WINDOW_MS, Written, apply, settings

N = 40


def test_odd_features_are_counted_and_explained(redis_client: redis.Redis) -> None:
    """Every second request sends a number as a string, and lacks another number."""
    traffic.store_rows(redis_client)
    dice = random.Random(3)
    for number in range(N):
        context = {"hour": number % 24, "age": 30} if number % 2 else {"hour": "noon"}
        told = json.dumps(context).encode()
        made = traffic.a_decision(dice, f"e{number}", START_MS + number, context=told, deferred=False)
        traffic.write(redis_client, Written(START_MS + number, made))
    end = START_MS + N + WINDOW_MS + 1
    traffic.write(redis_client, Written(end, Tick(end)))
    learner = Life().run(opened(redis_client, settings("linear")))
    status = read_status(redis_client, LOOP)
    assert status is not None
    assert status.experiences.learned == N
    assert status.troubles == learner.follower.learner.troubles()
    assert status.troubles["type: a feature was a number and is a string, or the reverse"] == N // 2
    assert status.troubles["new: an action that was never seen before"] > 0
    assert any(sentence.startswith("Features: type: ") and CURES["type"] in sentence for sentence in status.why)
    assert not any("never seen before" in sentence for sentence in status.why)
    assert msgspec.json.decode(msgspec.json.encode(status), type=Status).troubles == status.troubles


def test_what_keeps_a_new_lineage_from_taking_over_is_told(redis_client: redis.Redis) -> None:
    before, wanted = settings("popularity"), settings("linear")
    closed_log(redis_client)
    Life().run(opened(redis_client, before))
    apply(redis_client, wanted)
    progress.add_trouble(redis_client, LOOP, wanted.learning_hash, "Learning has failed (no torch).")
    status = read_status(redis_client, LOOP)
    assert status is not None
    assert status.lineage == before.learning_hash
    assert "The new lineage: Learning has failed (no torch)." in status.why


def test_features_an_agent_was_trained_with_are_missed_by_name() -> None:
    reason = "unmet: no lesson has clickbait, which the agent was trained with"
    (told,) = explained({reason: 20}, 20)
    assert "clickbait" in told
    assert CURES["unmet"] in told
