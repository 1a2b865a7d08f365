"""The command as it was typed, and as a page may show it: without secrets, and without the folders of this machine.

In: the arguments of this process. Out: a tuple for the record, a line for a page.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

SECRET = "--key"
"""What follows it is nobody else's, and a command is kept in files; the key may come from ``SLATELOOP_KEY`` too."""

_USER = re.compile(r"(?<=://)[^/?#\s]*@")
"""Name and password, before the host of an address."""


def typed() -> tuple[str, ...]:
    """What this process was called with, but for its API key and the user of an address."""
    words, found = iter(sys.argv[1:]), ["slateloop"]
    for word in words:
        if word == SECRET:
            next(words, "")
        elif not word.startswith(f"{SECRET}="):
            found.append(without_user(word))
    return tuple(found)


def without_user(word: str) -> str:
    """A word as it was, but for the user and the password of an address in it."""
    return _USER.sub("", word)


def shown(command: Sequence[str], here: Path | None = None) -> str:
    """A line that anyone may copy: an absolute path inside ``here`` is relative, any other keeps its last name only.

    Args:
        command: Words.
        here: None for the working directory.
    """
    folder = Path.cwd() if here is None else here
    return shlex.join(_without_folders(word, folder) for word in command)


def _without_folders(word: str, here: Path) -> str:
    option, mark, value = word.rpartition("=")
    path = Path(value)
    if not path.is_absolute():
        return word
    return f"{option}{mark}{path.relative_to(here) if path.is_relative_to(here) else path.name}"
