"""An exact Bayesian ridge regression with a part shared by all actions and a part of each action's own.

In: feature rows and rewards. Out: sums that say all of them (``Moments``), and from these sums a ``Posterior`` and the
evidence for one prior or another. Reward = z'w + x'v_a + noise: z holds the shared features, x those that every action
weighs in its own way; w and v_a are normal around 0, the noise variance is inverse-gamma.

Sums are kept rather than an inverse: a lesson adds one small product to them, nothing drifts however many lessons come,
any prior may be tried afterwards, and forgetting is one number. What is factorised is factorised when a snapshot is
taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from policies.base import PolicyError
from policies.factors import factors, half_log_det, inverse

Array = NDArray[np.float64]

NOISE_SHAPE = 1.0
"""Prior of the noise variance, inverse-gamma: shape, and below the scale, for rewards in a range of 1."""
NOISE_SCALE = 0.05

_LARGEST_WEIGHT = 1e6
_FORMAT = 1
_STEP = 32
_BLOCK = 48
_ONE_THREAD = 200_000
"""Multiplications in one product that BLAS does in one thread: the sums must not depend on how many there are."""


class Moments:
    """Sums over all rows learned, each row weighted by ``forgetting`` to the power of the lessons since.

    In the shared sums the reward stands first, before the features; above the diagonal they are not all summed.

    Attributes:
        n_shared: Length of z so far; rows may grow.
        n_own: Length of x so far, 0 where actions have no part of their own.
        n_actions: Actions with a part of their own.
    """

    def __init__(self, forgetting: float = 1.0) -> None:
        self._forgetting = forgetting
        self.n_shared = self.n_own = self.n_actions = 0
        self._weight = 1.0
        self._n = 0.0
        self._sums: Array = np.zeros((1, 1))
        self._waiting: Array = np.zeros((_BLOCK, 1))
        self._n_waiting = 0
        self.drop_own()

    def age(self) -> None:
        """One lesson has passed: all before it counts a little less."""
        if self._forgetting == 1.0:
            return
        self._weight /= self._forgetting
        if self._weight > _LARGEST_WEIGHT:
            self._settle()

    def add(self, z: Array, rewards: Array) -> None:
        """Learn rows.

        Args:
            z: Shape (n_rows, n_shared or more).
            rewards: Shape (n_rows,).
        """
        self.n_shared = max(self.n_shared, z.shape[1])
        self._reserve()
        root = math.sqrt(self._weight)
        for start in range(0, len(z), _BLOCK):
            rows, hits = z[start : start + _BLOCK], rewards[start : start + _BLOCK]
            if self._n_waiting + len(rows) > _BLOCK:
                self._take_in()
            place = slice(self._n_waiting, self._n_waiting + len(rows))
            self._waiting[place, 0] = hits * root
            self._waiting[place, 1 : 1 + z.shape[1]] = rows * root
            self._n_waiting += len(rows)
        self._n += len(z) * self._weight

    def add_own(self, action: int, x: Array, z: Array, reward: float) -> None:
        """Learn the own part of a row that ``add`` was told of.

        Args:
            action: Which action's, from 0.
            x: Shape (n_own or more,).
            z: Its shared features, shape (n_shared,).
            reward: Its reward.
        """
        d, k = len(x), len(z)
        self.n_own, self.n_actions = max(self.n_own, d), max(self.n_actions, action + 1)
        self._reserve()
        row = np.zeros(self._own.shape[2])
        row[0], row[1 : 1 + d], row[self._z_at : self._z_at + k] = reward, x, z
        self._own[action, :d] += np.multiply.outer(x if self._weight == 1.0 else x * self._weight, row)

    def drop_own(self) -> None:
        """From now on nothing is any action's own; what was learned stays learned in the shared part."""
        self.n_own = self.n_actions = 0
        self._own: Array = np.zeros((0, 0, 1))
        self._z_at = 1

    def posterior(self, shared_precision: Array, own_precision: float) -> Posterior:
        """What is known under a prior.

        Args:
            shared_precision: Of each shared weight, in units of the noise's, shape (n_shared,), positive.
            own_precision: Of every own weight.
        """
        return self.given(own_precision).posterior(shared_precision)

    def given(self, own_precision: float) -> Given:
        """What is known under a prior of own weights: the part of a posterior that the shared weights' prior leaves."""
        k, d, m = self.n_shared, self.n_own, self.n_actions
        scale = 1.0 / self._weight
        waiting = self._waiting[: self._n_waiting, : k + 1]
        sums = (self._sums[: k + 1, : k + 1] + waiting.T @ waiting) * scale
        if not m:
            return Given(sums, np.zeros((0, d, d)), np.zeros((0, d, 1 + k)), self._n * scale, 0.0)
        own, at = self._own[:m, :d], self._z_at
        grams, cross, hits = own[:, :, 1 : 1 + d] * scale, own[:, :, at : at + k], own[:, :, :1]
        grams[:, range(d), range(d)] += own_precision
        lower = factors(grams)
        root = inverse(lower)
        white = root @ (np.concatenate((hits, cross), axis=2) * scale)
        flat = white.reshape(m * d, 1 + k)
        sums -= flat.T @ flat
        log_det = m * d * math.log(own_precision) / 2 - half_log_det(lower)
        return Given(sums, root, white, self._n * scale, log_det)

    def to_bytes(self) -> bytes:
        """All of it, exactly."""
        k, d, m = self.n_shared, self.n_own, self.n_actions
        waiting = self._waiting[: self._n_waiting, : k + 1]
        own, at = self._own[:m, :d], self._z_at
        arrays = (self._sums[: k + 1, : k + 1], waiting, own[:, :, 1 : 1 + d], own[:, :, at : at + k], own[:, :, 0])
        numbers = (self._forgetting, self._weight, self._n)
        return _encoder.encode((_FORMAT, (k, d, m), numbers, [array.tobytes() for array in arrays]))

    @classmethod
    def from_bytes(cls, data: bytes) -> Moments:
        """What ``to_bytes`` gave.

        Raises:
            PolicyError: if the bytes are something else.
        """
        try:
            version, (k, d, m), numbers, arrays = _decoder.decode(data)
            if version != _FORMAT:
                raise PolicyError(f"moments of format {version}; this release reads format {_FORMAT}")
            shapes = ((k + 1, k + 1), (-1, k + 1), (m, d, d), (m, d, k), (m, d))
            made = cls(numbers[0])
            made.n_shared, made.n_own, made.n_actions = k, d, m
            _, made._weight, made._n = numbers
            read: list[Array] = [
                np.frombuffer(part, np.float64).reshape(shape).copy()
                for part, shape in zip(arrays, shapes, strict=True)
            ]
            made._sums, waiting, grams, cross, hits = read
            made._own, made._z_at = np.concatenate((hits[:, :, None], grams, cross), axis=2), 1 + d
            made._n_waiting = len(waiting)
            made._waiting = _padded(waiting, (_BLOCK, k + 1))
        except (msgspec.MsgspecError, ValueError) as error:
            raise error if isinstance(error, PolicyError) else PolicyError(f"no moments: {error}") from error
        return made

    def _reserve(self) -> None:
        """Room in steps, so that growth is rare."""
        k, d, m = self.n_shared, self.n_own, self.n_actions
        if k + 1 > len(self._sums):
            k = _room(k + 1)
            self._sums, self._waiting = _padded(self._sums, (k, k)), _padded(self._waiting, (_BLOCK, k))
        if m > len(self._own) or 1 + d > self._z_at or (m and self._z_at + self.n_shared > self._own.shape[2]):
            self._reserve_own()

    def _reserve_own(self) -> None:
        """Of each action one table: a column for the reward, some for x, and the rest, from ``_z_at`` on, for z."""
        m, d, old, z_at = max(8, 1 << (self.n_actions - 1).bit_length()), _room(self.n_own, 8), self._own, self._z_at
        n_actions, n_rows, n_columns = old.shape
        self._z_at = 1 + d
        self._own = np.zeros((max(m, n_actions), d, self._z_at + _room(self.n_shared)))
        self._own[:n_actions, :n_rows, :z_at] = old[:, :, :z_at]
        self._own[:n_actions, :n_rows, self._z_at : self._z_at + n_columns - z_at] = old[:, :, z_at:]

    def _take_in(self) -> None:
        """Rows wait and are summed by the block, which costs a third of summing them one by one.

        Nobody reads the sums above the diagonal, so most of these are left out.
        """
        rows, stop = self._waiting[: self._n_waiting, : self.n_shared + 1], 0
        while stop < self.n_shared + 1:
            start, stop = stop, min(_strip(stop), self.n_shared + 1)
            self._sums[start:stop, :stop] += rows[:, start:stop].T @ rows[:, :stop]
        self._waiting[:], self._n_waiting = 0.0, 0

    def _settle(self) -> None:
        self._take_in()
        for sums in (self._sums, self._own):
            sums /= self._weight
        self._n, self._weight = self._n / self._weight, 1.0


@dataclass(frozen=True, slots=True)
class Given:
    """What all rows say of the shared weights once the own weights' prior is given; the reward stands first.

    Attributes:
        sums: Of products of rewards and shared features, less what own weights explain, shape (1 + n_shared, same);
            true on and below the diagonal.
        own_root: As in ``Posterior``.
        white: ``own_root`` times own sums, shape (n_actions, n_own, 1 + n_shared).
        n: Rows, as weighted.
        log_det: Half the log determinants of the own weights' prior over their posterior.
    """

    sums: Array
    own_root: Array
    white: Array
    n: float
    log_det: float

    def posterior(self, shared_precision: Array) -> Posterior:
        """What is known under a prior of shared weights, shape (n_shared,), positive, in units of the noise's."""
        lower = factors(self.sums[1:, 1:] + np.diag(shared_precision))
        root, target = inverse(lower), self.sums[1:, 0]
        explained = root @ target
        noise, evidence = self._fit(shared_precision, lower, explained)
        turned = self.own_root.transpose(0, 2, 1)
        own_mean, own_map = (turned @ self.white[:, :, :1])[:, :, 0], turned @ self.white[:, :, 1:]
        return Posterior(explained @ root, root, own_mean, own_map, self.own_root, noise=noise, evidence=evidence)

    def evidence(self, shared_precision: Array) -> float:
        """That of ``posterior``, for less: a factor that the reward's sums border ends in what is explained."""
        k = len(shared_precision)
        bordered = np.empty((k + 1, k + 1))
        bordered[:k, :k] = self.sums[1:, 1:]
        bordered[range(k), range(k)] += shared_precision
        bordered[k, :k] = self.sums[1:, 0]
        bordered[k, k] = 2.0 * max(float(self.sums[0, 0]), 0.0) + 1.0
        lower = factors(bordered)
        return self._fit(shared_precision, lower[:k, :k], lower[k, :k])[1]

    def _fit(self, shared_precision: Array, lower: Array, explained: Array) -> tuple[float, float]:
        """The noise variance, and the evidence."""
        residual = max(float(self.sums[0, 0]) - float(explained @ explained), 0.0)
        shape, rate = NOISE_SHAPE + self.n / 2, NOISE_SCALE + residual / 2
        priors = float(np.log(shared_precision).sum()) / 2
        log_det = self.log_det + priors - half_log_det(lower)
        return rate / shape, log_det - shape * math.log(rate)


@dataclass(frozen=True, slots=True)
class Posterior:
    """Weights given all rows: normal, with one noise variance, that whose inverse is the mean of the inverses.

    The own weights of an action given w are normal around ``own_mean[a] - own_map[a] @ w`` with covariance
    ``noise * own_root[a].T @ own_root[a]``; w itself around ``mean`` with ``noise * root.T @ root``.

    Attributes:
        mean: Shape (n_shared,).
        root: Shape (n_shared, n_shared), lower triangular.
        own_mean: Shape (n_actions, n_own).
        own_map: Shape (n_actions, n_own, n_shared).
        own_root: Shape (n_actions, n_own, n_own), lower triangular.
        noise: Variance of a reward around its expectation.
        evidence: Log probability of the rewards under the prior, up to a constant. Source: Bishop, Pattern Recognition
            and Machine Learning, section 3.5, with the noise variance integrated out.
    """

    mean: Array
    root: Array
    own_mean: Array
    own_map: Array
    own_root: Array
    noise: float
    evidence: float


@lru_cache(maxsize=1024)
def _strip(start: int) -> int:
    """Where a strip of the sums ends that begins at a row, and has as many columns as its last row: in one thread."""
    return max(start + 1, int((start + math.sqrt(start * start + 4 * _ONE_THREAD / _BLOCK)) / 2))


def _room(n: int, step: int = _STEP) -> int:
    return -(-n // step) * step


def _padded(array: Array, shape: Sequence[int]) -> Array:
    wider = np.zeros([max(have, want) for have, want in zip(array.shape, shape, strict=True)])
    wider[tuple(slice(n) for n in array.shape)] = array
    return wider


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, tuple[int, int, int], tuple[float, float, float], list[bytes]])
