"""JSON features of context, action and slot as dense vectors of a bounded length, shared by everything that learns.

In: lessons (``observe``, the learner alone) and requests (``encode``). Out: for each action a row z of shared features,
and for the context a vector x that every action may weigh in its own way. A row holds, each as it is first seen:

* 1, the slot's number, the context's and the action's own coordinates (``policies/vocabulary.py``),
* the action's derived features,
* matches: how much the context says of a word that the action holds, for each pair of a context's name and an
  action's name that ever matched: ``{"taste": {"drama": 0.3}}`` or ``{"language": "en"}`` in the context, ``{"genres":
  ["drama"]}`` or ``{"language": "en"}`` in the action,
* products of one context's and one action's coordinate, for the pairs seen first, until the room for them is full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from policies.action_halves import ActionHalves
from policies.action_rows import ActionRows
from policies.base import DERIVED, GROWING, Action, Context, Lesson, PolicyError, Slot
from policies.crossing import Holders, Matches, Pairs
from policies.entries import Entries, entries
from policies.overflow import Overflow
from policies.scales import Array, Scales
from policies.slot_views import runs, slot_entries, slot_views
from policies.vocabulary import Vocabulary

GROUPS = ("base", "context", "action", "derived", "product")
"""What a shared coordinate is made of; each group has its own prior."""
BASE, CONTEXT, ACTION, DERIVED_GROUP, PRODUCT = range(len(GROUPS))

N_SLOTS = 8
"""Slots told apart; those further down count as the last of these."""

_FORMAT = 2
_ALL_MEASURED, _MEASURE_EVERY = 1024, 4
_SIDE_SHARE, _PRODUCT_SHARE, _MAIN_RESERVE = 0.375, 0.5, 0.125
N_DERIVED = len(DERIVED)

Codes = NDArray[np.int8]


class Encoder:
    """Running state of one learner; ``from_bytes`` makes the same one in a replica.

    Args:
        dimensions: Shared coordinates at most; what is beyond is left out or shares, and is counted.
        ids_count: Whether something else tells actions apart by their ids: what only one action holds then adds
            nothing, and is left out until a second one holds it.
        groups: Those of ``GROUPS`` that z is made of.

    Attributes:
        n_shared: Coordinates of z so far.
    """

    def __init__(self, dimensions: int = 256, *, ids_count: bool = True, groups: Sequence[str] = GROUPS) -> None:
        side = max(8, int(dimensions * _SIDE_SHARE))
        self.dimensions = dimensions
        self._wanted = [group in groups for group in GROUPS]
        self.context, self.action = Vocabulary(side), Vocabulary(side)
        self._groups = [BASE]
        self._context_at: list[int] = []
        self._action_of: list[int] = []
        self._action_at: list[int] = []
        self._slot_at: list[int] = []
        self._derived_at: list[int] = []
        self._pairs = Pairs()
        self._holders = Holders(ids_count=ids_count)
        self._matches = Matches()
        self._overflow = Overflow()
        self._overflow_at: list[int] = []
        self._derived = Scales(N_DERIVED)
        self._n_derived = 0
        self._n_lessons, self._next_refresh, self._refreshed_at = 0, 1, 0
        self._troubles: Counter[str] = Counter()
        self._action_rows, self._halves = ActionRows(), ActionHalves()
        self._freeze()

    @property
    def n_shared(self) -> int:
        """Length of z."""
        return len(self._groups)

    @property
    def n_own(self) -> int:
        """Length of x: 1 and the context's coordinates."""
        return 1 + len(self.context)

    @property
    def was_refreshed(self) -> bool:
        """Whether the last lesson brought the scaling up to date: what was encoded before is of the past."""
        return self._refreshed_at == self._n_lessons

    def groups(self) -> Codes:
        """Index into ``GROUPS`` of each shared coordinate, shape (n_shared,)."""
        return np.array(self._groups, dtype=np.int8)

    def trouble(self) -> Mapping[str, int]:
        """What could not be taken as it came, by reason: for the loop's status."""
        return dict(self._troubles)

    def observe(self, lesson: Lesson) -> tuple[Array, Array]:
        """Learn names, words and sizes from the context and the actions that were chosen, and encode these.

        Returns:
            z, shape (n_slots, n_shared), and x, shape (n_slots, n_own): a row for each slot.
        """
        self._n_lessons += 1
        chosen = [lesson.actions[index] for index in lesson.slate.chosen]
        moments = slot_views(lesson.context, lesson.slots)
        self._observe_sides(moments, chosen)
        if self._n_lessons >= self._next_refresh:
            self._refresh()
        self._grow(len(lesson.slots))
        rows, derived = self._action_rows.of(chosen, self.action), self._derived_rows(chosen)
        self._matches.attach(self.action)
        self._matches.observe(moments, rows)
        self._give_all(self._matches.at, len(self._matches.at) + self._matches.n_without_place, DERIVED_GROUP)
        vectors = self._vectors(moments)
        self._holders.observe(chosen, rows)
        self._grow_action()
        self._pair(vectors, rows * self._holders.common)
        if self._changed:
            self._freeze()
        found = self._encoded(moments, vectors, rows, derived)
        if self._overflow_at:
            self._fill_overflow(found[0], moments, chosen)
            for moment, action, reward in zip(moments, chosen, lesson.rewards, strict=True):
                self._overflow.observe(self.context.strangers(moment), action, reward)
        return found

    def encode_chosen(self, lesson: Lesson) -> tuple[Array, Array]:
        """The chosen actions of a lesson as ``observe`` would return them now, learning nothing."""
        chosen = [lesson.actions[index] for index in lesson.slate.chosen]
        moments = slot_views(lesson.context, lesson.slots)
        rows, derived = self._action_rows.of(chosen, self.action), self._derived_rows(chosen)
        found = self._encoded(moments, self._vectors(moments), rows, derived)
        self._fill_overflow(found[0], moments, chosen)
        return found

    def encode(
        self, context: Context, actions: Sequence[Action], *, slot: Slot | None = None, number: int = 0
    ) -> tuple[Array, Array]:
        """A request as vectors.

        Args:
            context: Of the request.
            actions: Whose rows are wanted.
            slot: The slot; None leaves out what it adds.
            number: Its 0-based number.

        Returns:
            z, shape (len(actions), n_shared), and x, shape (n_own,).
        """
        moment = entries(context.features) if slot is None else slot_entries(context, slot, number)
        x, z = np.concatenate((_ONE, self.context.vector(moment))), self._halves.of(actions, self._half_of)
        z *= x.take(self._other_half)
        if len(self._matches):
            self._matches.fill(z, moment, self._action_rows.of(actions, self.action))
        if self._overflow_at:
            z[:, self._overflow_at[0]] = self._overflow.column(self.context.strangers(moment), actions)
        if slot is not None and self._slot_at:
            z[:, self._slot_at[min(number, self.n_slots - 1)]] = 1.0
        return z, x

    @property
    def slot_coordinates(self) -> list[int]:
        """The shared coordinates of slot 0, 1 and so on, as far as slots are told apart."""
        return list(self._slot_at)

    @property
    def n_slots(self) -> int:
        """Slots told apart so far."""
        return len(self._slot_at)

    def to_bytes(self) -> bytes:
        """All of it, exactly: the same lessons, the same bytes."""
        return _encoder.encode(
            [
                _FORMAT,
                self.dimensions,
                self._wanted,
                [self.context.to_parts(), self.action.to_parts()],
                [self._groups, self._context_at, self._slot_at, self._derived_at],
                [self._action_of, self._action_at],
                [self._pairs.to_parts(), self._matches.to_parts(), self._holders.to_parts()],
                [self._overflow_at, self._overflow.to_parts()],
                [self._derived.to_bytes(), self._n_derived, self._n_lessons, self._next_refresh],
                sorted(self._troubles.items()),
            ]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Encoder:
        """What ``to_bytes`` gave.

        Raises:
            PolicyError: if the bytes are something else.
        """
        try:
            version, *parts = _decoder.decode(data)
            if version != _FORMAT:
                raise PolicyError(f"an encoder of format {version}; this release reads format {_FORMAT}")
            dimensions, wanted, sides, places, action, crossed, rest, counts, troubles = parts
            made = cls(dimensions, groups=[group for group, is_wanted in zip(GROUPS, wanted, strict=True) if is_wanted])
            made.context, made.action = (Vocabulary.from_parts(side) for side in sides)
            made._groups, made._context_at, made._slot_at, made._derived_at = places
            made._action_of, made._action_at = action
            made._pairs, made._matches = Pairs.from_parts(crossed[0]), Matches.from_parts(crossed[1])
            made._holders = Holders.from_parts(crossed[2])
            made._overflow_at, made._overflow = rest[0], Overflow.from_parts(rest[1])
            derived, made._n_derived, made._n_lessons, made._next_refresh = counts
            made._derived = Scales.from_bytes(derived, N_DERIVED)
            made._troubles = Counter(dict(troubles))
            made._matches.attach(made.action)
        except (msgspec.MsgspecError, ValueError, TypeError) as error:
            raise error if isinstance(error, PolicyError) else PolicyError(f"no encoder: {error}") from error
        made._freeze()
        return made

    def _observe_sides(self, moments: Sequence[Entries], chosen: Sequence[Action]) -> None:
        sizes = len(self.context), len(self.action)
        told = [moments[slots.start] for slots in runs(moments)]
        rows = [self._action_rows.entries(action) for action in chosen]
        self.context.meet(told, self._troubles)
        self.action.meet(rows, self._troubles)
        self._count_unusable([*told, *rows])
        if self._n_lessons <= _ALL_MEASURED or self._n_lessons % _MEASURE_EVERY == 0:
            self.context.measure(told)
            self.action.measure(rows)
            self._measure_derived(chosen)
        if sizes != (len(self.context), len(self.action)):
            self._freeze()

    def _measure_derived(self, chosen: Sequence[Action]) -> None:
        derived = [action.derived for action in chosen if action.derived]
        if derived:
            self._n_derived += len(derived)
            self._derived.observe(slice(None), _derived_values(derived))

    def _refresh(self) -> None:
        self.context.refresh()
        self.action.refresh()
        self._derived.refresh(self._n_derived)
        self._matches.refresh()
        self._overflow.refresh()
        self._refreshed_at = self._n_lessons
        self._next_refresh = max(self._n_lessons + 1, int(self._n_lessons * 1.1))
        self._freeze()

    def _grow(self, n_slots: int) -> None:
        """Give coordinates to what was seen for the first time."""
        self._give_all(self._slot_at, min(n_slots, N_SLOTS), BASE)
        self._give_all(self._derived_at, N_DERIVED if self._n_derived else 0, DERIVED_GROUP)
        self._give_all(self._overflow_at, int(self.context.is_full), DERIVED_GROUP)
        self._give_all(self._context_at, len(self.context), CONTEXT)

    def _grow_action(self) -> None:
        """Coordinates for what more than one action holds."""
        if not self._wanted[ACTION] or len(self._action_of) == np.count_nonzero(self._holders.common):
            return
        for place in sorted(set(np.flatnonzero(self._holders.common).tolist()) - set(self._action_of)):
            self._give_all(self._action_at, len(self._action_at) + 1, ACTION)
            if len(self._action_at) == len(self._action_of):
                return
            self._action_of.append(place)

    def _give_all(self, places: list[int], n: int, group: int) -> None:
        """Coordinates for what has none yet, as long as there are any."""
        if not self._wanted[group]:
            return
        for _ in range(len(places), n):
            if self.n_shared >= self.dimensions:
                self._troubles["dimension limit: a feature is left out"] += 1
                return
            places.append(self.n_shared)
            self._groups.append(group)
            self._changed = True

    def _pair(self, vectors: Sequence[Array], rows: Array) -> None:
        """Coordinates for new products, as long as there is room."""
        room = min(
            int(self.dimensions * _PRODUCT_SHARE) - len(self._pairs),
            int(self.dimensions * (1 - _MAIN_RESERVE)) - self.n_shared,
        )
        if room <= 0 or not self._wanted[PRODUCT]:
            return
        if vectors and vectors[0] is vectors[-1] and self._pairs.covers(vectors[0], rows):
            return
        for vector, row in zip(vectors, rows, strict=True):
            for pair in self._pairs.unseen(vector, row)[:room]:
                self._pairs.add(pair, self.n_shared)
                self._groups.append(PRODUCT)
                self._changed = True
                room -= 1
        if not room:
            self._troubles["dimension limit: further products of features are left out"] += 1

    def _count_unusable(self, rows: Sequence[Entries]) -> None:
        n_unusable = sum(row.n_unusable for row in rows)
        if n_unusable:
            self._troubles["value: not a finite number, or of no known type"] += n_unusable

    def _vectors(self, moments: Sequence[Entries]) -> list[Array]:
        found: list[Array] = []
        for slots in runs(moments):
            found += [self.context.vector(moments[slots.start])] * (slots.stop - slots.start)
        return found

    def _encoded(
        self, moments: Sequence[Entries], vectors: Sequence[Array], rows: Array, derived: Array
    ) -> tuple[Array, Array]:
        """Rows z and x of a slate, one for each slot."""
        x = np.ones((len(rows), self.n_own))
        x[:, 1:] = vectors
        z = self._half(rows, derived)
        z *= x.take(self._other_half, axis=1)
        if len(self._matches):
            for slots in runs(moments):
                self._matches.fill(z[slots], moments[slots.start], rows[slots])
        for number in range(len(rows) if self._slot_at else 0):
            z[number, self._slot_at[min(number, self.n_slots - 1)]] = 1.0
        return z, x

    def _half(self, rows: Array, derived: Array) -> Array:
        """What the actions alone say of z: all of it but matches, overflow and slot, were each of the context's 1."""
        z = np.zeros((len(rows), self.n_shared))
        z[:, self._of_context] = 1.0
        z[:, self._action_z] = rows.take(self._action_columns, axis=1)
        if self._derived_at:
            z[:, self._derived_at] = derived[:, : len(self._derived_at)]
        return z

    def _half_of(self, actions: Sequence[Action]) -> Array:
        return self._half(self._action_rows.of(actions, self.action), self._derived_rows(actions))

    def _fill_overflow(self, z: Array, moments: Sequence[Entries], chosen: Sequence[Action]) -> None:
        if self._overflow_at:
            for slots in runs(moments):
                strangers = self.context.strangers(moments[slots.start])
                z[slots, self._overflow_at[0]] = self._overflow.column(strangers, chosen[slots])

    def _freeze(self) -> None:
        """What was encoded before is of the past."""
        left, right, pairs_at = self._pairs.table()
        self._of_context = np.array([0, *self._context_at], dtype=np.intp)
        self._action_z = np.concatenate((np.array(self._action_at, dtype=np.intp), pairs_at))
        self._action_columns = np.concatenate((np.array(self._action_of, dtype=np.intp), right))
        self._other_half = np.zeros(self.n_shared, dtype=np.intp)
        self._other_half[self._of_context] = range(len(self._of_context))
        self._other_half[pairs_at] = 1 + left
        self._matches.freeze()
        self._action_rows.forget()
        self._halves.forget()
        self._changed = False

    def _derived_rows(self, actions: Sequence[Action]) -> Array:
        """What the loop knew of the actions, scaled, shape (n_actions, N_DERIVED); zeros where it knew nothing."""
        derived = [action.derived for action in actions]
        if () not in derived:
            return self._derived.scaled(_derived_values(derived))
        rows, known = np.zeros((len(actions), N_DERIVED)), [i for i, values in enumerate(derived) if values]
        if known:
            rows[known] = self._derived.scaled(_derived_values([derived[i] for i in known]))
        return rows


def _derived_values(rows: Sequence[tuple[float, ...]]) -> Array:
    """Shape (n_rows, N_DERIVED), what grows by its logarithm; what an older release didn't derive is 0."""
    n = len(rows)
    if all(len(row) == N_DERIVED for row in rows):
        values = np.fromiter(chain.from_iterable(rows), np.float64, n * N_DERIVED).reshape(n, N_DERIVED)
    else:
        values = np.array([(*row, *(0.0,) * N_DERIVED)[:N_DERIVED] for row in rows])
    np.maximum(values, _LEAST, out=values)
    np.log1p(values, out=values, where=_GROWS)
    return values


_ONE = np.ones(1)
_GROWS = np.array([name in GROWING for name in DERIVED])
_LEAST = np.where(_GROWS, 0.0, -np.inf)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Any])
