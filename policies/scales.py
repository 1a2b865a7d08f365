"""Running mean and spread of numbers that come row by row, and the scaling that follows from them.

In: which numbers a row holds, and their values. Out: shifts and gains that make them about as large as 1. The scaling
in use moves only in ``refresh``, so that between two of these moments what was encoded may be kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.intp]

FARTHEST = 6.0
"""Scaled values end here: one absurd number must not outweigh thousands of lessons."""

USUAL = 0.5
"""A number that at least this share of the rows hold is centred, so that where it lacks it counts as average. A rarer
one isn't, so that where it lacks it counts as 0."""


class Scales:
    """Statistics of up to ``capacity`` numbers.

    Attributes:
        shift: In use: taken from a value.
        gain: In use: what is left is multiplied by this; 0 for a number that never varied.
        usual: Whether rows usually hold the number.
    """

    def __init__(self, capacity: int) -> None:
        self._sums = np.zeros((3, capacity))
        self.shift, self.gain = np.zeros(capacity), np.zeros(capacity)
        self.usual = np.zeros(capacity, dtype=np.bool_)

    def observe(self, places: Places | slice, values: Array) -> None:
        """Count rows that hold the same numbers.

        Args:
            places: Of these numbers, none twice.
            values: Shape (n_rows, n_numbers).

        Source: Chan, Golub, LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979.
        """
        n_rows, sums = len(values), self._sums[:, places]
        mean = values[0] if n_rows == 1 else values.sum(axis=0) / n_rows
        off, n = mean - sums[1], sums[0] + n_rows
        sums[2] += off * off * (sums[0] * n_rows / n)
        if n_rows > 1:
            sums[2] += np.square(values - mean).sum(axis=0)
        sums[1] += off * (n_rows / n)
        sums[0] = n
        self._sums[:, places] = sums

    def refresh(self, n_rows: int) -> None:
        """Scale by all that was seen so far, in ``n_rows`` rows."""
        n, mean, squares = self._sums
        self.usual = (n >= USUAL * n_rows) & (n > 0.0)
        spread = squares / np.maximum(n, 1.0)
        spread[spread <= (1e-9 * mean) ** 2] = 0.0
        size = np.sqrt(np.where(self.usual, spread, spread + mean**2))
        self.shift = np.where(self.usual, mean, 0.0)
        self.gain = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0.0)

    def scaled(self, values: Array) -> Array:
        """Rows of the first so many numbers, scaled, shape as given."""
        n = values.shape[-1]
        return bounded((values - self.shift[:n]) * self.gain[:n])

    def to_bytes(self) -> list[bytes]:
        """All of it, exactly."""
        return [self._sums.tobytes(), self.shift.tobytes(), self.gain.tobytes(), self.usual.tobytes()]

    @classmethod
    def from_bytes(cls, parts: list[bytes], capacity: int) -> Scales:
        """What ``to_bytes`` gave. Raises ValueError if it is something else."""
        made = cls(capacity)
        made._sums = np.frombuffer(parts[0], np.float64).reshape(3, capacity).copy()
        made.shift, made.gain = (np.frombuffer(part, np.float64).reshape(capacity) for part in parts[1:3])
        made.usual = np.frombuffer(parts[3], np.bool_).reshape(capacity)
        return made


def bounded(values: Array) -> Array:
    """Scaled values, cut at ``FARTHEST``."""
    result: Array = np.minimum(np.maximum(values, -FARTHEST), FARTHEST)
    return result
