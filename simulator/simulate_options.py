"""What ``slateloop simulate`` can be asked for: its options, their help, and the ``Request`` they make.

In: the command line. Out: a ``Request`` for ``simulator/simulate_command.py``. Nothing heavy is loaded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from agent.loops import PolicySettings
from simulator.typed import typed

WORLDS = ("news", "shop", "streaming", "interest-evolution")
POLICIES = (PolicySettings().kind, "popularity", "uniform")
"""What a new loop gets unasked, and what it is compared with."""

N_SEEDS = 3
N_REQUESTS = 6000
OUT = Path("results") / "simulate"

_WORLDS, _POLICIES, _NOTHING = list(WORLDS), list(POLICIES), list[str]()


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for.

    Attributes:
        trained: A folder of ``slateloop train``, whose agents of these worlds are compared too; None compares none.
        options: ``key=value`` texts, for every world.
        n_candidates: None for each world's own.
        n_slots: None for each world's own.
        keep_old: Use what other code has measured, too.
        write: A page to fill a section of.
        n_jobs: Processes at once; 1 does without Ray; None for one per core.
        live: URL of a running service to measure against; empty measures in process.
        max_lag: Live: wait when the service is more experiences behind.
        list_only: Only name what there is to choose from.
        command: As it was typed, for the record.
    """

    worlds: Sequence[str] = WORLDS
    policies: Sequence[str] = POLICIES
    n_seeds: int = N_SEEDS
    n_requests: int = N_REQUESTS
    trained: Path | None = None
    options: Sequence[str] = ()
    n_candidates: int | None = None
    n_slots: int | None = None
    out: Path = OUT
    plots: bool = True
    fresh: bool = False
    keep_old: bool = False
    write: Path | None = None
    n_jobs: int | None = None
    live: str = ""
    max_lag: int = 50
    list_only: bool = False
    command: Sequence[str] = ("slateloop", "simulate")


def asked(  # noqa: PLR0913  one parameter for each option of the command
    *,
    worlds: Annotated[list[str], typer.Option("--world", help="A world; repeatable. See --list.")] = _WORLDS,
    policies: Annotated[
        list[str],
        typer.Option("--policy", help="A policy, such as linear, vw:bag or vw:epsilon,epsilon=0.05; repeatable."),
    ] = _POLICIES,
    trained: Annotated[
        Path | None,
        typer.Option(
            "--trained",
            metavar="DIR",
            help="Also the agents that `slateloop train` trained in these very worlds and kept here: results/train.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Seeds 0, 1, …; two or more give intervals.")] = N_SEEDS,
    requests: Annotated[int, typer.Option("--requests", min=40, help="Slates asked for in each cell.")] = N_REQUESTS,
    candidates: Annotated[
        int | None, typer.Option("--candidates", min=1, help="Items to choose from; else the world's own.")
    ] = None,
    slots: Annotated[int | None, typer.Option("--slots", min=1, help="Items in a slate; else the world's own.")] = None,
    options: Annotated[list[str], typer.Option("--option", help="key=value for every world; repeatable.")] = _NOTHING,
    folder: Annotated[
        Path, typer.Option("--out", help="Results go here; what is finished here isn't run again.")
    ] = OUT,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw PNGs.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run anew what was finished before.")] = False,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="Use what other code has measured, too.")] = False,
    write: Annotated[Path | None, typer.Option("--write", help="Fill the section `simulate` of this page.")] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes at once; 1 does without Ray; else one per core.")
    ] = None,
    live: Annotated[
        str, typer.Option("--live", metavar="URL", help="Measure against this running service instead of in process.")
    ] = "",
    max_lag: Annotated[
        int, typer.Option("--max-lag", min=0, help="With --live: wait when more experiences behind.")
    ] = 50,
    list_only: Annotated[
        bool,
        typer.Option("--list", help="Name the worlds, their options and KPI, the policies, and what --trained holds."),
    ] = False,
) -> Request:
    """Compare policies in simulated worlds: tables with intervals over seeds, Parquet files and plots.

    A policy that learns shares its world with popularity, half of the users each, on one log; the others run alone.
    Finished pieces are kept: Ctrl-C loses nothing, and the same command goes on. RAY_ADDRESS names a cluster to use.

    All defaults, about three minutes on two cores.
    Example: slateloop simulate

    Two explorers in one world, enough seeds for narrow intervals.
    Example: slateloop simulate --world news --policy vw --policy vw:bag --seeds 10 --requests 12000

    A harder world, with an option of its own.
    Example: slateloop simulate --world interest-evolution --option visible_budget=true --candidates 20

    Trained agents beside bandits, in one table.
    Example: slateloop simulate --world interest-evolution --trained results/train

    The same users against a running service.
    Example: slateloop simulate --world shop --policy vw --seeds 1 --requests 2000 --live http://127.0.0.1:8000

    What there is to choose from.
    Example: slateloop simulate --list
    """
    return Request(
        worlds=worlds,
        policies=policies,
        n_seeds=seeds,
        n_requests=requests,
        trained=trained,
        options=options,
        n_candidates=candidates,
        n_slots=slots,
        out=folder,
        plots=plots,
        fresh=fresh,
        keep_old=keep_old,
        write=write,
        n_jobs=jobs,
        live=live,
        max_lag=max_lag,
        list_only=list_only,
        command=typed(),
    )
