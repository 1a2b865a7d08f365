"""A folder of results: a file per finished piece of work, the tidy tables made of them, and the exact settings.

In: records. Out: ``finished/<key>.json`` (written whole or not at all), ``results.parquet`` with one row per cell, arm
and block, its companions ``propensities``, ``shown`` and ``references``, and ``settings.json``. Order never depends on
who finished first.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from simulator import extras
from simulator.blocks import N_BINS, Block
from simulator.cells import FORMAT, Job
from simulator.records import CellRecord, Record, YardstickRecord, code_digest, from_text, key_of, to_text
from simulator.whole_files import write_whole

RESULTS, PROPENSITIES, SHOWN, REFERENCES = "results", "propensities", "shown", "references"
PACKAGES = ("slateloop", "numpy", "gymnasium", "vowpalwabbit", "ray", "pyarrow")

Row = dict[str, Any]


class ResultsError(RuntimeError):
    """A folder of results can't be used; the message names it and the cure."""


def unwritable(error: OSError) -> ResultsError:
    """What a file that can't be written becomes."""
    return ResultsError(f"can't write results: {error}; make room, or choose another folder with --out")


class Folder:
    """Results on disk.

    Args:
        path: Made if missing.

    Raises:
        ResultsError: it can't be made or written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._finished = path / "finished"
        try:
            self._finished.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsError(f"{path} can't hold results: {error}; choose another folder with --out") from error
        if not os.access(self._finished, os.W_OK):
            raise ResultsError(f"{path} can't be written to; choose another folder with --out")

    def find(self, job: Job) -> Record | None:
        """The record of this very piece of work, if it was finished before."""
        path = self._file(job.key)
        record = from_text(path.read_text(encoding="utf-8")) if path.exists() else None
        return record if record is not None and key_of(record) == job.key else None

    def keep(self, record: Record) -> None:
        """Write one record; a reader sees all of it or nothing."""
        self._write(self._file(key_of(record)), to_text(record))

    def records(self) -> list[Record]:
        """Every readable record, in an order of its own."""
        texts = (path.read_text(encoding="utf-8") for path in sorted(self._finished.glob("*.json")))
        return sorted((one for text in texts if (one := from_text(text)) is not None), key=_order)

    def write_tables(self, chosen: Iterable[Record] | None = None) -> list[Path]:
        """Write all Parquet files anew from these records; None is every finished one.

        Raises:
            MissingExtraError: pyarrow isn't installed.
        """
        records = self.records() if chosen is None else sorted(chosen, key=_order)
        cells = [one for one in records if isinstance(one, CellRecord)]
        yardsticks = [one for one in records if isinstance(one, YardstickRecord)]
        return [
            self._parquet(RESULTS, result_rows(cells), _RESULT_TYPES),
            self._parquet(PROPENSITIES, propensity_rows(cells), _PROPENSITY_TYPES),
            self._parquet(SHOWN, shown_rows(cells), _SHOWN_TYPES),
            self._parquet(REFERENCES, reference_rows(yardsticks), _REFERENCE_TYPES),
        ]

    def write_settings(self, command: Sequence[str], chosen: Iterable[Record] | None = None) -> Path:
        """Write what these records, or every finished one, were measured with."""
        path = self.path / "settings.json"
        records = self.records() if chosen is None else sorted(chosen, key=_order)
        self._write(path, json.dumps(settings_of(records, command), indent=2, sort_keys=True) + "\n")
        return path

    def write_text(self, name: str, text: str) -> Path:
        """Write a page for people."""
        path = self.path / name
        self._write(path, text)
        return path

    def _file(self, key: str) -> Path:
        return self._finished / f"{key}.json"

    def _parquet(self, name: str, rows: Sequence[Row], types: Mapping[str, str]) -> Path:
        pyarrow = extras.load("pyarrow", "writing results")
        parquet = extras.load("pyarrow.parquet", "writing results")
        schema = pyarrow.schema([(column, getattr(pyarrow, kind)()) for column, kind in types.items()])
        path = self.path / f"{name}.parquet"
        beside = path.with_suffix(".part")
        parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), beside)
        beside.replace(path)
        return path

    def _write(self, path: Path, text: str) -> None:
        try:
            write_whole(path, text.encode())
        except OSError as error:
            raise unwritable(error) from error


def result_rows(cells: Iterable[CellRecord]) -> list[Row]:
    """One row per cell, arm and block."""
    return [
        {
            **_cell_columns(one),
            **{name: getattr(block, name) for name in _BLOCK_COLUMNS},
            "mean_propensity": block.mean_propensity if sum(block.propensity_counts) else None,
        }
        for one in cells
        for block in one.blocks
    ]


def propensity_rows(cells: Iterable[CellRecord]) -> list[Row]:
    """One row per cell, arm, block and bin that holds something."""
    return [
        {**_place(one, block), "above": k / N_BINS, "up_to": (k + 1) / N_BINS, "n_slots": n}
        for one in cells
        for block in one.blocks
        for k, n in enumerate(block.propensity_counts)
        if n
    ]


def shown_rows(cells: Iterable[CellRecord]) -> list[Row]:
    """One row per cell, arm, block and kind of item."""
    return [
        {**_place(one, block), "label": label, "n_slots": n}
        for one in cells
        for block in one.blocks
        for label, n in sorted(block.shown.items())
    ]


def reference_rows(yardsticks: Iterable[YardstickRecord]) -> list[Row]:
    """One row per world, seed, chooser, and block of each pass."""
    return [
        {
            "yardstick": one.yardstick.key,
            "code": one.code,
            **_world_columns(one.yardstick),
            "seed": one.yardstick.seed,
            "n_requests_in_yardstick": one.yardstick.n_requests,
            "chooser": block.arm,
            "kpi": one.kpi_name,
            "per": one.per,
            **{name: getattr(block, name) for name in _SUM_COLUMNS},
        }
        for one in yardsticks
        for block in one.blocks
    ]


def settings_of(records: Iterable[Record], command: Sequence[str]) -> Row:
    """Everything that must be known to measure the same again."""
    found = list(records)
    return {
        "command": list(command),
        "format": FORMAT,
        "code": code_digest(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: version_of(name) for name in PACKAGES},
        "cells": [
            {"key": key_of(one), **dataclasses.asdict(one.cell), "loop_settings": one.loop_settings, "code": one.code}
            for one in found
            if isinstance(one, CellRecord)
        ],
        "yardsticks": [
            {"key": key_of(one), **dataclasses.asdict(one.yardstick), "code": one.code}
            for one in found
            if isinstance(one, YardstickRecord)
        ],
    }


_OTHERWISE = {"propensity_sum", "propensity_counts", "shown"}
_BLOCK_COLUMNS = tuple(one.name for one in dataclasses.fields(Block) if one.name not in _OTHERWISE)

_SUM_COLUMNS = tuple(name for name in _BLOCK_COLUMNS if name not in {"arm", "n_slots", "decide_s", "learn_s"})
_KINDS = {"str": "string", "int": "int64", "float": "float64"}
_WORLD_TYPES = {"world": "string", "world_options": "string", "n_candidates": "int64", "slate_size": "int64"}
_PLACE_TYPES = {
    "cell": "string",
    "world": "string",
    "policy": "string",
    "seed": "int64",
    "arm": "string",
    "block": "int64",
}
_RESULT_TYPES = {
    "cell": "string",
    "code": "string",
    **_WORLD_TYPES,
    "policy": "string",
    "policy_kind": "string",
    "policy_options": "string",
    "seed": "int64",
    "via": "string",
    "n_requests_in_cell": "int64",
    "kpi": "string",
    "per": "string",
    **{one.name: _KINDS[str(one.type)] for one in dataclasses.fields(Block) if one.name in _BLOCK_COLUMNS},
    "mean_propensity": "float64",
}
_PROPENSITY_TYPES = {**_PLACE_TYPES, "above": "float64", "up_to": "float64", "n_slots": "int64"}
_SHOWN_TYPES = {**_PLACE_TYPES, "label": "string", "n_slots": "int64"}
_REFERENCE_TYPES = {
    "yardstick": "string",
    "code": "string",
    **_WORLD_TYPES,
    "seed": "int64",
    "n_requests_in_yardstick": "int64",
    "chooser": "string",
    "kpi": "string",
    "per": "string",
    **{one.name: _KINDS[str(one.type)] for one in dataclasses.fields(Block) if one.name in _SUM_COLUMNS},
}


def _cell_columns(one: CellRecord) -> Row:
    cell = one.cell
    return {
        "cell": cell.key,
        "code": one.code,
        **_world_columns(cell),
        "policy": cell.policy.name,
        "policy_kind": cell.policy.kind,
        "policy_options": _json(cell.policy.options),
        "seed": cell.seed,
        "via": cell.via,
        "n_requests_in_cell": cell.n_requests,
        "kpi": one.kpi_name,
        "per": one.per,
    }


def _world_columns(job: Job) -> Row:
    setting = job.setting
    return {
        "world": setting.preset,
        "world_options": _json(setting.options),
        "n_candidates": setting.n_candidates,
        "slate_size": setting.n_slots,
    }


def _place(one: CellRecord, block: Block) -> Row:
    cell = one.cell
    return {
        "cell": cell.key,
        "world": cell.setting.preset,
        "policy": cell.policy.name,
        "seed": cell.seed,
        "arm": block.arm,
        "block": block.block,
    }


def _order(record: Record) -> tuple[Any, ...]:
    if isinstance(record, YardstickRecord):
        return ("", record.yardstick.setting.preset, "", 0, record.yardstick.seed, key_of(record))
    cell = record.cell
    return ("cell", cell.setting.preset, cell.policy.name, cell.n_requests, cell.seed, key_of(record))


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)


def version_of(package: str) -> str | None:
    """An installed package's version."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
