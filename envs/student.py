"""Quantiles of Student's t distribution, for intervals over few seeds.

In: a level and whole degrees of freedom. Out: the quantile, to about 1e-9. The closed form for whole degrees of freedom
is used, so that no statistics package is needed to report an interval.
"""

from __future__ import annotations

import math

N_BISECTIONS = 100


def t_quantile(level: float, n_degrees: int) -> float:
    """The value that Student's t stays below with chance ``level``.

    Args:
        level: In [0.5, 1).
        n_degrees: Degrees of freedom, at least 1.

    Raises:
        ValueError: if either is outside.
    """
    if not (0.5 <= level < 1.0 and n_degrees >= 1):
        raise ValueError(f"level={level} must be in [0.5, 1) and n_degrees={n_degrees} at least 1")
    low, high = 0.0, math.pi / 2.0
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _below(middle, n_degrees) < level else (low, middle)
    return math.sqrt(n_degrees) * math.tan(low)


def _below(angle: float, n_degrees: int) -> float:
    """P(T < √ν tan(angle)).

    Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.3 and 26.7.4.
    """
    odd = n_degrees % 2
    term = math.sin(angle) * (math.cos(angle) if odd else 1.0)
    total = 0.0
    for k in range(1 + odd, n_degrees, 2):
        total += term
        term *= k / (k + 1) * math.cos(angle) ** 2
    within = 2.0 / math.pi * (angle + total) if odd else total
    return 0.5 + within / 2.0
