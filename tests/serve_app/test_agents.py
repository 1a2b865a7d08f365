"""Trained agents over HTTP: taken, named in settings, refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent import keys
from agent.starts import address_of
from tests.serve_app.conftest import InProcess
from tests.trained import AGENT_OPTIONS, packed

PATH = "/v1/loops/shop/agents"


@pytest.mark.parametrize("kind", ["slateq", "gradient"])
async def test_an_agent_is_kept_and_a_loop_begins_with_it(service: InProcess, kind: str) -> None:
    data = packed(kind)
    answer = (await service.call("PUT", PATH, data)).json()
    assert answer == {
        "start": address_of(data),
        "kind": kind,
        "n_bytes": len(data),
        "reward_min": 0.0,
        "reward_max": 100.0,
        "features": ["clickbait"],
    }
    policy = {"kind": kind, "options": AGENT_OPTIONS, "start": answer["start"]}
    made = await service.call("PUT", "/v1/loops/shop", {"policy": policy})
    assert made.status_code == 200, made.text
    assert made.json()["settings"]["policy"]["start"] == answer["start"]
    assert service.redis.ttl(keys.start("shop", answer["start"])) == -1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: b"", "not a trained agent"),
        (lambda: packed("gradient")[:-3], "checksum"),
        (lambda: b"SLST9" + packed("gradient")[5:], "format SLST9"),
    ],
)
async def test_other_bytes_are_refused_and_not_kept(service: InProcess, make: Callable[[], bytes], said: str) -> None:
    refused = await service.call("PUT", PATH, make())
    assert refused.status_code == 422
    assert said in refused.json()["detail"]
    assert refused.json()["cure"]
    assert service.redis.keys("*:start:*") == []


async def test_only_an_administrator_of_the_loop_may(service: InProcess) -> None:
    for key in (service.key("decide"), service.key("admin", loop="other")):
        assert (await service.call("PUT", PATH, packed("gradient"), key=key)).status_code == 403
    assert (await service.call("PUT", "/v1/loops/Bad%20Name/agents", packed("gradient"))).status_code == 422


async def test_settings_may_only_begin_with_what_is_kept_and_of_their_kind(service: InProcess) -> None:
    address = address_of(packed("gradient"))
    policy = {"kind": "gradient", "options": AGENT_OPTIONS, "start": address}
    refused = await service.call("PUT", "/v1/loops/shop", {"policy": policy})
    assert refused.status_code == 422
    assert refused.json()["field"] == "policy.start"
    assert "keeps no such agent" in refused.json()["detail"]
    await service.call("PUT", "/v1/loops/elsewhere/agents", packed("gradient"))
    assert (await service.call("PUT", "/v1/loops/shop", {"policy": policy})).status_code == 422
    await service.call("PUT", PATH, packed("gradient"))
    other = await service.call("PUT", "/v1/loops/shop", {"policy": {"kind": "vw", "start": address}})
    assert other.status_code == 422
    assert "of kind gradient" in other.json()["detail"]
    larger = await service.call("PUT", "/v1/loops/shop", {"policy": {**policy, "options": {"hidden": [9]}}})
    assert larger.status_code == 422
    assert (larger.json()["field"], larger.json()["value"]) == ("policy.options.hidden", '"[9]"')
    assert "the agent was trained with [8]; set it to that" in larger.json()["detail"]
    assert (await service.call("GET", "/v1/loops/shop")).status_code == 404
    assert (await service.call("PUT", "/v1/loops/shop", {"policy": policy})).status_code == 200


async def test_another_scale_of_values_is_refused_by_field(service: InProcess) -> None:
    address = (await service.call("PUT", PATH, packed("slateq"))).json()["start"]
    policy = {"kind": "slateq", "options": {**AGENT_OPTIONS, "value_scale": 5}, "start": address}
    refused = await service.call("PUT", "/v1/loops/shop", {"policy": policy})
    assert refused.status_code == 422
    assert (refused.json()["field"], refused.json()["value"]) == ("policy.options.value_scale", '"5"')
    assert "the agent was trained with 20.0; set it to that" in refused.json()["detail"]
    policy["options"] = {**AGENT_OPTIONS, "value_scale": 20}
    assert (await service.call("PUT", "/v1/loops/shop", {"policy": policy})).status_code == 200


async def test_an_agent_may_be_larger_than_other_bodies(service: InProcess) -> None:
    """The service of these tests takes 100,000 bytes elsewhere; what is no agent is refused for what it is."""
    big = bytes(200_000)
    assert (await service.call("PUT", "/v1/loops/shop/items", big)).status_code == 413
    assert (await service.call("PUT", PATH, big)).status_code == 422
