"""Policies of an experiment that begin with a trained agent: ``slateq:start=FILE``, a file of ``slateloop train``.

In: the file's name as a person writes it, and the world it is to serve. Out: options that name file and content, so
that other content is another experiment; and for the loop, its settings and the agent, if it suits the world.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.loops import PolicySettings
from agent.starts import Start, StartError, address_of, checked, encoder_of, unpack
from envs.world import World
from policies.base import PolicyError
from simulator.encoded_world import unmet

START, ADDRESS = "start", "start_address"
"""Options of a ``PolicyChoice`` that are none of the policy's own: the file, and the address of its content."""

_N_NAMED = 8


def own(options: Mapping[str, Any]) -> dict[str, Any]:
    """The policy's own options."""
    return {name: value for name, value in options.items() if name not in (START, ADDRESS)}


def settled(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options with the file's whole name and its content's address; others come back as they are.

    Raises:
        StartError: if there is no such file, or it is no agent of this kind.
    """
    if START not in options:
        return dict(options)
    path = Path(str(options[START])).expanduser().resolve()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StartError(
            f"start={options[START]}: {error.strerror}; name a file that `slateloop train` wrote"
        ) from None
    found = checked(data)
    if found.kind != kind:
        raise StartError(f"start={options[START]}: an agent of kind {found.kind}; write {found.kind}:start=…")
    return {**options, START: str(path), ADDRESS: address_of(data)}


def settings_of(kind: str, options: Mapping[str, Any]) -> PolicySettings:
    """What a loop's settings say of such a policy."""
    return PolicySettings(kind=kind, options=own(options), start=str(options.get(ADDRESS, "")))


def data_of(options: Mapping[str, Any], world: World) -> bytes | None:
    """The file's content, or None where there is no file.

    Args:
        options: As ``settled`` gave them.
        world: The agent is to serve there; it is walked through, so it must be nobody else's.

    Raises:
        StartError: if the file has changed since, or the world lacks what the agent was trained with.
    """
    if START not in options:
        return None
    data = Path(options[START]).read_bytes()
    if address_of(data) != options.get(ADDRESS):
        raise StartError(f"start={options[START]}: the file has changed meanwhile; run the command again")
    require_fit(unpack(data), world, name=f"start={options[START]}")
    return data


def start_of(options: Mapping[str, Any], world: World) -> Start | None:
    """The agent, or None where there is no file; see ``data_of``."""
    data = data_of(options, world)
    return None if data is None else unpack(data)


def require_fit(start: Start, world: World, *, name: str) -> None:
    """Refuse an agent that looks at what a world hasn't: it would serve, and mean nothing by it.

    Args:
        start: The agent.
        world: Walked through, so it must be nobody else's.
        name: What the message calls the agent.

    Raises:
        StartError: naming the features, or if the agent can't be learned on from.
    """
    try:
        lacking = unmet(encoder_of(start), world)
    except PolicyError as error:
        raise StartError(f"{name}: {error}; train it anew with this release") from error
    if lacking:
        shown = ", ".join(lacking[:_N_NAMED]) + (", …" if len(lacking) > _N_NAMED else "")
        raise StartError(
            f"{name}: requests of {world.name} have no {shown}, which the agent was trained with; "
            "train one in this world, or choose the world that it was trained in"
        )
