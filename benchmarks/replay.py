"""Replay beside passes over blocks, on the same log: ``python -m benchmarks.replay``.

In: how many logs, how long, and which ways to learn from them. Out: tables: what each way has its agent reach, at
several lengths of a log of a uniform control's decisions and after its own snapshots have served, and how far that is
from SlateQ's learner as it is. ``replay_course.py`` measures; ``replay_loop.py`` says what is the same for all,
``replay_learner.py`` how replay learns.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.replay_course import OFTEN, OURS, PASSES, PRESET, SERVING, USUAL, WAYS, Found, Plan, Reached, compare
from benchmarks.replay_learner import ReplayOptions
from policies.base import PolicyError
from simulator import machine
from simulator.comparison import Estimate, mean_over_seeds
from simulator.comparison_report import number
from simulator.notices import on_stderr
from simulator.results import ResultsError
from simulator.results_page import require_page, write_section

SECTION = "log-replay"


def markdown(plan: Plan, found: Found, command: str) -> str:
    """A section of the page of results."""
    seeds = ", ".join(map(str, plan.seeds))
    heads = [f"{head} decisions" for head in plan.columns]
    lines = [
        "## Learning from a log: replay beside passes over blocks",
        "",
        f"```\n{command}\n```",
        "",
        f"- World: {PRESET}, 10 candidates, 2 slots. {_columns(plan)}",
        f"- Return of an episode of {plan.n_users:,} test users, the same for all, under the likeliest slates; mean "
        f"over seeds {seeds}, ± half a 95 % interval over them (Student's t). Lead: over {PASSES}, seed by seed.",
        f"- {OURS.capitalize()}: SlateQ's learner as it is; {PASSES}: the same with `replay_ratio` 0. "
        f"{_replay(plan)}Same log, join, encoder, first nets, blocks and test users; what serves is the "
        "running mean of the nets after each block.",
        "",
        *_table(["return", *heads, "processor seconds of learning"], {way: _returns(found[way]) for way in found}),
        *_table(["lead", *heads], {way: list(map(_signed, leads(found, way))) for way in found if way != PASSES}),
        "Processor seconds: of learning from the log's blocks, mean over seeds; without the loop, the join and the "
        f"encoding, which are shared. Measured on: {machine.sentence()}.",
    ]
    return "\n".join(lines)


def _columns(plan: Plan) -> str:
    if not plan.n_served:
        return "The columns are decisions of a uniform control."
    return (
        "The first columns are decisions of a uniform control; after them each agent's own snapshots serve, with "
        "exploration, and it learns on."
    )


def _replay(plan: Plan) -> str:
    """What the ways that replay have in common, where one of them was run."""
    is_run = any(isinstance(how, ReplayOptions) for how in plan.ways.values())
    return f"Replay: {settings_of(OFTEN)}. " if is_run else ""


def settings_of(how: ReplayOptions) -> str:
    """In words."""
    return (
        f"batches of {how.batch} drawn evenly from a ring of {how.capacity:,} steps, each step learned from "
        f"{how.n_uses:g} times on average, or as often as it says; uncorrected returns of so many steps and then the "
        "target net's value of the best slate, or of the one shown; no discount; "
        f"Adam {how.first_learning_rate:g} → {how.last_learning_rate:g} over {how.n_annealed:,} steps, target net "
        f"following by {how.follow:g} an update"
    )


def leads(found: Found, way: str) -> list[Estimate]:
    """Over passes over blocks, seed by seed, one for each look."""
    pairs = zip(found[way], found[PASSES], strict=True)
    gaps = [[own - other for own, other in zip(one.returns, base.returns, strict=True)] for one, base in pairs]
    return [mean_over_seeds(column) for column in zip(*gaps, strict=True)]


def _returns(reached: Sequence[Reached]) -> list[str]:
    columns = zip(*(one.returns for one in reached), strict=True)
    busy_s = mean_over_seeds([one.busy_s for one in reached]).value
    return [*(number(mean_over_seeds(column)) for column in columns), f"{busy_s:.0f}"]


def _signed(one: Estimate) -> str:
    if math.isnan(one.value):
        return number(one)
    half = "" if math.isnan(one.half) else f" ± {one.half:.1f}"
    return f"{one.value:+.1f}{half}"


def _table(heads: Sequence[str], rows: Mapping[str, Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join([way, *cells]) + " |" for way, cells in rows.items()]
    return ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1), *lines, ""]


def plain(plan: Plan, found: Found) -> str:
    """The same as one JSON object; null where an agent didn't serve."""
    ways = {
        way: [
            {"returns": [None if math.isnan(one) else one for one in log.returns], "busy_s": log.busy_s}
            for log in reached
        ]
        for way, reached in found.items()
    }
    return json.dumps({"seeds": list(plan.seeds), "looks": plan.columns, "ways": ways})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Replay beside passes over blocks, learning from the same log.")
    parser.add_argument(
        "--way", action="append", dest="ways", choices=list(WAYS), help=f"repeatable; else all but {list(WAYS)[-1]}"
    )
    parser.add_argument("--serving", action="append", choices=list(WAYS), help=f"repeatable; else {', '.join(SERVING)}")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--log", type=int, default=200_000, help="decisions of the control")
    parser.add_argument("--served", type=int, default=50_000, help="then, of each agent's own snapshots")
    parser.add_argument("--users", type=int, default=1000, help="test users")
    parser.add_argument("--write", type=Path, help=f"fill the section {SECTION} of this page")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    asked = parser.parse_args()
    ways = {way: how for way, how in WAYS.items() if way in (PASSES, *(asked.ways or USUAL))}
    plan = Plan(ways, asked.serving or SERVING, asked.log, asked.served, asked.users, range(asked.seeds))
    try:
        if asked.write is not None:
            require_page(asked.write, SECTION)
        found = compare(plan, on_stderr)
    except (PolicyError, ResultsError) as error:
        parser.exit(2, f"{error}\n")
    text = markdown(plan, found, shlex.join(["python", "-m", "benchmarks.replay", *sys.argv[1:]]))
    if asked.write is not None:
        write_section(asked.write, SECTION, text)
    print(plain(plan, found) if asked.json else text)


if __name__ == "__main__":
    main()
