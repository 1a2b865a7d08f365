"""Every option of an experiment reaches its request: none is forgotten, none lands in another's place."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulator import bakeoff_options, parity_options, replay_options, simulate_options, train_options

RENAMED = {
    "seeds": "n_seeds",
    "requests": "n_requests",
    "candidates": "n_candidates",
    "slots": "n_slots",
    "folder": "out",
    "jobs": "n_jobs",
    "episodes": "n_episodes",
    "steps": "n_steps",
    "log": "n_logged",
    "served": "n_served",
    "users": "n_users",
}
NEEDED = {"path": Path("ml")}


def other(name: str, value: Any) -> Any:
    """A value that differs from this default, and from those of other options."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return [name]
    return Path(name) if isinstance(value, Path) else f"other {name}"


@pytest.mark.parametrize(
    "asked",
    [one.asked for one in (bakeoff_options, parity_options, replay_options, simulate_options, train_options)],
    ids=lambda one: one.__module__,
)
def test_each_option_reaches_its_field(asked: Callable[..., Any]) -> None:
    options = {name: one.default for name, one in inspect.signature(asked).parameters.items() if name not in NEEDED}
    needed = {name: value for name, value in NEEDED.items() if name in inspect.signature(asked).parameters}
    plain = asked(**needed)
    assert set(options) | set(needed) | {"command"} >= {
        {v: k for k, v in RENAMED.items()}.get(one.name, one.name) for one in dataclasses.fields(plain)
    }
    for name, value in options.items():
        found = asked(**needed, **{name: other(name, value)})
        changed = {
            one.name for one in dataclasses.fields(plain) if getattr(plain, one.name) != getattr(found, one.name)
        }
        assert changed == {RENAMED.get(name, name)}, name
