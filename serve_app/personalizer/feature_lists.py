"""Feature lists of the dialects become the one feature object that our requests have.

In: raw JSON of a list of objects, ``[{"user": {"tier": "gold"}}, {"daypart": "evening"}]``. Out: raw JSON of one
object. Each distinct list is read once and remembered; how features are checked is ``serve_app/rows.py``'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Raw

from policies.features import canonical
from serve_app.errors import RequestError
from serve_app.memo import Memo
from serve_app.personalizer.errors import AzureError
from serve_app.reading import Reader

NONE_GIVEN = Raw(b"null")

NOT_PAIRS = "Features are not in key value pair format."
EMPTY_NAME = "Context features and action features cannot use the empty string as an id."
MIXED_LIST = "Features should not contain array with non-number items."
NULL_CONTEXT = "Context features contains null value."
TOO_DEEP = "Features are nested too deeply."
NO_FEATURE = "Every action should have at least one non-null action feature."

_DEPTH = 16
"""What a loop may allow at most; its own limit is applied to what is merged."""

_REMEMBERED_BYTES = 8 * 2**20
_OVERHEAD_BYTES = 300

_read: Reader[Any] = Reader(Any)


class FeatureLists:
    """Merges lists of features; one for each process."""

    def __init__(self) -> None:
        self._merged: Memo[bytes, Raw] = Memo(_REMEMBERED_BYTES)

    def context(self, raw: Raw) -> Raw:
        """The object of a context's list; empty where none was sent.

        Raises:
            AzureError: an entry is null, or no object.
        """
        if raw == NONE_GIVEN:
            return Raw(b"{}")
        return self._known(bytes(raw)) or self._merge(bytes(raw), "contextFeatures", may_be_null=False)

    def action(self, raw: Raw, place: int) -> Raw:
        """The object of the list of the action at this place of the request.

        Raises:
            AzureError: there is no feature, or an entry is no object.
        """
        return self._known(bytes(raw)) or self._merge(bytes(raw), f"actions[{place}].features", may_be_null=True)

    def slot(self, raw: Raw, place: int) -> Raw:
        """The object of a slot's list; empty where none was sent.

        Raises:
            AzureError: an entry is no object.
        """
        if raw == NONE_GIVEN:
            return Raw(b"{}")
        return self._known(b"s" + bytes(raw)) or self._merge(bytes(raw), f"slots[{place}].features", may_be_null=None)

    def _known(self, key: bytes) -> Raw | None:
        return self._merged.young.get(key) or self._merged.get(key)

    def _merge(self, data: bytes, target: str, *, may_be_null: bool | None) -> Raw:
        try:
            entries = _read.read(data)
        except RequestError as error:
            raise error.at(target) from None
        if not isinstance(entries, list) or any(not isinstance(one, dict | None) for one in entries):
            raise _wrong(NOT_PAIRS, target)
        objects = [one for one in entries if one is not None]
        if may_be_null is False and len(objects) < len(entries):
            raise _wrong(NULL_CONTEXT, target)
        if may_be_null is True and not objects:
            raise _wrong(NO_FEATURE, target)
        merged: dict[str, Any] = {}
        for one in objects:
            _add(merged, one, target, depth=0)
        raw = Raw(canonical(merged))
        # Contexts and actions refuse different lists: what one has passed the other may not.
        if may_be_null is None or len(objects) == len(entries) > 0:
            self._merged.put((b"s" if may_be_null is None else b"") + data, raw, 2 * len(data) + _OVERHEAD_BYTES)
        return raw


def _add(merged: dict[str, Any], features: Mapping[str, Any], target: str, *, depth: int) -> None:
    """Take in one object; names that begin with ``_`` are ignored, as they always were."""
    if depth > _DEPTH:
        raise _wrong(TOO_DEEP, target)
    for name, value in features.items():
        if not name:
            raise _wrong(EMPTY_NAME, target)
        if name.startswith("_"):
            continue
        if isinstance(value, dict):
            inner = merged.get(name)
            merged[name] = inner = inner if isinstance(inner, dict) else {}
            _add(inner, value, f"{target}.{name:.40}", depth=depth + 1)
        else:
            _check_list(value, f"{target}.{name:.40}")
            merged[name] = _both(merged.get(name), value)


def _both(before: Any, value: Any) -> Any:
    """Two values of one name: strings are both kept, of anything else the later one counts."""
    if isinstance(value, str) and isinstance(before, str | list):
        kept = [before] if isinstance(before, str) else before
        return [*kept, value] if all(isinstance(one, str) for one in kept) else value
    return value


def _check_list(value: Any, target: str) -> None:
    """Numbers, as ever; strings too, which the old service refused."""
    if isinstance(value, list):
        kinds = {bool if isinstance(one, bool) else str if isinstance(one, str) else type(one) for one in value}
        if not (kinds <= {int, float} or kinds == {str}):
            raise _wrong(MIXED_LIST, target)


def _wrong(message: str, target: str) -> AzureError:
    return AzureError(400, "InvalidRankRequest", message, target=target)
