"""What the many rare words of contexts that have no coordinate of their own say of each action, as one number.

In: words beyond the vocabulary's limit, actions' ids, and rewards. Out: for each action what these words promise of it,
one column of a row, which the exact regression then weighs beside all others. For the encoder.

Each pair of a word and an action has a cell, by hash: a weight, and how unsure it is. Cells are learned one reward at a
time by Bayesian regression that keeps variances and leaves out covariances, so cost grows with the words of a request
and not with those there are.

Source: assumed-density filtering with a diagonal covariance, e.g. Graepel, Quiñonero Candela, Borchert, Herbrich,
Web-Scale Bayesian Click-Through Rate Prediction (ICML 2010), here for a Gaussian reward, whose update is Kalman's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from policies.base import Action
from policies.scales import Array, Scales

N_CELLS = 2**15
PRIOR_VARIANCE = 0.5
"""Of a cell's weight, in units of the noise's: two rewards outweigh it."""

Cells = NDArray[np.int64]

_MIX = 0x9E3779B1


class Overflow:
    """Cells, and the scaling of the column they make; empty until the first word has to be told here."""

    def __init__(self) -> None:
        self._weights = np.zeros(0, dtype=np.float32)
        self._variances = np.zeros(0, dtype=np.float32)
        self._scales = Scales(1)
        self._n_rows = 0

    @property
    def is_used(self) -> bool:
        """Whether any word was told."""
        return len(self._weights) > 0

    def column(self, words: Cells, actions: Sequence[Action]) -> Array:
        """What words promise of actions, scaled, shape (n_actions,)."""
        if not self.is_used or not len(words):
            return np.zeros(len(actions))
        promised = self._weights[_cells(words, actions)].sum(axis=1, dtype=np.float64)
        return self._scales.scaled(promised[:, np.newaxis])[:, 0]

    def observe(self, words: Cells, action: Action, reward: float) -> None:
        """Learn from one reward."""
        if not len(words):
            return
        if not self.is_used:
            self._weights = np.zeros(N_CELLS, dtype=np.float32)
            self._variances = np.full(N_CELLS, PRIOR_VARIANCE, dtype=np.float32)
        cells = np.unique(_cells(words, [action])[0])
        variances = self._variances[cells].astype(np.float64)
        promised, total = float(self._weights[cells].sum(dtype=np.float64)), 1.0 + float(variances.sum())
        self._n_rows += 1
        self._scales.observe(slice(None), np.array([[promised]]))
        self._weights[cells] += variances * ((reward - promised) / total)
        self._variances[cells] = variances - np.square(variances) / total

    def refresh(self) -> None:
        """Bring the scaling up to date."""
        self._scales.refresh(self._n_rows)

    def to_parts(self) -> list[Any]:
        """All of it, exactly."""
        return [self._weights.tobytes(), self._variances.tobytes(), self._n_rows, self._scales.to_bytes()]

    @classmethod
    def from_parts(cls, parts: list[Any]) -> Overflow:
        """What ``to_parts`` gave. Raises ValueError or TypeError if it is something else."""
        weights, variances, n_rows, scales = parts
        made = cls()
        made._weights = np.frombuffer(weights, np.float32).copy()
        made._variances = np.frombuffer(variances, np.float32).copy()
        if not len(made._weights) == len(made._variances) or len(made._weights) not in (0, N_CELLS):
            raise ValueError(f"{len(made._weights)} and {len(made._variances)} cells; {N_CELLS} are needed")
        made._n_rows, made._scales = n_rows, Scales.from_bytes(scales, 1)
        return made


def _cells(words: Cells, actions: Sequence[Action]) -> Cells:
    """Where each word of each action is, shape (n_actions, n_words)."""
    named = np.array([_named(action.id) for action in actions], dtype=np.int64)
    mixed: Cells = ((words ^ named[:, np.newaxis]) * _MIX >> 16) & (N_CELLS - 1)
    return mixed


@lru_cache(maxsize=4096)
def _named(id: str) -> int:
    return crc32(id.encode(errors="surrogatepass"))
