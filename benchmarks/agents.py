"""What an agent learns from a log alone, and what a lesson costs: ``python -m benchmarks.agents slateq``.

In: a kind, a world, and how many decisions a uniform control served before the agent's own snapshots serve. Out: after
every so many lessons, the return of an episode under the likeliest slates of the snapshot, and lessons per second of
processor time; as a Markdown table, or one JSON object per line with ``--json``.

The learner is told lessons and session ends, nothing else. Feedback that comes later than the next step is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from agent.loops import LimitSettings
from envs.episodes import run_episodes
from envs.presets import make_world, names
from envs.slate_space import random_slates
from envs.world import Flags, Indices, Offer, Streams
from policies import registry
from policies.base import Action, Context, Learner, Lesson, Policy, SessionLearner, Slate, Slot
from policies.features import address, canonical
from policies.rates import ItemRates
from policies.sampling import Rules, choose
from simulator.frozen import FrozenChooser
from simulator.offering import Shelf

STEP_MS = 1000
FLOOR = 0.02
TEST_SEED = 4_000_000

Told = Lesson | tuple[str, int]
"""A lesson, or the end of a session: its name and stream time."""


@dataclass(frozen=True, slots=True)
class Row:
    """One look.

    Attributes:
        n_lessons: So far.
        n_served: Of these, served by the agent's own snapshots.
        score: Return of an episode of test users.
        se: Its standard error.
        lessons_per_s: Of processor time, since the last look.
    """

    n_lessons: int
    n_served: int
    score: float
    se: float
    lessons_per_s: float


class Log:
    """Users of a world, and what a log would tell of them, in order."""

    def __init__(self, preset: str, n_users: int, seed: int) -> None:
        self.world = make_world(preset, num_envs=n_users)
        self.world.seed(Streams.spawn(seed))
        self._dice = np.random.default_rng([seed, 7])
        self._slots = tuple(Slot(str(number)) for number in range(self.world.n_slots))
        self._everyone: Flags = np.ones(n_users, dtype=np.bool_)
        self._beginning = self._everyone
        self._lengths = np.zeros(n_users, dtype=np.intp)
        self._actions: dict[str, Action] = {}
        self._at_ms = 0

    def step(self, policy: Policy | None) -> Iterator[Told]:
        """One decision of each user, by a policy, or uniformly."""
        world = self.world
        if self._beginning.any():
            world.begin(self._beginning)
            self._lengths[self._beginning] = 0
        world.offer()
        offers = [world.describe(place) for place in range(world.n_users)]
        requests = [(Context(offer.context), self._offered(offer)) for offer in offers]
        slates = self._uniform() if policy is None else [self._chosen(policy, *request) for request in requests]
        chosen: Indices = np.array([slate.chosen for slate in slates], dtype=np.intp)
        reaction = world.react(chosen, self._everyone)
        self._lengths += 1
        self._at_ms += STEP_MS
        for place, (offer, request, slate) in enumerate(zip(offers, requests, slates, strict=True)):
            rewards = [0.0] * len(self._slots)
            for steps_ago, slot, kind, value in world.feedback(reaction, place):
                rewards[slot] += world.recipe[kind] * value if steps_ago == 0 else 0.0
            yield Lesson(*request, self._slots, slate, rewards, at_ms=self._at_ms, trajectory=offer.session)
            if reaction.ended[place]:
                yield offer.session, self._at_ms
        self._beginning = reaction.ended | (self._lengths >= (world.max_steps or np.inf))

    def _offered(self, offer: Offer) -> list[Action]:
        return [self._action(name, features) for name, features in offer.actions.items()]

    def _action(self, name: str, features: dict[str, Any]) -> Action:
        known = self._actions.get(name)
        if known is None or known.features != features:
            known = self._actions[name] = Action(name, features, address(canonical(features)))
        return known

    def _uniform(self) -> list[Slate]:
        n, k = self.world.n_candidates, self.world.n_slots
        likely = tuple(1.0 / (n - number) for number in range(k))
        return [Slate(tuple(row), likely) for row in random_slates(self._dice, (self.world.n_users, n, k)).tolist()]

    def _chosen(self, policy: Policy, context: Context, actions: list[Action]) -> Slate:
        return choose(policy.prepare(context, actions), self._slots, int(self._dice.integers(2**62)), Rules(FLOOR))


class Measured:
    """A learner, and what it cost."""

    def __init__(self, kind: str, options: dict[str, Any], log: Log, *, seed: int) -> None:
        self._kind, self._options, self._range = kind, options, type(log.world).reward_range
        self._learner: Learner = registry.make_learner(kind, options, reward_range=self._range, seed=seed)
        self.busy_s = 0.0

    def tell(self, told: list[Told]) -> int:
        """Learn; how many lessons there were."""
        begun = time.process_time()
        n = 0
        for one in told:
            if isinstance(one, Lesson):
                n += self._learner.learn([one]).n_learned
            elif isinstance(self._learner, SessionLearner):
                self._learner.end(*one)
        self.busy_s += time.process_time() - begun
        return n

    def policy(self) -> Policy:
        """What serves now."""
        return registry.make_policy(self._kind, self._options, self._learner.snapshot(), reward_range=self._range)


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """One after every so many lessons."""
    log = Log(arguments.preset, arguments.users, arguments.seed)
    measured = Measured(arguments.kind, json.loads(arguments.options), log, seed=arguments.seed)
    n_done, n_seen, n_all = 0, 0, arguments.control + arguments.served
    policy: Policy | None = None
    n_published = arguments.control
    while n_done < n_all:
        if n_done >= n_published:
            policy, n_published = measured.policy(), n_done + arguments.publish_every
        n_done += measured.tell(list(log.step(policy)))
        if n_done - n_seen >= arguments.every or n_done >= n_all:
            score = _score(measured.policy(), arguments)
            speed = (n_done - n_seen) / max(measured.busy_s, 1e-9)
            yield Row(n_done, max(n_done - arguments.control, 0), *score, speed)
            measured.busy_s, n_seen = 0.0, n_done


def _score(policy: Policy, arguments: argparse.Namespace) -> tuple[float, float]:
    world, shelf = make_world(arguments.preset, num_envs=arguments.test_users), Shelf(ItemRates(), LimitSettings())
    chooser = FrozenChooser(policy, shelf)
    found = run_episodes(world, chooser, n_episodes=arguments.test_users, seed=TEST_SEED).estimate("return")
    return found.mean, found.se


def main() -> None:
    """Measure and print."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    arguments = _arguments()
    if not arguments.json:
        print("| lessons | of these served by itself | return | lessons/s |\n|---|---|---|---|")
    for row in rows(arguments):
        if arguments.json:
            print(json.dumps(asdict(row)), flush=True)
        else:
            told = f"{row.score:.1f} ± {1.96 * row.se:.1f}"
            print(f"| {row.n_lessons} | {row.n_served} | {told} | {row.lessons_per_s:.0f} |", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What an agent learns from a log alone, and what a lesson costs.")
    parser.add_argument("kind", choices=[kind for kind in registry.kinds() if not registry.is_static(kind)])
    parser.add_argument("--preset", choices=names(), default="interest-evolution")
    parser.add_argument("--options", default="{}", help="of the policy, as JSON")
    parser.add_argument("--control", type=int, default=200_000, help="decisions of a uniform control")
    parser.add_argument("--served", type=int, default=0, help="decisions of its own snapshots afterwards")
    parser.add_argument("--publish-every", type=int, default=2_000, help="decisions between two snapshots that serve")
    parser.add_argument("--every", type=int, default=50_000, help="decisions between two looks")
    parser.add_argument("--users", type=int, default=64, help="at once")
    parser.add_argument("--test-users", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object per row instead of a table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
