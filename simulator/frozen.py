"""A bandit scored as a trained agent is: it serves and learns for a while, then stands still before other users.

In: a policy of the registry and a world. Out: the return of an episode of the test users under the likeliest slates of
its last snapshot: neither exploration nor learning takes part in the score, as with agents that were trained.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agent.arms import LEARNED
from agent.loops import LimitSettings
from agent.offering import offer_to
from agent.records import ZERO
from agent.snapshots import LoopSnapshot
from envs.episodes import Estimate, run_episodes
from envs.world import Flags, Indices, Reaction, World
from policies.base import Context, Policy, Prepared, Slot
from policies.rates import ItemRates
from policies.registry import make_policy
from policies.sampling import for_slate
from simulator import policy_starts
from simulator.cells import PolicyChoice
from simulator.env_users import EnvUsers, loop_settings
from simulator.in_process import InProcess
from simulator.offering import Shelf
from simulator.traffic import Route, play
from simulator.train import TEST_SEED

MakeWorld = Callable[[int], World]


def score_frozen(policy: PolicyChoice, make: MakeWorld, *, seed: int, n_requests: int, n_users: int) -> Estimate:
    """Return of an episode of test users, after so many requests of others.

    Args:
        policy: What serves all of the requests, and learns from them.
        make: The world, for so many users.
        seed: Of those who come while it learns, and of its exploration.
        n_requests: How many it learns from.
        n_users: Test users; the same as those of trained agents.

    Raises:
        StartError: if it begins with an agent that doesn't suit the world.
    """
    snapshot, limits = _learned(policy, make, seed=seed, n_requests=n_requests)
    return score_snapshot(snapshot, limits, make(n_users))


def score_snapshot(snapshot: LoopSnapshot, limits: LimitSettings, world: World) -> Estimate:
    """Return of an episode of test users, one in each place of the world, under a snapshot's likeliest slates."""
    served = make_policy(
        snapshot.kind, snapshot.options, snapshot.policy, reward_range=(snapshot.reward_min, snapshot.reward_max)
    )
    try:
        chooser = FrozenChooser(served, Shelf(ItemRates.from_bytes(snapshot.rates), limits))
        return run_episodes(world, chooser, n_episodes=world.n_users, seed=TEST_SEED).estimate("return")
    finally:
        close = getattr(served, "close", None)
        if close is not None:
            close()


class FrozenChooser:
    """A policy as a chooser; one episode for each place, so that nobody is asked for places that are done."""

    def __init__(self, policy: Policy, shelf: Shelf) -> None:
        self._policy, self._shelf = policy, shelf
        self._here: Flags = np.ones(0, dtype=np.bool_)

    def __call__(self, world: World, rng: np.random.Generator) -> Indices:
        """The likeliest slate of each user who is still there."""
        slates = np.tile(np.arange(world.n_slots, dtype=np.intp), (world.n_users, 1))
        for place in np.flatnonzero(self._here).tolist():
            slates[place] = self._slate(world, place)
        return slates

    def begin(self, world: World, places: Flags) -> None:
        """New users."""
        if len(self._here) != world.n_users:
            self._here = np.zeros(world.n_users, dtype=np.bool_)
        self._here = self._here | places

    def watch(self, world: World, slates: Indices, reaction: Reaction) -> None:
        """Who ended needs no slates any more."""
        self._here = self._here & ~reaction.ended

    def _slate(self, world: World, place: int) -> list[int]:
        offer = world.describe(place)
        actions = offer_to(None, self._shelf.offer(offer.actions)).actions
        return likeliest(self._policy.prepare(Context(offer.context), actions), world.n_slots)


def likeliest(prepared: Prepared, n_slots: int) -> list[int]:
    """The likeliest action of each slot, one after the other; of equals the first."""
    prepared = for_slate(prepared, n_slots)
    eligible, chosen = np.ones(prepared.n_actions, dtype=np.bool_), list[int]()
    for number in range(n_slots):
        best = int(np.argmax(prepared.distribution(Slot(str(number)), chosen, eligible)))
        chosen.append(best)
        eligible[best] = False
    return chosen


def _learned(
    policy: PolicyChoice, make: MakeWorld, *, seed: int, n_requests: int
) -> tuple[LoopSnapshot, LimitSettings]:
    """What it knows after so many requests, and the limits of its loop."""
    world, start = make(1), policy_starts.start_of(policy.options, make(1))
    chosen = policy_starts.settings_of(policy.kind, policy.options)
    settings = loop_settings(world, policy=chosen, variants={LEARNED: 1.0}, salt=f"seed {seed}")
    with InProcess(settings, seed=seed, start=start) as service:
        for _ in play(service, EnvUsers(world, seed=seed), Route("train", world.n_slots), n_requests=n_requests):
            pass
        return service.learner.snapshot(ZERO), settings.limits
