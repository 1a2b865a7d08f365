"""Why nothing changed if nothing did, and what to do about it: the sentences of a loop's status.

In: what the status has looked up. Out: plain sentences, what is wrong before what is only waited for. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

from agent.datastore import MemoryUse
from agent.loop_store import StoredSettings
from agent.progress import Progress
from agent.snapshots import Serving
from agent.variant_stats import VariantSums
from serve_app.backlog_sentences import is_waiting, told_of
from serve_app.learner_status import LearnerStatus, told_of_learner
from serve_app.strays import OrphanStatus, told_of_leak, told_of_orphans, told_of_silence
from serve_app.troubles import FEW, explained

MEMORY_ALARM = 0.8
"""Share of the datastore's memory from which on it is warned about."""

N_SILENT = 100
"""So many decisions without any feedback are no chance any more."""


class Seen(NamedTuple):
    """What the sentences are about.

    Attributes:
        loop: Its name.
        trouble: Why this replica isn't serving what it should, if so.
        orphans: What went astray to this loop.
        elsewhere: What went astray to the loop that unnamed rewards go to; nothing where that is this one.
        left_out: Some features that the encoder leaves out.
    """

    loop: str
    stored: StoredSettings
    report: Progress | None
    serving: Serving | None
    learner: LearnerStatus
    trouble: str = ""
    orphans: OrphanStatus = OrphanStatus()
    elsewhere: OrphanStatus = OrphanStatus()
    left_out: Sequence[str] = ()


def why(seen: Seen) -> list[str]:
    """All that there is to say of the lineage being served, or learned first."""
    return [
        *_wrong(seen),
        *_served(seen),
        *told_of_orphans(seen.orphans, seen.report),
        *_silence(seen),
        *_waiting(seen),
    ]


def is_silent(stored: StoredSettings, report: Progress | None) -> bool:
    """Whether many decisions are settled and none of them got a reward other than the default."""
    if report is None:
        return False
    sums = reduce(VariantSums.merged, report.variants.values(), VariantSums())
    default = stored.settings.reward.default
    is_default = math.isclose(sums.reward, default * sums.n_slots, rel_tol=1e-9)
    is_nothing_else = math.isclose(sums.reward_sq, default * default * sums.slots_sq, rel_tol=1e-9)
    return sums.n_decisions >= N_SILENT and is_default and is_nothing_else


def told_of_taking_over(report: Progress | None, serving: Serving | None) -> str:
    """What becomes of the lineage that is to be served next."""
    if report is not None and report.why:
        return f"What is learned has changed, and the new lineage has not taken over yet: {' '.join(report.why)}"
    until = " once the pinned version is released" if serving is not None and serving.pinned else ""
    return f"What is learned has changed; the new lineage is being learned from the log and then takes over{until}."


def told_of_memory(use: MemoryUse) -> list[str]:
    """That the datastore is nearly full, if so."""
    if use.share is None or use.share < MEMORY_ALARM or use.limit_bytes is None:
        return []
    full = f"The datastore uses {use.used_bytes / 2**20:.0f} of {use.limit_bytes / 2**20:.0f} MiB"
    return [f"{full}; when it is full, slates and rewards are refused: give it more memory."]


def _wrong(seen: Seen) -> list[str]:
    said = [seen.trouble[:1].upper() + seen.trouble[1:] + "."] if seen.trouble else []
    return [*said, *(seen.report.why if seen.report else ()), *told_of_learner(seen.learner)]


def _served(seen: Seen) -> list[str]:
    said, mode = [], seen.stored.settings.mode
    if mode != "online":
        said.append(f"Everyone is served the baseline (mode {mode}) until mode is set to online.")
    if mode == "apprentice" and (seen.report is None or not seen.report.apprentice.n_decisions):
        said.append("The apprentice draws choices of its own from its first snapshot on; none is learned of yet.")
    if seen.serving is not None and seen.serving.pinned:
        said.append(f"Version {seen.serving.version} is pinned by a rollback; newer ones wait until it is released.")
    return said


def _silence(seen: Seen) -> list[str]:
    """Feedback that this loop should have had and didn't."""
    if seen.report is None or not is_silent(seen.stored, seen.report):
        return told_of_leak(seen.loop, seen.elsewhere)
    n_joined = sum(one.n_decisions for one in seen.report.variants.values())
    default = seen.stored.settings.reward.default
    return [told_of_silence(n_joined, default, loop=seen.loop, elsewhere=seen.elsewhere)]


def _waiting(seen: Seen) -> list[str]:
    """What a loop whose learner is at work waits for."""
    report = seen.report
    if report is None or not seen.learner.alive:
        return []
    return [
        *told_of(report.backlog),
        *explained(report.troubles, report.n_learned, left_out=seen.left_out),
        *_uncounted(seen.stored, report),
        *_state(seen, report),
    ]


def _uncounted(stored: StoredSettings, report: Progress) -> list[str]:
    """Feedback of this loop's events that isn't learned from."""
    said, many = [], max(FEW, 0.1 * report.n_learned)
    if report.counters.late > many:
        late = f"{report.counters.late} rewards came after the window of {stored.settings.reward.window_s:g} s"
        said.append(f"{late} had closed; consider a longer one.")
    if report.counters.ignored > many:
        unnamed = f"{report.counters.ignored} rewards are of types that reward.recipe doesn't name"
        said.append(f"{unnamed}; they are logged and not learned: name those that should count.")
    return said


def _state(seen: Seen, report: Progress) -> list[str]:
    closes = f"window closes ({seen.stored.settings.reward.window_s:g} s after a new decision)"
    if report.n_open == 1:
        return [f"1 decision waits for its rewards; it is learned when its {closes}."]
    if report.n_open:
        return [f"{report.n_open:,} decisions wait for their rewards; each is learned when its {closes}."]
    if report.n_behind or is_waiting(report.backlog):
        return []
    counters = report.counters
    if not (report.n_learned or report.variants or counters.inactive or counters.clock_jump):
        return ["No decision has been logged yet; POST /v1/slates makes one."]
    if seen.serving is None:
        return []
    return ["Everything logged so far is learned; new decisions and rewards bring the next snapshot."]
