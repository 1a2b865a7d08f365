"""The parity report as a page of Markdown: ``docs/parity.md``.

In: rows of ``simulator.parity``. Out: text, the same for the same rows; every figure in it was measured or is quoted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from simulator.parity import MOST_SES, N_EPISODES, SEED, TIMES, Row, title

METRICS = {
    "return": "return",
    "length": "length",
    "click_rate": "clicks per slate",
    "clicked_quality": "quality per click",
    "click_rate_type_0": "clicks per slate, type 0",
    "click_rate_type_1": "clicks per slate, type 1",
}

HEAD = """\
# Parity with RecSim

This page is written by the command that checks it; it exits with 1 if a row fails:

    slateloop parity --episodes {n_episodes} --seed {seed} --write docs/parity.md

The worlds `interest-evolution`, `interest-exploration` and `long-term-satisfaction` follow the equations of RecSim
0.2.4. Here each reference figure is measured again in our world, with the same policy, candidates and slots ("10/2":
10 candidates, 2 slots), and compared.

**{verdict}**
The largest distance is {worst:.2f} standard errors ({where}).
The root mean square of the distances of the statistical rows is {spread:.2f}; about 1 is expected of the same world on
both sides.

## How it is compared

- A row passes if measured and reference value differ by at most {limit:g} combined standard errors (SE). Distance is
  measured less reference, divided by the root of the sum of the squared SEs.
- A figure that can't vary (an episode of fixed length, a click in every slate) is *exact*: it passes if it is equal,
  and has no part in the distances above.
- Two sources: *RecSim* is version 0.2.4 itself, *restatement* an independent vectorised program after its equations.
  Both are compared with, wherever they give a value.
- Published SEs are used as they are. Where none was published (marked ~), it is our own standard deviation at the other
  side's number of episodes, and the rounding of the reference value (last digit / √12) is added. For the constant
  clickbait rows the number of episodes isn't published either; 20,000 is taken, as in the rows above them.
  RecSim's 50/2 cells are published as "60 to 100 episodes" together; the column repeats an end of that, and isn't used.
- Return and length are means over episodes. Clicks per slate and quality per click are ratios of sums over all
  episodes, with the SE of their linearisation.
- Episodes: {n_episodes:,} per cell of interest evolution, {n_exploration:,} of interest exploration,
  {n_satisfaction:,} of long-term satisfaction. The cell with number i has the seed 1000 · {seed} + i, so the rows of
  different cells are independent; rows of one cell are not.
- Thompson sampling stands here twice. RecSim's agent makes its dice anew from the same seed at each step, so that a
  user's draws repeat the same underlying numbers; the row with renewed dice does that too, with a seed of its own for
  each user, and is compared. The other row has dice that go on, as they should: it is a different policy, shown beside
  RecSim's figure and not judged.
- The update equations are checked one step at a time, with given random numbers, by the tests of each world.

## Rows

| world, sizes, policy | figure | source, episodes | reference ± SE | measured ± SE | distance | |
|---|---|---|---|---|---|---|
"""
TITLE = HEAD.partition("\n")[0]


def markdown(rows: Sequence[Row], *, n_episodes: int = N_EPISODES, seed: int = SEED) -> str:
    """The page.

    Args:
        rows: As ``simulator.parity.run`` gives them; at least one that is judged and not exact.
        n_episodes: What they were run with.
        seed: What they were run with.
    """
    judged = [row for row in rows if row.cell.judged]
    varying = [row for row in judged if not row.expected.exact]
    worst = max(varying, key=lambda row: abs(row.distance))
    head = HEAD.format(
        n_episodes=n_episodes,
        n_exploration=n_episodes * TIMES["interest-exploration"],
        n_satisfaction=n_episodes * TIMES["long-term-satisfaction"],
        seed=seed,
        verdict=_verdict(judged),
        worst=abs(worst.distance),
        where=f"{title(worst.cell)}: {METRICS[worst.expected.metric]}, {worst.expected.source}",
        spread=math.sqrt(sum(row.distance**2 for row in varying) / len(varying)),
        limit=MOST_SES,
    )
    return head + "\n".join(_line(row) for row in rows) + "\n"


def _verdict(judged: Sequence[Row]) -> str:
    n_failed = sum(not row.passed for row in judged)
    n_exact = sum(row.expected.exact for row in judged)
    kinds = f"{len(judged) - n_exact} statistical rows, {n_exact} exact"
    return f"{n_failed} of {len(judged)} rows fail ({kinds})." if n_failed else f"All {len(judged)} rows pass: {kinds}."


def _line(row: Row) -> str:
    expected, measured = row.expected, row.measured
    if expected.exact:
        figures: tuple[str, ...] = (expected.value, f"{measured.mean:g}", "equal" if row.passed else "not equal")
    else:
        figures = (
            f"{_full(expected.value)} ± {'~' if expected.se is None else ''}{row.expected_se:.2g}",
            f"{_rounded(measured.mean, measured.se)} ± {measured.se:.2g}",
            f"{row.distance:+.2f}",
        )
    cells = (
        title(row.cell),
        METRICS[expected.metric],
        f"{expected.source}, {expected.n:,}",
        *figures,
        _mark(row),
    )
    return f"| {' | '.join(cells)} |"


def _mark(row: Row) -> str:
    if not row.cell.judged:
        return "not judged"
    return "pass" if row.passed else "**fail**"


def _full(value: str) -> str:
    """With a zero before the point."""
    return value.replace(".", "0.", 1) if value.startswith((".", "-.")) else value


def _rounded(value: float, se: float) -> str:
    """To the second digit of the standard error."""
    digits = 1 - math.floor(math.log10(se)) if se > 0.0 else 0
    return f"{value:.{max(digits, 0)}f}"


def to_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Every comparison as one JSON object."""
    return {
        "passed": all(row.passed for row in rows),
        "rows": [
            {
                "cell": title(row.cell),
                "figure": row.expected.metric,
                "source": row.expected.source,
                "reference": float(row.expected.value),
                "reference_se": row.expected_se,
                "measured": row.measured.mean,
                "measured_se": row.measured.se,
                "exact": row.expected.exact,
                "distance": row.distance if math.isfinite(row.distance) else None,
                "judged": row.cell.judged,
                "passed": row.passed,
            }
            for row in rows
        ],
    }
