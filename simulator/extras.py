"""The optional packages that experiments need, asked for when they are needed.

In: a module's name. Out: the module, or an error that says how to install it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from typing import Any

from policies.agents import KINDS

INSTALL = "pip install 'slateloop[experiments]'"
INSTALL_RL = "`make agents`, or pip install 'slateloop[rl]'"


class MissingExtraError(RuntimeError):
    """An optional package isn't installed; the message says how to install it."""


def load(name: str, wanted_for: str, *, install: str = INSTALL) -> Any:
    """Import an optional module.

    Args:
        name: Of the module.
        wanted_for: What needs it.
        install: How to install it.

    Raises:
        MissingExtraError: it isn't installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingExtraError(f"{wanted_for} needs {package}, which isn't installed: {install}") from error


def require(names: Iterable[str], wanted_for: str, *, install: str = INSTALL) -> None:
    """Find out before the work begins.

    Raises:
        MissingExtraError: one isn't installed.
    """
    for name in names:
        load(name, wanted_for, install=install)


def require_learners(kinds: Iterable[str], wanted_for: str) -> None:
    """Find out before the work begins whether agents among these policies can learn.

    Raises:
        MissingExtraError: they can't.
    """
    agents = [kind for kind in dict.fromkeys(kinds) if kind in KINDS]
    if agents:
        require(["torch"], f"{wanted_for} with {' and '.join(agents)}", install=INSTALL_RL)


def refuse_import_without(names: Iterable[str], wanted_for: str) -> None:
    """For packages of ours that can't even be imported without the extra ``rl``; nothing is loaded to find out.

    Raises:
        ImportError: one isn't installed.
    """
    lacking = [name for name in names if importlib.util.find_spec(name) is None]
    if lacking:
        raise ImportError(f"{wanted_for} needs {', '.join(lacking)}, which isn't installed: {INSTALL_RL}")
