"""Actions as a policy sees them, from actions as a client names them, at the cost of one look-up when they repeat.

In: an id and raw feature bytes. Out: an ``Offered``: features checked against the loop's limits, overlaid on the loop's
catalogue, addressed by content, with the derived features of the snapshot being served. A request's bytes are
decoded and checked once per distinct (id, bytes), and derived features are looked up once per snapshot; the user's part
of them is filled in for each request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from agent.loops import LimitSettings
from agent.offering import Offered, offered
from policies import features
from policies.base import Action, Features
from policies.rates import ItemRates
from serve_app.errors import RequestError, UnprocessableError, shown
from serve_app.memo import Memo
from serve_app.reading import Reader
from serve_app.wire import WireAction

_ROWS_BYTES = 8 * 2**20
_OFFERED_BYTES = 8 * 2**20
_CATALOGUE_BYTES = 4 * 2**20
_OVERHEAD_BYTES = 600
"""What the Python objects of one small row take beside its bytes."""

_read_features: Reader[dict[str, Any]] = Reader(dict[str, Any])

Fetch = Callable[[Sequence[str]], Awaitable[Mapping[str, bytes]]]
"""Reads catalogue entries: ids → JSON features of those that exist."""


class Row(NamedTuple):
    """A checked feature row."""

    features: Features
    canonical: bytes
    key: bytes


def read_features(raw: msgspec.Raw | bytes, limits: LimitSettings, *, field: str) -> dict[str, Any]:
    """Decode and check a feature object.

    Raises:
        RequestError: naming the path inside ``field``, the value and the cure.
    """
    try:
        found = _read_features.read(raw)
        features.check(found, n_features=limits.features, string_bytes=limits.string_bytes, nesting=limits.nesting)
    except features.FeatureError as error:
        path = f"{field}.{error.path}" if error.path else field
        raise UnprocessableError(str(error), field=path, value=shown(error.value), cure=error.cure) from None
    except RequestError as error:
        raise error.at(field) from None
    return found


class Catalogue:
    """The loop's items at one version of its catalogue, read when first named.

    Args:
        fetch: Reads entries; None for a catalogue that is empty.
        version: Which state of the catalogue this is; a change makes a new object.
    """

    def __init__(self, fetch: Fetch | None, *, version: int = 0) -> None:
        self.version = version
        self._fetch = fetch
        self._known: Memo[str, Features] = Memo(_CATALOGUE_BYTES)

    async def entries(self, ids: Iterable[str]) -> Mapping[str, Features]:
        """Features by id; empty for an id that the catalogue doesn't have."""
        if self._fetch is None:
            return {}
        found = {action_id: self._known.get(action_id) for action_id in ids}
        unknown = [action_id for action_id, entry in found.items() if entry is None]
        if unknown:
            stored = await self._fetch(unknown)
            for action_id in unknown:
                data = stored.get(action_id, b"{}")
                found[action_id] = entry = msgspec.json.decode(data, type=dict[str, Any])
                self._known.put(action_id, entry, len(data) + _OVERHEAD_BYTES)
        return {action_id: entry or {} for action_id, entry in found.items()}


class Rows:
    """Checked rows of one loop, for one set of limits and one version of its catalogue."""

    def __init__(self, limits: LimitSettings, catalogue: Catalogue) -> None:
        self.limits = limits
        self.catalogue = catalogue
        self._rows: Memo[tuple[str, bytes], Row] = Memo(_ROWS_BYTES)

    async def rows(self, asked: Mapping[int, tuple[str, bytes]]) -> dict[int, Row]:
        """The row of each (id, raw features), by its place in the request.

        Raises:
            RequestError: if features are malformed or beyond the limits.
        """
        found = {place: self._rows.get(key) for place, key in asked.items()}
        new = [asked[place][0] for place, row in found.items() if row is None]
        entries = await self.catalogue.entries(new) if new else {}
        return {
            place: row or self._make(asked[place], entries.get(asked[place][0]), place) for place, row in found.items()
        }

    def _make(self, key: tuple[str, bytes], entry: Features | None, place: int) -> Row:
        sent = read_features(key[1], self.limits, field=f"actions[{place}].features")
        merged = {**entry, **sent} if entry else sent
        canonical = features.canonical(merged)
        row = Row(merged, canonical, features.address(canonical))
        self._rows.put(key, row, len(key[1]) + 2 * len(canonical) + _OVERHEAD_BYTES)
        return row


class Shelf:
    """Actions ready to be offered, under one snapshot's rates."""

    def __init__(self, rows: Rows, rates: ItemRates) -> None:
        self.rows = rows
        self.rates = rates
        self._ready: Memo[tuple[str, bytes], Offered] = Memo(_OFFERED_BYTES)

    async def offer(self, asked: Sequence[str | WireAction]) -> list[Offered]:
        """The actions of a request, in its order.

        Raises:
            RequestError: if features are malformed or beyond the limits.
        """
        ready, found = self._ready, []
        missing: dict[int, tuple[str, bytes]] = {}
        for place, action in enumerate(asked):
            key = (action, b"{}") if isinstance(action, str) else (action.id, bytes(action.features))
            known = ready.young.get(key) or ready.get(key)
            if known is None:
                missing[place] = key
                known = _NOTHING
            found.append(known)
        if missing:
            for place, row in (await self.rows.rows(missing)).items():
                found[place] = self._make(missing[place], row)
        return found

    def _make(self, key: tuple[str, bytes], row: Row) -> Offered:
        made = offered(key[0], row.features, row.canonical, key=row.key, rates=self.rates)
        self._ready.put(key, made, len(key[1]) + _OVERHEAD_BYTES)
        return made


_NOTHING = Offered(Action(""), b"")
