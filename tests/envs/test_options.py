"""Every option of every preset refuses what it can't be, and names it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from inspect import Parameter, signature
from typing import Any

import numpy as np
import pytest

from envs.presets import PRESETS, SIZES, make_vector_env, make_world, names, world_class
from envs.world import WorldError, check_number

WHOLE = {"num_candidates", "slate_size", "pool", "max_steps"}
REAL = {"requests_per_day", "drift", "position_bias", "stock", "sensitivity", "budget_price"}


def options() -> Iterator[tuple[str, str, Any]]:
    """Preset, option, default; ``table`` alone needs its path before anything else is looked at."""
    for preset in (one for one in names() if one != "table"):
        parameters = signature(world_class(PRESETS[preset].world)).parameters
        for name, size in SIZES.items():
            yield preset, name, parameters[size].default
        settings = parameters.get("settings")
        if settings is not None and is_dataclass(settings.default):
            yield from ((preset, one.name, getattr(settings.default, one.name)) for one in fields(settings.default))
        else:
            keywords = [one for one in parameters.values() if one.kind is Parameter.KEYWORD_ONLY]
            yield from ((preset, one.name, one.default) for one in keywords)


def wrong_values() -> Iterator[tuple[str, str, Any]]:
    for preset, name, default in options():
        wrong: list[Any] = ["nonsense", [], 5.5j]
        if default is not None and name not in SIZES:
            wrong.append(None)
        if name in WHOLE | REAL | {"churn"}:
            wrong += [True, "3", float("nan"), -1.0, -np.inf]
        if name in WHOLE:
            wrong += [2.5, 0, np.inf]
        yield from ((preset, name, value) for value in wrong)


@pytest.mark.parametrize(("preset", "name", "value"), list(wrong_values()))
def test_a_wrong_value_is_named(preset: str, name: str, value: Any) -> None:
    with pytest.raises(WorldError) as found:
        make_world(preset, **{name: value})
    assert name in str(found.value) or str(value) in str(found.value)


@pytest.mark.parametrize(
    ("within", "inside", "outside"),
    [
        ("[0, 1]", [0, 1, 0.5, np.float32(0.5), np.int64(1)], [-0.01, 1.01, np.inf]),
        ("(0, inf)", [1e-300, 7], [0, 0.0, np.inf]),
        ("[1, inf]", [1.0, np.inf], [0.99, -np.inf]),
    ],
)
def test_an_interval_holds_what_it_says(within: str, inside: list[Any], outside: list[Any]) -> None:
    for value in inside:
        check_number("size", value, within=within)
    for value in [*outside, np.nan]:
        with pytest.raises(WorldError, match=r"size=.* must be a number in "):
            check_number("size", value, within=within)


def test_numbers_of_numpy_will_do() -> None:
    world = make_world("news", {"num_candidates": np.int64(8), "slate_size": np.int32(2), "drift": np.float32(1.0)})
    assert (world.n_candidates, world.n_slots) == (8, 2)


def test_sizes_may_be_among_the_options() -> None:
    asked: dict[str, Any] = {"num_candidates": 7, "slate_size": 2, "drift": 0.0}
    for world in (
        make_world("news", asked),
        make_world("news", asked, num_candidates=None, slate_size=None),
        make_world("news", asked, num_candidates=7),
        make_vector_env("news", num_envs=1, **asked).world,
    ):
        assert (world.n_candidates, world.n_slots) == (7, 2)
    with pytest.raises(WorldError, match="num_candidates=8 and num_candidates=7 among the options: give one"):
        make_world("news", asked, num_candidates=8)


@pytest.mark.parametrize("name", ["num_envs", "preset"])
def test_what_is_no_option_says_where_it_belongs(name: str) -> None:
    with pytest.raises(WorldError, match=f"{name}=3 is no option of a world; .* in an argument of its own"):
        make_world("news", {name: 3})
