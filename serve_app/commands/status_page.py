"""A loop's status on the screen: what ``slateloop loops status`` prints.

In: the status as the client read it. Out: lines and one table on stdout.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.arms import LEARNED
from agent.counted import counted
from agent.variant_stats import N_ENOUGH
from serve_app.answers import Arm, Experiences, Learning, Status
from serve_app.commands.output import out, print_table

TOO_FEW, ALL_EQUAL = "too few", "all equal"
"""Instead of an interval or a lift: too few decisions, or enough of them whose rewards tell no spread."""


def print_status(status: Status) -> None:
    """Print what the loop serves, how its learner does, its variants, and why nothing changed if nothing did."""
    console = out()
    learned = "no snapshot served yet: the order of the actions is served"
    if serving := status.serving:
        pinned = ", pinned" if serving.pinned else ""
        learned = f"serves {serving.version}{pinned}, learned from {serving.n_learned:,}, {serving.age_s:.1f} s old"
    wanted = ", ".join(filter(None, [f"settings version {status.settings_version}", status.policy]))
    console.print(f"loop {status.loop} ({wanted}): {learned}", highlight=False)
    learner, counts = status.learner, status.experiences
    behind = "an unknown number of entries" if learner.n_behind is None else _entries(learner.n_behind)
    console.print(
        f"learner {_at_work(learner)}, {behind} behind; "
        f"joined {status.n_joined:,}, learned {counts.learned:,}, "
        f"late {counts.late:,}, duplicate {counts.duplicate:,}, orphan {counts.orphan:,}{_lately(status)}, "
        f"refused {counts.refused:,}{_seldom(counts)}; log {_entries(status.log.n_entries)}",
        highlight=False,
    )
    if one := status.apprentice:
        share = "" if one.reward_share is None else f", {one.reward_share:.0%} of its reward there"
        ready = "ready to go online" if one.is_ready else "not ready to go online"
        console.print(
            f"apprentice: agrees with the baseline in {one.match_rate:.0%} of {counted(one.n_decisions, 'decision')}"
            f"{share}; baseline earns {one.baseline_reward:.3f} a decision; {ready}",
            highlight=False,
        )
    if waits := status.backlog:
        console.print(
            f"nets: {counted(waits.n_blocks, 'block')} learned; next block {waits.n_finished:,} of {waits.n_block:,} "
            f"finished steps; {counted(waits.n_open, 'step')} in open sessions ({waits.n_sessions:,}); "
            f"{counted(waits.n_early, 'lesson waits', 'lessons wait')} for the first fit",
            highlight=False,
        )
    headings = ["variant", "share", "decisions", "reward per slot", "95 %", "learned over it"]
    print_table("variants", headings, [_variant_row(name, arm, status) for name, arm in status.variants.items()])
    for reason in status.why:
        console.print(f"· {reason}", highlight=False, markup=False)


def _at_work(learner: Learning) -> str:
    if learner.alive:
        return "alive"
    return {"starting": "starting", "waiting": "waiting for the first event"}.get(learner.state, "NOT alive")


def _lately(status: Status) -> str:
    n_lately = status.orphans.n_lately
    return f" ({n_lately:,} lately)" if n_lately else ""


def _seldom(counts: Experiences) -> str:
    """What most loops have none of."""
    found = {"inactive": counts.inactive, "ignored": counts.ignored, "clock jump": counts.clock_jump}
    return "".join(f", {name} {n:,}" for name, n in found.items() if n)


def _variant_row(name: str, arm: Arm, status: Status) -> list[str | None]:
    return [
        name,
        None if arm.share is None else f"{arm.share:.0%}",
        f"{arm.n_decisions:,}",
        _number(arm.reward_per_slot),
        _interval(arm),
        _lift(name, status) if name in status.lift else None,
    ]


def _interval(arm: Arm) -> str | None:
    if arm.interval_95 is None:
        return _untold([arm]) if arm.n_decisions else None
    return " to ".join(_number(end) or "–" for end in arm.interval_95)


def _lift(name: str, status: Status) -> str | None:
    """What the learned arm earns over a control, with its interval; None where the control earns nothing to compare."""
    lift, arms = status.lift[name], [status.variants.get(one, Arm()) for one in (LEARNED, name)]
    if lift is None or lift.value is None:
        return _untold(arms) if any(arm.interval_95 is None for arm in arms) else None
    ends = [] if lift.interval_95 is None else ["–" if end is None else f"{end:+.1%}" for end in lift.interval_95]
    return f"{lift.value:+.1%}" + (f" ({' to '.join(ends)})" if ends else "")


def _untold(arms: Sequence[Arm]) -> str:
    return TOO_FEW if any(arm.n_decisions < N_ENOUGH for arm in arms) else ALL_EQUAL


def _entries(n: int) -> str:
    return counted(n, "entry", "entries")


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"
