"""All that a bake-off found, as one record for tables, pages and JSON.

In: results, standings, verdicts, and where they were measured. Out: a ``Bakeoff``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.bakeoff import Results, Score, Standing
from simulator.bars import Finding
from simulator.situations import Verdict


@dataclass(frozen=True, slots=True)
class Bakeoff:
    """All that was found.

    Attributes:
        standings: The best mean share first.
        winners: The default first, then those it is tied with; empty where nobody fits.
        bars: How the default stands against what it must reach.
        limit_us: What its decision, and its lesson, may cost.
        machine: Facts.
        command: As a page may show it.
        codes: Digests of the code that measured rewards.
        notes: What someone must know before believing the figures.
    """

    results: Sequence[Results]
    standings: Sequence[Standing]
    verdicts: Sequence[Verdict]
    winners: Sequence[Standing]
    bars: Sequence[Finding]
    limit_us: float
    machine: Mapping[str, str]
    command: str
    codes: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def default(self) -> Standing | None:
        """The policy that a new loop should get."""
        return self.winners[0] if self.winners else None

    @property
    def in_order(self) -> list[Standing]:
        """Who learns nothing first, the rest by standing."""
        return sorted(self.standings, key=lambda one: not one.is_static)

    def scores_of(self, name: str) -> list[Score]:
        """One for each set."""
        return [score for one in self.results for score in one.scores() if score.policy == name]
