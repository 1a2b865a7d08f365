"""Programs are told of numbers that JSON can't say, before anything is sent."""

from __future__ import annotations

import math
import re
from collections import UserList
from types import MappingProxyType
from typing import Any

import pytest

from serve_app import calls
from serve_app.finite import require_finite
from tests.serve_app.fake_http import FakeHttp
from tests.serve_app.test_client import client

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("actions", "ask", "named"),
    [
        ({"a": {"x": NAN}}, {}, "actions['a'].features.x=nan"),
        ([{"id": "b", "features": {"tags": [1.0, -INF]}}], {}, "actions['b'].features.tags[1]=-inf"),
        (["a"], {"context": {"user": {"age": INF}}}, "context.user.age=inf"),
        (["a"], {"slots": [{"features": {"y": NAN}}]}, "slots[0].features.y=nan"),
    ],
)
def test_a_slate_with_a_number_that_is_none_is_not_sent(actions: Any, ask: Any, named: str) -> None:
    http = FakeHttp(routes={})
    with client(http) as service, pytest.raises(ValueError, match=re.escape(f"{named}: must be finite; send a finite")):
        service.choose(actions, **ask)
    assert http.requests == []


def test_items_and_props_are_looked_at_too() -> None:
    with pytest.raises(ValueError, match=re.escape("items['a'].features.x=nan")):
        calls.put_items({"a": {"x": NAN}}, loop="shop")
    with pytest.raises(ValueError, match=re.escape("props.s=inf")):
        calls.rewards([{"event_id": "e", "value": 1.0, "props": {"s": INF}}], loop=None)
    with pytest.raises(ValueError, match=re.escape("actions['a'].features.x=nan")):
        calls.choose_many([{"actions": {"a": {"x": NAN}}}], loop=None)


def test_containers_of_other_kinds_are_looked_into() -> None:
    with pytest.raises(ValueError, match=re.escape("context.x.y[0]=nan")):
        require_finite({"context": {"x": MappingProxyType({"y": UserList([NAN])})}} | {"actions": [{"id": "a"}]})


def test_everything_else_passes() -> None:
    require_finite({"a": [1.0, 2, True, None, "nan", b"nan", (0.5,), {"b": 1e300}]})
