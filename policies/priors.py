"""How strongly each kind of feature is drawn to "no effect": chosen by the evidence, not by taste.

In: moments, and which group each shared coordinate belongs to. Out: a precision for each group, and one for the
actions' own weights.

Source: MacKay, Bayesian Interpolation (Neural Computation 4(3), 1992): the evidence framework; here by coordinate
ascent over steps of a fixed factor, so that it costs little and is the same everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from policies.base import PolicyError
from policies.encoder import GROUPS, Codes
from policies.ridge import Array, Given, Moments, Posterior

STEP = 3.0
LEAST, GREATEST = 0.1, 1e4
_N_SWEEPS = 2

RELUCTANCE = 1.0
"""Log evidence that the first step away from ``START`` costs; the n-th costs 2 n - 1 times as much.

A handful of lessons can't tell a useless feature from one that was not tried yet, and a prior too sure of "no effect"
stops exploring it.
"""

START = (0.1, 10.0, 10.0, 10.0, 10.0, 3.0)
"""For each group of ``encoder.GROUPS``, and for own weights. The first group, with the mean reward, stays as it is."""


@dataclass(frozen=True, slots=True)
class Priors:
    """Precisions in units of the noise's: a weight of precision p is drawn to 0 as by p rows of size 1."""

    precisions: tuple[float, ...] = START

    def __post_init__(self) -> None:
        if len(self.precisions) != len(GROUPS) + 1:
            raise PolicyError(f"{len(self.precisions)} precisions; {len(GROUPS) + 1} are needed")

    @classmethod
    def fixed(cls, precision: float) -> Priors:
        """The same for all but the mean reward."""
        return cls((START[0], *[precision] * len(GROUPS)))

    @property
    def own(self) -> float:
        """The precision of actions' own weights."""
        return self.precisions[-1]

    def shared(self, groups: Codes) -> Array:
        """The precision of each shared coordinate."""
        precisions: Array = np.array(self.precisions)[groups]
        return precisions

    def posterior(self, moments: Moments, groups: Codes) -> Posterior:
        """What is known under these priors."""
        return moments.posterior(self.shared(groups), self.own)

    def improved(self, moments: Moments, groups: Codes) -> Priors:
        """Each precision moved a few steps if that makes the rewards more likely."""
        given: dict[float, Given] = {}

        def score_of(tried: Priors) -> float:
            if tried.own not in given:
                given[tried.own] = moments.given(tried.own)
            return given[tried.own].evidence(tried.shared(groups)) - RELUCTANCE * tried._n_steps()

        best, score = self, score_of(self)
        present = {*groups.tolist(), *([len(GROUPS)] if moments.n_own else [])} - {0}
        for _ in range(_N_SWEEPS):
            before = score
            for group in sorted(present):
                for factor in (STEP, 1.0 / STEP):
                    tried = best._moved(group, factor)
                    found = score_of(tried)
                    if found > score:
                        best, score = tried, found
                        break
            if score == before:
                break
        return best

    def _n_steps(self) -> float:
        """Steps away from ``START``, squared and summed."""
        return sum(math.log(now / start, STEP) ** 2 for now, start in zip(self.precisions, START, strict=True))

    def _moved(self, group: int, factor: float) -> Priors:
        moved = list(self.precisions)
        moved[group] = min(max(moved[group] * factor, LEAST), GREATEST)
        return Priors(tuple(moved))
