"""What Adam remembers, as bytes: without it a resumed learner would take other steps than one that was never stopped.

In: an optimiser and the module it trains. Out: bytes, and an optimiser that goes on from them exactly.
"""

from __future__ import annotations

import torch
from torch import nn

from policies.base import PolicyError
from policies.neural import arrays


def to_bytes(optimizer: torch.optim.Adam, module: nn.Module) -> bytes:
    """First and second moments and the count of steps, by parameter; empty before the first step."""
    found = {}
    for name, parameter in module.named_parameters():
        known = optimizer.state.get(parameter)
        if known:
            found[f"first.{name}"] = known["exp_avg"].numpy()
            found[f"second.{name}"] = known["exp_avg_sq"].numpy()
            found[f"steps.{name}"] = known["step"].numpy().reshape(1)
    return arrays.to_bytes(found)


def load(optimizer: torch.optim.Adam, module: nn.Module, data: bytes) -> None:
    """Go on from what ``to_bytes`` gave.

    Raises:
        PolicyError: if the bytes are something else, or of another module.
    """
    found = arrays.from_bytes(data)
    for name, parameter in module.named_parameters():
        parts = [found.pop(f"{part}.{name}", None) for part in ("first", "second", "steps")]
        first, second, steps = (None if part is None else torch.tensor(part) for part in parts)
        if first is None and second is None and steps is None:
            continue
        if first is None or second is None or steps is None or not first.shape == second.shape == parameter.shape:
            raise PolicyError(f"moments of {name} don't fit the net; were they made with other options?")
        optimizer.state[parameter] = {"step": steps[0].clone(), "exp_avg": first, "exp_avg_sq": second}
    if found:
        raise PolicyError(f"moments of parameters that the net hasn't: {', '.join(sorted(found))}")
