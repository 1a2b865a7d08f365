"""A request as Vowpal Wabbit lines: one shared line for each slot, one line for each action.

In: context, slots and actions. Out: text. Serving and learning build it here, so they can't differ. Namespaces:
c context, s slot, a action features, i item id, r what running rates say of the item and of this user's taste for it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TypeVar

from policies.base import DERIVED, N_LOOP_DERIVED, Action, Context, Features, Slot
from policies.features import NEGLIGIBLE, vw_number, vw_text, vw_word
from policies.vw_options import VwOptions

_Key = TypeVar("_Key", bound=Hashable)
_Kept = TypeVar("_Kept")

_N_KEPT = 20_000
_TASTE = DERIVED.index("user_tag_rate")


def context_text(context: Context) -> str:
    """What the shared lines of a request share."""
    return "shared |c " + vw_text(context.features)


def slot_text(slot: Slot, number: int) -> str:
    """What the shared line of one slot adds."""
    text = f" |s n={number}"
    if slot.id != str(number):
        text += f" id={vw_word(slot.id)}"
    return f"{text} {vw_text(slot.features)}" if slot.features else text


class ActionTexts:
    """The line of each action, built once while its features and derived values stay the same.

    An action without features of its own is described by its id, so that crossing context with features tells it apart.
    """

    def __init__(self, options: VwOptions, *, reward_range: tuple[float, float]) -> None:
        self._options, self._reward_range = options, reward_range
        self._lines: dict[tuple[str, bytes], tuple[tuple[float, ...], str]] = {}

    def all(self, actions: Sequence[Action]) -> list[str]:
        """The lines of a request's actions; the user's part of each, which comes last, is built for each request."""
        known, lines, knows_rates = self._lines, [], self._options.item_rate
        for action in actions:
            derived = action.derived
            of_loop = derived[:N_LOOP_DERIVED]
            found = known.get((action.id, action.key))
            line = found[1] if found is not None and found[0] == of_loop else self._built(action, of_loop)
            if derived and derived[_TASTE] and knows_rates:
                line += taste_text(derived[_TASTE], self._reward_range)
            lines.append(line)
        return lines

    def _built(self, action: Action, of_loop: tuple[float, ...]) -> str:
        named = "id=" + vw_word(action.id)
        text = "|a " + (_row_text(action.key, action.features) or named)
        if self._options.item_id:
            text += " |i " + named
        if self._options.item_rate and of_loop:
            text += " |r " + loop_text(of_loop, self._reward_range)
        if action.key:
            _keep(self._lines, (action.id, action.key), (of_loop, text))
        return text


_row_texts: dict[bytes, str] = {}
"""Text of feature rows by content address: the same in every snapshot, so it outlives them."""


def _row_text(key: bytes, features: Features) -> str:
    text = _row_texts.get(key) if key else None
    if text is None:
        text = vw_text(features)
        if key:
            _keep(_row_texts, key, text)
    return text


def loop_text(of_loop: tuple[float, ...], reward_range: tuple[float, float]) -> str:
    """Rates of item and tags as shares of the reward range, the count by its logarithm."""
    (rate, count, _, tag_rate), (least, greatest) = of_loop, reward_range
    share, tag_share = [min(max((one - least) / (greatest - least), 0.0), 1.0) for one in (rate, tag_rate)]
    return f"rate:{vw_number(share)} count:{vw_number(math.log1p(count) / 10)} tags:{vw_number(tag_share)}"


def taste_text(taste: float, reward_range: tuple[float, float]) -> str:
    """How much more than it promised the user gave for the item's tags, as a share of the reward range."""
    share = taste / (reward_range[1] - reward_range[0])
    if NEGLIGIBLE <= abs(share) <= 1.0:
        return f" taste:{share:.9g}"
    return f" taste:{vw_number(min(max(share, -1.0), 1.0))}"


def _keep(texts: dict[_Key, _Kept], key: _Key, text: _Kept) -> None:
    """Forgetting everything at once is cheap, rare, and needs no bookkeeping on the hot path."""
    if len(texts) >= _N_KEPT:
        texts.clear()
    texts[key] = text
