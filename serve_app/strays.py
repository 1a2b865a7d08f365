"""Feedback that names no event of the loop it went to: how much of it there is, and which loop decided those events.

In: the learner's counts, and the log's newest entries, read only where a sentence needs them. Out: an
``OrphanStatus``, and sentences with a cure. Signed event ids never stray; ids of the client's own do, where a reward
doesn't name its loop. Blocking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from redis import Redis

from agent import keys
from agent.event_log import KEEP_EVENT_MS, server_ms
from agent.lately import SPAN_S
from agent.loop_store import LoopStore
from agent.loops import DEFAULT_LOOP
from agent.progress import Progress
from agent.records import Activation, Decision, Reward
from serve_app.latest import latest
from serve_app.tokens import PREFIX
from serve_app.troubles import FEW, RARE

SURE_MS = KEEP_EVENT_MS // 2
"""Feedback younger than this, and within its event's window, finds the event still remembered: that lasts two windows,
and at least twice this long. Of older feedback nobody can tell whether it strayed."""

_N_LOOPS = 100

_N_PLACES = 500
"""So often at most an event is looked for in a loop: all that strayed in one, five events in a hundred."""

CURE = "name the loop in every reward, or use a key bound to it"

_LATELY = f"in the last {SPAN_S / 60:.0f} minutes of its log"


class OrphanStatus(msgspec.Struct, frozen=True):
    """Rewards and activations that name no event of this loop.

    Attributes:
        n: Since the lineage began.
        n_lately: Of them, in the last ten minutes of the log.
        event_id: One of the last five minutes, where they matter; "" where none is found.
        decided_in: The loop that decided it, "" where none is known or the key may not see it.
    """

    n: int = 0
    n_lately: int = 0
    event_id: str = ""
    decided_in: str = ""


class _Stray(NamedTuple):
    event_id: str
    decided_in: str


def orphans_of(redis: Redis, loop: str, report: Progress | None, *, others: Sequence[str]) -> OrphanStatus:
    """What of this loop's feedback has gone astray.

    Args:
        redis: A sync client.
        loop: The loop.
        report: Its learner's.
        others: Loops in which the events are looked for, where there are orphans enough to be told of.
    """
    found = _counted(report)
    return _traced(redis, loop, found, others) if report is not None and _matters(found, report) else found


def astray_from(redis: Redis, loop: str, report: Progress | None) -> OrphanStatus:
    """What has gone astray in the loop that rewards go to that name none, and whether some of it is a given loop's.

    Args:
        redis: A sync client.
        loop: The given loop.
        report: Of the learner of the loop ``default``; it counts the orphans of all loops.
    """
    return _traced(redis, DEFAULT_LOOP, _counted(report), [loop])


def other_loops(redis: Redis, loop: str) -> list[str]:
    """The loops beside this one, at most a hundred; the one that unnamed requests go to comes first."""
    names = sorted(LoopStore(redis).names(), key=lambda name: (name != DEFAULT_LOOP, name))
    return [name for name in names if name != loop][:_N_LOOPS]


def told_of_orphans(found: OrphanStatus, report: Progress | None) -> list[str]:
    """One sentence where it matters: lately beside what was learned meanwhile, or in all."""
    if report is None or not _matters(found, report):
        return []
    when = _when(found)
    example = f", such as {found.event_id!r:.80}" if found.event_id else ""
    decided = f", which the loop {found.decided_in} decided" if found.decided_in else ""
    cure = CURE if found.decided_in else f"{CURE}; rewards three windows after their decision count so too"
    return [f"{_n_rewards(found.n)} no event of this loop ({when}{example}{decided}): {cure}."]


def told_of_silence(n_joined: int, default: float, *, loop: str, elsewhere: OrphanStatus) -> str:
    """That no decision ever got feedback, and where it may have gone.

    Args:
        n_joined: Decisions whose windows have closed.
        default: The reward that each slot has for want of feedback.
        loop: The loop that gets none.
        elsewhere: What has gone astray in the loop that rewards go to that name none.
    """
    silent = f"None of the {n_joined:,} decisions so far got a reward other than the default ({default:g})"
    if elsewhere.decided_in == loop:
        return f"{silent}: some {_gone_to_default(elsewhere)}."
    if elsewhere.n:
        astray = f"{elsewhere.n:,} of all loops' rewards went astray there"
        return (
            f"{silent}; some may have gone to the loop {DEFAULT_LOOP}, as what names no loop does ({astray}): {CURE}."
        )
    return f"{silent}: if there was any, send it with POST /v1/rewards, naming the slate's event_id and this loop."


def told_of_leak(loop: str, elsewhere: OrphanStatus) -> list[str]:
    """One sentence where it is certain that some of a loop's rewards go lately to the loop of those that name none."""
    if elsewhere.decided_in != loop:
        return []
    return [f"Some {_gone_to_default(elsewhere)}."]


def _gone_to_default(elsewhere: OrphanStatus) -> str:
    some = f"rewards of this loop, such as for {elsewhere.event_id!r:.80}"
    return f"{some}, went to the loop {DEFAULT_LOOP} in the last ten minutes, as what names no loop does: {CURE}"


def _matters(found: OrphanStatus, report: Progress) -> bool:
    is_now = found.n_lately > RARE * report.n_learned_lately
    is_much = found.n > 0.1 * report.n_learned and (found.n > FEW or not report.n_learned)
    return is_now or is_much


def _n_rewards(n: int) -> str:
    return "1 reward names" if n == 1 else f"{n:,} rewards name"


def _when(found: OrphanStatus) -> str:
    if found.n == 1:
        return _LATELY if found.n_lately else "not lately"
    n_of_them = "all" if found.n_lately >= found.n else f"{found.n_lately:,} of them"
    return f"{n_of_them} {_LATELY}" if found.n_lately else "none of them lately"


def _counted(report: Progress | None) -> OrphanStatus:
    return OrphanStatus() if report is None else OrphanStatus(report.counters.orphan, report.n_orphans_lately)


def _traced(redis: Redis, loop: str, found: OrphanStatus, others: Sequence[str]) -> OrphanStatus:
    """With an event that strayed to this loop lately, of the loop that decided most of them where one did."""
    if not found.n_lately:
        return found
    stray = _one_of(redis, _strays(redis, loop), others)
    return OrphanStatus(found.n, found.n_lately, stray.event_id, stray.decided_in)


def _strays(redis: Redis, loop: str) -> list[str]:
    """Ids of the latest feedback that the loop doesn't know as events, newest first; sure as ``SURE_MS`` says."""
    since_ms, seen = server_ms(redis) - SURE_MS, list(latest(redis, loop))
    decided = {one.event_id for one in seen if isinstance(one, Decision)}
    fed = (one.event_id for one in seen if isinstance(one, Reward | Activation) and one.clock_ms > since_ms)
    unsigned = [one for one in dict.fromkeys(fed) if one not in decided and not one.startswith(PREFIX)]
    known = _known(redis, ((loop, event_id) for event_id in unsigned))
    return [event_id for event_id, is_known in zip(unsigned, known, strict=True) if not is_known]


def _one_of(redis: Redis, strays: Sequence[str], others: Sequence[str]) -> _Stray:
    """One stray, of the loop that decided most of them where one did."""
    n_looked = _N_PLACES // max(1, len(others))
    places = [(loop, event_id) for loop in others for event_id in strays[:n_looked]]
    known = [place for place, is_known in zip(places, _known(redis, places), strict=True) if is_known]
    if not known:
        return _Stray(strays[0] if strays else "", "")
    ((most, _),) = Counter(loop for loop, _ in known).most_common(1)
    return _Stray(next(event_id for loop, event_id in known if loop == most), most)


def _known(redis: Redis, places: Iterable[tuple[str, str]]) -> list[bool]:
    """Whether each loop knows each event id, in one round trip."""
    pipe = redis.pipeline(transaction=False)
    for loop, event_id in places:
        pipe.exists(keys.event(loop, event_id))
    return [bool(one) for one in pipe.execute()]
