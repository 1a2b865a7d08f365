from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.earlier_run import Earlier, earlier_in, foretell

SIMULATED = {"cells": [{"key": "a"}, {"key": "b"}], "yardsticks": [{"key": "c"}]}
TRAINED = {"pieces": [{"key": key} for key in "abc"]}


def left(folder: Path, made_of: dict[str, list[dict[str, str]]]) -> Path:
    settings = {"command": ["slateloop", "x", "--title", "two words"], **made_of}
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def told(folder: Path, keys: str) -> list[str]:
    heard = list[str]()
    foretell(folder, keys, tell=heard.append)
    return heard


@pytest.mark.parametrize("made_of", [SIMULATED, TRAINED])
def test_a_command_that_leaves_pieces_out_is_told_whose_summary_it_replaces(
    tmp_path: Path, made_of: dict[str, list[dict[str, str]]]
) -> None:
    left(tmp_path, made_of)
    assert earlier_in(tmp_path) == Earlier("slateloop x --title 'two words'", frozenset("abc"))
    (line,) = told(tmp_path, "cd")
    assert line.startswith(f"{tmp_path}: summary.md, settings.json and plots there are of another command")
    assert "pieces of it that aren't asked for now: 2; it was slateloop x --title 'two words'\n" in line
    assert all(word in line for word in ("--keep-old", "--out"))


@pytest.mark.parametrize("keys", ["abc", "abcd"])
def test_a_command_that_goes_on_or_adds_to_it_hears_nothing(tmp_path: Path, keys: str) -> None:
    assert told(left(tmp_path, TRAINED), keys) == []


def test_where_nothing_was_before_nothing_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, "a") == told(left(tmp_path, {"pieces": []}), "a") == []


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '{"command": 3}', '{"command": [], "cells": 1}', "\udcff"])
def test_settings_that_cannot_be_read_are_no_reason_to_stop(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_bytes(text.encode(errors="surrogateescape"))
    assert told(tmp_path, "a") == []
