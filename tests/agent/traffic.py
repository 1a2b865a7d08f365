"""Seeded traffic for a loop's log, with stream times of the test's own choosing."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import redis

from agent import keys
from agent.event_log import FIELD
from agent.loop_store import LoopStore, StoredSettings
from agent.loops import LoopSettings, parse
from agent.records import Activation, Decision, Record, Reward, SessionEnd, SlotRecord, encode
from policies.base import DERIVED, N_LOOP_DERIVED
from policies.derived import N_FIRST, packed
from policies.features import address, canonical

LOOP = "shop"
N_ITEMS = 12
START_MS = 1_000_000
WINDOW_MS = 400
SESSIONS = ("morning", "noon", "night")


class Written(NamedTuple):
    ms: int
    record: Record


def rows() -> dict[str, bytes]:
    """Item → canonical JSON of its features."""
    return {f"item{i}": canonical({"topic": "abc"[i % 3], "price": i / 4}) for i in range(N_ITEMS)}


def store_rows(client: redis.Redis, loop: str = LOOP) -> None:
    stored: dict[Any, Any] = {address(row): row for row in rows().values()}
    client.hset(keys.features(loop), mapping=stored)


def write(client: redis.Redis, written: Written, loop: str = LOOP) -> None:
    client.xadd(keys.log(loop), {FIELD: encode(written.record)}, id=f"{written.ms}-*")


def settings(kind: str = "vw", **options: object) -> LoopSettings:
    """Small windows, frequent exact states, everything that can be shown is shown."""
    policy = {"kind": kind, "options": options if kind != "vw" else {"settle_every": 32, **options}}
    reward = {"window_s": WINDOW_MS / 1000, "aggregation": "sum", "max": 2.0}
    users = {"keep_days": 30}
    return parse({"policy": policy, "reward": reward, "users": users, "publish_every_s": 3600.0})


def apply(client: redis.Redis, wanted: LoopSettings) -> StoredSettings:
    return LoopStore(client).apply(LOOP, wanted)


def traffic(seed: int, n_decisions: int, *, start_ms: int = START_MS) -> Iterator[Written]:
    """Decisions of one to three slots every few milliseconds, feedback in and after their windows, some of it wrong."""
    dice = random.Random(seed)
    pending: list[Written] = []
    ms = start_ms
    for number in range(n_decisions):
        ms += dice.choice([0, 3, 10, 25])
        event_id = f"e{seed}-{number}"
        pending.append(Written(ms, a_decision(dice, event_id, ms)))
        for _ in range(dice.choice([0, 0, 1, 2])):
            at = ms + dice.randrange(1, 3 * WINDOW_MS)
            pending.append(Written(at, a_reward(dice, event_id, at)))
        if dice.random() < 0.3:
            pending.append(Written(ms + 5, Activation(event_id, ms + 5)))
        pending += session_end(random.Random(f"end {event_id}"), ms + 7)
        pending.sort(key=lambda each: each.ms)
        while pending and pending[0].ms <= ms:
            yield pending.pop(0)
    yield from pending


def a_decision(dice: random.Random, event_id: str, ms: int, **more: object) -> Decision:
    n_slots = dice.choice([1, 2, 3])
    offered = dice.sample(sorted(rows()), 6)
    values: dict[str, object] = {
        "variant": dice.choice(["learned", "order"]),
        "policy": "vw",
        "version": "",
        "seed": number_of(event_id),
        "context": json.dumps({"hour": dice.randrange(24)}).encode(),
        "action_ids": tuple(offered),
        "feature_keys": b"".join(address(rows()[item]) for item in offered),
        "slots": tuple(SlotRecord(str(i), excluded=(5,) if i == 0 else ()) for i in range(n_slots)),
        "chosen": tuple(dice.sample(range(5), n_slots)),
        "propensities": tuple(dice.choice([0.2, 0.5, 0.9]) for _ in range(n_slots)),
        "deferred": dice.random() < 0.1,
        **of_user(random.Random(event_id)),
    }
    return Decision(event_id, ms, WINDOW_MS, **(values | more))  # type: ignore[arg-type]  # checked by the record


def of_user(dice: random.Random) -> dict[str, object]:
    """Some nameless, some from a few users; derived features as this release, older ones or nobody had them."""
    n_columns = dice.choice([0, N_FIRST, N_LOOP_DERIVED, len(DERIVED)])
    derived = b"".join(packed([dice.random() for _ in range(n_columns)]) for _ in range(6))
    user = dice.choice([None, "ann", "bob", "cy", "dee"])
    return {"user": user, "derived": derived, "session": dice.choice([None, *SESSIONS])}


def session_end(dice: random.Random, ms: int) -> list[Written]:
    """Some sessions end, and are taken up again later."""
    return [Written(ms, SessionEnd(dice.choice(SESSIONS), ms))] if dice.random() < 0.2 else []


def a_reward(dice: random.Random, event_id: str, ms: int) -> Reward:
    event_id = event_id if dice.random() < 0.95 else "unknown"
    slot = dice.choice([0, 0, 0, 1, None])
    kind = dice.choice(["reward", "reward", "view"])
    return Reward(event_id, ms, dice.choice([0.0, 0.5, 1.0]), kind, slot=slot, reward_id=dice.choice([None, "r"]))


def number_of(event_id: str) -> int:
    return int.from_bytes(event_id.encode()[-8:], "big")
