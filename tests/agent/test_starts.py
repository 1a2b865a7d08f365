from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
import numpy as np
import pytest
import redis

from agent import keys
from agent.loop_store import LoopStore
from agent.loops import LEARNING_FORMAT, LoopSettings, PolicySettings, SettingsError, parse
from agent.sealed import seal
from agent.starts import Start, StartError, StartStore, address_of, checked, encoder_of, pack, unfit, unpack
from policies.base import Action, Context
from policies.neural import arrays
from policies.neural.arrays import Arrays
from policies.neural.dense import DenseEncoder
from policies.neural.learnable import Learnable
from policies.registry import make_learner
from tests.trained import AGENT_OPTIONS, packed, start

KINDS = ("slateq", "gradient")
LOOP = "shop"


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_agent_comes_back_and_tells_what_it_sees(kind: str) -> None:
    found = checked(packed(kind))
    assert found == start(kind)
    assert "clickbait" in encoder_of(found).action_names
    assert packed(kind) == pack(found)


def broken(kind_: str = "slateq", **parts: Any) -> bytes:
    return pack(msgspec.structs.replace(start(kind_), **parts))


def learns_otherwise(kind: str, **parts: Any) -> bytes:
    """What serves is as it was; what would learn on is another."""
    found = Learnable.from_bytes(start(kind).learnable, kind)
    return broken(kind, learnable=msgspec.structs.replace(found, **parts).to_bytes())


def parameters(kind: str) -> Arrays:
    return arrays.from_bytes(Learnable.from_bytes(start(kind).learnable, kind).parameters)


def without_critic(kind: str) -> bytes:
    """As a snapshot has them."""
    kept = {name: one for name, one in parameters(kind).items() if not name.startswith(("value.", "critic."))}
    return learns_otherwise(kind, parameters=arrays.to_bytes(kept))


def not_finite(kind: str) -> bytes:
    """No release writes such; 1.5 has a pattern of its own in the bytes."""
    known = parameters(kind)
    known["made.up"] = np.array([1.5], np.float32)
    data = arrays.to_bytes(known).replace(np.float32(1.5).tobytes(), np.float32(np.nan).tobytes())
    return learns_otherwise(kind, parameters=data)


def of_another_world() -> bytes:
    return DenseEncoder.fitted(
        [(Context({"hour": 3}), [Action("a", {"price": 2.0}), Action("b", {"price": 3.0})])]
    ).to_bytes()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: b"", "not a trained agent"),
        (lambda: b"PK\x03\x04 something else", "not a trained agent"),
        (lambda: packed("slateq")[:-1], "checksum"),
        (lambda: seal(b"\x01", b"SLST1"), "not a trained agent"),
        (lambda: seal(b"\x01", b"SLST2"), "format SLST2; this release reads SLST1"),
        (lambda: broken(snapshot=b"nonsense"), "no loop can begin with this agent"),
        (lambda: broken(kind="gradient"), "no loop can begin with this agent"),
        (lambda: broken(kind="magic"), "no such policy"),
        (lambda: broken(kind="uniform"), "not trained in a world"),
        (lambda: broken(reward_max=float("nan")), "must rise and be finite"),
        (lambda: broken(reward_max=0.0), "must rise and be finite"),
        (lambda: broken(learnable=b""), "no trained agent that can learn on"),
        (lambda: broken(learnable=start("gradient").learnable), "of kind 'gradient'"),
        (lambda: learns_otherwise("gradient", format=9), "format 9"),
        (lambda: learns_otherwise("gradient", reward_scale=0.0), "reward_scale"),
        *((lambda kind=kind: learns_otherwise(kind, parameters=b""), "no arrays") for kind in KINDS),
        *((lambda kind=kind: not_finite(kind), "not finite") for kind in KINDS),
        *((lambda kind=kind: without_critic(kind), "nets don't fit") for kind in KINDS),
        *((lambda kind=kind: learns_otherwise(kind, encoder=of_another_world()), "nets don't fit") for kind in KINDS),
    ],
)
def test_other_bytes_are_refused_with_the_reason(make: Any, said: str) -> None:
    with pytest.raises(StartError, match=said):
        checked(make())


def test_a_policy_that_learns_from_its_log_alone_is_no_start() -> None:
    learner = make_learner("vw", {}, reward_range=(0.0, 1.0), seed=1)
    with pytest.raises(StartError, match="not trained in a world"):
        checked(pack(Start("vw", learner.snapshot(), b"", 0.0, 1.0)))


@pytest.mark.parametrize("kind", KINDS)
def test_what_serves_and_what_learns_on_must_see_the_same(kind: str) -> None:
    """As many coordinates, so the nets fit; other ones."""
    encoder = encoder_of(start(kind))
    requests = [
        (
            Context({f"c{n}": 1.0 for n in range(encoder.n_context - 1)}),
            [Action("a", {f"a{n}": float(k) for n in range(encoder.n_action - 1)}) for k in (1, 2)],
        )
    ]
    other = DenseEncoder.fitted(requests)
    assert (other.n_context, other.n_action) == (encoder.n_context, encoder.n_action)
    with pytest.raises(StartError, match="fitted on different features"):
        checked(learns_otherwise(kind, encoder=other.to_bytes()))


@pytest.mark.parametrize("kind", KINDS)
def test_settings_that_can_t_begin_with_it_are_told_field_by_field(kind: str) -> None:
    address = address_of(packed(kind))

    def settings(options: dict[str, Any], kind: str = kind) -> LoopSettings:
        return LoopSettings(policy=PolicySettings(kind=kind, options=options, start=address))

    assert unfit(start(kind), settings({**AGENT_OPTIONS})) == []
    assert unfit(start(kind), settings({**AGENT_OPTIONS, "block": 7, "gap_s": 3.0})) == []
    both = unfit(start(kind), settings({"item_units": 3}))
    assert both == [
        "policy.options.hidden=[64, 64]: the agent was trained with [8]; set it to that",
        "policy.options.item_units=3: the agent was trained with 0; set it to that",
    ]
    (other,) = unfit(start(kind), settings({}, "vw"))
    assert other.startswith(f"policy.kind=vw: the agent is of kind {kind}")
    unread = msgspec.structs.replace(start(kind), learnable=b"")
    assert "can't be learned on from" in unfit(unread, settings({**AGENT_OPTIONS}))[0]


def test_settings_keep_the_scale_of_values_that_an_agent_was_trained_with() -> None:
    """What was kept before it was told is read as ever, and had 20."""
    found = Learnable.from_bytes(start("slateq").learnable, "slateq")
    assert found.fixed == {"value_scale": 20.0}
    told = msgspec.structs.replace(found, fixed={"value_scale": 8.0}).to_bytes()
    untold = msgspec.msgpack.encode(msgspec.msgpack.decode(found.to_bytes())[:5])
    for learnable, scale in ((told, 8.0), (untold, 20.0)):
        known = checked(broken("slateq", learnable=learnable))
        for wanted in (8.0, 20.0):
            options = {**AGENT_OPTIONS, "value_scale": wanted}
            settings = LoopSettings(policy=PolicySettings(kind="slateq", options=options))
            said = f"policy.options.value_scale={wanted}: the agent was trained with {scale}; set it to that"
            assert unfit(known, settings) == ([] if wanted == scale else [said])


def test_it_is_kept_under_its_address_until_a_day_is_over_or_for_good_once_named(redis_client: redis.Redis) -> None:
    data, store = packed("gradient"), StartStore(redis_client, LOOP)
    address = store.put(data)
    assert address == store.put(data) == address_of(data)
    assert unpack(data) == store.load(address)
    key = keys.start(LOOP, address)
    assert 0 < redis_client.ttl(key) <= 86_400
    named = LoopSettings(policy=PolicySettings(kind="gradient", start=address))
    LoopStore(redis_client).apply(LOOP, named)
    store.put(data)
    assert redis_client.ttl(key) == -1


def test_what_is_not_kept_or_was_changed_is_told(redis_client: redis.Redis) -> None:
    store, address = StartStore(redis_client, LOOP), address_of(packed("gradient"))
    with pytest.raises(StartError, match="keeps no such agent"):
        store.load(address)
    redis_client.set(keys.start(LOOP, address), packed("slateq"))
    with pytest.raises(StartError, match="the kept bytes are others"):
        store.load(address)


def test_another_start_is_another_lineage_and_none_is_the_lineage_that_there_was() -> None:
    """Loops that know nothing of starts must not learn anew for them."""
    plain = LoopSettings()
    starts = [LoopSettings(policy=PolicySettings(start="sha256:" + digit * 64)) for digit in "12"]
    assert len({one.learning_hash for one in (plain, *starts)}) == 3
    before = {"format": LEARNING_FORMAT, **plain.model_dump(mode="json", include={"policy", "reward"})}
    assert before["policy"].pop("start") == ""
    text = json.dumps(before, sort_keys=True, separators=(",", ":"))
    assert plain.learning_hash == hashlib.sha256(text.encode()).hexdigest()[:12]


@pytest.mark.parametrize("wrong", ["sha256:", "sha256:" + "g" * 64, "md5:" + "0" * 64, "0" * 64])
def test_only_an_address_may_be_named(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"policy\.start"):
        parse({"policy": {"kind": "slateq", "start": wrong}})
