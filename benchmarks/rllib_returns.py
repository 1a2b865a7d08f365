"""How good the agents are that RLlib trains: ``python -m benchmarks.rllib_returns``.

In: worlds, kinds of agents, how many seeds. Out: the returns of the test users of ``slateloop train``, with intervals
and bars, as a section of a page. Finished seeds are kept in a folder like that of ``slateloop train``, whose agents a
loop can begin with; the same command goes on with what is missing. ``rllib_course.py`` trains and scores.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.rllib_course import CONFIGS, attempt, code_of
from policies.agents import KINDS
from serve_app.commands.leaving import leave
from simulator import machine, training_rows, training_tables
from simulator.results_page import require_page, write_section
from simulator.train_command import EXPLAINED
from simulator.train_options import N_SEEDS, N_USERS, NOBODY, WORLDS, Request
from simulator.training_bars import Finding, findings
from simulator.training_costs import Costs, decision_costs
from simulator.training_folder import TrainingFolder
from simulator.training_page import notes_of
from simulator.training_pieces import Piece
from simulator.training_plan import pieces_of
from simulator.training_rows import Row
from simulator.training_run import Manner, Runner, Training, conduct, on_ray
from simulator.training_screen import screen
from simulator.typed import shown

SECTION = "rllib"
TITLE = "Agents that RLlib trains"
OUT = Path("results") / SECTION


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        pieces: Agents and references.
        done: What is finished.
        rows: Who × world.
        bars: What was to be reached.
        costs: Of decisions.
    """

    request: Request
    pieces: Sequence[Piece]
    done: Training
    rows: Sequence[Row]
    bars: Sequence[Finding]
    costs: Costs

    @property
    def is_finished(self) -> bool:
        """Every piece was measured."""
        return not self.done.failures and not self.done.interrupted

    @property
    def notes(self) -> list[str]:
        """What of it is not as it should be."""
        return [*notes_of(self.pieces, self.done, shown((str(self.request.out),))), *self.costs.problems]

    @property
    def status(self) -> int:
        """Of the process: 1 where something failed, be it a bar."""
        return int(not self.is_finished or any(one.outcome == "FAILED" for one in self.bars))


def pieces_for(request: Request) -> list[Piece]:
    """What is asked for, as ``slateloop train`` plans it; RLlib's trainings go on until their steps are done.

    Raises:
        CellError: an agent or an option is written wrongly.
        WorldError: there is no such world or option.
    """
    return [replace(one, budget=replace(one.budget, patience=None)) for one in pieces_of(request)]


def returns(request: Request, console: Console, run: Runner) -> Outcome:
    """Find what is finished, measure the rest, and judge it.

    Args:
        request: What is asked for.
        console: For progress.
        run: Measures pieces.

    Raises:
        CellError, WorldError, ResultsError, RayStartError: it can't be begun; all in ``EXPLAINED``.
    """
    pieces, folder = pieces_for(request), TrainingFolder(request.out)
    with screen(console, request.out) as progress:
        manner = Manner(run, fresh=request.fresh, keep_old=request.keep_old, code=code_of)
        done = conduct(pieces, folder, progress, manner)
    rows = training_rows.rows_of(pieces, done.results)
    costs = Costs({}) if done.interrupted else decision_costs(pieces, done.results, folder)
    return Outcome(request, pieces, done, rows, findings(rows, costs.decide_us), costs)


def markdown(found: Outcome) -> str:
    """A section of the page of results."""
    codes = ", ".join(sorted({one.code for one in found.done.results.values()}))
    grids = training_tables.grids(found.rows, found.bars, found.costs.decide_us)
    parts = [
        f"## {TITLE}",
        f"```\n{shown(found.request.command)}\n```",
        "\n".join(f"- {line}".replace("\n", ";") for line in (*_how(found), *found.notes)),
        *(training_tables.markdown(grid) for grid in grids),
        training_tables.EXPLANATION,
        f"Measured by code {codes}, on: {machine.sentence()}." if codes else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _how(found: Outcome) -> Sequence[str]:
    agent, n_users = next(one for one in found.pieces if one.sort == "agent"), found.request.n_users
    seeds = ", ".join(str(seed) for seed in range(found.request.n_seeds))
    budget = agent.budget
    configs = " and ".join(f"`{CONFIGS[kind].__name__}`" for kind in found.request.agents)
    learner = " gradient is trained by RLlib's own PPO learner." if "gradient" in found.request.agents else ""
    return (
        f"Agents: {configs} of `simulator/rllib`, whose options are their defaults, built by "
        f"`build_algo()` for seeds {seeds} and trained by `train()`, {budget.n_users * budget.n_segment:,} user-steps "
        f"each, until {budget.n_steps:,} are done, on {budget.n_users:,} users at once.{learner}",
        f"What is scored is what `to_start()` gives at the end: no training stops early, and no look at the "
        f"{budget.n_validation_users:,} validation users chooses a better one.",
        f"Everyone is scored by one episode each of the same {n_users:,} fresh users as in `slateloop train`.",
    )


def to_json(found: Outcome) -> dict[str, Any]:
    """Everything as one JSON object."""
    return {
        "rows": training_rows.to_json(found.rows),
        "bars": [one._asdict() for one in found.bars],
        "notes": found.notes,
        "agents": [
            str(TrainingFolder(found.request.out).agent(one)) for one in found.pieces if _is_trained(found, one)
        ],
    }


def _is_trained(found: Outcome, piece: Piece) -> bool:
    return piece.sort == "agent" and piece.key in found.done.results


def _asked() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rllib_returns", description="How good are the agents that RLlib trains?"
    )
    parser.add_argument("--world", action="append", dest="worlds", help=f"repeatable; else {', '.join(WORLDS)}")
    parser.add_argument("--agent", action="append", dest="agents", choices=KINDS, help="repeatable; else all")
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    parser.add_argument("--steps", type=int, help="instead of the budget of `slateloop train`")
    parser.add_argument("--users", type=int, default=N_USERS, help="test users")
    parser.add_argument("--jobs", type=int, default=1, help="processes of Ray at once")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of finished seeds and their agents")
    parser.add_argument("--fresh", action="store_true", help="run anew what was finished before")
    parser.add_argument("--keep-old", action="store_true", help="use what other code has measured, too")
    parser.add_argument("--write", type=Path, help=f"fill the section {SECTION} of this page, once all is finished")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    return parser


def _request(asked: argparse.Namespace) -> Request:
    return Request(
        worlds=asked.worlds or WORLDS,
        agents=asked.agents or KINDS,
        beside=(NOBODY,),
        n_seeds=asked.seeds,
        n_steps=asked.steps,
        n_users=asked.users,
        out=asked.out,
        fresh=asked.fresh,
        keep_old=asked.keep_old,
        write=asked.write,
        section=SECTION,
        n_jobs=asked.jobs,
        command=("python", "-m", "benchmarks.rllib_returns", *sys.argv[1:]),
    )


def main() -> int:
    """Train, score and print; 1 where a piece or a bar failed."""
    parser = _asked()
    asked = parser.parse_args()
    request = _request(asked)
    try:
        if request.write is not None:
            require_page(request.write, SECTION)
        found = returns(request, Console(stderr=True), on_ray(asked.jobs, attempt))
        text = markdown(found)
        if request.write is not None and found.is_finished:
            write_section(request.write, SECTION, text)
    except EXPLAINED as error:
        parser.exit(2, f"{error}\n")
    print(json.dumps(to_json(found)) if asked.json else text)
    return found.status


if __name__ == "__main__":
    leave(main())
