"""What the default must reach: bars that a bake-off judges, each a line that passed or failed.

In: rewards and shares of the default. Out: a ``Finding`` for each bar whose set was measured. A bar is judged only
where enough was measured for it: seeds, rounds and contenders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from simulator import contenders
from simulator.bakeoff import Results
from simulator.comparison import UNKNOWN, Estimate

N_SEEDS = 5

Outcome = Literal["passed", "FAILED", "not judged"]


class Bar(NamedTuple):
    """One bar.

    Attributes:
        set_name: Where.
        of_best: It is for the share of the best contender's reward, else for the reward itself.
        least: What must be reached, on average over seeds.
        n_requests: In a world, at least so many; a table takes one pass, or 2,000 rounds.
    """

    set_name: str
    of_best: bool
    least: float
    n_requests: int = 0


BARS = (
    Bar("digits", of_best=False, least=0.83),
    Bar("breast-cancer", of_best=False, least=0.93),
    *(Bar(world, of_best=True, least=0.98, n_requests=2500) for world in ("news", "shop", "streaming")),
)


class Finding(NamedTuple):
    """How one bar stands.

    Attributes:
        reached: Reward or share of the default.
        why: Why it is not judged; empty where it is.
    """

    bar: Bar
    reached: Estimate
    outcome: Outcome
    why: str = ""


def findings(default: str | None, results: Sequence[Results]) -> list[Finding]:
    """One for each bar whose set is among the results, in their order."""
    by_name = {one.stage.name: one for one in results}
    return [_finding(bar, default, by_name[bar.set_name]) for bar in BARS if bar.set_name in by_name]


def _finding(bar: Bar, default: str | None, results: Results) -> Finding:
    if default is None:
        return Finding(bar, UNKNOWN, "not judged", "there is no default")
    score = next(one for one in results.scores() if one.policy == default)
    reached = score.share if bar.of_best else score.reward
    if why := _too_little(bar, results) or ("not finished" if math.isnan(reached.value) else ""):
        return Finding(bar, reached, "not judged", why)
    return Finding(bar, reached, "passed" if reached.value >= bar.least else "FAILED")


def _too_little(bar: Bar, results: Results) -> str:
    """What is missing for a judgement; empty where nothing is."""
    stage = results.stage
    names = {one.name for one in stage.policies}
    if stage.n_seeds < N_SEEDS:
        return f"{stage.n_seeds} of {N_SEEDS} seeds"
    if not stage.is_whole or stage.n_requests < bar.n_requests:
        return f"only {stage.n_requests:,} requests"
    if bar.of_best and not names >= set(contenders.short_list()):
        return "not every contender of the short list was measured"
    return ""
