from __future__ import annotations

from typing import Any

import pytest

from agent.loops import LimitSettings
from policies.base import N_LOOP_DERIVED
from policies.derived import unpacked
from policies.features import FeatureError, address, canonical
from policies.rates import ItemRates
from policies.tags import tags_of
from simulator import offering
from simulator.offering import Shelf


def rates() -> ItemRates:
    found = ItemRates()
    found.observe("a", 1.0)
    return found


def test_an_action_is_offered_under_its_address_with_its_rates() -> None:
    (one,) = Shelf(rates(), LimitSettings()).offer({"a": {"n": 2, "topic": "sport"}})
    row = canonical({"n": 2, "topic": "sport"})
    assert (one.row, one.action.key, one.action.id) == (row, address(row), "a")
    assert one.action.derived == rates().derive("a", tags_of({"n": 2, "topic": "sport"}))
    assert unpacked(one.derived) == one.action.derived[:N_LOOP_DERIVED]


def test_before_anything_is_known_nothing_is_derived() -> None:
    (one,) = Shelf(ItemRates(), LimitSettings()).offer({"a": {}})
    assert (one.action.derived, one.derived) == ((), b"")


def test_an_action_is_made_once_while_its_features_stay() -> None:
    shelf = Shelf(rates(), LimitSettings())
    first, again, changed = (shelf.offer({"a": {"age": age}})[0] for age in (1, 1, 2))
    assert first is again
    assert changed.action.key != first.action.key
    assert shelf.offer({"b": {"age": 1}})[0].action.id == "b"


def test_actions_that_were_forgotten_are_made_again_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offering, "N_KEPT", 3)
    shelf = Shelf(rates(), LimitSettings())
    offers = [shelf.offer({f"i{n}": {"n": n % 5} for n in range(5)}) for _ in range(3)]
    assert offers[0] == offers[1] == offers[2]


@pytest.mark.parametrize("features", [{"x": float("inf")}, {"x": "y" * 2000}, {"x": {"y": {"z": {"u": {"v": 1}}}}}])
def test_what_the_service_refuses_is_refused(features: dict[str, Any]) -> None:
    with pytest.raises(FeatureError):
        Shelf(rates(), LimitSettings()).offer({"a": features})
