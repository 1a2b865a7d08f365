"""A world's users as traffic: what they ask for, what they do with a slate, and the loop that suits their world.

In: a ``World`` with one place, which this drives. Out: ``Ask``s and ``Reaction``s, the same for a live service and for
a loop in this process. Users come one after the other, each for a whole episode.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from agent.arms import LEARNED
from agent.loops import FeedbackRule, LimitSettings, LoopSettings, RewardSettings
from envs.world import Offer, Streams, World, WorldError
from simulator.traffic import Ask, Piece, Reaction

POPULARITY = "popularity"

WINDOW_S = 1.0
"""Feedback on a slate counts for so long; it must outlast the world's delays at the pace of the traffic."""


class EnvUsers:
    """The users of a world.

    Every reaction is drawn when the slate is shown, so the next request of a user knows all that came before.
    """

    def __init__(self, world: World, *, seed: int) -> None:
        """The world begins anew; nobody else may drive it.

        Raises:
            WorldError: if the world has more than one place, or offers an action twice.
        """
        if world.n_users != 1:
            raise WorldError(f"users of a loop come one by one: make the world with num_envs=1, not {world.n_users}")
        self.world = world
        self._place = np.ones(1, dtype=np.bool_)
        self._n_steps = 0
        world.seed(Streams.spawn(seed))
        self._offer = self._newcomer()

    def asks(self) -> Iterator[Ask]:
        """Requests without end."""
        while True:
            offer = self._offer
            yield Ask(offer.user, offer.context, offer.actions, offer.session)

    def react(self, ask: Ask, shown: Sequence[str]) -> Reaction:
        """What the present user does with a slate of candidates.

        Raises:
            WorldError: if the request isn't the last one made, or an action was not offered.
        """
        if ask.actions is not self._offer.actions:
            raise WorldError(f"user={ask.user!r} has asked again since; react to each request before the next is made")
        reaction = self.world.react(self._slate(shown), self._place)
        pieces = [Piece(*piece) for piece in self.world.feedback(reaction, 0)]
        self._n_steps += 1
        ended = bool(reaction.ended[0]) or self._is_cut()
        self._offer = self._newcomer() if ended else self._next_offer()
        return Reaction(
            pieces=pieces,
            reward=float(reaction.rewards[0]),
            kpi=sum([piece.value for piece in pieces if piece.type == self.world.kpi.feedback]),
            ended=ended,
            session_ended=ended or self._offer.session != ask.session,
        )

    def _is_cut(self) -> bool:
        return self.world.max_steps is not None and self._n_steps >= self.world.max_steps

    def _newcomer(self) -> Offer:
        self._n_steps = 0
        self.world.begin(self._place)
        return self._next_offer()

    def _next_offer(self) -> Offer:
        self.world.offer()
        offer = self.world.describe(0)
        if len(offer.actions) != self.world.n_candidates:
            raise WorldError(
                f"{self.world.name}: {self.world.n_candidates} candidates have only {len(offer.actions)} different ids"
            )
        return offer

    def _slate(self, shown: Sequence[str]) -> np.ndarray[Any, np.dtype[np.intp]]:
        """Shape (1, n_slots)."""
        offered = list(self._offer.actions)
        try:
            return np.array([[offered.index(action) for action in shown]], dtype=np.intp)
        except ValueError:
            raise WorldError(f"shown={tuple(shown)!r}: not all of them were offered to {self._offer.user!r}") from None


def loop_settings(world: World, *, window_s: float = WINDOW_S, **overrides: Any) -> LoopSettings:
    """The loop for a world: its recipe and reward range; half of the users get the learned arm, half popularity.

    Args:
        world: Whose feedback is learned from.
        window_s: Feedback counts for so long.
        overrides: Any other of ``LoopSettings``' fields.

    Raises:
        pydantic.ValidationError: if a value can't be.
    """
    low, high = world.reward_range
    reward = RewardSettings(
        window_s=window_s,
        default=max(low, min(high, 0.0)),
        aggregation="sum",
        min=low,
        max=high,
        recipe={kind: FeedbackRule(weight=weight) for kind, weight in world.recipe.items()},
    )
    limits = LimitSettings()
    usual: dict[str, Any] = {
        "variants": {LEARNED: 0.5, POPULARITY: 0.5},
        "sticky": True,
        "reward": reward,
        "limits": LimitSettings(
            actions=max(limits.actions, world.n_candidates), slots=max(limits.slots, world.n_slots)
        ),
    }
    return LoopSettings(**{**usual, **overrides})
