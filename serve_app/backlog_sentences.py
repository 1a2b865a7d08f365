"""What an agent with nets waits for, in one plain sentence with a cure.

In: its backlog. Out: a sentence for a loop's status. That steps wait is normal: nets learn a block at a time.
"""

from __future__ import annotations

from agent.counted import counted
from policies.backlog import Backlog
from serve_app.troubles import ENDS


def is_waiting(backlog: Backlog | None) -> bool:
    """Whether something has come that no net has learned from."""
    return backlog is not None and bool(backlog.n_early or backlog.n_open or backlog.n_finished)


def told_of(backlog: Backlog | None) -> list[str]:
    """One sentence, or none where nothing waits."""
    if backlog is None or not is_waiting(backlog):
        return []
    if backlog.n_early:
        early = f"{backlog.n_early:,} of the first {backlog.n_fit:,} lessons {_have(backlog.n_early)} come"
        when = "nets change only after these, whenever a block of finished steps is full"
        return [f"{early}, which the features are fitted on; {when}."]
    where = _where(backlog)
    when = f"nets change only when a block is full ({backlog.n_blocks:,} so far)"
    if not backlog.n_open:
        return [f"{where}; {when}: more sessions must end."]
    gap = f"a session is over after {backlog.gap_s:,.0f} s without a decision (options.gap_s)"
    return [f"{where}; {when}: {ENDS}, else {gap} once later ones come."]


def _where(backlog: Backlog) -> str:
    needed = f"{backlog.n_finished:,} of the {backlog.n_block:,} finished"
    if not backlog.n_open:
        return f"{needed} steps that the next block needs {_have(backlog.n_finished)} come, and no session is open"
    open_sessions = counted(backlog.n_sessions, "open session")
    waiting = counted(backlog.n_open, "step waits", "steps wait")
    return f"{waiting} in {open_sessions}, beside {needed} ones that the next block needs"


def _have(n: int) -> str:
    return "has" if n == 1 else "have"
