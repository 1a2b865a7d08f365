"""Every world by name, and the presets that experiments speak of.

In: a preset's name, sizes and options. Out: a ``World``, or a Gymnasium environment of it. A new world is one line in
``WORLDS``; a new preset one line in ``PRESETS``. Worlds are loaded when first made, so a name costs nothing.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple

from envs.single_env import SlateEnv
from envs.slate_env import SlateVectorEnv
from envs.world import World, WorldError

NAMESPACE = "slateloop"
SIZES: Mapping[str, str] = {"num_candidates": "n_candidates", "slate_size": "n_slots"}
"""Gymnasium's keywords → a world's parameters."""

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
    preset: str, *, num_envs: int = 1, num_candidates: int | None = None, slate_size: int | None = None, **options: Any
) -> World:
    """The world of a preset; it is not seeded yet.

    Args:
        preset: One of ``names()``.
        num_envs: How many users at once.
        num_candidates: None for the preset's own.
        slate_size: None for the preset's own.
        options: Replace the preset's options.

    Raises:
        WorldError: if there is no such preset or option, or a value can't be.
    """
    if preset not in PRESETS:
        raise WorldError(f"preset={preset!r} doesn't exist; there are {', '.join(names())}")
    chosen = PRESETS[preset]
    sizes = {"num_candidates": num_candidates, "slate_size": slate_size}
    asked = {name: value for name, value in sizes.items() if value is not None}
    return build(chosen.world, num_envs, {**chosen.options, **asked, **options})


def make_env(
    preset: str, *, num_candidates: int | None = None, slate_size: int | None = None, **options: Any
) -> SlateEnv:
    """A preset's world with one user, as ``gymnasium.Env``; see ``make_world``."""
    return SlateEnv(make_world(preset, num_candidates=num_candidates, slate_size=slate_size, **options))


def make_vector_env(
    preset: str, *, num_envs: int = 1, num_candidates: int | None = None, slate_size: int | None = None, **options: Any
) -> SlateVectorEnv:
    """A preset's world as ``gymnasium.vector.VectorEnv``; see ``make_world``."""
    sizes = {"num_candidates": num_candidates, "slate_size": slate_size}
    return SlateVectorEnv(make_world(preset, num_envs=num_envs, **sizes, **options))


def build(world: str, num_envs: int, options: Mapping[str, Any]) -> World:
    """A world by its name in ``WORLDS``, with options as Gymnasium's keywords name them.

    Raises:
        WorldError: if an option doesn't exist, naming it and what exists, or has a value that can't be.
    """
    kind = world_class(world)
    known = _options(kind)
    wrong = [name for name in options if name not in (*SIZES, *known)]
    if wrong:
        there_are = ", ".join((*SIZES, *known))
        raise WorldError(f"{wrong[0]}={options[wrong[0]]!r}: {world} has no such option; there are {there_are}")
    rest = {name: options[name] for name in options if name in known}
    sizes = {SIZES[name]: _whole(name, options[name]) for name in SIZES if name in options}
    return kind(_whole("num_envs", num_envs), **sizes, **_arguments(kind, rest))


def world_class(world: str) -> type[World]:
    """The class behind a name in ``WORLDS``.

    Raises:
        WorldError: if there is none.
    """
    if world not in WORLDS:
        raise WorldError(f"world={world!r} doesn't exist; there are {', '.join(WORLDS)}")
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


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise WorldError(f"{name}={value!r} must be a whole number")
    return value


def _refuse_rendering(render_mode: str | None) -> None:
    if render_mode is not None:
        raise WorldError(f"render_mode={render_mode!r}: worlds draw no pictures; leave it out")
