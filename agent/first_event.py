"""Whether anything ever happened in a loop: a loop has a learner from its first event on, not from its settings.

In: a loop's log. Out: when its first event was. For supervision, which starts learners, and for status, which tells
of them. Blocking.
"""

from __future__ import annotations

from agent.event_log import LogReader
from agent.records import ZERO, SettingsChange

_N_LOOKED = 100


def first_event_ms(log: LogReader) -> int | None:
    """Stream time of the first entry that is no change of settings, in milliseconds; None where there is none.

    Returns:
        0 where it isn't known: many changes of settings come first, or the beginning of the log was deleted.
    """
    first = log.read(ZERO, _N_LOOKED)
    events = [entry.id.ms for entry in first if not isinstance(entry.record, SettingsChange)]
    if events:
        return events[0]
    return 0 if len(first) == _N_LOOKED or log.n_deleted() else None
