"""Agents that don't suit a world are refused before anything is played."""

from __future__ import annotations

from pathlib import Path

import pytest

from envs.presets import make_world
from envs.world import World
from simulator.cells import CellError, parse_policy
from simulator.suited_starts import require_suited
from tests.simulator.test_policy_starts import written
from tests.trained import OPTIONS, WORLD


def world() -> World:
    return make_world(WORLD, OPTIONS)


def nowhere() -> World:
    raise AssertionError("no world is needed")


def test_an_agent_suits_its_own_world(tmp_path: Path) -> None:
    path = written(tmp_path, "slateq")
    require_suited([parse_policy("vw"), parse_policy(f"slateq:start={path},hidden=[8]")], world, title="here")


def test_policies_that_begin_with_nothing_need_no_look() -> None:
    require_suited([parse_policy("vw"), parse_policy("slateq")], nowhere, title="here")


def test_features_that_the_world_lacks_are_named(tmp_path: Path) -> None:
    policy = parse_policy(f"slateq:start={written(tmp_path, 'slateq')},hidden=[8]")
    with pytest.raises(CellError, match=r"^slateq in the news: start=.*: requests of news have no clickbait, which"):
        require_suited([policy], lambda: make_world("news"), title="the news")


def test_options_that_it_was_not_trained_with_are_named(tmp_path: Path) -> None:
    policy = parse_policy(f"gradient:start={written(tmp_path, 'gradient')},hidden=[16]")
    with pytest.raises(CellError, match=r"gradient in here: options.hidden=\[16\]: the agent was trained with \[8\]"):
        require_suited([policy], world, title="here")


def test_a_file_that_changed_meanwhile_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, "gradient")
    policy = parse_policy(f"gradient:start={path},hidden=[8]")
    path.write_bytes(b"others")
    with pytest.raises(CellError, match="has changed meanwhile; run the command again"):
        require_suited([policy], world, title="here")
