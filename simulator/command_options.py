"""A command made of two functions: one says what can be asked for, the other does it.

In: ``asked``, whose parameters are options and whose docstring is the help, and ``run``, which gets what ``asked``
returns. Out: one function with the options of both, as Typer reads them. So a command's options stand beside what they
mean, load nothing heavy, and the command line only puts the rooms together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints


def joined(asked: Callable[..., Any], run: Callable[..., None]) -> Callable[..., None]:
    """One command: the options of ``asked``, then those of ``run`` after its first parameter, which is the request.

    Args:
        asked: Makes a request of its options.
        run: Takes the request, then options of its own by name; gives the command its name.
    """
    own = list(inspect.signature(asked).parameters)
    rest = list(inspect.signature(run).parameters)[1:]

    def command(**given: Any) -> None:
        run(asked(**{name: given[name] for name in own}), **{name: given[name] for name in rest})

    parameters = [*_named(asked, own), *_named(run, rest)]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect and Typer read
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    command.__name__, command.__doc__ = run.__name__, asked.__doc__
    return command


def _named(function: Callable[..., Any], names: list[str]) -> list[inspect.Parameter]:
    """These parameters by name, their annotations resolved where they were written."""
    hints, found = get_type_hints(function, include_extras=True), inspect.signature(function).parameters
    by_name = inspect.Parameter.KEYWORD_ONLY
    return [found[name].replace(kind=by_name, annotation=hints[name]) for name in names]
