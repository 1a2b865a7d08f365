"""Cholesky factors and their inverses, of one matrix or of many.

In: positive matrices. Out: triangular ones. For the ridge regression.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from policies.base import PolicyError
from policies.scales import Array

_STEP = 32


def factors(matrices: Array) -> Array:
    """Lower Cholesky factors; only what is on and below the diagonals is read.

    Where rounding has cost a matrix its last positive digits, of one a little further from 0.

    Raises:
        PolicyError: if that doesn't help.
    """
    rows = range(matrices.shape[-1])
    for jitter in (0.0, 1e-14, 1e-12, 1e-10):
        with suppress(np.linalg.LinAlgError):
            if not jitter:
                return np.asarray(np.linalg.cholesky(matrices), dtype=np.float64)
            nudged, diagonal = matrices.copy(), matrices[..., rows, rows]
            nudged[..., rows, rows] += jitter * diagonal.max(axis=-1, keepdims=True, initial=0.0)
            return np.asarray(np.linalg.cholesky(nudged), dtype=np.float64)
    raise PolicyError("the sums of the lessons are no longer positive; replay the log with a larger prior_weight")


def inverse(lower: Array) -> Array:
    """Of lower triangular matrices, by halves: at 256 rows a quarter of the time of a general inverse."""
    n = lower.shape[-1]
    result: Array = np.zeros_like(lower)
    if n <= _STEP:
        result[...] = np.linalg.inv(lower)
        return result
    half = n // 2
    first, last = inverse(lower[..., :half, :half]), inverse(lower[..., half:, half:])
    result[..., :half, :half], result[..., half:, half:] = first, last
    result[..., half:, :half] = -(last @ lower[..., half:, :half]) @ first
    return result


def half_log_det(lower: Array) -> float:
    """Half the log determinant of the product of a factor, or of all of many, with its transpose."""
    return float(np.log(np.diagonal(lower, axis1=-2, axis2=-1)).sum())
