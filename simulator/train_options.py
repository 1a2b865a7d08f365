"""What ``slateloop train`` can be asked for: its options, their help, and the ``Request`` they make.

In: the command line. Out: a ``Request`` for ``simulator/train_command.py``. Nothing heavy is loaded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from policies.agents import KINDS
from simulator.typed import typed

WORLDS, BESIDE = ("interest-evolution",), ("popularity", "linear", "vw")
N_SEEDS, N_REQUESTS, N_USERS, N_SERVED = 5, 20_000, 1000, 100_000
OUT = Path("results") / "train"
SECTION = "train"
NOBODY = "none"

_WORLDS, _AGENTS, _BESIDE, _NOTHING = list(WORLDS), list(KINDS), list(BESIDE), list[str]()


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for.

    Attributes:
        worlds: Presets, each with options of its own after a comma.
        beside: Policies that learn from a log of their own, for comparison.
        n_steps: At most so many for each seed; None for the agents' own budget.
        frugal: The budget for where steps are dear, instead of the agents' own.
        also_frugal: That budget beside the agents' own.
        n_logged: Decisions of a uniform control that agents learn from alone; 0 leaves it out.
        n_served: Decisions of their own snapshots that they learn from after those.
        log_worlds: Of ``worlds``, as written there: where agents learn from a log; none given, the first.
        n_users: Test users.
        n_requests: That each policy beside serves and learns from before it is frozen.
        options: ``key=value`` texts, for every world.
        agent_options: The same for every agent.
        n_candidates: None for each world's own.
        n_slots: None for each world's own.
        keep_old: Use what other code has measured, too.
        write: A page to fill a section of.
        section: Its name.
        n_jobs: Processes at once; 1 does without Ray; None for one per core.
        publish: A loop of a running service that is to begin with the best agent; empty publishes nothing.
        command: As it was typed, for the record.
    """

    worlds: Sequence[str] = WORLDS
    agents: Sequence[str] = KINDS
    beside: Sequence[str] = BESIDE
    n_seeds: int = N_SEEDS
    n_steps: int | None = None
    frugal: bool = False
    also_frugal: bool = False
    n_logged: int = 0
    n_served: int = N_SERVED
    log_worlds: Sequence[str] = ()
    n_users: int = N_USERS
    n_requests: int = N_REQUESTS
    options: Sequence[str] = ()
    agent_options: Sequence[str] = ()
    n_candidates: int | None = None
    n_slots: int | None = None
    out: Path = OUT
    tensorboard: bool = True
    plots: bool = True
    fresh: bool = False
    keep_old: bool = False
    write: Path | None = None
    section: str = SECTION
    n_jobs: int | None = None
    publish: str = ""
    command: Sequence[str] = ("slateloop", "train")


def asked(  # noqa: PLR0913  one parameter for each option of the command
    *,
    worlds: Annotated[
        list[str],
        typer.Option(
            "--world", help="A world, with options after commas: interest-evolution,slate_size=3; repeatable."
        ),
    ] = _WORLDS,
    agents: Annotated[list[str], typer.Option("--agent", help=f"{' or '.join(KINDS)}; repeatable.")] = _AGENTS,
    beside: Annotated[
        list[str],
        typer.Option("--bandit", help="A policy to compare with, such as linear or vw:bag; repeatable. none: nobody."),
    ] = _BESIDE,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Seeds 0, 1, …; two or more give intervals.")] = N_SEEDS,
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, help="User-steps for each seed at most; else the agents' own budget."),
    ] = None,
    frugal: Annotated[
        bool, typer.Option("--frugal", help="300,000 steps, used thoroughly: where they are dear.")
    ] = False,
    also_frugal: Annotated[
        bool, typer.Option("--also-frugal", help="The same beside the agents' own budget, in the same tables.")
    ] = False,
    log: Annotated[
        int,
        typer.Option(
            "--log",
            min=0,
            metavar="N",
            help="Also let each agent learn from N decisions of a uniform control alone, such as 200000.",
        ),
    ] = 0,
    served: Annotated[
        int, typer.Option("--served", min=0, metavar="N", help="And then from N decisions of its own snapshots.")
    ] = N_SERVED,
    log_worlds: Annotated[
        list[str], typer.Option("--log-world", help="A --world to do so in; repeatable. Else the first.")
    ] = _NOTHING,
    users: Annotated[int, typer.Option("--users", min=2, help="Fresh users who score everyone.")] = N_USERS,
    requests: Annotated[
        int, typer.Option("--requests", min=40, help="Slates that each bandit serves and learns from.")
    ] = N_REQUESTS,
    candidates: Annotated[
        int | None, typer.Option("--candidates", min=1, help="Items to choose from; else the world's own.")
    ] = None,
    slots: Annotated[int | None, typer.Option("--slots", min=1, help="Items in a slate; else the world's own.")] = None,
    options: Annotated[
        list[str], typer.Option("--world-option", help="key=value for every world; repeatable.")
    ] = _NOTHING,
    agent_options: Annotated[
        list[str], typer.Option("--agent-option", help="key=value for every agent; repeatable.")
    ] = _NOTHING,
    folder: Annotated[
        Path, typer.Option("--out", help="Results go here; what is finished here isn't run again.")
    ] = OUT,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard/--no-tensorboard", help="Write event files for TensorBoard.")
    ] = True,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw learning curves as PNGs.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run anew what was finished before.")] = False,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="Use what other code has measured, too.")] = False,
    write: Annotated[Path | None, typer.Option("--write", help="Fill a section of this page.")] = None,
    section: Annotated[str, typer.Option("--section", help="Which one: a page may hold several runs.")] = SECTION,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes at once; 1 does without Ray; else one per core.")
    ] = None,
    publish: Annotated[
        str,
        typer.Option("--publish", metavar="LOOP", help="Let this loop of a running service begin with the best seed."),
    ] = "",
) -> Request:
    """Train agents in simulated worlds, score them beside bandits and references, and publish the best one.

    Training looks at validation users now and then, stops when they fare no better, and keeps the last point that is
    as good as any. All are scored by the same fresh users, without exploration; bandits after they have served and
    learned for a while, frozen. Finished pieces are kept: Ctrl-C loses no finished seed and keeps the best point of
    the one under way, and the same command goes on. Needs PyTorch: `make agents`, or the extra `rl`.

    Both agents, five seeds each, beside bandits and references.
    Example: slateloop train

    A first look: one agent, one seed, few steps.
    Example: slateloop train --agent slateq --seeds 1 --frugal --bandit none

    Several worlds in one table, written into a page; with what few steps and what a log alone teach.
    Example: slateloop train --world interest-evolution --world interest-evolution,slate_size=3 --also-frugal
    --log 200000 --write docs/results.md

    Train one agent and let a loop of a running service begin with it.
    Example: slateloop train --agent slateq --seeds 1 --publish front-page
    """
    return Request(
        worlds=worlds,
        agents=agents,
        beside=beside,
        n_seeds=seeds,
        n_steps=steps,
        frugal=frugal,
        also_frugal=also_frugal,
        n_logged=log,
        n_served=served,
        log_worlds=log_worlds,
        n_users=users,
        n_requests=requests,
        options=options,
        agent_options=agent_options,
        n_candidates=candidates,
        n_slots=slots,
        out=folder,
        tensorboard=tensorboard,
        plots=plots,
        fresh=fresh,
        keep_old=keep_old,
        write=write,
        section=section,
        n_jobs=jobs,
        publish=publish,
        command=typed(),
    )
