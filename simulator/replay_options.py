"""What ``slateloop replay movielens`` can be asked for: its options, their help, and the ``Request`` they make.

In: the command line. Out: a ``Request`` for ``simulator/replay_command.py``. Nothing heavy is loaded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from simulator.typed import typed


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for.

    Attributes:
        path: Folder of MovieLens.
        loop: Where the requests go.
        policy: What the learned arm is, as ``slateloop simulate`` writes it; empty for a new loop's default.
        limit: Requests at most; 0 for all there are.
        rate: Requests per second at most; 0 for as fast as the service learns.
        max_lag: Wait when the service is more experiences behind.
        write: A page to fill a section of.
        command: As it was typed, for the record.
    """

    path: Path
    loop: str = "movielens"
    policy: str = ""
    limit: int = 0
    seed: int = 0
    rate: float = 0.0
    max_lag: int = 100
    write: Path | None = None
    command: Sequence[str] = ("slateloop", "replay", "movielens")


def asked(  # noqa: PLR0913  one parameter for each option of the command
    *,
    path: Annotated[Path, typer.Option("--path", help="The unpacked folder of MovieLens ml-latest-small.")],
    loop: Annotated[
        str, typer.Option("--loop", help="The loop to use; a fresh name starts from nothing.")
    ] = "movielens",
    policy: Annotated[
        str,
        typer.Option(
            "--policy", help="The learned arm, such as linear or vw:bag; else what a new loop gets.", show_default=False
        ),
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="Requests at most; 0 for all 9,818.")] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Shuffles the ratings.")] = 0,
    rate: Annotated[float, typer.Option("--rate", min=0.0, help="Requests per second at most; 0: no limit.")] = 0.0,
    max_lag: Annotated[int, typer.Option("--max-lag", min=0, help="Wait when more experiences behind.")] = 100,
    write: Annotated[
        Path | None, typer.Option("--write", help="Fill the section `replay` of this page, once all is sent.")
    ] = None,
) -> Request:
    """Offer each user ten films they really rated, reward those they rated 4 or more, watch the service learn.

    Half of the requests go to the learned arm, half to popularity. Lift is over the exact uniform expectation of the
    films offered. The key must have the admin scope: the loop is set up first.

    Example: slateloop replay movielens --path ml-latest-small --limit 6000

    Another policy, in a loop of its own.
    Example: slateloop replay movielens --path ml-latest-small --limit 6000 --policy vw:bag --loop films-vw

    Write the table into a page, between the marks of its section.
    Example: slateloop replay movielens --path ml-latest-small --limit 6000 --write docs/results.md
    """
    return Request(
        path=path,
        loop=loop,
        policy=policy,
        limit=limit,
        seed=seed,
        rate=rate,
        max_lag=max_lag,
        write=write,
        command=typed(),
    )
