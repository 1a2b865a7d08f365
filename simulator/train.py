"""Training an agent in a world, one seed: roll, learn, validate, and keep what was as good as any.

In: an agent, the preset of a world, a budget of steps. Out: a ``TrainedAgent``: the bytes that serve, its curve, and
its score on users whom neither training nor validation met. Who publishes the bytes into a loop is another matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from envs.episodes import Estimate, run_episodes
from envs.presets import make_world
from envs.world import Indices, World
from policies.base import PolicyError
from policies.neural.arrays import Arrays
from policies.neural.learnable import Learnable
from simulator.encoded_world import WorldEncoding, fitted
from simulator.many_worlds import ManyWorlds
from simulator.rollout import Roller, View
from simulator.trainees import Trainee, make_trainee

Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to train, and how often to look.

    Attributes:
        n_steps: User-steps at most.
        n_users: Users at once.
        n_worlds: Worlds that they are dealt to.
        n_segment: Steps of each between two updates.
        n_validations: How often validation users are asked, evenly spread.
        n_validation_users: How many.
        patience: Validations without a better one after which training stops, equal ones among them; None never stops
            early.
        n_test_users: Users of the final score.
    """

    n_steps: int = 5_000_000
    n_users: int = 1024
    n_worlds: int = 16
    n_segment: int = 32
    n_validations: int = 20
    n_validation_users: int = 1000
    patience: int | None = 8
    n_test_users: int = 1000


FRUGAL = Budget(n_steps=300_000, n_users=64, n_worlds=8, n_segment=16, n_validations=10)
"""Where steps are dear; goes with ``FRUGAL_OPTIONS``."""

FRUGAL_OPTIONS: Options = MappingProxyType({"minibatch": 256, "epochs": 4})


class Point(NamedTuple):
    """One look at training.

    Attributes:
        n_steps: User-steps so far.
        score: Return of an episode of validation users under the best slates known.
        figures: Of the last update, by name.
    """

    n_steps: int
    score: Estimate
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TrainedAgent:
    """What came of it.

    Attributes:
        agent: Its kind, as in the registry.
        snapshot: All that serving needs, of the point that was kept.
        score: Return of an episode of test users.
        curve: All points, in order.
        kept: Index of the one that was kept: the last that is no worse than the best by more than its standard error.
        learnable: All that a learner needs to go on from it, for ``policies.registry.start_learner``.
    """

    agent: str
    snapshot: bytes
    score: Estimate
    curve: tuple[Point, ...]
    kept: int
    learnable: bytes


@dataclass(frozen=True, slots=True)
class Course:
    """Where and how an agent is trained.

    Attributes:
        agent: Kind of agent.
        preset: Of the world.
        world_options: Of the world; sizes may be among them.
        agent_options: Of the agent.
        budget: See there.
    """

    agent: str
    preset: str
    world_options: Options = field(default_factory=dict)
    agent_options: Options = field(default_factory=dict)
    budget: Budget = Budget()

    def world(self, n_users: int) -> World:
        """A new world of this kind."""
        return make_world(self.preset, self.world_options, num_envs=n_users)


@dataclass(frozen=True, slots=True)
class Hooks:
    """Who is told what of a training while it goes on.

    Attributes:
        tell: Called at each validation, with its point.
        keep: Called with what would be kept if training ended now, whenever that has changed; its score is that of the
            validation users.
    """

    tell: Callable[[Point], None] = lambda _: None
    keep: Callable[[TrainedAgent], None] | None = None


def train(
    course: Course,
    *,
    seed: int,
    tell: Callable[[Point], None] = lambda _: None,
    keep: Callable[[TrainedAgent], None] | None = None,
) -> TrainedAgent:
    """Train one seed.

    Args:
        course: What and where.
        seed: Everything follows from it: dice of the world, nets, exploration. Validation and test users are the same
            for all seeds.
        tell: See ``Hooks``.
        keep: See ``Hooks``.

    Raises:
        WorldError: if the world can't be, or its episodes don't end.
        EncodingError: if its JSON says what its arrays don't.
        PolicyError: if the agent's options are wrong, or training broke down: a reward, a parameter or a return that
            isn't finite. What ``keep`` was called with last is then still good.
    """
    from policies.neural.one_thread import one_thread  # torch: whoever only reads budgets does without

    with one_thread():
        return _trained(course, seed, Hooks(tell, keep))


def _trained(course: Course, seed: int, hooks: Hooks) -> TrainedAgent:
    budget, encoding = course.budget, fitted(course.world, seed=_ENCODER_SEED + seed)
    world = ManyWorlds(course.world, n_users=budget.n_users, n_worlds=budget.n_worlds)
    roller = Roller(world, encoding, seed=_WORLD_SEED + seed)
    trainee = make_trainee(
        course.agent, course.agent_options, encoding.encoder, n_slots=roller.world.n_slots, seed=seed
    )
    watch = _Watch(course, encoding, trainee, hooks)
    n_done, n_each = 0, budget.n_users * budget.n_segment
    while n_done < budget.n_steps and not watch.has_had_enough:
        progress = n_done / budget.n_steps

        def act(view: View, dice: np.random.Generator, progress: float = progress) -> Indices:
            return trainee.act(view.contexts, view.candidates, progress=progress, dice=dice)

        segment = roller.roll(act, budget.n_segment, keep_candidates=trainee.keeps_candidates)
        figures = trainee.update(segment, progress=progress)
        n_done += n_each
        watch.look(n_done, figures)
    return watch.trained()


def score(course: Course, encoding: WorldEncoding, trainee: Trainee, *, n_users: int, seed: int) -> Estimate:
    """Return of an episode under the best slates that an agent knows; one episode each of so many new users."""

    def choose(world: World, _: np.random.Generator) -> Indices:
        return trainee.greedy(*encoding.encode(*world.observe()))

    return run_episodes(course.world(n_users), choose, n_episodes=n_users, seed=seed).estimate("return")


class _Watch:
    """Validates now and then, keeps what is good, and says when it is enough."""

    def __init__(self, course: Course, encoding: WorldEncoding, trainee: Trainee, hooks: Hooks) -> None:
        self._course, self._encoding, self._trainee, self._hooks = course, encoding, trainee, hooks
        self._curve: list[Point] = []
        self._best, self._kept = 0, 0
        self._arrays: Arrays = {}

    @property
    def has_had_enough(self) -> bool:
        """Whether nothing has become better for too long."""
        patience = self._course.budget.patience
        return patience is not None and len(self._curve) - 1 - self._best >= patience

    def look(self, n_done: int, figures: Mapping[str, float]) -> None:
        """Validate, where it is time."""
        budget = self._course.budget
        if n_done * budget.n_validations < (len(self._curve) + 1) * budget.n_steps and n_done < budget.n_steps:
            return
        arrays = self._trainee.arrays()
        _require_finite(arrays, n_done)
        point = Point(n_done, self._score(budget.n_validation_users, _VALIDATION_SEED), figures)
        self._curve.append(point)
        self._hooks.tell(point)
        best = self._curve[self._best].score
        if point.score.mean > best.mean:  # an equal one isn't better: patience runs out on a plateau
            self._best = len(self._curve) - 1
        if point.score.mean >= best.mean - best.se:
            self._kept, self._arrays = len(self._curve) - 1, arrays
            if self._hooks.keep is not None:
                self._hooks.keep(self._agent(point.score))

    def trained(self) -> TrainedAgent:
        """The point that was kept, scored by users who had no part in its being kept."""
        self._trainee.load(self._arrays)
        return self._agent(self._score(self._course.budget.n_test_users, TEST_SEED))

    def _agent(self, score: Estimate) -> TrainedAgent:
        """The present parameters."""
        kind, encoder, trainee = self._course.agent, self._encoding.encoder, self._trainee
        learnable = Learnable.of(
            kind, encoder, parameters=trainee.arrays(), reward_scale=trainee.reward_scale, fixed=trainee.fixed
        ).to_bytes()
        return TrainedAgent(kind, trainee.snapshot(encoder), score, tuple(self._curve), self._kept, learnable)

    def _score(self, n_users: int, seed: int) -> Estimate:
        found = score(self._course, self._encoding, self._trainee, n_users=n_users, seed=seed)
        if not np.isfinite(found.mean):
            raise PolicyError(
                f"return={found.mean} of {n_users} users who score the agent: must be finite; look at how the world "
                f"{self._course.preset} computes rewards"
            )
        return found


def _require_finite(arrays: Arrays, n_steps: int) -> None:
    wrong = sorted(name for name, array in arrays.items() if not np.isfinite(array).all())
    if wrong:
        raise PolicyError(
            f"training broke down within {n_steps} steps: {', '.join(wrong)} not finite; set a smaller learning_rate"
        )


_ENCODER_SEED, _WORLD_SEED, _VALIDATION_SEED = 1_000_000, 2_000_000, 3_000_000
TEST_SEED = 4_000_000
"""Of the users of the final score: the same for all agents, so that others can be scored on them too."""
