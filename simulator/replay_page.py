"""A replay for a page of results: its arms with intervals, what it was, and how it stands against the bar.

In: a finished ``Run`` of recorded users. Out: Markdown; every figure in it was counted by the run.
"""

from __future__ import annotations

import json

from agent.arms import LEARNED
from simulator.figures import percent, percent_with_half, rate
from simulator.run import Run
from simulator.views import view_of

BAR, AIM, N_BAR = 0.21, 0.24, 6000
"""What the learned arm must reach over the uniform expectation in the first so many requests, and what it should."""


def markdown(run: Run, *, command: str, seed: int, machine: str) -> str:
    """A section of a page.

    Args:
        run: All of its requests were sent.
        command: As a page may show it.
        seed: Which shuffled the ratings.
        machine: Where the requests came from, in a sentence.
    """
    parts = [
        "## MovieLens through the live service",
        f"```\n{command}\n```",
        _what(run, seed),
        _table(run),
        *_lines(run),
        f"**{bar(run)}**",
        f"Event ids differ from run to run, so figures move within the intervals. Measured on: {machine}.",
    ]
    return "\n\n".join(parts) + "\n"


def bar(run: Run) -> str:
    """How the learned arm stands against the bar, in a sentence."""
    asked = f"the learned arm at least {percent(BAR)} over uniform (aim {percent(AIM)}) in {N_BAR:,} requests"
    lift, n = run.tally.arm(LEARNED).lift, run.tally.n
    if n != N_BAR:
        return f"Bar: {asked}: not judged, this run has {n:,}."
    return f"Bar: {asked}: {'passed' if lift >= BAR else 'FAILED'} with {percent(lift)}."


def _what(run: Run, seed: int) -> str:
    settings = run.course.settings
    policy = settings.policy
    options = f" with {json.dumps(policy.options, sort_keys=True)}" if policy.options else ""
    shares = ", ".join(f"{name} {share:.0%}".replace("%", " %") for name, share in settings.variants.items())
    done = f"{run.tally.n:,} requests in {run.seconds:.0f} s ({rate(run.pace)}), seed {seed}"
    task = f"{run.course.route.slots} of ten films that the user rated, rated 4 or more = 1"
    return f"{done}: {task}. Policy {policy.kind}{options}; {shares} of the requests."


def _table(run: Run) -> str:
    view, tally = view_of(run.course), run.tally
    arms = [name for name in (LEARNED, *run.course.controls) if name in tally.arms]
    rows = [("arm", *view.headings), ("---", *("---:" for _ in view.headings))]
    rows += [(name, *view.cells(tally.arm(name))) for name in arms]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def _lines(run: Run) -> list[str]:
    tally = run.tally
    leads = [
        f"{percent_with_half(*tally.arm(LEARNED).slot.lead(tally.arm(name).slot))} over {name}"
        for name in run.course.controls
        if name in tally.arms
    ]
    steps = ", ".join(f"{end:,}: {percent(arm.lift)}" for end, arm in tally.curve(LEARNED))
    meaning = view_of(run.course).explanation()
    curve = f"Lift of the learned arm in each {tally.block:,} requests, by where they end: {steps}."
    return [f"{meaning[0].upper()}{meaning[1:]}.", f"Learned, reward per slot: {', '.join(leads)}. {curve}"]
