"""SlateQ nets for tests: any parameters, as if learned from the offers of ``tests/policies/offers.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from policies.neural.arrays import Arrays
from policies.neural.dense import DenseEncoder
from policies.neural.history import n_features
from policies.neural.nets import arrays_of
from policies.slateq import snapshot
from policies.slateq.net import Sizes, SlateQNet
from policies.slateq.options import parse
from tests.policies.offers import offer


def encoder() -> DenseEncoder:
    return DenseEncoder.fitted([offer(6, seed) for seed in range(50)])


def net(sizes: Sizes, seed: int = 0, **options: Any) -> SlateQNet:
    """Parameters that no start would give."""
    made, generator = SlateQNet(parse(options), sizes), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
        made.slots.copy_(-0.3 * torch.arange(sizes.n_slots))
    return made


def arrays(known: DenseEncoder, *, n_slots: int = 3, seed: int = 0, **options: Any) -> Arrays:
    sizes = Sizes(known.n_context, known.n_action, n_features(known.n_action), n_slots)
    return arrays_of(net(sizes, seed, **options))


def blob(*, n_slots: int = 3, seed: int = 0, looks: Sequence[float] = (), **options: Any) -> bytes:
    """A snapshot; ``looks``: what slots multiply weights by, else less and less."""
    known = encoder()
    made = arrays(known, n_slots=len(looks) or n_slots, seed=seed, **options)
    if looks:
        made["slots"] = np.log(np.array(looks, dtype=np.float32))
    return snapshot.to_bytes(known, made)
