"""Which code decides what a training finds, as a digest: results of other code are measured again.

In: the sort of a piece and the kind of its agent. Out: 12 hex digits. Comments and layout don't count, nor do agents
of other kinds, nor what only words an error.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from policies.agents import KINDS
from simulator.imports import WORDING, reached
from simulator.records import meaning_of

_ENTRIES = {"agent": "train.py", "log": "from_log.py", "bandit": "frozen.py"}
"""Sort of a piece → where its measurement begins; of other sorts, whatever any piece may run counts."""


@cache
def code_of(sort: str, kind: str) -> str:
    """The digest for an agent of this kind, a bandit, or a reference."""
    root, digest = Path(__file__).resolve().parents[1], hashlib.sha256()
    for path in files_of(root, sort, kind):
        digest.update(f"{path.relative_to(root).as_posix()}\0{_meaning(path)}".encode())
    return digest.hexdigest()[:12]


def files_of(root: Path, sort: str, kind: str) -> list[Path]:
    """Every world, and all that the measurement imports, near or far; but for what only words errors."""
    worlds = sorted(path for path in (root / "envs").glob("*.py") if path.name != WORDING)
    if sort == "reference":
        return worlds
    others = [root / "policies" / other for other in KINDS if other != kind]
    begin = [*worlds, root / "simulator" / _ENTRIES.get(sort, "training.py")]
    if sort != "agent":  # the registry loads learners by name
        begin += (root / "policies" / kind).glob("*.py")
    return sorted(path for path in reached(root, begin, but=others) if path.name != WORDING)


@cache
def _meaning(path: Path) -> str:
    """A digest: files are shared by most sorts and kinds."""
    return hashlib.sha256(meaning_of(path.read_text(encoding="utf-8")).encode()).hexdigest()
