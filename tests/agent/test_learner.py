from __future__ import annotations

import json
import struct
from collections.abc import Sequence

import msgspec
import pytest

from agent.learner import N_RECENT, LoopLearner
from agent.lessons import FeatureRows
from agent.records import Decision, Ending, Experience, StreamId
from policies.base import DERIVED, LearnReport, Lesson
from policies.baselines import StaticLearner
from policies.derived import packed
from policies.features import address
from policies.rates import ItemRates
from policies.tags import tags_of
from tests.agent.traffic import rows, settings, traffic

STORED = {address(row): row for row in rows().values()}


def feature_rows() -> FeatureRows:
    return FeatureRows(lambda keys: {key: STORED[key] for key in keys if key in STORED})


def experiences(n: int, seed: int = 1) -> list[Experience]:
    decisions = [written for written in traffic(seed, n) if isinstance(written.record, Decision)]
    return [
        Experience(StreamId(ms, 0), record, tuple(0.5 * i for i in range(len(record.slots))), 1)
        for ms, record in decisions
        if isinstance(record, Decision)
    ]


def taught(learner: LoopLearner, told: Sequence[Experience]) -> LoopLearner:
    known = feature_rows()
    for experience in told:
        known.load(experience.decision)
        learner.learn(experience, known)
    return learner


@pytest.mark.parametrize("options", [{"explorer": "epsilon"}, {"explorer": "bag"}, {"explorer": "squarecb"}])
def test_a_learner_resumed_from_its_state_ends_with_the_same_bytes(options: dict[str, str]) -> None:
    told = experiences(32 * 3)
    whole = taught(LoopLearner(settings(**options)), told)
    first = taught(LoopLearner(settings(**options)), told[:32])
    resumed = taught(LoopLearner(settings(**options), first.state()), told[32:])
    assert resumed.state() == whole.state()
    assert resumed.snapshot(StreamId(1, 0)) == whole.snapshot(StreamId(1, 0))
    assert whole.n_learned == 96


def test_the_state_is_exact_only_when_settled() -> None:
    learner = taught(LoopLearner(settings()), experiences(33))
    assert learner.n_until_settled == 31
    with pytest.raises(ValueError, match="31 more"):
        learner.state()


def test_item_rates_are_observed_after_the_lesson_with_the_rewards_as_learned() -> None:
    (told,) = [e for e in experiences(9) if len(e.decision.slots) == 2][:1]
    told = told._replace(rewards=(0.5, 9.0))
    rates = ItemRates.from_bytes(taught(LoopLearner(settings("popularity")), [told]).snapshot(told.id).rates)
    shown = [told.decision.action_ids[index] for index in told.decision.chosen]
    expected = ItemRates()
    for item, reward in zip(shown, (0.5, 2.0), strict=True):
        expected.observe(item, reward, tags_of(json.loads(rows()[item])), told.id.ms)
    assert rates.to_bytes() == expected.to_bytes()


def test_the_lesson_has_the_derived_features_of_the_log_and_not_todays() -> None:
    (told,) = experiences(1)
    logged = (0.25, 7.0, 1.5, 0.125, -0.5, 3.0, 0.75, 2.0)
    derived = struct.pack(f"<{6 * len(DERIVED)}f", *logged * 6)
    told = told._replace(decision=msgspec.structs.replace(told.decision, derived=derived))
    learner = taught(LoopLearner(settings("popularity")), [*experiences(5), told])
    assert {action.derived for action in learner.recent[-1].actions} == {logged}


def test_a_user_is_told_by_what_items_brought_beyond_the_rates_they_were_chosen_by() -> None:
    told = next(e for e in experiences(40) if len(e.decision.slots) == 2)
    n_actions = len(told.decision.action_ids)
    logged = [number / 8 for number in range(n_actions)]
    derived = b"".join(packed((rate, 1.0, 0.0, 0.0)) for rate in logged)
    known = feature_rows()
    known.load(told.decision)
    decision = msgspec.structs.replace(told.decision, derived=derived)
    showings = LoopLearner(settings("popularity")).learn(told._replace(decision=decision, rewards=(0.5, 9.0)), known)
    expected = [reward - logged[at] for reward, at in zip((0.5, 2.0), decision.chosen, strict=True)]
    assert [showing.excess for showing in showings] == expected
    items = [decision.action_ids[at] for at in decision.chosen]
    assert [showing.tags for showing in showings] == [tags_of(json.loads(rows()[item])) for item in items]


def test_without_derived_features_the_mean_so_far_was_promised() -> None:
    known, learner = feature_rows(), LoopLearner(settings("popularity"))
    excess = []
    for number, told in enumerate(e for e in experiences(60) if len(e.decision.slots) == 1):
        known.load(told.decision)
        bare = msgspec.structs.replace(told.decision, derived=b"")
        excess += learner.learn(told._replace(decision=bare, rewards=(float(number),)), known)
    assert [showing.excess for showing in excess[:4]] == [0.0, 1.0, 1.5, 1.0]  # 2 is the most a reward counts
    assert learner.n_learned > 4


def test_what_cannot_be_learned_is_counted_by_reason_and_changes_no_rates() -> None:
    good, missing, twice = experiences(3)
    gone = msgspec.structs.replace(missing.decision, feature_keys=b"?" * len(missing.decision.feature_keys))
    banned = msgspec.structs.replace(
        twice.decision,
        slots=tuple(msgspec.structs.replace(slot, excluded=twice.decision.chosen) for slot in twice.decision.slots),
    )
    learner = taught(LoopLearner(settings()), [good, missing._replace(decision=gone), twice._replace(decision=banned)])
    assert learner.n_learned == 1
    assert learner.refused == {"features: a row is missing or unreadable": 1, "chosen: not eligible": 1}
    alone = taught(LoopLearner(settings()), [good])
    assert learner.snapshot(good.id).rates == alone.snapshot(good.id).rates


def test_every_variant_is_credited() -> None:
    told = experiences(20)
    learner = taught(LoopLearner(settings("uniform")), told)
    assert set(learner.variants) == {"learned", "order"}
    assert sum(sums.n_decisions for sums in learner.variants.values()) == 20
    expected = sum(min(2.0, reward) for each in told for reward in each.rewards)
    assert sum(sums.reward for sums in learner.variants.values()) == pytest.approx(expected)


def test_a_snapshot_names_itself_and_changes_nothing() -> None:
    learner = taught(LoopLearner(settings()), experiences(40))
    first, second = learner.snapshot(StreamId(9, 1)), learner.snapshot(StreamId(9, 1))
    assert first == second
    assert first.version.startswith(f"{settings().learning_hash}-40-")
    assert (first.kind, first.reward_max, first.n_learned, first.learned_to) == ("vw", 2.0, 40, "9-1")
    assert len(learner.recent) == N_RECENT


def test_bytes_that_are_no_state_are_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        LoopLearner(settings(), b"nonsense")


class Sessions(StaticLearner):
    """Learns nothing, and notes what it is told of sessions."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, int]] = []

    def learn(self, lessons: Sequence[Lesson]) -> LearnReport:
        self.told += [(lesson.trajectory, lesson.at_ms) for lesson in lessons]
        return super().learn(lessons)

    def end(self, trajectory: str, at_ms: int) -> None:
        self.told.append((f"end of {trajectory}", at_ms))


def test_a_policy_that_learns_from_sessions_is_told_of_their_steps_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Sessions()
    monkeypatch.setattr("agent.learner.make_learner", lambda *_, **__: policy)
    learner, (first, *_) = LoopLearner(settings()), experiences(3)
    taught(learner, [first._replace(decision=msgspec.structs.replace(first.decision, session="s"))])
    learner.end(Ending(StreamId(10_000_000, 3), "s"))
    assert policy.told == [("session:s", first.id.ms), ("end of session:s", 10_000_000)]


def test_other_policies_are_not_told_of_ends() -> None:
    learner = taught(LoopLearner(settings("popularity")), experiences(3))
    before = learner.state()
    learner.end(Ending(StreamId(10_000_000, 3), "s"))
    assert learner.state() == before
