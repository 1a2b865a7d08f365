from __future__ import annotations

from hashlib import blake2b
from itertools import islice
from typing import Any

import pytest

from agent.arms import BASELINE, BASELINE_FLOOR, LEARNED, Arm
from agent.lessons import FeatureRows, lesson
from agent.log_follower import relearn
from agent.loops import LoopSettings, PolicySettings, UserSettings
from agent.records import ZERO, Decision, Experience, SessionEnd, StreamId
from agent.variants import Dealer
from policies.base import DERIVED, N_LOOP_DERIVED
from policies.features import FeatureError
from policies.registry import make_policy
from policies.vw import VwPolicy
from simulator import memory_log
from simulator.env_users import EnvUsers, loop_settings
from simulator.in_process import InProcess
from simulator.traffic import Route, Step, play
from tests.simulator.fake_world import FakeWorld

ROUTE = Route("fake", 2)


VW = PolicySettings(kind="vw")


def settings(policy: PolicySettings = VW, **overrides: Any) -> LoopSettings:
    """A window of eight requests."""
    return loop_settings(FakeWorld(), window_s=0.08, policy=policy, **overrides)


def sent(loop: InProcess, n: int, *, seed: int = 0) -> list[Step]:
    return list(play(loop, EnvUsers(FakeWorld(), seed=seed), ROUTE, n_requests=n))


def counted(steps: list[Step]) -> list[tuple[object, ...]]:
    """All of a step but its times."""
    return [(s.ask, s.shown, s.propensities, s.variant, s.version, s.reward, s.kpi, s.ended) for s in steps]


def learned(loop: InProcess) -> bytes:
    snapshot = loop.learner.snapshot(ZERO)
    return snapshot.policy + snapshot.rates


def decisions(loop: InProcess) -> list[Decision]:
    return [entry.record for entry in loop.log.entries if isinstance(entry.record, Decision)]


def test_the_same_seed_gives_the_same_run_byte_for_byte() -> None:
    with InProcess(settings()) as one, InProcess(settings()) as two, InProcess(settings(), seed=1) as other:
        runs = [counted(sent(loop, 200)) for loop in (one, two, other)]
        assert runs[0] == runs[1]
        assert learned(one) == learned(two)
        assert runs[0] != runs[2]
        assert learned(one) != learned(other)


def test_its_log_read_again_teaches_the_same() -> None:
    with InProcess(settings(), keep_log=True) as loop:
        sent(loop, 300)
        again = relearn(loop.log, settings())
        assert again.n_learned == loop.learner.n_learned == 300 - 9
        assert again.snapshot(ZERO).policy == loop.learner.snapshot(ZERO).policy
        assert again.snapshot(ZERO).rates == loop.learner.snapshot(ZERO).rates
        assert again.variants == loop.learner.variants
        again.close()


def test_every_decision_can_be_drawn_again_from_the_log_alone() -> None:
    """The snapshot that a decision names is learned again from the log before it; all else is in its record."""
    with InProcess(settings(), publish_every=60, keep_log=True) as loop:
        sent(loop, 150)
        versions = {decision.version for decision in decisions(loop) if decision.variant == "learned"}
        checked = 0
        for decision in decisions(loop):
            if decision.variant != "learned" or not decision.version:
                continue
            n_learned = int(decision.version.split("-")[1])
            with_version = relearned(loop, n_learned)
            assert with_version.version == decision.version
            assert with_version.choose(*asked(loop, decision)) == (decision.chosen, decision.propensities)
            with_version.close()
            checked += 1
    assert checked > 20
    assert len(versions - {""}) == 2


class Relearned:
    """A snapshot learned again."""

    def __init__(self, snapshot: Any) -> None:
        self.version = snapshot.version
        reward_range = snapshot.reward_min, snapshot.reward_max
        self.policy = make_policy(snapshot.kind, snapshot.options, snapshot.policy, reward_range=reward_range)

    def choose(self, told: Any, seed: int, floor: float) -> tuple[tuple[int, ...], tuple[float, ...]]:
        slate = Arm(self.policy, "vw", floor=floor).choose(told.context, told.actions, told.slots, seed, None)
        return slate.chosen, slate.propensities

    def close(self) -> None:
        assert isinstance(self.policy, VwPolicy)
        self.policy.close()


def relearned(loop: InProcess, n_learned: int) -> Relearned:
    """As learned after so many experiences."""
    ends = [entry.id for entry in loop.log.entries if isinstance(entry.record, Decision)]
    learner = relearn(loop.log, settings(), until=ends[n_learned - 1])
    assert learner.n_learned == n_learned
    try:
        return Relearned(learner.snapshot(ZERO))
    finally:
        learner.close()


def asked(loop: InProcess, decision: Decision) -> tuple[Any, int, float]:
    rows = FeatureRows(loop.log.rows)
    rows.load(decision)
    told = lesson(Experience(StreamId(1, 0), decision, (0.0, 0.0), 0), rows, settings().reward)
    return told, decision.seed, decision.floor


def test_seed_and_arm_of_a_decision_are_the_services() -> None:
    shares = settings(variants={"learned": 0.4, "popularity": 0.3, "uniform": 0.3}, salt="x")
    with InProcess(shares, seed=7, keep_log=True) as loop:
        sent(loop, 120)
        dealer = Dealer(shares.variants, salt="x", sticky=True)
        for decision in decisions(loop):
            event_id = decision.event_id
            assert decision.seed == int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest(), "little")
            assert decision.variant == dealer.deal(user=decision.user, session=decision.session, event_id=event_id)
        assert {decision.variant for decision in decisions(loop)} == set(shares.variants)


def test_before_the_first_snapshot_the_baseline_serves_with_its_exploration() -> None:
    with InProcess(settings(variants={"learned": 1.0}), publish_every=20, keep_log=True) as loop:
        steps = sent(loop, 40)
        first = next(n for n, step in enumerate(steps) if step.version)
        assert first == 20 + 9
        assert loop.status().serving == (steps[-1].version, 20)
        record = decisions(loop)[0]
        assert (record.policy, record.floor) == (BASELINE, BASELINE_FLOOR)
        assert decisions(loop)[-1].policy == "vw"
        assert decisions(loop)[-1].floor == settings().floor


def test_forgetting_what_was_learned_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with InProcess(settings(), keep_log=True) as whole:
        everything = counted(sent(whole, 400))
        monkeypatch.setattr(memory_log, "FORGET_AT", 20)
        with InProcess(settings()) as loop:
            assert counted(sent(loop, 400)) == everything
            assert learned(loop) == learned(whole)
            assert loop.status().experiences.refused == 0
            assert len(loop.log.entries) < 60


def test_what_is_known_of_a_user_enters_the_decision() -> None:
    """A window of two requests: it closes with the fourth slate of a user, so the fifth knows of the first."""
    remembering = loop_settings(FakeWorld(), window_s=0.02, users=UserSettings(keep_days=30))
    with InProcess(remembering, publish_every=20, keep_log=True) as loop:
        steps = sent(loop, 120)
        n_columns = [len(decision.derived) // 16 for decision in decisions(loop)]
    assert set(n_columns[:20]) == {0}
    first_slates = [n for n, step in enumerate(steps) if n > 30 and step.user != steps[n - 1].user]
    assert {n_columns[n] for n in first_slates} == {N_LOOP_DERIVED}
    assert {n_columns[n + 4] for n in first_slates if n + 4 < len(steps)} == {len(DERIVED)}


def test_feedback_after_its_window_is_late_and_not_learned() -> None:
    """Purchases come two requests later; this window closes after one."""
    with InProcess(loop_settings(FakeWorld(), window_s=0.01, variants={"uniform": 1.0})) as loop:
        steps = sent(loop, 200)
        n_bought = sum(step.kpi for step in steps[:-2])
        assert n_bought > 5
        assert loop.status().experiences.late == n_bought


def test_sessions_end_in_the_log() -> None:
    with InProcess(settings(), keep_log=True) as loop:
        steps = sent(loop, 12)
        ends = [entry.record.session for entry in loop.log.entries if isinstance(entry.record, SessionEnd)]
        assert ends == list(dict.fromkeys(step.session for step in steps))


def test_replaced_models_are_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[VwPolicy] = []
    freed: list[VwPolicy] = []
    make, free = VwPolicy.__init__, VwPolicy.close

    def making(policy: VwPolicy, *args: Any, **named: Any) -> None:
        made.append(policy)
        make(policy, *args, **named)

    def freeing(policy: VwPolicy) -> None:
        freed.append(policy)
        free(policy)

    monkeypatch.setattr(VwPolicy, "__init__", making)
    monkeypatch.setattr(VwPolicy, "close", freeing)
    with InProcess(settings(), publish_every=20) as loop:
        sent(loop, 120)
        assert len(freed) == len(made) - 1 == 4
    assert freed == made


def test_features_that_the_service_refuses_are_refused() -> None:
    with InProcess(settings()) as loop:
        for actions, context in (({"a": {"x": float("nan")}}, {}), ({"a": {}}, {"x": [1, "two"]})):
            with pytest.raises(FeatureError, match=r"x"):
                loop.choose(actions, context=context, slots=1, user="u")


def test_it_learns_what_users_like() -> None:
    """Slot 0 is clicked at .8 or at .1. Of some 700 slates in the second half, with uniform at .45 and a learner that
    knows the kinds near .8, the standard error of each share is below .03: a third more is far from chance.
    """
    with InProcess(settings(variants={"learned": 0.5, "uniform": 0.5}), publish_every=50) as loop:
        steps = sent(loop, 1500)[750:]
    clicks = {arm: [s.reward - 4.0 * s.kpi for s in steps if s.variant == arm] for arm in ("learned", "uniform")}
    rates = {arm: sum(values) / len(values) for arm, values in clicks.items()}
    assert rates["learned"] > 1.33 * rates["uniform"]


def test_a_loop_may_be_told_to_serve_others_while_it_learns_on() -> None:
    """Uniform first; then what was learned of it serves at once, and no snapshot is older than it."""
    with InProcess(settings(variants={"uniform": 1.0})) as loop:
        steps = play(loop, EnvUsers(FakeWorld(), seed=0), ROUTE)
        first = list(islice(steps, 100))
        loop.deal({LEARNED: 1.0})
        n_learned = loop.learner.n_learned
        then = list(islice(steps, 20))
        report = loop.status()
    assert {step.variant for step in first} == {"uniform"}
    assert {step.variant for step in then} == {LEARNED}
    assert then[0].version.split("-")[1] == str(n_learned)
    assert report.experiences.learned > n_learned > 80
