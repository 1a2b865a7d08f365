"""Policies of an experiment that begin with a trained agent: ``slateq:start=FILE``, a file of ``slateloop train``.

In: the file's name as a person writes it. Out: options that name file and content, so that other content is another
experiment; and for the loop, its settings and the agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.loops import PolicySettings
from agent.starts import Start, StartError, address_of, checked, unpack

START, ADDRESS = "start", "start_address"
"""Options of a ``PolicyChoice`` that are none of the policy's own: the file, and the address of its content."""


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


def data_of(options: Mapping[str, Any]) -> bytes | None:
    """The file's content, or None where there is no file.

    Raises:
        StartError: if it has changed since.
    """
    if START not in options:
        return None
    data = Path(options[START]).read_bytes()
    if address_of(data) != options.get(ADDRESS):
        raise StartError(f"start={options[START]}: the file has changed meanwhile; run the command again")
    return data


def start_of(options: Mapping[str, Any]) -> Start | None:
    """The agent, or None where there is no file."""
    data = data_of(options)
    return None if data is None else unpack(data)
