"""What a module needs of ours to run: all that its imports reach, near or far, read without running it.

In: the files to begin with. Out: files, for digests of the code that decides a measurement. Imports within functions
count; modules that are named by text alone, as with ``importlib``, don't.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOMS = frozenset({"agent", "envs", "policies", "simulator"})
"""Packages that can decide what is measured."""

WORDING = "spelling.py"
"""A module of this name guesses at misspelt words, once there is an error to tell: no figure depends on it, since what
ends in an error is never kept. Digests leave it out."""


def reached(root: Path, begin: Iterable[Path], *, rooms: Iterable[str] = ROOMS, but: Iterable[Path] = ()) -> set[Path]:
    """Files of the modules that these import, themselves among them.

    Args:
        root: Folder of the packages.
        begin: Files within it.
        rooms: Packages to look into.
        but: Folders that are left out, with whatever only they import.
    """
    found, waiting, left_out = set[Path](), list(begin), tuple(but)
    while waiting:
        path = waiting.pop()
        if path not in found and not any(folder in path.parents for folder in left_out):
            found.add(path)
            waiting += (file for name in _imported(path) for file in _files(root, name, frozenset(rooms)))
    return found


@cache
def _imported(path: Path) -> tuple[str, ...]:
    """Dotted names; some of a module's contents are among them."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += (f"{node.module}.{one.name}" for one in node.names)
    return tuple(found)


def _files(root: Path, name: str, rooms: frozenset[str]) -> Iterator[Path]:
    """Of a module and of the packages around it."""
    parts = name.split(".")
    if parts[0] not in rooms:
        return
    for end in range(1, len(parts) + 1):
        base = root.joinpath(*parts[:end])
        yield from (file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file())
