"""What was measured, as it is kept: a cell's blocks, a yardstick's sums, each with the settings it was measured with.

In: finished work. Out: one JSON document each, and back. A document says which format and which code it came from.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from simulator.blocks import Block, block_from
from simulator.cells import FORMAT, Cell, Yardstick, cell_from, yardstick_from
from simulator.imports import WORDING, reached

Per = Literal["slate", "episode"]


@dataclass(frozen=True, slots=True)
class CellRecord:
    """A finished cell.

    Attributes:
        kpi_name: What the world's owner looks at.
        per: What KPI and reward are divided by.
        loop_settings: Of the loop, exactly.
        code: Digest of the code that measured it.
        seconds: Wall-clock time of the whole cell.
    """

    cell: Cell
    kpi_name: str
    per: Per
    blocks: tuple[Block, ...]
    loop_settings: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    seconds: float = 0.0

    @property
    def n_requests(self) -> int:
        """By all arms together."""
        return self.cell.n_requests


@dataclass(frozen=True, slots=True)
class YardstickRecord:
    """A finished yardstick.

    Attributes:
        blocks: The arm is the chooser; in each pass as many blocks as a cell has.
    """

    yardstick: Yardstick
    kpi_name: str
    per: Per
    blocks: tuple[Block, ...]
    code: str = ""
    seconds: float = 0.0

    @property
    def n_requests(self) -> int:
        """By each chooser in each pass."""
        return self.yardstick.n_requests

    @property
    def choosers(self) -> list[str]:
        """Names, in the order in which they played."""
        return list(dict.fromkeys(block.arm for block in self.blocks))


Record = CellRecord | YardstickRecord


def key_of(record: Record) -> str:
    """The key of what was measured."""
    return record.cell.key if isinstance(record, CellRecord) else record.yardstick.key


def to_text(record: Record) -> str:
    """A JSON document."""
    what = "cell" if isinstance(record, CellRecord) else "yardstick"
    return json.dumps({"format": FORMAT, "what": what, **dataclasses.asdict(record)}, separators=(",", ":"))


def from_text(text: str) -> Record | None:
    """The record, or None where the document is broken or has another format: it is then measured anew."""
    try:
        data = json.loads(text)
        if data.pop("format") != FORMAT:
            return None
        return _cell(data) if data.pop("what") == "cell" else _yardstick(data)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


@cache
def code_digest() -> str:
    """12 hex digits over the code of what decides a measurement: not of what prints, or words errors, nor comments."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in measuring_files(root):
        digest.update(f"{path.relative_to(root).as_posix()}\0{meaning_of(path.read_text(encoding='utf-8'))}".encode())
    return digest.hexdigest()[:12]


def meaning_of(source: str) -> str:
    """What the source of a module says to Python: without comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [one for one in node.body if not _is_text(one)]
    return ast.dump(tree)


def measuring_files(root: Path) -> list[Path]:
    """All of agent, envs and policies, and of the simulator what ``simulator.measuring`` imports, near or far.

    But for what only words errors.
    """
    found = reached(root, [root / "simulator" / "measuring.py"], rooms=("simulator",))
    rooms = (path for room in ("agent", "envs", "policies") for path in (root / room).rglob("*.py"))
    return sorted(path for path in {*found, *rooms} if path.name != WORDING)


def _is_text(statement: ast.stmt) -> bool:
    """A docstring, or one beneath a constant."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _cell(data: dict[str, Any]) -> CellRecord:
    blocks = tuple(block_from(one) for one in data.pop("blocks"))
    return CellRecord(cell=cell_from(data.pop("cell")), blocks=blocks, **data)


def _yardstick(data: dict[str, Any]) -> YardstickRecord:
    blocks = tuple(block_from(one) for one in data.pop("blocks"))
    return YardstickRecord(yardstick=yardstick_from(data.pop("yardstick")), blocks=blocks, **data)
