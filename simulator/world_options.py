"""A world's options as they were asked for, put in order: sizes apart, paths resolved, the data behind a path named.

In: options by name, and sizes asked for beside them. Out: ``Arranged``, which a world can be made of, or an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from simulator.cells import PATH, CellError

_ELSEWHERE = {
    "preset": "worlds are chosen with --world",
    "num_envs": "users of a loop come one by one; leave it out",
}
_DATA = ("movies.csv", "ratings.csv")
_CHUNK = 2**20


class Arranged(NamedTuple):
    """Sizes and the other options.

    Attributes:
        n_candidates: None for the world's own.
        n_slots: None for the world's own.
    """

    n_candidates: int | None
    n_slots: int | None
    options: dict[str, Any]


def arranged(options: Mapping[str, Any], *, n_candidates: int | None, n_slots: int | None) -> Arranged:
    """Take the sizes out of the options and make paths absolute.

    Raises:
        CellError: an option that is said elsewhere, or a size that is given twice.
    """
    rest = dict(options)
    for name, cure in _ELSEWHERE.items():
        if name in rest:
            raise CellError(f"option {name}={rest[name]!r}: {cure}")
    sizes = (_size(rest, "num_candidates", n_candidates), _size(rest, "slate_size", n_slots))
    if isinstance(rest.get(PATH), str):
        rest[PATH] = str(Path(rest[PATH]).expanduser().resolve())
    return Arranged(*sizes, rest)


def data_digest(options: Mapping[str, Any]) -> str:
    """12 hex digits over the files that the option ``path`` names, empty where there is none."""
    if not isinstance(options.get(PATH), str):
        return ""
    path, digest = Path(options[PATH]), hashlib.sha256()
    for file in [path / name for name in _DATA] if path.is_dir() else [path]:
        digest.update(file.name.encode() + b"\0")
        with file.open("rb") as data:
            while chunk := data.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()[:12]


def _size(rest: dict[str, Any], name: str, given: int | None) -> Any:
    """The size out of the options, or the given one; whether it can be one the world says."""
    if name not in rest:
        return given
    if given is not None:
        flag = "--candidates" if name == "num_candidates" else "--slots"
        raise CellError(f"option {name}={rest[name]!r} and {flag} {given}: give one of them")
    return rest.pop(name)
