"""Whether nets that choose gain by the session's history: ``python -m benchmarks.history``.

In: worlds, kinds of agents, a budget. Out: what agents reach that are trained as they are, beside the same agents in
the same worlds where each request also tells the history (``benchmarks/remembered_world.py``): mean return of test
users, and the gain seed by seed, as a Markdown table. Critics see the history of the whole episode in all cases.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks.remembered_world import SESSIONS, RememberedWorld, flags_of
from envs.world import World
from policies.agents import KINDS
from simulator import machine
from simulator.cells import parse_option
from simulator.comparison import Estimate, mean_over_seeds
from simulator.comparison_report import number
from simulator.measuring import settled, world_of
from simulator.results import ResultsError
from simulator.results_page import require_page, write_section
from simulator.train import FRUGAL, FRUGAL_OPTIONS, Budget, Course, Options, train
from simulator.training_bars import signed
from simulator.training_pieces import scene_of

SECTION = "history"
WORLDS = ("interest-evolution", "streaming")
N_VALIDATION_USERS = 300
"""Fewer than the budgets': who only compares can look less closely at what to keep."""

Told = Literal["nothing", "session", "episode"]
HEADINGS = (
    "world",
    "agent",
    "as it is",
    "told the session's history",
    "gain",
    "told the episode's history",
    "gain",
    "processor s, as it is",
    "told the session's",
)


@dataclass(frozen=True, slots=True)
class HistoryCourse(Course):
    """Where requests tell a history.

    Attributes:
        told: Of what; nothing: the world as it is.
    """

    told: Told = "nothing"

    def world(self, n_users: int) -> World:
        """See ``Course``."""
        if self.told == "nothing":
            return Course.world(self, n_users)
        flags = flags_of(partial(Course.world, self))
        return RememberedWorld(Course.world(self, n_users), self.told, flags)


class Place(NamedTuple):
    """A world to train in.

    Attributes:
        title: Of the table.
        told: What is tried there: the episode's history only where an episode has several sessions.
    """

    title: str
    preset: str
    options: Options
    told: Sequence[Told]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One training.

    Attributes:
        score: Return of an episode, mean over the test users.
        se: Its standard error over these users.
        n_steps: User-steps until it ended.
        busy_s: Processor time, validation and test users included.
    """

    title: str
    agent: str
    told: Told
    seed: int
    score: float
    se: float
    n_steps: int
    busy_s: float


def place_of(text: str) -> Place:
    """Read ``interest-evolution,slate_size=3``.

    Raises:
        CellError: an option is written wrongly.
        WorldError: there is no such world or option.
    """
    preset, *parts = (part.strip() for part in text.split(","))
    setting = settled(preset, n_candidates=None, n_slots=None, options=dict(map(parse_option, parts)))
    scene = scene_of(setting)
    told: tuple[Told, ...] = ("nothing", "session")
    if world_of(setting).name in SESSIONS:
        told = (*told, "episode")
    return Place(scene.title, scene.preset, scene.options, told)


def outcomes(
    places: Sequence[Place], courses: Sequence[Course], n_seeds: int, *, clock: Callable[[], float] = time.process_time
) -> Iterator[Outcome]:
    """Seed by seed, so that whoever stops early has something to compare.

    Args:
        places: Where.
        courses: Agents, options and budgets; their worlds are replaced by each of the places.
        n_seeds: From 0.
        clock: Of processor time.
    """
    for seed in range(n_seeds):
        for place in places:
            for course in courses:
                for told in place.told:
                    asked = HistoryCourse(
                        course.agent, place.preset, place.options, course.agent_options, course.budget, told
                    )
                    began = clock()
                    found = train(asked, seed=seed)
                    n_steps, score = found.curve[-1].n_steps, found.score
                    yield Outcome(place.title, asked.agent, told, seed, score.mean, score.se, n_steps, clock() - began)


def reached(found: Sequence[Outcome], told: Told) -> Estimate:
    """Mean return over seeds."""
    return mean_over_seeds([one.score for one in found if one.told == told])


def gain(found: Sequence[Outcome], told: Told) -> Estimate:
    """Mean over seeds of what the history adds to the same seed's return."""
    plain = {one.seed: one.score for one in found if one.told == "nothing"}
    return mean_over_seeds([one.score - plain[one.seed] for one in found if one.told == told])


def markdown(found: Sequence[Outcome], budget: Budget, options: Options, command: str) -> str:
    """A section of the page of results."""
    seeds = sorted({one.seed for one in found})
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for one in found:
        groups.setdefault((one.title, one.agent), []).append(one)
    settings = ", ".join(f"{name} {value}" for name, value in options.items())
    lines = [
        "## Nets that choose, told the history",
        "",
        f"```\n{command}\n```",
        "",
        f"Mean return of an episode of {budget.n_test_users:,} test users, who are the same for all and were met in no "
        f"training, after at most {budget.n_steps:,} steps ({settings or 'usual options'}); what is kept is chosen by "
        f"{budget.n_validation_users:,} others. Seeds "
        f"{', '.join(map(str, seeds))}. ±: half a 95 % interval over seeds (Student's t); gain: over the same agent in "
        "the world as it is, seed by seed. The history is in the request's context: the features of the items clicked "
        "so far, summed, clicks and slates without one counted (each as a square root), and the features of the item "
        "clicked last; it is forgotten after the session, or after the episode, where that has several sessions. "
        "Critics see the episode's history everywhere. Processor time: of a seed, validation and test users included.",
        "",
        "| " + " | ".join(HEADINGS) + " |",
        "| --- | --- |" + " ---: |" * (len(HEADINGS) - 2),
        *(f"| {title} | {agent} | " + " | ".join(_cells(group)) + " |" for (title, agent), group in groups.items()),
    ]
    return "\n".join([*lines, "", f"Measured on: {machine.sentence()}."])


def _cells(found: Sequence[Outcome]) -> list[str]:
    def busy(told: Told) -> str:
        return f"{mean_over_seeds([one.busy_s for one in found if one.told == told]).value:.0f}"

    figures = [number(reached(found, "nothing"))]
    for told in ("session", "episode"):
        figures += [number(reached(found, told)), signed(gain(found, told))]
    return [*figures, busy("nothing"), busy("session")]


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.history", description="Do nets that choose gain by the session's history?"
    )
    parser.add_argument("--world", action="append", dest="worlds", help=f"repeatable; else {', '.join(WORLDS)}")
    parser.add_argument("--agent", action="append", dest="agents", choices=KINDS, help="repeatable; else all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--users", type=int, default=1000, help="test users")
    parser.add_argument("--steps", type=int, help="at most, instead of the budget's own")
    parser.add_argument("--full", action="store_true", help="the agents' usual budget, instead of the frugal one")
    parser.add_argument("--write", type=Path, help=f"fill the section {SECTION} of this page")
    parser.add_argument("--json", action="store_true", help="one JSON object for each training, instead of a table")
    asked = parser.parse_args()
    try:
        if asked.write is not None:
            require_page(asked.write, SECTION)
    except ResultsError as error:
        parser.exit(2, f"{error}\n")
    return asked


def main() -> None:
    """Train and print; each training is told on stderr when it ends."""
    asked = _asked()
    base, options = (Budget(), {}) if asked.full else (FRUGAL, dict(FRUGAL_OPTIONS))
    n_steps, n_validation_users = asked.steps or base.n_steps, min(N_VALIDATION_USERS, asked.users)
    budget = replace(base, n_steps=n_steps, n_validation_users=n_validation_users, n_test_users=asked.users)
    courses = [Course(agent, "", {}, options, budget) for agent in asked.agents or KINDS]
    found = list[Outcome]()
    for one in outcomes([place_of(text) for text in asked.worlds or WORLDS], courses, asked.seeds):
        found.append(one)
        print(json.dumps(asdict(one)), file=sys.stdout if asked.json else sys.stderr, flush=True)
    text = markdown(found, budget, options, " ".join(["python -m benchmarks.history", *sys.argv[1:]]))
    if asked.write is not None:
        write_section(asked.write, SECTION, text)
    if not asked.json:
        print(text)


if __name__ == "__main__":
    main()
