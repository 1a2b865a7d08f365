"""What can be simulated: every world with its KPI and options, every kind of policy.

In: the presets and the policies' registry. Out: plain rows, for a table or for JSON.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from envs import presets
from envs.world import World
from policies import registry


@dataclass(frozen=True, slots=True)
class WorldEntry:
    """A world that can be named.

    Attributes:
        about: The first line of its module's documentation, which has the equations.
        kpi: What the owner looks at, and per what.
        options: Name → the preset's value.
    """

    preset: str
    about: str
    kpi: str
    options: Mapping[str, Any]


def worlds() -> list[WorldEntry]:
    """Every preset."""
    return [_entry(name) for name in presets.names()]


def policies() -> list[str]:
    """Every kind of policy."""
    return list(registry.kinds())


def _entry(preset: str) -> WorldEntry:
    chosen = presets.PRESETS[preset]
    kind = presets.world_class(chosen.world)
    about = (inspect.getdoc(inspect.getmodule(kind)) or "").partition("\n")[0]
    return WorldEntry(preset, about, f"{kind.kpi.name} per {kind.kpi.per}", {**defaults(kind), **chosen.options})


def defaults(kind: type[World]) -> dict[str, Any]:
    """Option → default, sizes first; an option without a default is None."""
    parameters = inspect.signature(kind).parameters
    names = {"n_candidates": "num_candidates", "n_slots": "slate_size"}
    found = {names[name]: _default(one) for name, one in parameters.items() if name in names}
    settings = parameters.get("settings")
    if settings is not None and is_dataclass(settings.default):
        return {**found, **{one.name: getattr(settings.default, one.name) for one in fields(settings.default)}}
    keywords = {name: one for name, one in parameters.items() if one.kind is inspect.Parameter.KEYWORD_ONLY}
    return {**found, **{name: _default(one) for name, one in keywords.items()}}


def _default(parameter: inspect.Parameter) -> Any:
    return None if parameter.default is inspect.Parameter.empty else parameter.default
