"""The nets of the agents, in torch: a multilayer perceptron beside a linear layer. For training alone.

In: float32 vectors. Out: float32 vectors; 0 before the first lesson. ``policies/neural/forward.py`` computes the same
in NumPy. A replica never imports this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from policies.base import PolicyError
from policies.neural.arrays import Arrays

ADAM_EPS = 1e-5


class Tower(nn.Module):
    """ReLU layers and, beside them, one linear layer from input to output; what comes out of both starts at 0."""

    def __init__(self, n_inputs: int, n_outputs: int, hidden: Sequence[int]) -> None:
        """Without hidden layers it is linear."""
        super().__init__()
        widths = [n_inputs, *hidden]
        self.layers = nn.ModuleList(nn.Linear(n, m) for n, m in pairwise(widths))
        self.out = nn.Linear(widths[-1], n_outputs) if hidden else None
        self.direct = nn.Linear(n_inputs, n_outputs, bias=not hidden)
        for last in (self.out, self.direct):
            if last is not None:
                for parameter in last.parameters():
                    nn.init.zeros_(parameter)

    def forward(self, inputs: Tensor) -> Tensor:
        """(…, n_inputs) → (…, n_outputs)."""
        direct: Tensor = self.direct(inputs)
        if self.out is None:
            return direct
        for layer in self.layers:
            inputs = torch.relu(layer(inputs))
        found: Tensor = self.out(inputs) + direct
        return found


def tensor(array: NDArray[np.generic]) -> Tensor:
    """A copy in memory of torch's own: its sums depend on how memory is aligned."""
    return torch.tensor(array)


def adam(parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Adam:
    """The optimiser of all agents."""
    return torch.optim.Adam(parameters, lr=lr, eps=ADAM_EPS)


def anneal(optimizer: torch.optim.Optimizer, *, first: float, last: float, progress: float) -> None:
    """Set the learning rate on the line from ``first`` to ``last``; progress in [0, 1], cut there."""
    share = min(max(progress, 0.0), 1.0)
    for group in optimizer.param_groups:
        group["lr"] = first + (last - first) * share


def arrays_of(module: nn.Module) -> Arrays:
    """Copies of all parameters, by name."""
    return {name: parameter.detach().cpu().numpy().copy() for name, parameter in module.named_parameters()}


def load(module: nn.Module, arrays: Mapping[str, NDArray[np.float32]]) -> None:
    """Set all parameters.

    Raises:
        PolicyError: if names or shapes differ from the module's.
    """
    wanted = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
    given = {name: array.shape for name, array in arrays.items()}
    if wanted != given:
        wrong = sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name))
        raise PolicyError(f"parameters don't fit the net: {', '.join(wrong)}; was it made with other options?")
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))
