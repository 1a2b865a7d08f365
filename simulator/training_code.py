"""Which code decides what a training finds, as a digest: results of other code are measured again.

In: the sort of a piece and the kind of its agent. Out: 12 hex digits. Comments and layout don't count, nor do agents
and bandits of other kinds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from simulator.records import code_digest, meaning_of

_ROLLING = ("train", "trainees", "rollout", "many_worlds", "encoded_world")
_SHARED = ("base", "action_rows", "entries", "vocabulary", "scales", "explorers")


@cache
def code_of(sort: str, kind: str) -> str:
    """The digest for an agent of this kind, a bandit, or a reference."""
    if sort == "bandit":
        return code_digest()
    root, digest = Path(__file__).resolve().parents[1], hashlib.sha256()
    for path in _files(root, kind if sort == "agent" else ""):
        digest.update(f"{path.relative_to(root).as_posix()}\0{meaning_of(path.read_text(encoding='utf-8'))}".encode())
    return digest.hexdigest()[:12]


def _files(root: Path, kind: str) -> Iterator[Path]:
    yield from sorted((root / "envs").glob("*.py"))
    if kind:
        yield from (root / "simulator" / f"{name}.py" for name in _ROLLING)
        yield from (root / "policies" / f"{name}.py" for name in _SHARED)
        yield from sorted((root / "policies" / "neural").glob("*.py"))
        yield from sorted((root / "policies" / kind).glob("*.py"))
