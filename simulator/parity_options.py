"""What ``slateloop parity`` can be asked for: its options, their help, and the ``Request`` they make.

In: the command line. Out: a ``Request`` for ``simulator/parity_command.py``. Nothing heavy is loaded here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for.

    Attributes:
        n_episodes: In each cell.
        seed: Of every world and policy.
        write: The page's file.
    """

    n_episodes: int = 2000
    seed: int = 1
    write: Path | None = None


def asked(
    *,
    episodes: Annotated[int, typer.Option("--episodes", min=2, help="Episodes in each cell.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of every world and policy.")] = 1,
    write: Annotated[Path | None, typer.Option("--write", help="Write the page to this file too.")] = None,
) -> Request:
    """Compare the restated worlds with their published originals, row by row; takes about a minute.

    A row passes within four standard errors. The exit code is 1 if any row does not.

    Example: slateloop parity --write docs/parity.md
    """
    return Request(episodes, seed, write)
