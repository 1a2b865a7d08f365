"""Agents that see nothing of what is sent: the application's order is served in their place until they do."""

from __future__ import annotations

import pytest
import redis

from agent import learner_loop
from agent.event_log import LogReader
from agent.learner import N_RECENT
from agent.learner_loop import HELD_BACK, LearnerLoop
from agent.log_follower import relearn
from agent.loop_store import LoopStore
from agent.loops import LoopSettings, PolicySettings
from agent.records import ZERO
from agent.snapshots import LoopSnapshot, SnapshotStore, in_order, is_in_order
from agent.supervision import Supervision
from policies.base import Action, Context
from policies.neural.dense import DenseEncoder
from policies.registry import make_policy
from tests.agent.learning import Life, closed_log, later, report
from tests.agent.test_learner_starts import become_as_in_its_world, opened, published, serving_lineage
from tests.agent.test_supervision import FakeLearners
from tests.agent.traffic import LOOP
from tests.trained import start

INSTEAD = "; the application's order is served instead."


class Story:
    """A loop that begins with a trained agent, its learner, and traffic with or without what it was trained with."""

    def __init__(self, client: redis.Redis) -> None:
        self._client, self._at_ms = client, later(client)
        self.store, self.life = SnapshotStore(client, LOOP), Life()
        self.wanted: LoopSettings = published(client, "gradient")
        self.learner: LearnerLoop = self.life.run(opened(client))

    def sent(self, n_decisions: int = 60, *, known: bool = False) -> None:
        """So many decisions, learned."""
        with pytest.MonkeyPatch.context() as patch:
            if known:
                become_as_in_its_world(patch)
            closed_log(self._client, n_decisions, start_ms=self._at_ms)
            self._at_ms += 20_000_000
            self.life.run(self.learner)

    def restarted(self) -> None:
        self.learner.close(self.life.now)
        self.learner = self.life.run(opened(self._client))

    def changed(self, settings: LoopSettings) -> None:
        LoopStore(self._client).apply(LOOP, settings)
        self.restarted()
        self.supervised()

    def supervised(self) -> None:
        self.life.step(self.learner)
        Supervision(self._client, FakeLearners()).step()

    @property
    def served(self) -> LoopSnapshot:
        serving = self.store.serving()
        assert serving is not None
        return self.store.load(serving.version)

    @property
    def why(self) -> str:
        """But for the clock, which the log of these tests is ahead of."""
        told = report(self._client, self.wanted).why
        return " ".join(sentence for sentence in told if not sentence.startswith("The server's clock"))

    def is_learned_exactly(self) -> bool:
        follower = self.learner.follower
        whole = relearn(LogReader(self._client, LOOP), self.wanted, follower.join.tail, start=start("gradient"))
        return follower.learner.state() == whole.state()


@pytest.fixture
def story(redis_client: redis.Redis) -> Story:
    return Story(redis_client)


def test_a_start_that_sees_nothing_makes_way_for_the_applications_order_until_it_does(story: Story) -> None:
    story.sent()
    order = story.served
    assert (order.kind, order.n_learned) == ("order", 0)
    assert order.rates == story.learner.follower.learner.snapshot(ZERO).rates
    assert make_policy(order.kind, order.options, order.policy, reward_range=(0.0, 1.0)) is not None
    assert INSTEAD in story.why
    assert not order.version.startswith(story.wanted.learning_hash)  # an apprentice's choices aren't counted as its own
    story.sent(known=True)
    assert (story.served.kind, story.served.n_learned > 60) == ("gradient", True)
    assert story.why == ""
    assert story.is_learned_exactly()


def test_what_is_served_in_its_place_is_told_after_a_restart_too(story: Story, redis_client: redis.Redis) -> None:
    """From the first moment on, and while there are still few lessons; with the rates as they are then."""
    story.sent()
    order = story.served
    story.restarted()
    assert story.served == order
    assert story.why == HELD_BACK
    assert report(redis_client, story.wanted).published == order.version
    story.sent(8)
    assert 0 < len(story.learner.follower.learner.recent) < N_RECENT
    assert INSTEAD in story.why
    assert HELD_BACK not in story.why
    assert is_in_order(story.served.version)
    assert story.served.rates == story.learner.follower.learner.snapshot(ZERO).rates != order.rates


@pytest.mark.parametrize("is_pinned", [False, True])
def test_few_lessons_and_a_rollback_leave_a_start_that_sees_nothing_where_it_is(story: Story, is_pinned: bool) -> None:
    before = story.served
    if is_pinned:
        story.store.roll_back(before.version)
    story.sent(60 if is_pinned else N_RECENT - 1)
    assert story.learner.follower.learner.n_learned > 0
    assert story.served == before
    assert INSTEAD not in story.why


def test_a_rollback_in_between_leaves_what_it_pinned_and_nothing_else_is_told(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = story.served

    def pinned_meanwhile(snapshot: LoopSnapshot) -> LoopSnapshot:
        story.store.roll_back(before.version)
        return in_order(snapshot)

    monkeypatch.setattr(learner_loop, "in_order", pinned_meanwhile)
    story.sent()
    assert story.served == before
    assert "and is not served" in story.why
    assert INSTEAD not in story.why


def test_a_rollback_to_the_order_is_what_is_served_whatever_comes(story: Story) -> None:
    story.sent()
    pinned = story.served
    story.store.roll_back(pinned.version)
    story.restarted()
    assert HELD_BACK not in story.why  # the pin is why
    story.sent()
    assert INSTEAD in story.why
    story.sent(known=True)
    assert story.served == pinned
    released = story.store.release()
    assert released is not None
    assert released.n_learned > 120


def test_what_learned_on_makes_way_too_once_nothing_of_its_is_sent_any_more(
    story: Story, redis_client: redis.Redis
) -> None:
    """However it came to be served, by one stray request or in weeks; and it comes back each time."""
    story.sent(known=True)
    good = story.served
    assert (good.kind, good.n_learned > 50) == ("gradient", True)
    story.sent()
    assert (story.served.kind, INSTEAD in story.why) == ("order", True)
    story.restarted()
    assert (story.served.kind, story.why) == ("order", HELD_BACK)
    assert report(redis_client, story.wanted).published == story.served.version
    story.sent(known=True)
    assert (story.served.kind, story.served.n_learned > good.n_learned + 100) == ("gradient", True)
    assert story.why == ""
    story.sent()
    assert story.served.kind == "order"
    assert story.is_learned_exactly()


@pytest.mark.parametrize(("word", "is_known"), [("t0", False), ("a", True)])
def test_words_that_it_was_not_trained_with_are_nothing_to_it(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch, word: str, is_known: bool
) -> None:
    """Topics of this traffic are a, b and c."""
    trained_on = DenseEncoder.fitted([(Context(), [Action("x", {"topic": word})])])
    monkeypatch.setattr(learner_loop, "encoder_of", lambda start: trained_on)
    story = Story(redis_client)
    story.sent()
    assert story.served.kind == ("gradient" if is_known else "order")
    said = "the agent was trained with topic (such as t0), and the latest 20 lessons have nothing of it"
    assert (said in story.why, INSTEAD in story.why) == (not is_known, not is_known)
    story.changed(LoopSettings(policy=PolicySettings(kind="popularity")))
    story.changed(story.wanted)
    assert story.served.kind == ("gradient" if is_known else "popularity")


def test_few_lessons_after_a_restart_leave_what_learned_on_where_it_is(story: Story) -> None:
    story.sent(known=True)
    good = story.served
    story.restarted()
    story.sent(N_RECENT - 1)
    assert (story.served, INSTEAD in story.why) == (good, False)
    assert "and is not served" in story.why


def test_a_lineage_that_was_held_back_takes_over_again_only_by_what_sees_something(story: Story) -> None:
    story.sent(known=True)
    story.sent()
    assert story.served.kind == "order"
    other = LoopSettings(policy=PolicySettings(kind="popularity"))
    story.changed(other)
    assert serving_lineage(story.store) == other.learning_hash
    story.changed(story.wanted)
    assert story.learner.follower.learner.n_learned > 100
    assert serving_lineage(story.store) == other.learning_hash
    story.sent(known=True)
    story.supervised()
    assert serving_lineage(story.store) == story.wanted.learning_hash
    assert story.served.kind == "gradient"
