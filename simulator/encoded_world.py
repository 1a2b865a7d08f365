"""A world seen as serving will see it: dense vectors of the JSON it describes, computed from its arrays at full speed.

In: a way to make the world. Out: a ``WorldEncoding``: the encoder, fitted on requests that the world described, and the
affine maps that give the same vectors from the world's arrays. The maps are found by least squares and proved on fresh
requests; a world whose JSON says what its arrays don't say is refused, since nobody could train on what will be served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.slate_space import random_slates
from envs.world import Observed, Streams, World
from policies.base import Action, Context
from policies.neural.dense import N_COORDINATES, DenseEncoder, Float32s, Request
from policies.scales import FARTHEST

MakeWorld = Callable[[int], World]
"""A world, not seeded yet, for so many users."""

N_REQUESTS, N_STEPS, N_USERS = 800, 4000, 16
"""How many requests are described, over how many steps: more than a day of the worlds that have days."""

TOLERANCE = 1e-5
"""How far a coordinate computed from arrays may be from that of the JSON; coordinates are about as large as 1."""


class EncodingError(ValueError):
    """A world's JSON says something that its arrays don't; the message names what."""


class Sample(NamedTuple):
    """One request, both ways.

    Attributes:
        request: As an application would send it.
        user: (n_user_features,)
        items: (n_candidates, n_item_features)
    """

    request: Request
    user: Observed
    items: Observed


@dataclass(frozen=True, slots=True)
class Affine:
    """Columns of an encoder from columns of a world.

    Attributes:
        weight: (n_raw, n_encoded).
        bias: (n_encoded,).
    """

    weight: Float32s
    bias: Float32s

    def __call__(self, raw: Observed) -> Float32s:
        """(…, n_raw) → (…, n_encoded)."""
        found: Float32s = raw @ self.weight
        found += self.bias
        return np.clip(found, -FARTHEST, FARTHEST, out=found)


@dataclass(frozen=True, slots=True)
class WorldEncoding:
    """What trains and serves agree on.

    Attributes:
        encoder: For serving.
        user: The same of a world's users, for training.
        item: The same of its items.
    """

    encoder: DenseEncoder
    user: Affine
    item: Affine

    def encode(self, user: Observed, items: Observed) -> tuple[Float32s, Float32s]:
        """Vectors of what ``World.observe`` gave: (n_users, n_context), (n_users, n_candidates, n_action)."""
        return self.user(user), self.item(items)


def fitted(make: MakeWorld, *, seed: int, n_coordinates: int = N_COORDINATES) -> WorldEncoding:
    """The encoding of a world, from random slates.

    Raises:
        EncodingError: if no affine map of the arrays gives what the encoder makes of the JSON.
    """
    found = samples(make, seed=seed)
    encoder = DenseEncoder.fitted([sample.request for sample in found], n_coordinates=n_coordinates)
    return bound(encoder, found, samples(make, seed=seed + 1))


def bound(encoder: DenseEncoder, known: Sequence[Sample], fresh: Sequence[Sample]) -> WorldEncoding:
    """The maps of a world to an encoder that may have been fitted elsewhere, found on some samples, proved on others.

    Raises:
        EncodingError: naming the features that the world's requests lack, or the coordinates that can't be computed
            from its arrays.
    """
    lacking = encoder.unmet([sample.request for sample in known])
    if lacking:
        raise EncodingError(f"the world's requests lack {', '.join(lacking)}, which the encoder was fitted on")
    sides = [_solved(*columns) for columns in _columns(encoder, known)]
    names = encoder.context_names, encoder.action_names
    wrong = [
        fault
        for side, side_names, columns in zip(sides, names, _columns(encoder, fresh), strict=True)
        for fault in _faults(side, side_names, *columns)
    ]
    if wrong:
        raise EncodingError(
            f"the world's JSON says what its arrays don't: {', '.join(wrong)}; make describe() and observe() agree"
        )
    return WorldEncoding(encoder, *(Affine(side[1:].astype(np.float32), side[0].astype(np.float32)) for side in sides))


def samples(make: MakeWorld, *, seed: int) -> list[Sample]:
    """Requests of a world under random slates, spread over users and time."""
    return list(_walk(make(N_USERS), seed=seed))


def unmet(encoder: DenseEncoder, world: World, *, seed: int = 0) -> list[str]:
    """Features that an encoder was fitted on elsewhere and none of a world's requests has; empty where it suits.

    Args:
        encoder: Of an agent.
        world: Not seeded yet; it is walked through, as far as needed.
        seed: Of the walk.
    """
    found = list[Request]()
    for sample in _walk(world, seed=seed):
        found.append(sample.request)
        if len(found).bit_count() == 1 and not encoder.unmet(found):
            return []
    return encoder.unmet(found)


def _walk(world: World, *, seed: int) -> Iterator[Sample]:
    n_users, n_found, dice = world.n_users, 0, np.random.default_rng([seed, 2])
    everyone = np.ones(n_users, dtype=np.bool_)
    world.seed(Streams.spawn(seed))
    beginning, n_steps = everyone, np.zeros(n_users, dtype=np.intp)
    for step in range(N_STEPS):
        if beginning.any():
            world.begin(beginning)
            n_steps[beginning] = 0
        world.offer()
        if n_found * N_STEPS < step * N_REQUESTS:
            n_found += 1
            yield _sample(world, int(dice.integers(n_users)))
        reaction = world.react(random_slates(dice, (n_users, world.n_candidates, world.n_slots)), everyone)
        n_steps += 1
        beginning = reaction.ended | (n_steps >= (world.max_steps or np.inf))


def request_of(world: World, place: int) -> Request:
    """What an application would send for this user now, without slots."""
    offer = world.describe(place)
    return Context(offer.context), [Action(name, features) for name, features in offer.actions.items()]


def _sample(world: World, place: int) -> Sample:
    user, items = world.observe()
    return Sample(request_of(world, place), user[place], items[place])


_Columns = tuple[NDArray[np.float64], NDArray[np.float64]]


def _columns(encoder: DenseEncoder, found: Sequence[Sample]) -> tuple[_Columns, _Columns]:
    """Raw and encoded columns, the raw ones after a 1: of users, and of items."""
    users = np.array([sample.user for sample in found], dtype=np.float64)
    items = np.concatenate([sample.items for sample in found]).astype(np.float64)
    contexts = np.array([encoder.context(sample.request[0]) for sample in found], dtype=np.float64)
    actions = np.concatenate([encoder.actions(sample.request[1]) for sample in found]).astype(np.float64)
    return (_with_one(users), contexts), (_with_one(items), actions)


def _with_one(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([np.ones(len(columns)), columns])


def _solved(raw: NDArray[np.float64], encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least squares, shape (1 + n_raw, n_encoded); where an encoder cut its values, from the others."""
    found = np.asarray(np.linalg.lstsq(raw, encoded, rcond=None)[0], dtype=np.float64)
    for column in np.flatnonzero(np.abs(encoded).max(axis=0) >= FARTHEST).tolist():
        whole = np.abs(encoded[:, column]) < FARTHEST
        found[:, column] = np.linalg.lstsq(raw[whole], encoded[whole, column], rcond=None)[0]
    return found


def _faults(
    side: NDArray[np.float64], names: Sequence[str], raw: NDArray[np.float64], encoded: NDArray[np.float64]
) -> list[str]:
    off = np.abs(np.clip(raw @ side, -FARTHEST, FARTHEST) - encoded).max(axis=0)
    return [f"{names[column]} (off by {off[column]:.2g})" for column in np.flatnonzero(off > TOLERANCE).tolist()]
