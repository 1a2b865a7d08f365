"""A generator whose uniform numbers a test knows beforehand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from envs.world import Streams


class Scripted(np.random.Generator):
    """Gives the numbers it was made with, in order, and fails when they run out."""

    def __init__(self, *values: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.values = list(values)

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        shape = (size,) if isinstance(size, int) else tuple(size)
        n_wanted = math.prod(shape)
        if n_wanted > len(self.values):
            raise AssertionError(f"{n_wanted} numbers wanted, {len(self.values)} left")
        taken, self.values = self.values[:n_wanted], self.values[n_wanted:]
        return np.array(taken).reshape(shape)


def scripted_streams(*, choices: tuple[float, ...], dynamics: tuple[float, ...]) -> Streams:
    """Streams whose choices and dynamics are known."""
    rest = Streams.spawn(1)
    return Streams(rest.users, rest.documents, Scripted(*choices), Scripted(*dynamics))
