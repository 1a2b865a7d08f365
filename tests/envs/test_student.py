from __future__ import annotations

import pytest
from scipy.stats import t

from envs.student import t_quantile


@pytest.mark.parametrize("n_degrees", [1, 2, 3, 4, 9, 10, 99])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.975, 0.999])
def test_quantiles_are_scipys(level: float, n_degrees: int) -> None:
    assert t_quantile(level, n_degrees) == pytest.approx(t.ppf(level, n_degrees), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(("level", "n_degrees"), [(0.4, 3), (1.0, 3), (0.975, 0)])
def test_what_has_no_quantile_is_refused(level: float, n_degrees: int) -> None:
    with pytest.raises(ValueError, match="level"):
        t_quantile(level, n_degrees)
