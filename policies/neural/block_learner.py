"""Learning from the log, whoever's decisions, session by session: what every agent with nets does the same way.

In: lessons in log order, and session ends. Out: state, and snapshots that serve. Lessons are kept as they came until
there are enough to fit the encoder; from then on each becomes a step of an open trajectory, finished trajectories
gather in a block, and a full block is learned from, with sessions of earlier blocks beside it where an agent replays
them. All of that is state, so a learner that goes on from its state does exactly what one that never stopped does. A
block that no number comes of is let go, and learning goes on from the nets before it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, NamedTuple, Protocol, Self, TypeVar

import msgspec
import numpy as np

from policies.backlog import Backlog
from policies.base import LearnReport, Lesson, PolicyError
from policies.lessons import learn_each
from policies.neural.block_state import Early, State
from policies.neural.dense import DenseEncoder
from policies.neural.learnable import Learnable
from policies.neural.logged import LoggedStep, pack_lesson, unpack_lesson
from policies.neural.replay import Replay
from policies.neural.reward_scale import reward_scale
from policies.neural.waiting import Block, Waiting

_REPLAY_SHARE = 4
"""What is replayed may take this part of the room again."""

_EARLY_SHARE = 2
"""Lessons that wait for the encoder may take this part of the room; then it is fitted on fewer."""


class BlockOptions(Protocol):
    """What options an agent must have; see there."""

    @property
    def block(self) -> int:
        """Steps that are learned together."""
        ...

    @property
    def fit_on(self) -> int:
        """Lessons that the encoder is fitted on."""
        ...

    @property
    def gap_s(self) -> float:
        """A session idle for longer is over."""
        ...

    @property
    def most_steps(self) -> int:
        """A session with more is cut."""
        ...

    @property
    def most_bytes(self) -> int:
        """As many may wait to be learned from."""
        ...

    @property
    def replay_steps(self) -> int:
        """Steps that are kept to be learned from again; 0 for none."""
        ...

    @property
    def replay_ratio(self) -> int:
        """How many blocks of them are learned from with each new one."""
        ...


class Trains(Protocol):
    """Encoder, nets and optimiser of an agent; their bytes raise PolicyError where a number isn't finite."""

    encoder: DenseEncoder

    def learn(self, block: Block, dice: np.random.Generator, *, replayed: Sequence[Block] = ()) -> None:
        """Learn from a block of at least one step, then from others that were learned from before."""
        ...

    def parameters(self) -> bytes:
        """Of the nets."""
        ...

    def served(self) -> bytes:
        """Of those that serve."""
        ...

    def moments(self) -> bytes:
        """Of the optimiser."""
        ...

    def snapshot(self) -> bytes:
        """What serves."""
        ...


class Saved(Protocol):
    """Bytes of an agent; all empty where it knows nothing yet."""

    @property
    def parameters(self) -> bytes:
        """Of the nets."""
        ...

    @property
    def served(self) -> bytes:
        """Of those that serve; empty for the nets' own."""
        ...

    @property
    def moments(self) -> bytes:
        """Of the optimiser; empty where it hasn't made a step."""
        ...


Options = TypeVar("Options", bound=BlockOptions)


class BlockLearner(ABC, Generic[Options]):
    """The training side of an agent; a subclass says which."""

    kind: ClassVar[str]
    """As in the registry."""

    def __init__(self, options: Options, state: bytes, *, reward_range: tuple[float, float]) -> None:
        """Resume from a state.

        Raises:
            PolicyError: if the bytes are no state of this kind and these options, or the range is empty.
        """
        self._options, (self._least, self._greatest) = options, reward_range
        if not self._least < self._greatest:
            raise PolicyError(f"reward_range={reward_range} must rise")
        found = State.from_bytes(state, self.kind)
        self._reward_scale = found.reward_scale
        self._seed, self._n, self._n_blocks = found.seed, found.n_learned, found.n_blocks
        self._n_dropped, self._n_strange = found.n_dropped, found.n_strange
        self._early: list[Early] = list(found.early)
        self._n_early_bytes = sum(len(one.lesson) for one in self._early)
        self._waiting = Waiting(
            block=options.block, gap_s=options.gap_s, most_steps=options.most_steps, most_bytes=options.most_bytes
        )
        if found.waiting:
            self._waiting.restore(found.waiting)
        self._replay = Replay(most_steps=options.replay_steps, most_bytes=options.most_bytes // _REPLAY_SHARE)
        self._replay.restore(found.replay)
        self._trained: Trains | None = None
        if found.encoder:
            self._trained = self._restored(DenseEncoder.from_bytes(found.encoder), found)

    @classmethod
    def fresh(cls, options: Options, *, reward_range: tuple[float, float], seed: int) -> Self:
        """A learner that knows nothing yet."""
        return cls(options, State.fresh(cls.kind, seed).to_bytes(), reward_range=reward_range)

    @classmethod
    def from_trained(cls, options: Options, trained: bytes, *, reward_range: tuple[float, float], seed: int) -> Self:
        """A learner that goes on from what was trained in a world; its encoder stands still from the start.

        Args:
            options: Of the loop's policy.
            trained: ``TrainedAgent.learnable``.
            reward_range: Least and greatest reward.
            seed: Of the order of updates.

        Raises:
            PolicyError: if the bytes are no trained agent of this kind and these options.
        """
        known = Learnable.from_bytes(trained, cls.kind)
        state = State.fresh(
            cls.kind, seed, scale=known.reward_scale, encoder=known.encoder, parameters=known.parameters
        )
        return cls(options, state.to_bytes(), reward_range=reward_range)

    @property
    def n_until_settled(self) -> int:
        """Always 0: everything that waits is state."""
        return 0

    def learn(self, lessons: Sequence[Lesson]) -> LearnReport:
        """Take each valid lesson, in order; refuse and count the others."""
        return learn_each(lessons, self._learn)

    def end(self, trajectory: str, at_ms: int) -> None:
        """A session has ended."""
        if self._trained is None:
            same = [one for one in self._early if one.trajectory == trajectory]
            if same and same[-1].lesson:
                self._early.append(Early(trajectory, at_ms))
        else:
            self._learn_all(self._waiting.end(trajectory, at_ms))

    def state(self) -> bytes:
        """All that training needs to go on, exactly."""
        trained = self._trained
        return State(
            kind=self.kind,
            seed=self._seed,
            n_learned=self._n,
            n_blocks=self._n_blocks,
            n_dropped=self._n_dropped,
            n_strange=self._n_strange,
            reward_scale=self._reward_scale,
            early=self._early,
            encoder=b"" if trained is None else trained.encoder.to_bytes(),
            parameters=b"" if trained is None else trained.parameters(),
            served=b"" if trained is None else trained.served(),
            moments=b"" if trained is None else trained.moments(),
            waiting=self._waiting.to_bytes(),
            replay=self._replay.to_bytes(),
        ).to_bytes()

    def snapshot(self) -> bytes:
        """What serves, as it is now; changes nothing."""
        return self._blank() if self._trained is None else self._trained.snapshot()

    def trouble(self) -> Mapping[str, int]:
        """What could not be taken as it came, by reason, for the loop's status."""
        own = {
            "vocabulary: features that came after the encoder was fitted are left out": self._n_strange,
            "nets: a number in them was not finite; its block was let go": self._n_dropped,
        }
        return {**self._waiting.troubles(), **{reason: count for reason, count in own.items() if count}}

    def backlog(self) -> Backlog:
        """What has come and has changed no net yet, for the loop's status."""
        n_early = sum(bool(one.lesson) for one in self._early)
        n_fit = self._options.fit_on if self._trained is None else 0
        return msgspec.structs.replace(self._waiting.backlog(), n_early=n_early, n_fit=n_fit)

    @abstractmethod
    def _fresh(self, encoder: DenseEncoder, n_slots: int) -> Trains:
        """Nets that know nothing, for slates of so many slots."""

    @abstractmethod
    def _restored(self, encoder: DenseEncoder, saved: Saved) -> Trains:
        """Nets as they were."""

    @abstractmethod
    def _blank(self) -> bytes:
        """The snapshot before there is an encoder."""

    def _learn(self, lesson: Lesson) -> None:
        trained = self._trained
        if trained is not None:
            self._n += 1
            self._take(lesson, trained.encoder)
            return
        early = Early(lesson.trajectory, lesson.at_ms, pack_lesson(lesson))
        self._early.append(early)
        self._n_early_bytes += len(early.lesson)
        self._n += 1
        if self._n >= self._options.fit_on or _EARLY_SHARE * self._n_early_bytes >= self._options.most_bytes:
            self._begin()

    def _begin(self) -> None:
        """Fit the encoder, and take what came early."""
        early = [(one, unpack_lesson(one.lesson) if one.lesson else None) for one in self._early]
        lessons = [lesson for _, lesson in early if lesson is not None]
        encoder = DenseEncoder.fitted([(lesson.context, lesson.actions) for lesson in lessons])
        self._reward_scale = reward_scale([sum(self._clipped(lesson)) for lesson in lessons])
        self._trained, self._early = self._fresh(encoder, max(len(lesson.slots) for lesson in lessons)), []
        self._n_early_bytes = 0
        for one, lesson in early:
            if lesson is None:
                self.end(one.trajectory, one.at_ms)
            else:
                self._take(lesson, encoder)

    def _take(self, lesson: Lesson, encoder: DenseEncoder) -> None:
        rewards = [reward / self._reward_scale for reward in self._clipped(lesson)]
        self._n_strange += encoder.leaves_out(lesson.context, lesson.actions)
        step = LoggedStep.of(lesson, encoder, rewards)
        self._learn_all(self._waiting.take(step, lesson.trajectory, lesson.at_ms))

    def _clipped(self, lesson: Lesson) -> list[float]:
        return [min(max(float(reward), self._least), self._greatest) for reward in lesson.rewards]

    def _learn_all(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            self._learn_block(block)

    def _learn_block(self, block: Block) -> None:
        before = self._trained
        if before is None:
            raise PolicyError("a block before there is an encoder")
        known = _Nets(before.parameters(), before.served(), before.moments())
        replayed = self._drawn(sum(len(one.steps) for one in block))
        before.learn(block, np.random.default_rng([self._seed, self._n_blocks, 6]), replayed=replayed)
        self._n_blocks += 1
        if _is_finite(before):
            self._replay.add(block)
        else:
            self._trained = self._restored(before.encoder, known)
            self._n_dropped += 1

    def _drawn(self, n_steps: int) -> list[Block]:
        """Blocks of about so many steps that were learned from before."""
        dice = np.random.default_rng([self._seed, self._n_blocks, 7])
        n_blocks = self._options.replay_ratio if self._replay.n_steps else 0
        return [self._replay.draw(n_steps, dice) for _ in range(n_blocks)]


class _Nets(NamedTuple):
    parameters: bytes
    served: bytes
    moments: bytes


def _is_finite(trained: Trains) -> bool:
    try:
        _ = _Nets(trained.parameters(), trained.served(), trained.moments())
    except PolicyError:
        return False
    return True
