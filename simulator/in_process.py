"""A loop in this process: the service's own arms, log, join and learner, without HTTP, Redis, Ray or a real clock.

In: what a client would send. Out: what the service would answer, and a learner that has learned it. Each request moves
the log's clock on by a fixed time, so the same settings, seed and users give the same run, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from agent.arms import LEARNED, Arm, arms_of, probe
from agent.join import Join
from agent.learner import LoopLearner
from agent.log_follower import LogFollower
from agent.loops import LoopSettings
from agent.offering import Offer, Offered, offer_to
from agent.recipe import BARE_TYPE, RewardRecipe
from agent.records import Decision, Reward, SessionEnd, SlotRecord
from agent.slates import Chosen, Slate
from agent.snapshots import LoopSnapshot
from agent.starts import Start
from agent.user_rates import MemoryUsers, UserLedger, keep_s
from agent.variants import Dealer
from policies.base import Context, Slot
from policies.rates import ItemRates
from policies.registry import make_policy
from simulator.memory_log import MemoryLog
from simulator.offering import Shelf
from simulator.service import Features, Feedback

STEP_MS = 10
"""A request every so many milliseconds of the log's clock, as at a live pace of 100 a second."""

PUBLISH_EVERY = 50


class Serving(NamedTuple):
    """The snapshot being served."""

    version: str
    n_learned: int


class Experiences(NamedTuple):
    """What became of decisions and feedback, counted as the service counts them."""

    learned: int
    refused: int
    late: int
    orphan: int
    ignored: int
    inactive: int = 0
    clock_jump: int = 0


class Report(NamedTuple):
    """The state of the loop."""

    serving: Serving | None
    experiences: Experiences
    why: tuple[str, ...] = ()


class InProcess:
    """One loop, learning while it serves; for one thread. Close it, or its models stay in memory.

    Attributes:
        settings: The loop's.
        log: What was decided and reported; whole only with ``keep_log``.
        learner: What it has learned.
    """

    def __init__(
        self,
        settings: LoopSettings,
        *,
        seed: int = 0,
        publish_every: int = PUBLISH_EVERY,
        step_ms: int = STEP_MS,
        keep_log: bool = False,
        start: Start | None = None,
    ) -> None:
        """Nothing is served yet but the baseline, or what the settings begin with.

        Args:
            settings: The loop's; ``publish_every_s`` has no meaning here.
            seed: Enters every event id, and so every draw.
            publish_every: A snapshot is served after each so many experiences.
            step_ms: Each request moves the clock on by so much; a reward window holds ``window_s`` of them.
            keep_log: Keep all of the log, to learn it again.
            start: What the settings' ``policy.start`` names.

        Raises:
            policies.base.PolicyError: if the settings' policy is wrong.
        """
        self.log = MemoryLog(keeps_all=keep_log)
        self.learner = LoopLearner(settings, start=start)
        self._users = MemoryUsers()
        self._ledger = UserLedger(self._users)
        self._follower = LogFollower(self.log, Join(RewardRecipe(settings.reward)), self.learner, self._ledger)
        self._seed, self._n_asked = seed, 0
        self._publish_every, self._step_ms = publish_every, step_ms
        self._window_ms = settings.reward.window_ms
        self._n_published = 0
        self._learned: Arm | None = None
        self._take(settings)
        self._serving: Serving | None = None
        self._shelf = Shelf(ItemRates(), settings.limits)
        if start is not None:
            self._publish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Free the models."""
        self.learner.close()
        _free(self._learned)
        self._learned = None

    def choose(
        self,
        actions: Mapping[str, Features],
        *,
        context: Features,
        slots: int,
        user: str,
        loop: str = "",
        session: str | None = None,
    ) -> Slate:
        """A slate, chosen and logged exactly as ``serve_app/deciding.py`` does; ``loop`` has no meaning here.

        Raises:
            policies.base.PolicyError: features are malformed, a slot is left with nothing, or a policy fails: an
                experiment must not go on with the baseline in its place.
        """
        self.log.now_ms += self._step_ms
        self._n_asked += 1
        event_id = f"{self._seed}.{self._n_asked}"
        self._shelf.check(context)
        offered = self._shelf.offer(actions)
        offer = self._offer_to(user, offered)
        variant = self._dealer.deal(user=user, session=session, event_id=event_id)
        arm = self._arms[variant]
        draws = int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest(), "little")
        numbered, records = _numbered(slots)
        slate = arm.choose(Context(context), offer.actions, numbered, draws, None)
        decision = Decision(
            event_id=event_id,
            clock_ms=self.log.now_ms,
            window_ms=self._window_ms,
            variant=variant,
            policy=arm.kind,
            version=arm.version,
            seed=draws,
            context=_encode(context),
            action_ids=tuple(actions),
            feature_keys=b"".join([one.action.key for one in offered]),
            slots=records,
            chosen=slate.chosen,
            propensities=slate.propensities,
            user=user,
            session=session,
            derived=offer.derived,
            floor=arm.floor,
        )
        self.log.store({one.action.key: one.row for one in offered})
        self.log.append(decision)
        return _answer(decision)

    def rewards(self, feedback: Iterable[Feedback]) -> int:
        """Log what happened, and learn from every decision whose window has closed."""
        now_ms, n = self.log.now_ms, 0
        for piece in feedback:
            kind, slot = piece.get("type", BARE_TYPE), piece.get("slot")
            named = piece.get("action"), piece.get("reward_id")
            self.log.append(Reward(piece["event_id"], now_ms, piece["value"], kind, slot, *named))
            n += 1
        self._follow()
        return n

    def end_session(self, session: str, *, loop: str = "") -> None:
        """Log the end of a visit."""
        self.log.append(SessionEnd(session, self.log.now_ms))

    def deal(self, variants: Mapping[str, float]) -> None:
        """Serve these variants from the next request on, as a change of the settings does; what was learned serves."""
        self._take(LoopSettings(**{**dict(self.settings), "variants": dict(variants)}))
        self._publish()

    def status(self, loop: str = "") -> Report:
        """What the loop has learned."""
        counters = self._follower.join.state().counters
        refused = sum({**counters.refused, **self.learner.refused}.values())
        learned = self.learner.n_learned
        return Report(
            self._serving,
            Experiences(learned, refused, counters.late, counters.orphan, counters.ignored),
        )

    def _take(self, settings: LoopSettings) -> None:
        self.settings = settings
        self._knows_users = settings.variants.get(LEARNED, 0.0) > 0.0 and keep_s(settings) > 0
        self._dealer = Dealer(settings.variants, salt=settings.salt, sticky=settings.sticky)
        self._arms = arms_of(settings, self._learned)

    def _offer_to(self, user: str, offered: Sequence[Offered]) -> Offer:
        """The actions with all that is known of items and, once a snapshot is served, of this user."""
        knows_users = self._knows_users and self._serving is not None
        return offer_to(self._users.of(user) if knows_users else None, offered)

    def _follow(self) -> None:
        follower, learner = self._follower, self.learner
        follower.gather()
        while _is_closed(follower.join) and follower.advance():
            if learner.n_learned - self._n_published >= self._publish_every:
                self._publish()
        self._ledger.flush()
        self.log.forget(follower.join.tail)

    def _publish(self) -> None:
        snapshot = self.learner.snapshot(self._follower.join.tail)
        self._n_published = snapshot.n_learned
        self._serving = Serving(snapshot.version, snapshot.n_learned)
        self._shelf = Shelf(ItemRates.from_bytes(snapshot.rates), self.settings.limits)
        if LEARNED in self.settings.variants:
            before, self._learned = self._learned, _arm(snapshot)
            self._arms = arms_of(self.settings, self._learned)
            _free(before)


def _is_closed(join: Join) -> bool:
    """Whether the next decision's window has closed; asked first because to try costs more."""
    closes_ms = join.open_until_ms
    return closes_ms is not None and closes_ms < join.head.ms


def _arm(snapshot: LoopSnapshot) -> Arm:
    reward_range = snapshot.reward_min, snapshot.reward_max
    policy = make_policy(snapshot.kind, snapshot.options, snapshot.policy, reward_range=reward_range)
    probe(policy)
    return Arm(policy, snapshot.kind, snapshot.version)


def _free(arm: Arm | None) -> None:
    """Give back what the policy's engine holds outside Python's reach."""
    close = getattr(arm.policy, "close", None) if arm is not None else None
    if close is not None:
        close()


def _answer(decision: Decision) -> Slate:
    ids = decision.action_ids
    items = [Chosen(ids[at], likely) for at, likely in zip(decision.chosen, decision.propensities, strict=True)]
    return Slate(decision.event_id, tuple(items), decision.policy, decision.version, decision.variant)


@lru_cache(maxsize=128)
def _numbered(n_slots: int) -> tuple[tuple[Slot, ...], tuple[SlotRecord, ...]]:
    slots = tuple(Slot(str(number)) for number in range(n_slots))
    return slots, tuple(SlotRecord(slot.id) for slot in slots)


_encode = msgspec.json.Encoder().encode
