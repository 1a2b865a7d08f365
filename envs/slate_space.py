"""The space of slates: distinct indices into the candidates, in slot order; one slate or a batch of them.

In: an action as a caller sent it. Out: indices that are known to be a slate, or an error that says what is wrong.
"""

from __future__ import annotations

from itertools import combinations
from operator import index
from typing import Any

import numpy as np
from gymnasium.spaces import MultiDiscrete
from gymnasium.spaces.space import MaskNDArray
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.world import Floats, Indices, WorldError

FEW_SLOTS = 4
"""Up to so many slots, comparing every pair is cheaper than sorting (measured at 1,024 users)."""

MANY_CANDIDATES = 100
"""Above so many, finding the best ones is cheaper than sorting them all; ties then have no fixed order."""


class SlateSpace(MultiDiscrete):
    """Slates of ``n_slots`` distinct candidates, shape (n_slots,); or (n_users, n_slots) when batched.

    For everything that treats it as a ``MultiDiscrete`` (flattening, RLlib's catalogue) it is one.
    """

    def __init__(
        self,
        n_candidates: int,
        n_slots: int,
        *,
        n_users: int | None = None,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        """A space of slates; ``n_users`` None for a single one."""
        shape = (n_slots,) if n_users is None else (n_users, n_slots)
        super().__init__(np.full(shape, n_candidates, dtype=np.int64), seed=seed)
        self.n_candidates, self.n_slots, self.n_users = n_candidates, n_slots, n_users

    def sample(
        self, mask: tuple[MaskNDArray, ...] | None = None, probability: tuple[MaskNDArray, ...] | None = None
    ) -> NDArray[np.integer[Any]]:
        """Slates drawn uniformly from all without repeats.

        Raises:
            WorldError: if a mask is given: it can't forbid repeats.
        """
        if mask is not None or probability is not None:
            raise WorldError("mask, probability: a slate can't be drawn with one; draw it and replace what may not be")
        return random_slates(self.np_random, (self.n_users or 1, self.n_candidates, self.n_slots)).reshape(self.shape)

    def contains(self, x: Any) -> bool:
        """Whether this is a slate (or batch of slates): whole numbers in range, none twice in one slate."""
        try:
            self.check(x)
        except WorldError:
            return False
        return True

    def check(self, action: Any) -> Indices:
        """The same as an index array, shape as of the space; not a copy if it is one already.

        Raises:
            WorldError: naming the first slate, slot and index that are wrong.
        """
        found = _as_indices(action)
        if found.dtype.kind not in "iu":
            raise WorldError(f"action of type {found.dtype}: a slate holds whole numbers, indices of candidates")
        if found.shape != self.shape:
            raise WorldError(f"action of shape {found.shape} should have shape {self.shape}")
        slates: Indices = found.astype(np.intp, copy=False)
        if self.n_users is None and self._is_slate(slates.tolist()):
            return slates
        if slates.view(np.uintp).max() >= self.n_candidates:
            self._blame_range(slates)
        if _repeats(slates):
            self._blame_repeat(slates)
        return slates

    def _is_slate(self, indices: list[int]) -> bool:
        """For a single slate, which is small, Python's own integers are cheaper than arrays."""
        return len(set(indices)) == self.n_slots and min(indices) >= 0 and max(indices) < self.n_candidates

    def _blame_range(self, slates: Indices) -> None:
        place = np.argwhere((slates < 0) | (slates >= self.n_candidates))[0]
        raise WorldError(
            f"action{_at(place)}={slates[tuple(place)]} is no candidate: indices go from 0 to {self.n_candidates - 1}"
        )

    def _blame_repeat(self, slates: Indices) -> None:
        for number, slate in enumerate(slates.reshape(-1, self.n_slots)):
            if len(set(slate.tolist())) < self.n_slots:
                place = "" if self.n_users is None else f"[{number}]"
                raise WorldError(f"action{place}={slate.tolist()} shows a candidate twice; a slate has no repeats")

    def __eq__(self, other: object) -> bool:
        """Equal to a space of slates of the same sizes, and to nothing else."""
        return isinstance(other, SlateSpace) and super().__eq__(other)

    def __repr__(self) -> str:
        batch = "" if self.n_users is None else f", n_users={self.n_users}"
        return f"SlateSpace({self.n_candidates}, {self.n_slots}{batch})"


def random_slates(dice: np.random.Generator, sizes: tuple[int, int, int]) -> Indices:
    """Uniform slates without repeats, shape (n_users, n_slots), for sizes (n_users, n_candidates, n_slots).

    Each slot draws among the candidates left and is then moved past those taken: no shuffling of all candidates.
    """
    n_users, n_candidates, n_slots = sizes
    slates = np.empty((n_users, n_slots), dtype=np.intp)
    for slot in range(n_slots):
        drawn = dice.integers(0, n_candidates - slot, n_users, dtype=np.intp)
        for taken in np.sort(slates[:, :slot], axis=1).T:
            drawn += drawn >= taken
        slates[:, slot] = drawn
    return slates


def top_slates(scores: Floats, n_slots: int) -> Indices:
    """The candidates with the greatest scores (n_users, n_candidates), best first, shape (n_users, n_slots)."""
    if scores.shape[1] <= MANY_CANDIDATES:
        return np.argsort(-scores, axis=1, kind="stable")[:, :n_slots]
    found = np.argpartition(-scores, n_slots - 1, axis=1)[:, :n_slots]
    order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)


def _as_indices(action: Any) -> NDArray[Any]:
    """An array of what was given; of mixed kinds of whole numbers NumPy alone would make fractions."""
    if isinstance(action, np.ndarray):
        return action
    try:
        found = np.asarray(action)
        if found.dtype.kind not in "fO":
            return found
        whole = [index(one) for one in np.array(action, dtype=object).ravel()]
        return np.array(whole, dtype=np.intp).reshape(found.shape)
    except (TypeError, ValueError, OverflowError) as error:
        raise WorldError(f"action is no slate of whole numbers, indices of candidates: {error}") from error


def _repeats(slates: Indices) -> bool:
    n_slots = slates.shape[-1]
    if n_slots > FEW_SLOTS:
        ordered = np.sort(slates, axis=-1)
        return bool((ordered[..., 1:] == ordered[..., :-1]).any())
    columns = [slates[..., slot] for slot in range(n_slots)]
    return any((first == second).any() for first, second in combinations(columns, 2))


def _at(place: NDArray[np.intp]) -> str:
    return "".join(f"[{index}]" for index in place.tolist())


@batch_space.register(SlateSpace)
def _batched(space: SlateSpace, n: int = 1) -> SlateSpace:
    return SlateSpace(space.n_candidates, space.n_slots, n_users=n)
