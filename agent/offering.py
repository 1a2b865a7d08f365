"""Actions as they are offered to every policy and kept by the log: with what the loop knows of them, and of the user.

In: checked features, the item rates of the snapshot being served, a user's row. Out: an ``Offer``. The service and
experiments in one process offer alike, so a policy sees in one what it sees in the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from policies.base import N_LOOP_DERIVED, Action, Features
from policies.derived import packed
from policies.rates import ItemRates
from policies.tags import Tags, tags_of
from policies.user_rates import COLUMNS, UserRates


class Offered(NamedTuple):
    """An action ready to be offered to anyone.

    Attributes:
        action: As a user sees it of whom nothing is known.
        row: Canonical JSON of the features; its address is ``action.key``.
        of_loop: The loop's columns of ``DERIVED``; empty where nothing is known.
        derived: The same as they are logged: float32 little-endian.
        tags: The item's.
    """

    action: Action
    row: bytes
    of_loop: tuple[float, ...] = ()
    derived: bytes = b""
    tags: Tags = ()


class Offer(NamedTuple):
    """The actions of one request, for one user.

    Attributes:
        derived: What the log keeps of ``Action.derived``, all actions' one after the other.
    """

    actions: Sequence[Action]
    derived: bytes


def offered(action_id: str, features: Features, row: bytes, *, key: bytes, rates: ItemRates) -> Offered:
    """An action under one snapshot's rates.

    Args:
        action_id: The application's name for it.
        features: Checked.
        row: The features' canonical JSON.
        key: Address of ``row``.
        rates: Of the snapshot.
    """
    tags = tags_of(features, key)
    derived = rates.derive(action_id, tags)
    of_loop = derived[:N_LOOP_DERIVED]
    return Offered(Action(action_id, features, key, derived), row, of_loop, packed(of_loop), tags)


def offer_to(user: UserRates | None, actions: Sequence[Offered]) -> Offer:
    """Fill in what is known of the user, if anything; nothing while the loop knows nothing of items."""
    if user is None or not all([one.derived for one in actions]):
        return Offer([one.action for one in actions], b"".join([one.derived for one in actions]))
    columns = user.columns([one.tags for one in actions])
    seen: list[Action] = []
    logged: list[bytes] = []
    at, n_bytes = 0, COLUMNS.size
    for (action, _, of_loop, derived, _), own in zip(actions, COLUMNS.iter_unpack(columns), strict=True):
        seen.append(Action(action.id, action.features, action.key, of_loop + own))
        logged += (derived, columns[at : at + n_bytes])
        at += n_bytes
    return Offer(seen, b"".join(logged))
