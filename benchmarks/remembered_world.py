"""A world whose requests also tell what was clicked before: what an application that remembers would send.

In: any ``World``. Out: the same world, with the same dice; each user's features and context have the history besides.
It holds, as square roots (of negative sums, less the root of the sum without its sign), so that what is rare under the
random slates that an encoder is fitted on isn't cut off: the observed features of clicked items, summed; the number of
clicks; the number of slates without one. And the features of the item clicked last, 0 where there is none yet. JSON
leaves out features of the kind yes or no that are 0, or an encoder would take a rare yes for an outlier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from envs.world import Flags, Floats, Indices, Observed, Offer, Reaction, Shape, Streams, World

Span = Literal["session", "episode"]
"""What a history is forgotten after."""

SESSIONS: Mapping[str, Callable[[Any], Indices]] = {"streaming": lambda world: world.viewers.n_sessions}
"""Worlds whose episodes have several sessions → how many each user has begun, (n_users,)."""

COUNTS = ("n_clicks", "n_without")

PRESENT = 1e-3
"""Observed beside each sum of a feature that JSON doesn't leave out, as an encoder tells 0 from what lacks. It is small
so that the map from arrays to vectors, of least norm, lies on it only where the sum itself doesn't explain a vector."""

N_LOOKED_AT = 64


class RememberedWorld(World):
    """Users with a history."""

    def __init__(self, world: World, span: Span, flags: Flags) -> None:
        """What others do.

        Args:
            world: Driven by nobody else; not seeded yet.
            span: See there.
            flags: (n_item_features,): which are of the kind yes or no; see ``flags_of``.
        """
        super().__init__(world.n_users, world.n_candidates, world.n_slots)
        for fact in ("name", "recipe", "reward_range", "kpi"):
            setattr(self, fact, getattr(world, fact))
        self.max_steps = world.max_steps
        self._world = world
        self._sessions = SESSIONS.get(world.name) if span == "session" else None
        self._flags, n = flags, len(flags)
        self._sums: Floats = np.zeros((world.n_users, n + len(COUNTS)))
        self._last: Observed = np.zeros((world.n_users, n), dtype=np.float32)

    @property
    def shape(self) -> Shape:
        """As of the world, the history after the user's own features."""
        inner = self._world.shape
        low, high = inner.item
        least = np.where(low < 0.0, -np.inf, 0.0)
        flags, counts = np.zeros(np.count_nonzero(self._flags)), np.zeros(len(COUNTS))
        lows = [inner.user[0], least, np.minimum(low, 0.0), counts, flags]
        highs = [inner.user[1], np.full(len(low), np.inf), np.maximum(high, 0.0), counts + np.inf, flags + PRESENT]
        return Shape((np.concatenate(lows), np.concatenate(highs)), inner.item, inner.response)

    def seed(self, streams: Streams) -> None:
        """See ``World``."""
        self._world.seed(streams)

    def begin(self, places: Flags) -> None:
        """See ``World``; nothing has happened to whom begins."""
        self._world.begin(places)
        self._forget(places)

    def offer(self) -> None:
        """See ``World``."""
        self._world.offer()

    def observe(self) -> tuple[Observed, Observed]:
        """See ``World``."""
        user, items = self._world.observe()
        history = self._history()
        present = PRESENT * (history[:, : len(self._flags)][:, self._flags] != 0.0)
        return np.column_stack([user, history, present]).astype(np.float32), items

    def react(self, slates: Indices, active: Flags) -> Reaction:
        """See ``World``; the history goes on, or ends with the session."""
        items = self._world.observe()[1]
        before = None if self._sessions is None else self._sessions(self._world).copy()
        reaction = self._world.react(slates, active)
        self._add(np.take_along_axis(items, slates[:, :, np.newaxis], axis=1), reaction.clicks)
        if self._sessions is not None:
            self._forget(self._sessions(self._world) != before)
        return reaction

    def describe(self, place: int) -> Offer:
        """See ``World``; the context has ``history``, each feature of items by its number."""
        offer, found = self._world.describe(place), self._history()[place].tolist()
        n = len(self._flags)
        history = {
            "clicked": self._features(found[:n]),
            "last": self._features(found[n : 2 * n]),
            **dict(zip(COUNTS, found[2 * n :], strict=True)),
        }
        return offer._replace(context={**offer.context, "history": history})

    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        """See ``World``."""
        return self._world.feedback(reaction, place)

    def myopic(self) -> Indices:
        """See ``World``."""
        return self._world.myopic()

    def informed(self) -> Indices:
        """See ``World``."""
        return self._world.informed()

    def _history(self) -> Observed:
        """(n_users, 2 n_item_features + 2): of all clicks, of the last, counts."""
        roots = np.sign(self._sums) * np.sqrt(np.abs(self._sums))
        n = len(self._flags)
        return np.column_stack([roots[:, :n], self._last, roots[:, n:]]).astype(np.float32)

    def _add(self, shown: Observed, clicks: Flags) -> None:
        """Count a step of every user; shown (n_users, n_slots, n_item_features), clicks (n_users, n_slots)."""
        found = clicks.any(axis=1)
        last = self.n_slots - 1 - clicks[:, ::-1].argmax(axis=1)
        self._sums[:, : -len(COUNTS)] += np.einsum("uki,uk->ui", shown, clicks)
        self._sums[:, -2] += clicks.sum(axis=1)
        self._sums[:, -1] += ~found
        self._last[found] = shown[found, last[found]]

    def _forget(self, places: Flags) -> None:
        self._sums[places], self._last[places] = 0.0, 0.0

    def _features(self, values: Sequence[float]) -> dict[str, float]:
        told = zip(values, self._flags.tolist(), strict=True)
        return {f"f{number}": value for number, (value, is_flag) in enumerate(told) if value or not is_flag}


def flags_of(make: Callable[[int], World]) -> Flags:
    """Which features of items are of the kind yes or no: no item of a new world has anything between."""
    world = make(N_LOOKED_AT)
    world.seed(Streams.spawn(0))
    world.begin(np.ones(N_LOOKED_AT, dtype=np.bool_))
    world.offer()
    items = world.observe()[1]
    return np.asarray(np.all((items == 0.0) | (items == 1.0), axis=(0, 1)))
