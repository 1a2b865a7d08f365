"""The page of ``slateloop train``: the command, the settings in sentences, the tables, and what measured them.

In: what was asked for, what came of it, and tables. Out: Markdown, for ``summary.md`` and a section of a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simulator import machine, training_tables
from simulator.train import FRUGAL_OPTIONS, Budget
from simulator.train_options import NOBODY, SECTION, Request
from simulator.training_pieces import Options, Piece
from simulator.training_plan import agent_options, budget_of, frugal_budget
from simulator.training_run import Training
from simulator.training_tables import Grid
from simulator.typed import shown

TITLE = "Agents trained in simulated worlds"


def page_of(request: Request, pieces: Sequence[Piece], done: Training, grids: Sequence[Grid]) -> str:
    """Markdown."""
    told = [line.replace("\n", ";") for line in notes_of(pieces, done, shown((str(request.out),)))]
    codes = ", ".join(sorted({one.code for one in done.results.values()}))
    parts = [
        f"## {_title(request)}",
        f"```\n{shown(request.command)}\n```",
        "\n".join(f"- {line}" for line in (*_how(request), *told)),
        *(training_tables.markdown(grid) for grid in grids),
        training_tables.EXPLANATION,
        f"Measured by code {codes}, on: {machine.sentence()}." if codes else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(request: Request) -> str:
    """Two sections of one page need two titles."""
    return TITLE if request.section == SECTION else f"{TITLE}: {request.section}"


def _how(request: Request) -> Iterator[str]:
    """The settings, for people."""
    budget, options = budget_of(request), agent_options(request)
    own, frugal = _told(options) or "their defaults", " (--frugal)" if request.frugal else ""
    usual = _told({**FRUGAL_OPTIONS, **options})
    seeds = f"seeds 0 to {request.n_seeds - 1}" if request.n_seeds > 1 else "seed 0"
    yield (
        f"Agents{frugal}: {seeds}, {_spent(budget)}; options: "
        f"{usual if request.frugal else own}. Training stops after {budget.patience} looks at "
        f"{budget.n_validation_users:,} validation users that show nothing better."
    )
    if request.also_frugal:
        yield f"Frugal agents: the same seeds, {_spent(frugal_budget(request))}; options: {usual}."
    if request.n_logged:
        yield (
            f"From a log: {request.n_logged:,} decisions of a uniform control, then {request.n_served:,} of the "
            f"agent's own snapshots; options: {own}; each seed has users, exploration and nets of its own."
        )
    if set(request.beside) - {NOBODY}:
        yield (
            f"Bandits: each serves {request.n_requests:,} requests of its own users and learns from them as a loop "
            "does; then its last snapshot is frozen."
        )
    yield f"Everyone is scored by one episode each of the same {request.n_users:,} fresh users."


def _told(options: Options) -> str:
    return ", ".join(f"{name}={value}" for name, value in options.items())


def _spent(budget: Budget) -> str:
    return f"at most {budget.n_steps:,} user-steps each, trained on {budget.n_users:,} users at once"


def notes_of(pieces: Sequence[Piece], done: Training, out: str) -> Iterator[str]:
    """What of a run is not as it should be; ``out`` is its folder, for people."""
    n_all = len(pieces)
    if done.n_found:
        yield f"{done.n_found} of {n_all} pieces were finished before, in {out}; --fresh runs them anew"
    if done.n_other_code:
        yield f"{done.n_other_code} of them were measured by other code than this"
    if done.n_outdated:
        yield f"{done.n_outdated} of {n_all} pieces were finished before by other code, so they are measured again"
    for failure in done.failures:
        yield f"failed: {failure.title}: {failure.error}"
    if done.interrupted:
        yield f"interrupted: {len(done.results)} of {n_all} pieces are finished; the same command goes on from there"
