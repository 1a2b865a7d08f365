"""Shapes of the agents' nets, told without torch: what a loop may begin with is checked where nothing is learned.

In: lengths of what goes in and comes out, or parameters by name. Out: shapes by name, as ``policies/neural/nets.py``
makes them, or the widths that parameters were made with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from numpy.typing import NDArray

from policies.base import PolicyError
from policies.neural.dense import DenseEncoder

Shapes = dict[str, tuple[int, ...]]
ArraysByName = Mapping[str, NDArray[Any]]


class NetSizes(NamedTuple):
    """What decides the shapes of an agent's nets beside its encoder; options of these names must be the same.

    Attributes:
        hidden: Widths of the hidden layers.
        item_units: Features of items that are learned.
    """

    hidden: tuple[int, ...]
    item_units: int


def linear(name: str, n_inputs: int, n_outputs: int, *, bias: bool = True) -> Shapes:
    """Of a linear layer."""
    return {f"{name}.weight": (n_outputs, n_inputs), **({f"{name}.bias": (n_outputs,)} if bias else {})}


def tower(name: str, n_inputs: int, n_outputs: int, hidden: Sequence[int]) -> Shapes:
    """Of a ``Tower``."""
    widths = [n_inputs, *hidden]
    found = linear(f"{name}.direct", n_inputs, n_outputs, bias=not hidden)
    for number, (n, m) in enumerate(pairwise(widths)):
        found |= linear(f"{name}.layers.{number}", n, m)
    return found | (linear(f"{name}.out", widths[-1], n_outputs) if hidden else {})


def sizes_of(arrays: ArraysByName, *, of_tower: str, of_item: str) -> NetSizes:
    """What parameters were made with, as far as they tell; ``require`` says whether the rest is so too."""
    return NetSizes(tuple(_widths(arrays, of_tower)), len(arrays.get(f"{of_item}.bias", ())))


def require(arrays: ArraysByName, shapes: Shapes, encoder: DenseEncoder) -> None:
    """See that parameters are those of nets of these shapes.

    Raises:
        PolicyError: naming those that aren't.
    """
    given = {name: array.shape for name, array in arrays.items()}
    wrong = sorted(name for name in shapes.keys() | given.keys() if shapes.get(name) != given.get(name))
    if wrong:
        seen = f"{encoder.n_context} coordinates of a context and {encoder.n_action} of an action"
        raise PolicyError(f"its nets don't fit each other, or an encoder of {seen}: {', '.join(wrong)}")


def _widths(arrays: ArraysByName, name: str) -> Iterator[int]:
    number = 0
    while (bias := arrays.get(f"{name}.layers.{number}.bias")) is not None:
        yield len(bias)
        number += 1
