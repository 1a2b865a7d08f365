from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
import pytest
import redis

from agent import keys
from agent.loop_store import LoopStore
from agent.loops import LEARNING_FORMAT, LoopSettings, PolicySettings, SettingsError, parse
from agent.sealed import seal
from agent.starts import Start, StartError, StartStore, address_of, checked, encoder_of, pack, unpack
from policies.registry import make_learner
from tests.trained import packed, start

KINDS = ("slateq", "gradient")
LOOP = "shop"


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_agent_comes_back_and_tells_what_it_sees(kind: str) -> None:
    found = checked(packed(kind))
    assert found == start(kind)
    encoder = encoder_of(found)
    assert encoder is not None
    assert "clickbait" in encoder.action_names
    assert packed(kind) == pack(found)


def broken(**parts: Any) -> bytes:
    return pack(msgspec.structs.replace(start("slateq"), **parts))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: b"", "not a trained agent"),
        (lambda: b"PK\x03\x04 something else", "not a trained agent"),
        (lambda: packed("slateq")[:-1], "checksum"),
        (lambda: seal(b"\x01", b"SLST1"), "not a trained agent"),
        (lambda: seal(b"\x01", b"SLST2"), "format SLST2; this release reads SLST1"),
        (lambda: broken(snapshot=b"nonsense"), "can't be served here"),
        (lambda: broken(kind="gradient"), "can't be served here"),
        (lambda: broken(kind="magic"), "no such policy"),
        (lambda: broken(kind="uniform"), "not trained in worlds"),
    ],
)
def test_other_bytes_are_refused_with_the_reason(make: Any, said: str) -> None:
    with pytest.raises(StartError, match=said):
        checked(make())


def test_a_policy_that_learns_from_its_log_alone_is_no_start() -> None:
    learner = make_learner("vw", {}, reward_range=(0.0, 1.0), seed=1)
    with pytest.raises(StartError, match="not trained in worlds"):
        checked(pack(Start("vw", learner.snapshot(), b"", 0.0, 1.0)))


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
