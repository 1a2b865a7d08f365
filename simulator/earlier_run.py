"""What the command before left in a folder of results, told before another one replaces it.

In: the folder's ``settings.json``, and the keys of what is asked for now. Out: words, where the folder's summary holds
what the new one won't. Finished pieces of both stay beside each other, so nothing that was measured is lost.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from simulator.notices import Tell, on_stderr

SETTINGS, SUMMARY = "settings.json", "summary.md"
_LISTS = ("cells", "yardsticks", "pieces")


class Earlier(NamedTuple):
    """What a folder's summary was made of.

    Attributes:
        command: As it was typed.
        keys: Of the pieces in it.
    """

    command: str
    keys: frozenset[str]


def earlier_in(folder: Path) -> Earlier | None:
    """The run before, or None where there was none, or its settings can't be read."""
    try:
        data: Any = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        keys = frozenset(str(one["key"]) for name in _LISTS for one in data.get(name, ()))
        return Earlier(shlex.join(data["command"]), keys)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def foretell(folder: Path, keys: Iterable[str], *, tell: Tell = on_stderr) -> None:
    """Say whose summary this command will replace; a run that goes on with the same, or adds to it, hears nothing.

    Args:
        folder: Of results.
        keys: Of the pieces that are asked for now.
        tell: Told what and how to have both, if anything.
    """
    earlier = earlier_in(folder)
    n_lost = 0 if earlier is None else len(earlier.keys - set(keys))
    if earlier is not None and n_lost:
        tell(
            f"{folder}: {SUMMARY}, {SETTINGS} and plots there are of another command, and will be replaced; "
            f"pieces of it that aren't asked for now: {n_lost:,}; it was {earlier.command}\n"
            "  finished pieces stay: that command with --keep-old writes these files again; to have both, give this "
            "one another --out"
        )
