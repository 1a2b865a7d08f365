"""What a snapshot of the linear bandit believes of the actions of one request.

In: a posterior and encoded rows. Out: for each action its expected reward, how sure that is, and
draws of what it may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from policies.own_index import OwnIndex
from policies.ridge import Array, Posterior

_N_OWN_DRAWS = 256

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Beliefs:
    """Of the actions of one request.

    Attributes:
        expected: Shape (n_actions,), in a reward range of 1.
        deviations: How sure that is, for each asked-for coordinate that may be 1 in a slot, and last for none of them,
            shape (n_actions, n_slot_coordinates + 1).
        own_variance: Of the actions' own part, in units of the noise, shape (n_actions,).
        rows: The shared rows as the shared weights see them, shape (n_actions, n_shared).
    """

    expected: Array
    deviations: Array
    own_variance: Array
    rows: Array


class Believer:
    """A posterior made ready to be asked.

    Args:
        posterior: As learned.
        own_index: Where an action's own weights are; empty where there are none.
        own_precision: Prior of own weights, for actions never seen.
        slot_at: Shared coordinates of which one is 1 in a slot.
    """

    def __init__(
        self, posterior: Posterior, own_index: OwnIndex, own_precision: float, *, slot_at: Sequence[int]
    ) -> None:
        self._noise, self._mean = posterior.noise, posterior.mean
        self._root_t = np.ascontiguousarray(posterior.root.T)
        slots = self._root_t[[*slot_at]]
        self._slots = 2.0 * np.vstack([slots, np.zeros((1, len(slots.T)))]).T
        self._slot_variance = np.append(np.square(slots).sum(axis=1), 0.0)
        self._own_index = own_index
        m, d, k = posterior.own_map.shape
        fresh = np.eye(d)[None] / np.sqrt(own_precision)
        self._own_mean = np.concatenate([posterior.own_mean, np.zeros((1, d))])
        self._own_map = np.concatenate([posterior.own_map, np.zeros((1, d, k))])
        self._own_root = np.concatenate([posterior.own_root, fresh])
        self._has_own = m > 0

    def of(self, ids: Sequence[str], z: Array, x: Array) -> Beliefs:
        """Beliefs about actions.

        Args:
            ids: Their ids.
            z: Shape (n_actions, n_shared).
            x: Shape (n_own,).
        """
        own, own_variance = np.zeros(len(ids)), np.zeros(len(ids))
        if self._has_own:
            at = np.array([self._own_index.place(id) for id in ids], dtype=np.intp)
            z = z - (x @ self._own_map)[at]
            own = (self._own_mean @ x)[at]
            own_variance = np.square(self._own_root @ x).sum(axis=1)[at]
        white = z @ self._root_t
        plain = own_variance + np.einsum("ij,ij->i", white, white)
        variance = np.maximum(plain[:, None] + white @ self._slots + self._slot_variance, 0.0)
        return Beliefs(own + z @ self._mean, np.sqrt(self._noise * variance), own_variance, z)


class Draws:
    """Draws from a posterior, made once for a snapshot and shared by its requests and their slots."""

    def __init__(self, posterior: Posterior, *, n: int, width: float, seed: list[int]) -> None:
        dice: Any = np.random.Generator(np.random.PCG64(seed))
        self._spread = width * np.sqrt(posterior.noise)
        half = dice.standard_normal((len(posterior.mean), (n + 1) // 2))
        self._weights = posterior.root.T @ np.concatenate([half, -half], axis=1)[:, :n]
        self._own = dice.standard_normal((_N_OWN_DRAWS, n))

    def values(self, ids: Sequence[str], beliefs: Beliefs) -> Array:
        """What each action may be worth, shape (n_actions, n)."""
        offsets = beliefs.rows @ self._weights
        if beliefs.own_variance.any():
            at = [crc32(id.encode(errors="surrogatepass")) % _N_OWN_DRAWS for id in ids]
            offsets += np.sqrt(beliefs.own_variance)[:, None] * self._own[at]
        result: Array = beliefs.expected[:, None] + self._spread * offsets
        return result
