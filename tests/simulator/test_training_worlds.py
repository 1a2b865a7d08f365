"""Worlds that agents can't be trained in are refused before anything is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from envs.world import World
from simulator import encoded_world, training_worlds
from simulator.cells import CellError
from simulator.train_options import Request
from simulator.training_pieces import Piece
from simulator.training_plan import pieces_of
from simulator.training_worlds import require_trainable, with_sessions
from tests.simulator.recordings import movielens
from tests.simulator.trained_folder import agent


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the steps: worlds with sessions are read all the same; so is a table now and then, by chance."""
    monkeypatch.setattr(encoded_world, "N_STEPS", 400)
    monkeypatch.setattr(encoded_world, "N_REQUESTS", 200)


def pieces(*worlds: str, **more: Any) -> list[Piece]:
    return pieces_of(Request(worlds=worlds, agents=("slateq",), n_seeds=2, **more))


@pytest.mark.parametrize("world", ["digits", "words"])
def test_a_table_of_rare_features_is_refused_with_the_worlds_that_can_be(world: str) -> None:
    with pytest.raises(CellError) as refused:
        require_trainable(pieces(world))
    said = str(refused.value)
    assert said.startswith(f"world={world} (")
    assert "no agent can be trained in it. Its features (" in said
    assert "what 800 requests show of them doesn't hold for others" in said
    assert "(pixel_" in said or "(words=w" in said, "some of the features are named"
    assert "Train in one of: interest-evolution, " in said
    assert "make describe() and observe() agree" not in said, "that is for who wrote the world"


@pytest.mark.usefixtures("short")
def test_what_can_be_trained_in_is_not_refused() -> None:
    """A table whose columns are all numbers is read, though there is nothing to plan in it."""
    require_trainable(pieces("iris", "interest-evolution", "long-term-satisfaction-0.3"))


@pytest.mark.usefixtures("short")
def test_recorded_users_can_be_trained_on(tmp_path: Any) -> None:
    require_trainable(pieces(f"movielens,path={movielens(tmp_path)}"))


def test_bandits_and_references_may_play_everywhere() -> None:
    found = pieces("words")
    assert {one.sort for one in found} == {"reference", "agent", "bandit"}
    require_trainable(one for one in found if one.sort != "agent")


class Looks:
    """Counts how often a world is read; finds fault the first ``n_faults`` times."""

    def __init__(self, n_faults: int = 0) -> None:
        self.n, self.n_faults = 0, n_faults

    def __call__(self, make: Callable[[int], World], *, seed: int) -> None:
        self.n += 1
        if self.n <= self.n_faults:
            raise encoded_world.EncodingError("the world's JSON says what its arrays don't")


def test_each_world_is_looked_at_once_and_one_where_an_agent_was_trained_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = Looks()
    monkeypatch.setattr(training_worlds, "fitted", looks)
    wanted, before = pieces("news", "shop"), dataclasses.replace(pieces("news")[-1], sort="agent", seed=9)
    require_trainable(wanted)
    assert looks.n == 2
    require_trainable(wanted, [before, dataclasses.replace(agent("slateq"), sort="reference")])
    assert looks.n == 3


def test_what_one_seed_alone_finds_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_worlds, "fitted", Looks(n_faults=1))
    require_trainable(pieces("news"))
    monkeypatch.setattr(training_worlds, "fitted", Looks(n_faults=2))
    with pytest.raises(CellError, match="Its features are too rare or too many"):
        require_trainable(pieces("news"))


def test_worlds_with_sessions_are_found_by_what_users_do() -> None:
    assert with_sessions() == [
        "interest-evolution",
        "interest-evolution-visible-budget",
        "interest-exploration",
        "interest-exploration-hard",
        "long-term-satisfaction",
        "long-term-satisfaction-0.3",
        "news",
        "shop",
        "streaming",
    ]
