"""The page on worlds: its code runs, its options and presets exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from envs.choice import ChoiceModel
from envs.interest_evolution import CHOICES
from envs.presets import PRESETS, WORLDS, build, names

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "worlds.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
INLINE = re.findall(r"`(\w+)=([^`\n…]+)`", re.sub(r"^```.*?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL))
NO_OPTIONS = {"seed"}
"""Arguments of ``reset``, that the page names too."""


@pytest.mark.parametrize("block", BLOCKS)
def test_the_code_runs(block: str) -> None:
    exec(compile(block, "docs/worlds.md", "exec"), {})  # noqa: S102  # our own page


def test_every_option_with_a_value_can_be_given() -> None:
    given = [(name, ast.literal_eval(value)) for name, value in INLINE if name not in NO_OPTIONS]
    assert ("choice", "exponential-cascade") in given
    for name, value in given:
        assert build("InterestEvolution-v0", 1, {name: value}), (name, value)
    assert all(isinstance(model, ChoiceModel) for model in CHOICES.values())


def test_the_table_names_all_worlds_and_presets() -> None:
    rows = re.findall(r"^\| `([a-z0-9.-]+)` \| (?:`([\w-]+)`|the same) \|", PAGE, re.MULTILINE)
    assert {preset for preset, _ in rows} == set(names())
    assert all(PRESETS[preset].world == world for preset, world in rows if world)
    assert {world for _, world in rows if world} == set(WORLDS)
