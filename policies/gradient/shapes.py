"""Shapes of the policy gradient's ``Agent``, and how its critic is read, told without torch.

In: parameters by name, and the encoder that they were made for. Out: what they were made with, or a refusal.
"""

from __future__ import annotations

from policies.neural.dense import DenseEncoder
from policies.neural.history import n_features
from policies.neural.shapes import ArraysByName, NetSizes, Shapes, linear, require, sizes_of, tower

VALUE_SCALE = 60.0
"""A critic's output is read as so many times as much: undiscounted returns are far from 1, and Adam's steps are small.
With 20, interest-evolution stands at 270 instead of 285 after 300,000 steps. A critic that was kept with another one
can't be read; see ``Learnable.fixed``."""


def built(arrays: ArraysByName, encoder: DenseEncoder) -> NetSizes:
    """What these parameters were made with.

    Raises:
        PolicyError: if a learner of this release can't go on from them.
    """
    sizes = sizes_of(arrays, of_tower="scorer.context", of_item="scorer.item")
    require(arrays, shapes(sizes, encoder), encoder)
    return sizes


def shapes(sizes: NetSizes, encoder: DenseEncoder) -> Shapes:
    """Of all parameters."""
    (hidden, units), n_context, n_action = sizes, encoder.n_context, encoder.n_action
    return {
        **tower("scorer.context", n_context, n_action + units, hidden),
        **(linear("scorer.item", n_action, units) if units else {}),
        **tower("critic", n_context + n_features(n_action), 1, hidden),
    }
