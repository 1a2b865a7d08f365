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
_NOTHING = np.zeros(1)

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
        self._noise, self._n_shared = posterior.noise, len(posterior.mean)
        root_t = posterior.root.T
        slots = np.vstack([root_t[[*slot_at]], np.zeros((1, self._n_shared))])
        self._slot_variance = np.square(slots).sum(axis=1)
        self._shared = np.hstack([root_t, root_t @ (2.0 * slots.T), posterior.mean[:, None]])
        self._own_index = own_index
        self._own = _own_table(posterior, own_precision)

    def of(self, ids: Sequence[str], z: Array, x: Array) -> Beliefs:
        """Beliefs about actions.

        Args:
            ids: Their ids.
            z: Shape (n_actions, n_shared).
            x: Shape (n_own or more,); own weights see the first n_own.
        """
        k = self._n_shared
        own, own_variance = _NOTHING, np.zeros(len(ids))
        if len(self._own) > 1:
            seen = self._own_of(ids, x[: self._own.shape[1]])
            z, own = z - seen[:, :k], seen[:, k]
            own_variance = np.vecdot(seen[:, k + 1 :], seen[:, k + 1 :])
        seen = z @ self._shared
        plain = own_variance + np.vecdot(seen[:, :k], seen[:, :k])
        variance = np.maximum(plain[:, None] + seen[:, k:-1] + self._slot_variance, 0.0)
        return Beliefs(own + seen[:, -1], np.sqrt(self._noise * variance), own_variance, z)

    def _own_of(self, ids: Sequence[str], x: Array) -> Array:
        """What x tells of each action by the action's own weights: only of these actions where others are many."""
        at = self._own_index.places(ids)
        told: Array = x @ self._own.take(at, axis=0) if len(at) < len(self._own) else (x @ self._own)[at]
        return told


def _own_table(posterior: Posterior, own_precision: float) -> Array:
    """Own maps, means and roots side by side, shape (n_actions + 1, n_own, n_shared + 1 + n_own).

    The last are those of an action never seen.
    """
    m, d, k = posterior.own_map.shape
    table = np.zeros((m + 1, d, k + 1 + d))
    table[:m, :, :k], table[:m, :, k] = posterior.own_map, posterior.own_mean
    table[:m, :, k + 1 :] = posterior.own_root.transpose(0, 2, 1)
    table[m, :, k + 1 :] = np.eye(d) / np.sqrt(own_precision)
    return table


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
