"""Many users of a world at once, step by step, as arrays to train on: contexts, slates, clicks, rewards, ends.

In: a world, its encoding, and a chooser of slates. Out: a ``Segment`` of so many steps of all users. Whose episode ends
makes room for a new user at once, so no step is lost; histories are those of ``policies/neural/history.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from envs.world import Flags, Indices, Streams, World
from policies.neural.dense import Float32s
from policies.neural.history import Histories
from policies.neural.segment import Segment
from simulator.encoded_world import WorldEncoding


class View(NamedTuple):
    """What all users bring to a step.

    Attributes:
        contexts: (n_users, n_context).
        histories: (n_users, n_history): of each user's episode so far.
        candidates: (n_users, n_candidates, n_action).
    """

    contexts: Float32s
    histories: Float32s
    candidates: Float32s


Choose = Callable[[View, np.random.Generator], Indices]
"""Slates (n_users, n_slots) of distinct indices into the candidates."""


class Roller:
    """Drives a world for training, without end.

    Attributes:
        world: Driven by nobody else.
        encoding: Of that world.
        dice: Of the chooser.
    """

    def __init__(self, world: World, encoding: WorldEncoding, *, seed: int) -> None:
        """New users everywhere; the world's dice and the chooser's are independent."""
        self.world, self.encoding = world, encoding
        self.dice = np.random.default_rng([seed, 3])
        self._histories = Histories(world.n_users, encoding.encoder.n_action)
        self._everyone: Flags = np.ones(world.n_users, dtype=np.bool_)
        self._lengths = np.zeros(world.n_users, dtype=np.intp)
        self._rows = np.arange(world.n_users)[:, np.newaxis]
        world.seed(Streams.spawn(seed))
        self._begin(self._everyone)
        self._view = self._look()

    def roll(self, choose: Choose, n_steps: int, *, keep_candidates: bool = False) -> Segment:
        """So many steps of everyone, going on where the last ones ended."""
        tape = _Tape(self, n_steps, keep_candidates=keep_candidates)
        for step in range(n_steps):
            self._step(choose, tape, step)
        return tape.segment(self._view)

    def _step(self, choose: Choose, tape: _Tape, step: int) -> None:
        view = self._view
        slates = choose(view, self.dice)
        shown = view.candidates[self._rows, slates]
        reaction = self.world.react(slates, self._everyone)
        self._lengths += 1
        ended = reaction.ended
        longest = self.world.max_steps
        cut = np.zeros_like(ended) if longest is None else (self._lengths >= longest) & ~ended
        tape.put(step, view, slates, shown)
        tape.react(step, reaction.clicks, reaction.rewards, ended, cut)
        self._histories.add(shown, reaction.clicks)
        if cut.any():
            tape.add_cut(self.encoding.user(self.world.observe()[0][cut]), self._histories.features[cut])
        over = ended | cut
        if over.any():
            self._begin(over)
        self._view = self._look()

    def _begin(self, places: Flags) -> None:
        self.world.begin(places)
        self._histories.begin(places)
        self._lengths[places] = 0

    def _look(self) -> View:
        self.world.offer()
        contexts, candidates = self.encoding.encode(*self.world.observe())
        return View(contexts, self._histories.features.copy(), candidates)


class _Tape:
    """A segment being filled."""

    def __init__(self, roller: Roller, n_steps: int, *, keep_candidates: bool) -> None:
        world, encoder, view = roller.world, roller.encoding.encoder, roller._view
        places, f4 = (n_steps, world.n_users), np.float32
        self._contexts = np.empty((n_steps + 1, *view.contexts.shape), dtype=f4)
        self._histories = np.empty((n_steps + 1, *view.histories.shape), dtype=f4)
        self._candidates = np.empty((n_steps, *view.candidates.shape), dtype=f4) if keep_candidates else None
        self._slates = np.empty((*places, world.n_slots), dtype=np.intp)
        self._shown = np.empty((*places, world.n_slots, encoder.n_action), dtype=f4)
        self._clicks = np.empty((*places, world.n_slots), dtype=np.bool_)
        self._rewards = np.empty(places, dtype=f4)
        self._ended, self._cut = np.empty(places, dtype=np.bool_), np.empty(places, dtype=np.bool_)
        self._cut_contexts = [np.empty((0, encoder.n_context), dtype=f4)]
        self._cut_histories = [np.empty((0, view.histories.shape[1]), dtype=f4)]

    def put(self, step: int, view: View, slates: Indices, shown: Float32s) -> None:
        self._contexts[step], self._histories[step] = view.contexts, view.histories
        if self._candidates is not None:
            self._candidates[step] = view.candidates
        self._slates[step], self._shown[step] = slates, shown

    def react(self, step: int, clicks: Flags, rewards: np.ndarray, ended: Flags, cut: Flags) -> None:
        self._clicks[step], self._rewards[step] = clicks, rewards
        self._ended[step], self._cut[step] = ended, cut

    def add_cut(self, contexts: Float32s, histories: Float32s) -> None:
        self._cut_contexts.append(contexts)
        self._cut_histories.append(histories)

    def segment(self, after: View) -> Segment:
        self._contexts[-1], self._histories[-1] = after.contexts, after.histories
        return Segment(
            contexts=self._contexts,
            histories=self._histories,
            candidates=self._candidates,
            slates=self._slates,
            shown=self._shown,
            clicks=self._clicks,
            rewards=self._rewards,
            ended=self._ended,
            cut=self._cut,
            cut_contexts=np.concatenate(self._cut_contexts),
            cut_histories=np.concatenate(self._cut_histories),
        )
