"""Shapes of ``SlateQNet``, told without torch.

In: parameters by name, and the encoder that they were made for. Out: what they were made with, or a refusal.
"""

from __future__ import annotations

from policies.neural.dense import DenseEncoder
from policies.neural.history import n_features
from policies.neural.shapes import ArraysByName, NetSizes, Shapes, linear, require, sizes_of, tower

N_CHOICE_UNITS = 16
"""Of the bend in how a match becomes a choice."""


def built(arrays: ArraysByName, encoder: DenseEncoder) -> NetSizes:
    """What these parameters were made with.

    Raises:
        PolicyError: if a learner of this release can't go on from them.
    """
    sizes = sizes_of(arrays, of_tower="advantage", of_item="item")
    n_slots = max(1, arrays["slots"].size) if "slots" in arrays else 1
    require(arrays, shapes(sizes, encoder, n_slots), encoder)
    return sizes


def shapes(sizes: NetSizes, encoder: DenseEncoder, n_slots: int) -> Shapes:
    """Of all parameters."""
    (hidden, units), n_context, n_action = sizes, encoder.n_context, encoder.n_action
    n_item = n_action + units
    return {
        **tower("value", n_context + n_features(n_action), 1, hidden),
        **tower("advantage", n_context, n_item + 1, hidden),
        **(linear("item", n_action, units) if units else {}),
        **linear("affinity", n_context, n_item, bias=False),
        **linear("appeal", n_item, 1, bias=False),
        **linear("bend_in", 1, N_CHOICE_UNITS),
        **linear("bend_out", N_CHOICE_UNITS, 1, bias=False),
        "slots": (n_slots,),
    }
