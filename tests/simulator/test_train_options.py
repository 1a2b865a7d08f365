"""Options of ``slateloop train`` as they are typed; that each reaches its field is in ``test_options.py``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from simulator.command_options import joined
from simulator.train_options import Request, asked

heard: list[Request] = []


def train(request: Request) -> None:
    heard.append(request)


app = typer.Typer()
app.command()(joined(asked, train))


def typed(*words: str) -> Request:
    heard.clear()
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return heard[0]


def test_nothing_typed_is_the_request_as_it_is() -> None:
    found, plain = dataclasses.asdict(typed()), dataclasses.asdict(Request())
    del found["command"], plain["command"]
    assert {name: _as_tuple(value) for name, value in found.items()} == plain


def _as_tuple(value: object) -> object:
    """Typer gives lists, where a request has tuples by itself."""
    return tuple(value) if isinstance(value, list) else value


def test_what_may_be_repeated_is_all_taken_in_order() -> None:
    found = typed(
        *("--world", "shop", "--world", "news,slate_size=3", "--agent", "gradient", "--bandit", "none"),
        *("--log", "200000", "--log-world", "shop", "--world-option", "a=1", "--agent-option", "epochs=2"),
        *("--no-tensorboard", "--no-plots", "--out", "there"),
    )
    assert (found.worlds, found.agents, found.beside) == (["shop", "news,slate_size=3"], ["gradient"], ["none"])
    assert (found.n_logged, found.log_worlds) == (200_000, ["shop"])
    assert (found.options, found.agent_options) == (["a=1"], ["epochs=2"])
    assert (found.tensorboard, found.plots, found.out) == (False, False, Path("there"))


@pytest.mark.parametrize(
    "words", [("--seeds", "0"), ("--users", "1"), ("--requests", "39"), ("--log", "-1"), ("--jobs", "0")]
)
def test_numbers_that_nothing_can_come_of_are_refused(words: Sequence[str]) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert words[0] in result.output
