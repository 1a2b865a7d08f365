"""Made-up segments for tests: seeded, of any size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policies.neural.history import n_features
from policies.neural.segment import Segment

N_CONTEXT, N_CANDIDATES, N_ACTION, N_SLOTS = 4, 6, 5, 2


def segment(
    *,
    n_steps: int = 8,
    n_users: int = 3,
    ended: Sequence[tuple[int, int]] = (),
    cut: Sequence[tuple[int, int]] = (),
    seed: int = 0,
) -> Segment:
    """Random slates; at most one click each; the reward is the clicked item's second coordinate."""
    dice = np.random.default_rng(seed)
    places = (n_steps, n_users)
    candidates = dice.normal(size=(*places, N_CANDIDATES, N_ACTION)).astype(np.float32)
    candidates[..., 0] = 1.0
    slates = np.argsort(dice.random((*places, N_CANDIDATES)), axis=-1)[..., :N_SLOTS]
    shown = np.take_along_axis(candidates, slates[..., None], axis=2)
    clicks = np.arange(N_SLOTS) == dice.integers(N_SLOTS + 1, size=places)[..., None]
    flags = np.zeros((2, *places), dtype=np.bool_)
    for flag, where in zip(flags, (ended, cut), strict=True):
        for place in where:
            flag[place] = True
    n_cut = len(cut)
    return Segment(
        contexts=dice.normal(size=(n_steps + 1, n_users, N_CONTEXT)).astype(np.float32),
        histories=dice.normal(size=(n_steps + 1, n_users, n_features(N_ACTION))).astype(np.float32),
        candidates=candidates,
        slates=slates,
        shown=shown,
        clicks=clicks,
        rewards=np.where(clicks, shown[..., 1], 0.0).sum(axis=-1).astype(np.float32),
        ended=flags[0],
        cut=flags[1],
        cut_contexts=dice.normal(size=(n_cut, N_CONTEXT)).astype(np.float32),
        cut_histories=dice.normal(size=(n_cut, n_features(N_ACTION))).astype(np.float32),
    )
