"""What is served follows what is learned: the snapshot swaps, survives trouble, rolls back, and falls back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
import redis

from agent import keys
from agent.arms import Arm
from agent.learner_loop import LearnerLoop
from agent.loop_store import LoopStore
from policies.base import Context, Prepared
from serve_app.current import CLOSE_AFTER_S, Loops
from serve_app.errors import NotFoundError
from serve_app.loading import Loader
from serve_app.loop_runtime import LoopRuntime, Served
from tests.serve_app.conftest import InProcess

SETTINGS = {
    "policy": {"kind": "vw"},
    "variants": {"learned": 1.0},
    "reward": {"window_s": 0.001},
    "floor": 0.1,
}


class Teacher:
    """A learner without a process, stepped by hand."""

    def __init__(self, service: InProcess, loop: str) -> None:
        stored = LoopStore(service.redis).current(loop)
        assert stored is not None
        self._learner = LearnerLoop(service.redis, loop, stored)
        self._now_s = 0.0

    def catch_up(self, until: Callable[[], bool]) -> None:
        for _ in range(400):
            self._now_s += 100.0
            self._learner.step(self._now_s)
            if until():
                return
            time.sleep(0.005)
        raise AssertionError("the learner did not get there")


async def eventually(check: Callable[[], bool]) -> None:
    """The watch is told within milliseconds and looks twice a second anyway."""
    for _ in range(400):
        if check():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to be")


def served(service: InProcess, loop: str) -> str:
    runtime = service.replica.loops.peek(loop)
    return "" if runtime is None or runtime.served is None else runtime.served.arm.version


async def teach(service: InProcess, teacher: Teacher, loop: str, n: int) -> str:
    """Decide, reward the action ``b``, learn; returns the version that is served then."""
    before = served(service, loop)
    for _ in range(n):
        answer = await service.decided(loop=loop, actions=["a", "b", {"id": "c", "features": {"x": 1}}])
        if answer["slate"][0]["id"] == "b":
            await service.call("POST", "/v1/rewards", {"event_id": answer["event_id"], "value": 1})

    def published() -> bool:
        pointer = service.redis.hget(keys.serving(loop), "version")
        return pointer is not None and pointer.decode() != before  # type: ignore[union-attr]  # sync client

    teacher.catch_up(published)
    await eventually(lambda: served(service, loop) != before)
    return served(service, loop)


async def test_a_published_snapshot_is_served_pinned_and_released(service: InProcess) -> None:
    await service.make_loop("x", **SETTINGS)
    teacher = Teacher(service, "x")
    first = await teach(service, teacher, "x", 30)
    answer = await service.decided(loop="x")
    assert (answer["policy"], answer["version"], answer["variant"]) == ("vw", first, "learned")
    second = await teach(service, teacher, "x", 30)
    assert second != first
    listed = (await service.call("GET", "/v1/loops/x/snapshots")).json()["snapshots"]
    assert {first, second} <= {one["version"] for one in listed}
    pinned = await service.call("POST", "/v1/loops/x/rollback", {"version": first})
    assert pinned.json() == {"version": first, "pinned": True}
    assert (await service.decided(loop="x"))["version"] == first
    status = (await service.call("GET", "/v1/loops/x/status")).json()
    assert status["serving"]["pinned"] is True
    assert any("pinned" in sentence for sentence in status["why"])
    assert (await service.call("POST", "/v1/loops/x/release")).json() == {"version": second, "pinned": False}
    assert (await service.decided(loop="x"))["version"] == second
    refused = await service.call("POST", "/v1/loops/x/rollback", {"version": "nonsense"})
    assert (refused.status_code, refused.json()["field"]) == (422, "version")


async def test_the_learned_arm_keeps_the_floor_and_learns_what_is_rewarded(service: InProcess) -> None:
    await service.make_loop("x", **SETTINGS)
    await teach(service, Teacher(service, "x"), "x", 200)
    actions = ["a", "b", {"id": "c", "features": {"x": 1}}]
    slates = [(await service.decided(loop="x", actions=actions))["slate"][0] for _ in range(40)]
    assert sum(item["id"] == "b" for item in slates) > 20
    assert all(item["propensity"] >= 0.1 / 3 - 1e-12 for item in slates)


async def test_a_broken_snapshot_is_not_served_and_the_status_says_why(service: InProcess) -> None:
    await service.make_loop("x", **SETTINGS)
    teacher = Teacher(service, "x")
    first = await teach(service, teacher, "x", 20)
    service.redis.hset(keys.serving("x"), "version", "broken")
    service.redis.set(keys.snapshot("x", "broken"), b"not a snapshot")
    service.redis.publish(keys.CHANGES, "x")
    await eventually(lambda: bool(getattr(service.replica.loops.peek("x"), "trouble", "")))
    assert (await service.decided(loop="x"))["version"] == first
    why = (await service.call("GET", "/v1/loops/x/status")).json()["why"]
    assert any("broken" in sentence for sentence in why)


class Failing:
    """A policy that can't."""

    def prepare(self, context: Context, actions: Any) -> Prepared:
        raise ZeroDivisionError("a defect")


@pytest.mark.parametrize(("with_previous", "policy"), [(True, "order"), (False, "baseline")])
async def test_a_policy_that_fails_gives_way(service: InProcess, with_previous: bool, policy: str) -> None:
    await service.make_loop("x", **SETTINGS)
    await service.decided(loop="x")
    runtime = service.replica.loops.peek("x")
    assert runtime is not None
    failing = Arm(Failing(), "vw", "v2")
    fallbacks = runtime.fallbacks
    if with_previous:
        fallbacks = (replace(runtime.fallbacks[-1], kind="order", version="v1"), *fallbacks)
    runtimes = service.replica.loops._runtimes
    runtimes["x"] = replace(
        runtime, arms=MappingProxyType({"learned": failing}), fallbacks=fallbacks, served=Served(failing)
    )
    answer = await service.decided(loop="x", slots=3)
    assert (answer["policy"], answer["variant"]) == (policy, "learned")
    assert answer["version"] == ("v1" if with_previous else "")
    text = await metrics_of(service)
    reason = "previous" if with_previous else "baseline"
    assert f'slateloop_fallback_total{{loop="x",reason="{reason}"}} 1.0' in text


async def metrics_of(service: InProcess) -> str:
    await service.replica.meter.flush(service.replica._client)
    return (await service.call("GET", "/metrics")).text


async def test_metrics_hold_the_totals_of_all_replicas(service: InProcess) -> None:
    event_id = (await service.decided(user="u-secret"))["event_id"]
    await service.slate(slots=9)
    await service.call("POST", "/v1/rewards", [{"event_id": event_id, "value": 1}] * 3)
    await service.call("POST", "/v1/rewards", {"event_id": event_id, "value": 1, "slot": 0, "action": "a"})
    text = await metrics_of(service)
    assert 'slateloop_decide_requests_total{loop="default",outcome="refused",variant=""} 1.0' in text
    assert 'slateloop_reward_events_total{loop="default",result="accepted"} 3.0' in text
    assert 'slateloop_reward_events_total{loop="default",result="refused"} 1.0' in text
    assert 'slateloop_decide_duration_seconds_count{loop="default"} 2.0' in text
    assert 'slateloop_decide_duration_seconds_bucket{le="+Inf",loop="default"} 2.0' in text
    assert 'slateloop_log_entries{loop="default"} 5.0' in text
    assert "slateloop_datastore_memory_used_bytes" in text
    assert "secret" not in text
    assert event_id not in text
    await service.replica.meter.flush(service.replica._client)
    assert (
        await metrics_of(service) == text
        or 'decide_requests_total{loop="default",outcome="refused",variant=""} 1.0' in text
    )


async def test_a_new_loop_says_what_it_waits_for(service: InProcess) -> None:
    status = (await service.call("GET", "/v1/loops/default/status")).json()
    assert status["serving"] is None
    assert status["learner"]["alive"] is False
    assert status["variants"]["learned"]["share"] == 0.9
    assert status["learner"]["state"] == "waiting"
    assert any("No decision has been logged yet" in sentence for sentence in status["why"])


async def test_a_lost_datastore_refuses_slates_with_retry_after_and_readyz_says_so(service: InProcess) -> None:
    assert (await service.call("GET", "/readyz")).status_code == 200
    service.redis.config_set("maxmemory", "1")
    try:
        refused = await service.slate()
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert refused.json()["cure"]
        reward = await service.call("POST", "/v1/rewards", {"event_id": "e", "value": 1})
        assert reward.status_code == 503
    finally:
        service.redis.config_set("maxmemory", "0")
    assert (await service.slate()).status_code == 200


class StumblingLoader(Loader):
    """Fails once for each error it was given."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__(client)
        self.errors: dict[str, Exception] = {}
        self.n_loads = 0

    def load(self, name: str, before: LoopRuntime | None) -> LoopRuntime | None:
        self.n_loads += 1
        if name in self.errors:
            raise self.errors.pop(name)
        return super().load(name, before)


def version_of(loops: Loops, name: str) -> int:
    runtime = loops.peek(name)
    assert runtime is not None
    return runtime.settings_version


@pytest.mark.parametrize("error", [redis.TimeoutError("slow"), ZeroDivisionError("a defect")])
async def test_a_change_outlives_a_load_that_failed_and_the_other_loops_dont_wait(
    service: InProcess, error: Exception
) -> None:
    now_s = 0.0
    loader = StumblingLoader(service.redis)
    loops = Loops(loader, service.replica._client, monotonic_s=lambda: now_s)
    for name in ("x", "y"):
        await service.make_loop(name)
        await loops.get(name)
        await service.make_loop(name, floor=0.3)
    loader.errors["x"] = error
    await loops.refresh()
    assert (version_of(loops, "x"), version_of(loops, "y")) == (1, 2)
    now_s = 6.0
    await loops.refresh()
    assert version_of(loops, "x") == 2
    n_loads = loader.n_loads
    await loops.refresh()
    assert loader.n_loads == n_loads


async def test_names_of_no_loop_leave_nothing_behind_and_are_found_once_made(service: InProcess) -> None:
    now_s = 0.0
    loader = StumblingLoader(service.redis)
    loops = Loops(loader, service.replica._client, monotonic_s=lambda: now_s)
    for number in range(1200):
        with pytest.raises(NotFoundError):
            await loops.get(f"n{number}")
    assert loader.n_loads == 0
    assert not loops._marks
    assert len(loops._unknown) <= 1000
    await service.make_loop("n1199")
    with pytest.raises(NotFoundError):
        await loops.get("n1199")
    now_s = 1.5
    assert (await loops.get("n1199")).name == "n1199"


class Closing(Failing):
    """A policy that knows whether it was closed."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True


async def test_a_replaced_policy_is_closed_when_no_request_can_hold_it(service: InProcess) -> None:
    now_s = 0.0
    loops = Loops(Loader(service.redis), service.replica._client, monotonic_s=lambda: now_s)
    await service.make_loop("x")
    await loops.get("x")
    policy = Closing()
    runtime = loops.peek("x")
    assert runtime is not None
    newest = Served(Arm(Failing(), "vw", "v3"))
    loops._retire(replace(runtime, served=Served(Arm(policy, "vw", "v1"))), replace(runtime, served=newest))
    now_s = CLOSE_AFTER_S - 1
    await loops.refresh()
    assert not policy.is_closed
    now_s = CLOSE_AFTER_S + 1
    await loops.refresh()
    assert policy.is_closed
