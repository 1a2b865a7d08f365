"""The nets of ``policies/neural/nets.py`` in NumPy: how replicas and rollouts compute them.

In: rows. Out: rows; the same as torch up to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policies.base import PolicyError

Floats = NDArray[np.floating[Any]]
"""Of whatever precision the parameters have: rollouts take float32, replicas float64."""

ArraysLike = Mapping[str, NDArray[Any]]


class ItemLayer:
    """Items as the other nets see them: their own coordinates, then learned ones, where there are any.

    Attributes:
        n_learned: Learned coordinates.
        n_inputs: Length of a row in; None where nothing is learned, so that any will do.
    """

    def __init__(self, arrays: ArraysLike) -> None:
        """From the arrays of nets, of which ``item.weight`` and ``item.bias`` are read; neither is needed.

        Raises:
            PolicyError: if one lacks or doesn't fit the other.
        """
        self._learned = _layer(arrays, "item") if "item.weight" in arrays and "item.bias" in arrays else None
        if self._learned is None and ("item.weight" in arrays or "item.bias" in arrays):
            raise PolicyError("no layer of items: its weight or its bias is missing")
        self.n_learned, self.n_inputs = 0, None
        if self._learned is not None:
            weight, bias = self._learned
            if weight.ndim != 2 or bias.shape != weight.shape[1:]:
                raise PolicyError(f"no layer of items: weights {weight.shape}, bias {bias.shape}")
            self.n_inputs, self.n_learned = weight.shape

    def __call__(self, candidates: Floats) -> Floats:
        """(…, n_inputs) → (…, n_inputs + n_learned)."""
        if self._learned is None:
            return candidates
        learned = candidates @ self._learned[0]
        learned += self._learned[1]
        return np.concatenate([candidates, np.maximum(learned, 0.0, out=learned)], axis=-1)


class ForwardTower:
    """A ``Tower`` with fixed parameters.

    Attributes:
        n_inputs: Length of a row in.
        n_outputs: Length of a row out.
    """

    def __init__(self, arrays: ArraysLike) -> None:
        """From the arrays of a ``Tower``.

        Raises:
            PolicyError: if they are none, or their shapes don't fit together.
        """
        try:
            hidden = [name for name in arrays if name.startswith("layers.") and name.endswith(".weight")]
            names = [f"layers.{number}" for number in range(len(hidden))]
            self._layers = [_layer(arrays, name) for name in names]
            self._out = _layer(arrays, "out") if names else None
            self._direct = np.ascontiguousarray(arrays["direct.weight"].T)
            self._bias = arrays.get("direct.bias")
        except KeyError as error:
            raise PolicyError(f"no tower: it lacks {error}") from error
        self.n_inputs, self.n_outputs = self._direct.shape
        self._check()

    def __call__(self, inputs: Floats) -> Floats:
        """(…, n_inputs) → (…, n_outputs)."""
        found: Floats = inputs @ self._direct
        if self._bias is not None:
            found += self._bias
        if self._out is None:
            return found
        for weight, bias in self._layers:
            inputs = inputs @ weight
            inputs += bias
            np.maximum(inputs, 0.0, out=inputs)
        found += inputs @ self._out[0]
        found += self._out[1]
        return found

    def _check(self) -> None:
        n = self.n_inputs
        for weight, bias in (*self._layers, *(() if self._out is None else (self._out,))):
            if weight.shape != (n, len(bias)):
                raise PolicyError(f"no tower: a layer of shape {weight.shape} follows one of {n} outputs")
            n = len(bias)
        if self._out is not None and n != self.n_outputs:
            raise PolicyError(f"no tower: {n} outputs beside {self.n_outputs}")


def _layer(arrays: ArraysLike, name: str) -> tuple[Floats, Floats]:
    return np.ascontiguousarray(arrays[f"{name}.weight"].T), arrays[f"{name}.bias"]
