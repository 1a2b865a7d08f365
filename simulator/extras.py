"""The optional packages that experiments need, asked for when they are needed.

In: a module's name. Out: the module, or an error that says how to install it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

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
