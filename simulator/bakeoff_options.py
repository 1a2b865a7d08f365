"""What ``slateloop bakeoff`` can be asked for: its options, their help, and the ``Request`` they make.

In: the command line. Out: a ``Request`` for ``simulator/bakeoff_command.py``. Nothing heavy is loaded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from simulator.typed import typed

N_SEEDS, N_REQUESTS = 5, 2500
LIMIT_US = 1000.0
"""So one core makes a thousand decisions a second, or learns from as many."""

OUT, SECTION = Path("results") / "bakeoff", "bakeoff"
_NOTHING = list[str]()


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for.

    Attributes:
        policies: Empty: the short list.
        sets: Empty: all that need no data.
        movielens: Folder of MovieLens, to be one of the sets.
        table: CSV file, to be one of the sets, and the column ``label`` of it.
        limit_us: What a decision, and what a lesson, of the default may cost.
        matrix: Measure the situations of the decision matrix too.
        keep_old: Use what other code has measured, too.
        write: A page to fill a section of.
        section: Its name.
        n_jobs: Processes at once; 1 does without Ray; None for one per core.
        command: As it was typed, for the record.
    """

    policies: Sequence[str] = ()
    sets: Sequence[str] = ()
    n_seeds: int = N_SEEDS
    n_requests: int = N_REQUESTS
    movielens: Path | None = None
    table: Path | None = None
    label: str | None = None
    limit_us: float = LIMIT_US
    matrix: bool = True
    out: Path = OUT
    write: Path | None = None
    section: str = SECTION
    plots: bool = True
    fresh: bool = False
    keep_old: bool = False
    n_jobs: int | None = None
    command: Sequence[str] = ("slateloop", "bakeoff")


def asked(  # noqa: PLR0913  one parameter for each option of the command
    *,
    policies: Annotated[
        list[str], typer.Option("--policy", help="A contender, such as linear or vw:bag; repeatable. all: everyone.")
    ] = _NOTHING,
    sets: Annotated[
        list[str],
        typer.Option("--set", help="digits, breast-cancer, wine, iris, words, or a world of simulate; repeatable."),
    ] = _NOTHING,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Seeds 0, 1, …; two or more give intervals.")] = N_SEEDS,
    requests: Annotated[
        int, typer.Option("--requests", min=40, help="In each set; a table at most one pass.")
    ] = N_REQUESTS,
    movielens: Annotated[
        Path | None, typer.Option("--movielens", help="The unpacked folder of MovieLens ml-latest-small: one more set.")
    ] = None,
    table: Annotated[Path | None, typer.Option("--table", help="A CSV file: one more set.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="The column of --table that holds the classes.")] = None,
    limit_us: Annotated[
        float, typer.Option("--limit-us", min=0.0, help="What a decision, and what a lesson, of the default may cost.")
    ] = LIMIT_US,
    matrix: Annotated[bool, typer.Option("--matrix/--no-matrix", help="Measure when to pick which, too.")] = True,
    folder: Annotated[
        Path, typer.Option("--out", help="Results go here; what is finished here isn't run again.")
    ] = OUT,
    write: Annotated[Path | None, typer.Option("--write", help="Fill a section of this page.")] = None,
    section: Annotated[str, typer.Option("--section", help="Which one: a page may hold several bake-offs.")] = SECTION,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw PNGs.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run anew what was finished before.")] = False,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="Use what other code has measured, too.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes at once; 1 does without Ray; else one per core.")
    ] = None,
) -> Request:
    """Let every policy learn alone on labelled tables and in worlds, and name the one a new loop should get.

    The winner has the best mean share of the best reward, among those within the limits of cost; of those that can't
    be told from it, the cheapest. On tables each answer is learned before the next is asked for, one pass; in worlds
    the loop has its ordinary cadence. Costs are processor time of one thread, the fastest of several tries, measured
    after all else. Finished pieces are kept: Ctrl-C loses nothing, and the same command goes on.

    All defaults took 40 minutes on two cores that had other work, too.
    Example: slateloop bakeoff

    A first look, in about a tenth of the time.
    Example: slateloop bakeoff --seeds 2 --requests 500 --no-matrix

    Your own labelled table decides, with more contenders.
    Example: slateloop bakeoff --set table --table churned.csv --label plan --policy all

    Write the tables into a page, between the marks of its section.
    Example: slateloop bakeoff --movielens ml-latest-small --write docs/results.md

    A noisy world with more seeds, beside it on the same page.
    Example: slateloop bakeoff --set streaming --seeds 16 --no-matrix --write docs/results.md
    --section bakeoff-streaming
    """
    return Request(
        policies=policies,
        sets=sets,
        n_seeds=seeds,
        n_requests=requests,
        movielens=movielens,
        table=table,
        label=label,
        limit_us=limit_us,
        matrix=matrix,
        out=folder,
        write=write,
        section=section,
        plots=plots,
        fresh=fresh,
        keep_old=keep_old,
        n_jobs=jobs,
        command=typed(),
    )
