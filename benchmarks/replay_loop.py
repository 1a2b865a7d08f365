"""One log for several ways to learn SlateQ's nets, and a loop that each then serves alone. What ``replay.py`` compares.

In: a world whose slates a uniform control chooses. Out: nets of every way, after so many of its decisions; then of one
way, after its own snapshots have served some. Blocks, encoder, first nets and what serves are those of SlateQ's learner
in ``simulator/from_log.py``; only what is learned from a block differs.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from agent.arms import LEARNED
from agent.join import Join
from agent.learner import LoopLearner
from agent.log_follower import LogFollower
from agent.loops import LoopSettings, PolicySettings
from agent.recipe import RewardRecipe
from benchmarks.replay_learner import Replaying, ReplayOptions
from envs.world import World
from policies.base import Learner, PolicyError
from policies.neural.block_learner import BlockLearner, Saved
from policies.neural.block_state import State
from policies.neural.dense import DenseEncoder
from policies.neural.waiting import Block
from policies.slateq import options as slateq_options
from policies.slateq.learner import SlateQLearner
from policies.slateq.options import SlateQOptions
from policies.slateq.trained import Trained
from simulator.env_users import EnvUsers, loop_settings
from simulator.from_log import CONTROL, PUBLISH_EVERY
from simulator.in_process import STEP_MS, InProcess
from simulator.traffic import Route, play

KIND = "slateq"
NEVER = 2**60
LATER = 1_000_000
"""Seeds of users who come once an agent serves are so much greater than of those who came before."""


@dataclass(frozen=True, slots=True)
class Passes:
    """SlateQ's learner.

    Attributes:
        n: How often it goes through a block.
        replays: Whether it learns from sessions of earlier blocks again, as its options say.
    """

    n: int = 1
    replays: bool = False


Ways = Mapping[str, ReplayOptions | Passes]
"""Name → how it learns."""


class Group:
    """Nets of several ways that learn from the same blocks; the first way's are those that are shown.

    Attributes:
        encoder: Of all.
        members: Name → nets.
        busy_s: Name → processor time of learning.
    """

    def __init__(
        self,
        members: Mapping[str, Trained],
        *,
        replaying: Collection[str] = (),
        clock: Callable[[], float] = time.process_time,
    ) -> None:
        """At least one; those that are replaying learn from what is drawn again."""
        self.members, self._replaying, self._clock = dict(members), replaying, clock
        self.busy_s = dict.fromkeys(members, 0.0)
        self._first = next(iter(self.members.values()))
        self.encoder = self._first.encoder

    def learn(self, block: Block, dice: np.random.Generator, *, replayed: Sequence[Block] = ()) -> None:
        """All of them, each with dice of its own that fall alike."""
        for name, member in self.members.items():
            began_at = self._clock()
            again = replayed if name in self._replaying else ()
            member.learn(block, copy.deepcopy(dice), replayed=again)
            self.busy_s[name] += self._clock() - began_at

    def alone(self, name: str) -> Group:
        """A group of one, with the same nets."""
        found = Group({name: self.members[name]}, replaying=self._replaying, clock=self._clock)
        found.busy_s[name] = self.busy_s[name]
        return found

    def parameters(self) -> bytes:
        """Of the first."""
        return self._first.parameters()

    def served(self) -> bytes:
        """Of the first."""
        return self._first.served()

    def moments(self) -> bytes:
        """Of the first."""
        return self._first.moments()

    def snapshot(self) -> bytes:
        """Of the first."""
        return self._first.snapshot()


class GroupLearner(BlockLearner[SlateQOptions]):
    """SlateQ's learner from the log with a group in the place of its nets.

    Attributes:
        group: None until the encoder is fitted.
    """

    kind = KIND

    def __init__(
        self, options: SlateQOptions, state: bytes, *, reward_range: tuple[float, float], ways: Ways | Group
    ) -> None:
        """Begin with ways; or go on from a state, with the group that had learned when it was taken."""
        self._ways = {} if isinstance(ways, Group) else dict(ways)
        self.group = ways if isinstance(ways, Group) else None
        super().__init__(options, state, reward_range=reward_range)

    @property
    def busy_s(self) -> float:
        """Processor time of learning, of all ways together."""
        return 0.0 if self.group is None else sum(self.group.busy_s.values())

    def alone(self, name: str) -> GroupLearner:
        """One way, going on from all that has been learned and that waits; its nets are not copied.

        Raises:
            PolicyError: if nothing has been learned yet.
        """
        if self.group is None:
            raise PolicyError(f"{name}: nothing learned; the log must have more than {self._options.fit_on} decisions")
        group, range_ = self.group.alone(name), (self._least, self._greatest)
        return GroupLearner(self._options, self.state(), reward_range=range_, ways=group)

    def _fresh(self, encoder: DenseEncoder, n_slots: int) -> Group:
        made: dict[str, Trained] = {}
        for name, how in self._ways.items():
            if isinstance(how, Passes):
                options = replace(self._options, block_epochs=how.n)
                made[name] = Trained(options, encoder, n_slots=n_slots, seed=self._seed)
            else:
                made[name] = Replaying(self._options, encoder, n_slots=n_slots, seed=self._seed, how=how)
        replaying = [name for name, how in self._ways.items() if isinstance(how, Passes) and how.replays]
        self.group = Group(made, replaying=replaying)
        return self.group

    def _restored(self, encoder: DenseEncoder, saved: Saved) -> Group:
        if self.group is None or self._trained is not None:
            raise PolicyError("a number of the nets isn't finite; nothing can be compared any more")
        return self.group

    def _blank(self) -> bytes:
        return SlateQLearner.fresh(self._options, reward_range=(self._least, self._greatest), seed=0).snapshot()


@dataclass(frozen=True, slots=True)
class Loops:
    """The loops of one log.

    Attributes:
        make: The world, for so many users.
        seed: Of users, exploration and nets, as in ``simulator.from_log``.
        options: Of the agent.
    """

    make: Callable[[int], World]
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)

    def logged(self, ways: Ways, marks: Sequence[int]) -> Iterator[GroupLearner]:
        """All ways from one log of the control's, after so many decisions each."""
        settings = self._settings({CONTROL: 1.0})
        state = State.fresh(KIND, int(settings.learning_hash[:8], 16)).to_bytes()
        learner = GroupLearner(self._parsed, state, reward_range=_range(settings), ways=ways)
        world, n_done = self.make(1), 0
        with _Loop(settings, learner, seed=self.seed, publish_every=NEVER) as loop:
            steps = play(loop, EnvUsers(world, seed=self.seed), Route("log", world.n_slots))
            for mark in marks:
                for _ in islice(steps, mark - n_done):
                    pass
                n_done = mark
                yield learner

    def served(self, learner: GroupLearner, n_before: int, n: int) -> None:
        """Have a learner's own snapshots serve n decisions, and learn from them, after so many of the control's."""
        world = self.make(1)
        with _Loop(
            self._settings({CONTROL: 1.0}), learner, seed=self.seed + LATER, publish_every=PUBLISH_EVERY
        ) as loop:
            loop.log.now_ms += n_before * STEP_MS
            loop.deal({LEARNED: 1.0})
            users = EnvUsers(world, seed=self.seed + LATER)
            for _ in play(loop, users, Route("log", world.n_slots), n_requests=n):
                pass

    @property
    def _parsed(self) -> SlateQOptions:
        return slateq_options.parse(self.options)

    def _settings(self, variants: Mapping[str, float]) -> LoopSettings:
        """The same as of ``simulator.from_log``, so that the nets' seed is the same too."""
        policy = PolicySettings(kind=KIND, options=dict(self.options))
        return loop_settings(
            self.make(1), policy=policy, variants=variants, learn_since_ms=self.seed, salt=f"seed {self.seed}"
        )


class _Loop(InProcess):
    """A loop in this process whose learner is given."""

    def __init__(self, settings: LoopSettings, learner: Learner, *, seed: int, publish_every: int) -> None:
        super().__init__(settings, seed=seed, publish_every=publish_every)
        self.learner = _Given(settings, learner)
        self._follower = LogFollower(self.log, Join(RewardRecipe(settings.reward)), self.learner, self._ledger)


class _Given(LoopLearner):
    def __init__(self, settings: LoopSettings, learner: Learner) -> None:
        super().__init__(settings)
        self._policy = learner


def _range(settings: LoopSettings) -> tuple[float, float]:
    return settings.reward.min, settings.reward.max
