"""One request to a Vowpal Wabbit model, its lines parsed.

In: the model, the request's lines. Out: distributions. Two ways: slot by slot, whatever the explorer; or asked once for
all slots, where what the model says of one slot tells what it would say of the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import compress

import numpy as np

from policies.base import Distribution, Mask, PolicyError, Slot
from policies.vw_lines import slot_text
from policies.vw_workspace import Lines, Workspace

_FIRST = Slot("0")
_NEVER = 1e-30
_UNKNOWN = math.inf


class SlotBySlot:
    """Parses the actions once and a line for each slot; lines are given back when it is let go, or by ``close``."""

    def __init__(self, workspace: Workspace, shared: str, lines: Sequence[str]) -> None:
        self.n_actions = len(lines)
        self._workspace, self._shared = workspace, shared
        self._owed: Lines = []
        self._actions = self._parsed("\n".join(lines), len(lines))

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        """Asks the model about the eligible actions alone."""
        if not self._actions:
            raise PolicyError("this request is closed; prepare it again")
        head = self._parsed(self._shared + slot_text(slot, len(chosen)), 1)
        allowed: list[bool] = eligible.tolist()
        return _spread(self._workspace.predict(head + list(compress(self._actions, allowed))), allowed)

    def close(self) -> None:
        """Give the parsed lines back; a second call does nothing."""
        owed, self._owed, self._actions = self._owed, [], []
        self._workspace.finish(owed)

    def __del__(self) -> None:
        if hasattr(self, "_actions"):
            self.close()

    def _parsed(self, text: str, n_lines: int) -> Lines:
        lines = self._workspace.parse(text)
        self._owed += lines
        return _checked(lines, n_lines)


class AskedOnce:
    """SquareCB where nothing is crossed with the slot: one answer, about all actions, tells all others.

    A slot then moves the cost of every action alike, and SquareCB heeds only the gaps between costs.

    Source: Foster and Rakhlin, Beyond UCB (ICML 2020), Algorithm 1: among K actions each but the best has the
    probability 1 / (K + gamma gap), and the best the rest.
    """

    def __init__(self, workspace: Workspace, shared: str, lines: Sequence[str]) -> None:
        self.n_actions = len(lines)
        self._workspace, self._shared, self._lines = workspace, shared, lines
        self._asked: list[bool] = []
        self._answer: list[float] = []
        self._gaps = [_UNKNOWN] * len(lines)

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        """Compares the eligible actions alone, whatever the slot; asks again where some were not asked about."""
        allowed: list[bool] = eligible.tolist()
        gaps = list(compress(self._gaps, allowed))
        if _UNKNOWN in gaps:
            self._ask(allowed)
        if allowed == self._asked:
            return _spread(self._answer, allowed)
        m, least = len(gaps), min(gaps)
        shares = [1.0 / (m + (gap - least)) for gap in gaps]
        shares[shares.index(max(shares))] += 1.0 - sum(shares)
        return _spread(shares, allowed)

    def _ask(self, allowed: list[bool]) -> None:
        text = "\n".join((self._shared + slot_text(_FIRST, 0), *compress(self._lines, allowed)))
        parsed = self._workspace.parse(text)
        try:
            answer = self._workspace.predict(_checked(parsed, 1 + sum(allowed)))
        finally:
            self._workspace.finish(parsed)
        n, most = len(answer), max(answer)
        gaps = iter([0.0 if likely == most else max(1.0 / max(likely, _NEVER) - n, 0.0) for likely in answer])
        self._asked, self._answer = allowed, answer
        self._gaps = [next(gaps) if ok else _UNKNOWN for ok in allowed]


def _spread(shares: Sequence[float], allowed: Sequence[bool]) -> Distribution:
    """Shares of the eligible actions in the places of all, shape (n_actions,)."""
    rest = iter(shares)
    return np.array([next(rest) if ok else 0.0 for ok in allowed])


def _checked(lines: Lines, n_lines: int) -> Lines:
    if len(lines) != n_lines:
        raise PolicyError(f"{n_lines} lines were parsed as {len(lines)}")
    return lines
