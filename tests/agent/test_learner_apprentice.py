"""A learner over the decisions of apprentice mode, and one that forgets what lies before a moment."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import redis

from agent.apprentice import ApprenticeSums
from agent.learner import LoopLearner
from agent.loops import LoopSettings, parse
from agent.records import Decision, Experience, Imitation, SlotRecord, StreamId, decode, encode
from policies.base import Action, Context, LearnReport, Lesson, Slot
from policies.baselines import StaticLearner
from policies.features import address
from policies.registry import make_policy
from serve_app.status import read_status
from tests.agent.learning import Life, closed_log, opened
from tests.agent.test_learner import STORED, feature_rows, taught
from tests.agent.traffic import LOOP, START_MS, rows

ITEMS = sorted(rows())[:3]


def an_experience(place: int, *, chosen: int, own: int | None, reward: float, lineage: str = "other") -> Experience:
    made = Decision(
        f"e{place}", START_MS + place, 10, "baseline", "baseline", "", place, b"{}", tuple(ITEMS),
        b"".join(address(rows()[item]) for item in ITEMS), (SlotRecord("0"),), (chosen,), (1.0,),
        imitation=None if own is None else Imitation((own,), (0.25,), "vw", f"{lineage}-1-a"),
    )  # fmt: skip
    return Experience(StreamId(START_MS + place, 0), made, (reward,), 1)


def test_a_record_keeps_what_the_apprentice_would_have_done() -> None:
    record = an_experience(0, chosen=1, own=2, reward=0.0).decision
    assert decode(encode(record)) == record
    assert len(STORED) >= len(ITEMS)


def test_the_policy_is_told_of_agreement_and_the_rates_of_rewards() -> None:
    heard: list[Lesson] = []

    class Listener(StaticLearner):
        def learn(self, lessons: Any) -> LearnReport:
            heard.extend(lessons)
            return super().learn(lessons)

    learner, lineage = LoopLearner(LoopSettings()), LoopSettings().learning_hash
    learner._policy = Listener()
    told = [
        an_experience(place, chosen=1, own=own, reward=reward, lineage=lineage)
        for place, own, reward in ((0, 1, 0.2), (1, 2, 0.6))
    ]
    taught(learner, told)
    assert [(one.slate.chosen, one.slate.propensities, list(one.rewards)) for one in heard] == [
        ((1,), (0.25,), [1.0]),
        ((2,), (0.25,), [0.0]),
    ]
    assert learner.apprentice == ApprenticeSums(2, 1, 0.8, 0.2, START_MS, START_MS + 1)
    assert learner.variants["baseline"].reward == 0.8
    rates = {item: learner._rates.derive(item, ())[1] for item in ITEMS}
    assert rates == {ITEMS[0]: 0.0, ITEMS[1]: 2.0, ITEMS[2]: 0.0}


def test_what_stood_in_for_the_apprentice_is_not_its_agreement() -> None:
    """Before its first snapshot the baseline draws in its stead, and would agree with itself."""
    settings = LoopSettings()
    own = an_experience(0, chosen=1, own=1, reward=0.2, lineage=settings.learning_hash)
    stand_in = own.decision.imitation
    assert stand_in is not None
    without = msgspec.structs.replace(own.decision, imitation=msgspec.structs.replace(stand_in, version=""))
    earlier = an_experience(1, chosen=1, own=1, reward=0.2)
    learner = taught(LoopLearner(settings), [own._replace(decision=without), earlier, own])
    assert (learner.n_learned, learner.apprentice.n_decisions) == (3, 1)


def test_an_apprentice_comes_to_choose_as_the_baseline_does() -> None:
    """The baseline always takes the second item, though it earns nothing; the apprentice draws evenly at first."""
    settings = parse({"policy": {"kind": "vw", "options": {"explorer": "epsilon", "settle_every": 64}}})
    told = [an_experience(place, chosen=1, own=place % 3, reward=0.0) for place in range(300)]
    learner = taught(LoopLearner(settings), told)
    blob = learner.snapshot(StreamId(1, 0)).policy
    policy = make_policy("vw", dict(settings.policy.options), blob, reward_range=(0, 1))
    known = feature_rows()
    known.load(told[0].decision)
    actions = [Action(item, known[address(rows()[item])], address(rows()[item])) for item in ITEMS]
    likely = policy.prepare(Context(), actions).distribution(Slot("0"), (), np.ones(3, dtype=np.bool_))
    assert likely[1] > 0.9


def test_going_on_from_a_state_counts_on() -> None:
    settings = parse({"policy": {"kind": "vw", "options": {"settle_every": 2}}})
    told = [
        an_experience(place, chosen=place % 3, own=(place * 2) % 3, reward=0.5, lineage=settings.learning_hash)
        for place in range(8)
    ]
    whole = taught(LoopLearner(settings), told)
    resumed = taught(LoopLearner(settings, taught(LoopLearner(settings), told[:4]).state()), told[4:])
    assert resumed.apprentice == whole.apprentice
    assert whole.apprentice.n_decisions == 8
    assert resumed.state() == whole.state()


def test_nothing_before_the_moment_is_learned() -> None:
    settings = LoopSettings(learn_since_ms=START_MS + 5)
    assert settings.learning_hash != LoopSettings().learning_hash
    told = [an_experience(place, chosen=0, own=None, reward=1.0) for place in range(8)]
    learner = taught(LoopLearner(settings), told)
    assert (learner.n_learned, learner.variants["baseline"].n_decisions) == (3, 3)


def test_status_tells_of_an_apprentice(redis_client: redis.Redis) -> None:
    closed_log(redis_client, 20)
    Life().run(opened(redis_client, LoopSettings(mode="apprentice")))
    status = read_status(redis_client, LOOP)
    assert status is not None
    assert (status.mode, status.apprentice) == ("apprentice", None)
    assert status.n_joined == status.experiences.learned > 0
    assert any("mode is set to online" in sentence for sentence in status.why)
    assert any("from its first snapshot on" in sentence for sentence in status.why)
