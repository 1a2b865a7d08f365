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
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from policies.base import PolicyError

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

    In the shared sums the reward stands first, before the features.

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
        weighted = x * self._weight
        self._xx[action, :d, :d] += np.multiply.outer(weighted, x)
        self._xz[action, :d, :k] += np.multiply.outer(weighted, z)
        self._xr[action, :d] += reward * weighted

    def drop_own(self) -> None:
        """From now on nothing is any action's own; what was learned stays learned in the shared part."""
        self.n_own = self.n_actions = 0
        self._xx: Array = np.zeros((0, 0, 0))
        self._xz: Array = np.zeros((0, 0, 0))
        self._xr: Array = np.zeros((0, 0))

    def posterior(self, shared_precision: Array, own_precision: float) -> Posterior:
        """What is known under a prior.

        Args:
            shared_precision: Of each shared weight, in units of the noise's, shape (n_shared,), positive.
            own_precision: Of every own weight.
        """
        k, d, m = self.n_shared, self.n_own, self.n_actions
        scale = 1.0 / self._weight
        own_map, own_mean, own_root = np.zeros((m, d, k)), np.zeros((m, d)), np.zeros((m, d, d))
        waiting = self._waiting[: self._n_waiting, : k + 1]
        sums = (self._sums[: k + 1, : k + 1] + waiting.T @ waiting) * scale
        precision, target = sums[1:, 1:] + np.diag(shared_precision), sums[0, 1:]
        fit = log_det = 0.0
        if m:
            cross, hits = self._xz[:m, :d, :k] * scale, self._xr[:m, :d] * scale
            own_root, log_det = _roots(self._xx[:m, :d, :d] * scale, own_precision)
            own_map = own_root.transpose(0, 2, 1) @ (own_root @ cross)
            own_mean = np.einsum("mji,mjk,mk->mi", own_root, own_root, hits, optimize=True)
            precision -= cross.reshape(m * d, k).T @ own_map.reshape(m * d, k)
            target = target - own_mean.reshape(-1) @ cross.reshape(m * d, k)
            fit += float(np.vdot(own_mean, hits))
        shared_root, shared_log_det = _root(precision)
        mean = (shared_root @ target) @ shared_root
        fit += float(mean @ target)
        n, residual = self._n * scale, max(float(sums[0, 0]) - fit, 0.0)
        shape, rate = NOISE_SHAPE + n / 2, NOISE_SCALE + residual / 2
        evidence = log_det + shared_log_det + float(np.log(shared_precision).sum()) / 2 - shape * math.log(rate)
        return Posterior(mean, shared_root, own_mean, own_map, own_root, noise=rate / shape, evidence=evidence)

    def to_bytes(self) -> bytes:
        """All of it, exactly."""
        k, d, m = self.n_shared, self.n_own, self.n_actions
        waiting = self._waiting[: self._n_waiting, : k + 1]
        arrays = (self._sums[: k + 1, : k + 1], waiting, self._xx[:m, :d, :d], self._xz[:m, :d, :k], self._xr[:m, :d])
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
            made._sums, waiting, made._xx, made._xz, made._xr = read
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
        if m > len(self._xr) or d > self._xr.shape[1] or (m and self.n_shared > self._xz.shape[2]):
            k, d, m = _room(self.n_shared), _room(d), max(8, 1 << (m - 1).bit_length())
            self._xx, self._xr = _padded(self._xx, (m, d, d)), _padded(self._xr, (m, d))
            self._xz = _padded(self._xz, (m, d, k))

    def _take_in(self) -> None:
        """Rows wait and are summed by the block, which costs a third of summing them one by one."""
        k = self.n_shared + 1
        rows = self._waiting[: self._n_waiting, :k]
        step = max(1, _ONE_THREAD // (k * _BLOCK))
        for start in range(0, k, step):
            strip = slice(start, min(start + step, k))
            self._sums[strip, :k] += rows[:, strip].T @ rows
        self._waiting[:], self._n_waiting = 0.0, 0

    def _settle(self) -> None:
        self._take_in()
        for sums in (self._sums, self._xx, self._xz, self._xr):
            sums /= self._weight
        self._n, self._weight = self._n / self._weight, 1.0


@dataclass(frozen=True, slots=True)
class Posterior:
    """Weights given all rows: normal, with a noise variance taken at its mean.

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


def _roots(grams: Array, precision: float) -> tuple[Array, float]:
    """Inverse Cholesky factors of (gram + precision I), and the half log determinants of prior over posterior."""
    m, d = grams.shape[:2]
    grams[:, range(d), range(d)] += precision
    factors = _factors(grams)
    diagonals = np.diagonal(factors, axis1=1, axis2=2)
    return _inverse(factors), m * d * math.log(precision) / 2 - float(np.log(diagonals).sum())


def _root(precision: Array) -> tuple[Array, float]:
    factor = _factors(precision)
    return _inverse(factor), -float(np.log(np.diagonal(factor)).sum())


def _factors(matrices: Array) -> Array:
    """Cholesky factors; where rounding has cost a matrix its last positive digits, of one a little further from 0."""
    rows = range(matrices.shape[-1])
    for jitter in (0.0, 1e-14, 1e-12, 1e-10):
        with suppress(np.linalg.LinAlgError):
            diagonal = matrices[..., rows, rows]
            nudged = matrices.copy()
            nudged[..., rows, rows] += jitter * diagonal.max(axis=-1, keepdims=True, initial=0.0)
            found: Array = np.asarray(np.linalg.cholesky(nudged if jitter else matrices), dtype=np.float64)
            return found
    raise PolicyError("the sums of the lessons are no longer positive; replay the log with a larger prior_weight")


def _inverse(lower: Array) -> Array:
    """Of lower triangular matrices, by halves: at 256 rows a quarter of the time of a general inverse."""
    n = lower.shape[-1]
    result: Array = np.zeros_like(lower)
    if n <= _STEP:
        result[...] = np.linalg.inv(lower)
        return result
    half = n // 2
    first, last = _inverse(lower[..., :half, :half]), _inverse(lower[..., half:, half:])
    result[..., :half, :half], result[..., half:, half:] = first, last
    result[..., half:, :half] = -(last @ lower[..., half:, :half]) @ first
    return result


def _room(n: int) -> int:
    return -(-n // _STEP) * _STEP


def _padded(array: Array, shape: Sequence[int]) -> Array:
    wider = np.zeros([max(have, want) for have, want in zip(array.shape, shape, strict=True)])
    wider[tuple(slice(n) for n in array.shape)] = array
    return wider


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, tuple[int, int, int], tuple[float, float, float], list[bytes]])
