"""Every world by name, and the presets that experiments speak of.

In: a preset's name, sizes and options. Out: a ``World``, or a Gymnasium environment of it. A new world is one line in
``WORLDS``; a new preset one line in ``PRESETS``. Worlds are loaded when first made, so a name costs nothing.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from envs.single_env import SlateEnv
from envs.slate_env import SlateVectorEnv
from envs.spelling import meant
from envs.world import World, WorldError

NAMESPACE = "slateloop"
SIZES: Mapping[str, str] = {"num_candidates": "n_candidates", "slate_size": "n_slots"}
"""Gymnasium's keywords → a world's parameters."""

NO_OPTIONS: Mapping[str, str] = {
    "num_envs": "say how many users there are where the world is made, in an argument of its own",
    "preset": "name the preset in an argument of its own",
}
"""What isn't an option, and what to do instead."""

WORLDS: Mapping[str, str] = {
    "InterestEvolution-v0": "envs.interest_evolution:InterestEvolution",
    "InterestExploration-v0": "envs.interest_exploration:InterestExploration",
    "LongTermSatisfaction-v0": "envs.long_term_satisfaction:LongTermSatisfaction",
    "News-v0": "envs.news:News",
    "Shop-v0": "envs.shop:Shop",
    "Streaming-v0": "envs.streaming:Streaming",
    "Logged-v0": "envs.logged:Logged",
    "Supervised-v0": "envs.supervised:Supervised",
}
"""Name in the id ``slateloop/…`` → ``module:class``.

The class is made as ``Class(n_users, n_candidates, n_slots, …)``, where the last two have defaults. Its options are its
keyword-only parameters, or the fields of a frozen dataclass that is the default of a parameter named ``settings``.
"""


class Preset(NamedTuple):
    """A world with chosen options.

    Attributes:
        world: A key of ``WORLDS``.
        options: What differs from the world's defaults; ``num_candidates`` and ``slate_size`` may be among them.
    """

    world: str
    options: Mapping[str, Any] = {}


PRESETS: Mapping[str, Preset] = {
    "interest-evolution": Preset("InterestEvolution-v0"),
    "interest-evolution-visible-budget": Preset("InterestEvolution-v0", {"visible_budget": True}),
    "interest-exploration": Preset("InterestExploration-v0"),
    "interest-exploration-hard": Preset("InterestExploration-v0", {"harder": True}),
    "long-term-satisfaction": Preset("LongTermSatisfaction-v0"),
    "long-term-satisfaction-0.3": Preset("LongTermSatisfaction-v0", {"sensitivity": 0.3}),
    "news": Preset("News-v0"),
    "shop": Preset("Shop-v0"),
    "streaming": Preset("Streaming-v0"),
    "movielens": Preset("Logged-v0"),
    "digits": Preset("Supervised-v0", {"data": "digits"}),
    "breast-cancer": Preset("Supervised-v0", {"data": "breast-cancer"}),
    "wine": Preset("Supervised-v0", {"data": "wine"}),
    "iris": Preset("Supervised-v0", {"data": "iris"}),
    "words": Preset("Supervised-v0", {"data": "words"}),
    "table": Preset("Supervised-v0"),
}


def names() -> tuple[str, ...]:
    """All presets."""
    return tuple(PRESETS)


def make_world(
    preset: str,
    options: Mapping[str, Any] = MappingProxyType({}),
    *,
    num_envs: int = 1,
    num_candidates: int | None = None,
    slate_size: int | None = None,
    **more: Any,
) -> World:
    """The world of a preset; it is not seeded yet.

    Args:
        preset: One of ``names()``.
        options: Replace the preset's options; the sizes may be among them.
        num_envs: How many users at once.
        num_candidates: None for what ``options`` say, or else the preset's own.
        slate_size: The same.
        more: As ``options``.

    Raises:
        WorldError: if there is no such preset or option, or a value can't be.
    """
    if preset not in PRESETS:
        raise WorldError(f"preset={preset!r} doesn't exist; there are {', '.join(names())}{meant(preset, names())}")
    chosen = PRESETS[preset]
    sizes = {"num_candidates": num_candidates, "slate_size": slate_size}
    asked = {name: value for name, value in sizes.items() if value is not None}
    given = {**options, **more}
    return build(chosen.world, num_envs, {**chosen.options, **_merged(asked, given)})


def make_env(
    preset: str, *, num_candidates: int | None = None, slate_size: int | None = None, **options: Any
) -> SlateEnv:
    """A preset's world with one user, as ``gymnasium.Env``; see ``make_world``."""
    return SlateEnv(make_world(preset, options, num_candidates=num_candidates, slate_size=slate_size))


def make_vector_env(
    preset: str, *, num_envs: int = 1, num_candidates: int | None = None, slate_size: int | None = None, **options: Any
) -> SlateVectorEnv:
    """A preset's world as ``gymnasium.vector.VectorEnv``; see ``make_world``."""
    return SlateVectorEnv(
        make_world(preset, options, num_envs=num_envs, num_candidates=num_candidates, slate_size=slate_size)
    )


def build(world: str, num_envs: int, options: Mapping[str, Any]) -> World:
    """A world by its name in ``WORLDS``, with options as Gymnasium's keywords name them.

    Raises:
        WorldError: if an option doesn't exist, naming it and what exists, or has a value that can't be.
    """
    for name, cure in NO_OPTIONS.items():
        if name in options:
            raise WorldError(f"{name}={options[name]!r} is no option of a world; {cure}")
    kind = world_class(world)
    known = _options(kind)
    wrong = [name for name in options if name not in (*SIZES, *known)]
    if wrong:
        there_are, like = ", ".join((*SIZES, *known)), meant(wrong[0], (*SIZES, *known))
        raise WorldError(f"{wrong[0]}={options[wrong[0]]!r}: {world} has no such option; there are {there_are}{like}")
    rest = {name: options[name] for name in options if name in known}
    sizes = {SIZES[name]: options[name] for name in SIZES if name in options}
    return kind(num_envs, **sizes, **_arguments(kind, rest))


def world_class(world: str) -> type[World]:
    """The class behind a name in ``WORLDS``.

    Raises:
        WorldError: if there is none.
    """
    if world not in WORLDS:
        raise WorldError(f"world={world!r} doesn't exist; there are {', '.join(WORLDS)}{meant(world, WORLDS)}")
    module, name = WORLDS[world].split(":")
    found: type[World] = getattr(importlib.import_module(module), name)
    return found


def single(*, world: str, render_mode: str | None = None, **options: Any) -> SlateEnv:
    """Entry point of ``gymnasium.make``.

    Raises:
        WorldError: if an option is wrong.
    """
    _refuse_rendering(render_mode)
    return SlateEnv(build(world, 1, options))


def vector(*, world: str, num_envs: int = 1, render_mode: str | None = None, **options: Any) -> SlateVectorEnv:
    """Vector entry point of ``gymnasium.make_vec``.

    Raises:
        WorldError: if an option is wrong.
    """
    _refuse_rendering(render_mode)
    return SlateVectorEnv(build(world, num_envs, options))


def _options(kind: type[World]) -> tuple[str, ...]:
    parameters = inspect.signature(kind).parameters
    settings = parameters.get("settings")
    if settings is not None and is_dataclass(settings.default):
        return tuple(one.name for one in fields(settings.default))
    return tuple(name for name, one in parameters.items() if one.kind is inspect.Parameter.KEYWORD_ONLY)


def _arguments(kind: type[World], options: Mapping[str, Any]) -> dict[str, Any]:
    settings = inspect.signature(kind).parameters.get("settings")
    if settings is None or not is_dataclass(settings.default):
        return dict(options)
    default: Any = settings.default
    return {"settings": replace(default, **options)}


def _merged(asked: Mapping[str, int], options: Mapping[str, Any]) -> dict[str, Any]:
    """Options with sizes that were asked for apart; the same size twice is fine, two different ones are not."""
    for name, value in asked.items():
        if name in options and options[name] != value:
            raise WorldError(f"{name}={value!r} and {name}={options[name]!r} among the options: give one of them")
    return {**options, **asked}


def _refuse_rendering(render_mode: str | None) -> None:
    if render_mode is not None:
        raise WorldError(f"render_mode={render_mode!r}: worlds draw no pictures; leave it out")
