"""What the parity worlds are compared with: measurements of RecSim 0.2.4, and of an independent restatement of it.

In: nothing. Out: ``CELLS``, each a world, sizes, a policy, and what was measured there by others. Values are written as
they were published, so that their rounding is known.

Two sources. *RecSim*: version 0.2.4 itself, played for so many episodes; its 50-episode runs were made with a fresh
environment per seed. *Restatement*: an independent vectorised program after RecSim's equations, 2,000 episodes for
interest evolution (1,000 for the ratio policy), 4,000 for interest exploration and 20,000 for long-term satisfaction.
"""

from __future__ import annotations

from typing import NamedTuple

RECSIM = "RecSim"
RESTATED = "restatement"
BY_TYPE = ("click_rate_type_0", "click_rate_type_1")


class Expected(NamedTuple):
    """A value to compare with.

    Attributes:
        metric: As in ``envs.episodes.Metric``, or one of ``BY_TYPE``.
        value: As published.
        source: ``RECSIM`` or ``RESTATED``.
        n: Episodes behind it.
        se: Published standard error; None if there is none.
        exact: Whether the figure can't vary: it must be equal.
    """

    metric: str
    value: str
    source: str
    n: int
    se: float | None = None
    exact: bool = False


class Cell(NamedTuple):
    """A world, sizes and a policy.

    Attributes:
        preset: Of ``envs.presets``.
        sizes: Candidates and slots.
        policy: As in ``envs.references.choosers``, or one of ``simulator.parity``'s own.
        expected: What was measured there.
        sensitivity: Of long-term satisfaction, where it isn't the preset's own.
        judged: False for a policy that is known to be another one than was measured: it is shown, and can't fail.
    """

    preset: str
    sizes: tuple[int, int]
    policy: str
    expected: tuple[Expected, ...]
    sensitivity: float | None = None
    judged: bool = True


def _exactly(*expected: Expected) -> tuple[Expected, ...]:
    """The same, with every figure but the return exact: there all episodes are equally long, or all clicked."""
    return tuple(one._replace(exact=one.metric != "return") for one in expected)


def _recsim(value: str, se: float | None, n: int) -> Expected:
    return Expected("return", value, RECSIM, n, se)


def _recsim_50(value: str, se: float, length: str, rate: str, quality: str = "") -> tuple[Expected, ...]:
    others = {"length": length, "click_rate": rate, "clicked_quality": quality}
    return (
        _recsim(value, se, 50),
        *(Expected(metric, known, RECSIM, 50) for metric, known in others.items() if known),
    )


def _restated(n: int, value: str, se: float | None = None, *others: str) -> tuple[Expected, ...]:
    metrics = ("length", "click_rate", "clicked_quality")
    return (
        Expected("return", value, RESTATED, n, se),
        *(Expected(metric, known, RESTATED, n) for metric, known in zip(metrics, others, strict=False)),
    )


def _evolution(sizes: tuple[int, int], policy: str, *expected: Expected) -> Cell:
    return Cell("interest-evolution", sizes, policy, expected)


def _exploration(policy: str, *expected: Expected) -> Cell:
    return Cell("interest-exploration", (10, 2), policy, expected)


def _satisfaction(policy: str, *expected: Expected, sensitivity: float | None = None) -> Cell:
    return Cell("long-term-satisfaction", (10, 1), policy, expected, sensitivity)


def _constant(clickbait: str, sensitivity: float, value: str) -> Cell:
    return _satisfaction(f"constant {clickbait}", *_restated(20_000, value), sensitivity=sensitivity)


CELLS: tuple[Cell, ...] = (
    _evolution(
        (10, 2),
        "random",
        _recsim("153.84", 0.35, 1000),
        *_restated(2000, "154.12", 0.25, "83.5", ".467", "-0.597"),
        *_recsim_50("155.35", 1.53, "81.5", ".483", "-0.587"),
    ),
    _evolution(
        (10, 2),
        "myopic",
        _recsim("163.95", 0.76, 1000),
        *_restated(2000, "165.82", 0.57, "66.6", ".630", "-0.515"),
    ),
    _evolution(
        (10, 2),
        "quality",
        _recsim("280.65", 2.31, 500),
        *_restated(2000, "279.17", 1.22, "164.9", ".431", "1.703"),
    ),
    _evolution(
        (10, 2),
        "ratio",
        _recsim("295.83", 3.51, 300),
        *_restated(1000, "298.79", 1.89, "184", ".414", "1.928"),
    ),
    _evolution(
        (5, 2),
        "random",
        _recsim("152.74", 0.63, 300),
        *_restated(2000, "154.06", 0.26, "83.5", ".467", "-0.599"),
        *_recsim_50("154.74", 1.70, "82.1", ".476", "-0.599"),
    ),
    _evolution(
        (5, 2),
        "quality",
        _recsim("212.86", 1.27, 300),
        *_restated(2000, "214.84", 0.54, "120.1", ".454", "0.832"),
    ),
    _evolution(
        (10, 3),
        "random",
        _recsim("160.11", 0.60, 400),
        *_restated(2000, "160.33", 0.27, "70.9", ".573", "-.594"),
    ),
    _evolution(
        (10, 3),
        "myopic",
        _recsim("166.65", 1.08, 400),
        *_restated(2000, "167.51", 0.48, "60.1", ".707", "-.551"),
    ),
    _evolution(
        (10, 3),
        "quality",
        _recsim("264.0", 1.6, 400),
        *_restated(2000, "263.55", 0.81, "123.1", ".546", "1.308"),
    ),
    _evolution((10, 3), "ratio", _recsim("277.9", 3.8, 400)),
    _evolution((50, 2), "random", _recsim("154.0", 1.1, 100)),
    _evolution((50, 2), "myopic", _recsim("188", 9.0, 100)),
    _evolution((50, 2), "quality", _recsim("387", 27.0, 100)),
    _evolution((50, 2), "ratio", _recsim("512", 24.0, 60)),
    _exploration(
        "random",
        _recsim("23.74", 0.49, 120),
        *_restated(4000, "22.91", 0.08),
        Expected("click_rate", ".22888", RESTATED, 4000),
        # Of 4,000 users, 0.3 are of type 0.
        Expected(BY_TYPE[0], ".2654", RESTATED, 1200),
        Expected(BY_TYPE[1], ".2132", RESTATED, 2800),
        *(one._replace(exact=one.metric == "length") for one in _recsim_50("23.12", 0.74, "100", ".231", "1.658")),
    ),
    _exploration("greedy_pctr", _recsim("38.78", 0.81, 120), *_restated(4000, "38.85", 0.14)),
    _exploration("oracle", _recsim("39.48", 0.75, 120), *_restated(4000, "39.56", 0.13)),
    # The bandits' standard errors are published as "0.75 to 1.0", not which is whose.
    _exploration("ucb1", _recsim("37.33", None, 120)),
    _exploration("kl_ucb", _recsim("37.25", None, 120)),
    _exploration("thompson, dice renewed at each step", _recsim("34.76", None, 120)),
    _exploration("thompson", _recsim("34.76", None, 120))._replace(judged=False),
    _satisfaction(
        "random",
        _recsim("965", 26.0, 50),
        *_exactly(*_restated(20_000, "947.8", 1.2, "60", "1"), *_recsim_50("964.8", 26.3, "60", "1")),
    ),
    _satisfaction("most_clickbait", _recsim("1132", 30.0, 50), *_exactly(*_restated(20_000, "1116.6", 1.3, "60", "1"))),
    _satisfaction("least_clickbait", _recsim("799", 21.0, 50), *_exactly(*_restated(20_000, "786.3", 0.9, "60", "1"))),
    _constant("0", 0.01, "756"),
    _constant("0.5", 0.01, "940"),
    _constant("1", 0.01, "1158"),
    _constant("0", 0.1, "1001"),
    _constant("0.5", 0.1, "940"),
    _constant("1", 0.1, "819"),
)
