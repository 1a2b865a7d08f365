"""What is remembered of users on the way to a decision: read, logged, and never missed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agent import keys
from agent.records import Decision
from agent.user_rates import mark_of
from policies.base import DERIVED, N_LOOP_DERIVED
from policies.tags import tags_of
from policies.user_rates import UserRates
from tests.serve_app.conftest import InProcess
from tests.serve_app.test_current import Teacher, eventually, metrics_of, served

LOOP = "x"
SETTINGS: dict[str, Any] = {
    "variants": {"learned": 0.5, "uniform": 0.5},
    "sticky": False,
    "reward": {"window_s": 0.25},
    "users": {"keep_days": 30},
}
ACTIONS = [{"id": item, "features": {"topic": topic}} for item, topic in (("a", "art"), ("b", "art"), ("c", "cup"))]


async def taught(service: InProcess, **settings: Any) -> None:
    """A loop that has learned that ann likes art: nobody else does."""
    await service.make_loop(LOOP, **(SETTINGS | settings))
    teacher = Teacher(service, LOOP)
    for number, user in enumerate(("ann", "bob") * 30):  # ids of our own make the same draws in every run
        answer = await service.decided(loop=LOOP, actions=ACTIONS, user=user, event_id=f"lesson-{number}")
        value = float((answer["slate"][0]["id"] == "c") != (user == "ann"))
        await service.call("POST", "/v1/rewards", {"event_id": answer["event_id"], "value": value, "loop": LOOP})
    teacher.catch_up(lambda: service.redis.hget(keys.serving(LOOP), "n_learned") == b"60")
    await eventually(lambda: "-60-" in served(service, LOOP))


async def derived_for(service: InProcess, user: str | None, **more: Any) -> np.ndarray[Any, Any]:
    """What was logged, one row for each action."""
    await service.decided(loop=LOOP, actions=ACTIONS, **({} if user is None else {"user": user}), **more)
    record = service.logged(LOOP)[-1].record
    assert isinstance(record, Decision)
    return np.frombuffer(record.derived, "<f4").reshape(len(ACTIONS), -1)


def stored(service: InProcess, user: str) -> UserRates:
    runtime = service.replica.loops.peek(LOOP)
    assert runtime is not None
    row: Any = service.redis.get(keys.user(LOOP, runtime.users_of, mark_of(user)))
    return UserRates.from_bytes(row)


async def test_what_was_learned_of_a_user_is_decided_by_and_logged(service: InProcess) -> None:
    await taught(service)
    ann, bob = await derived_for(service, "ann"), await derived_for(service, "bob")
    assert ann.shape == bob.shape == (3, len(DERIVED))
    own = stored(service, "ann").derive([tags_of({"topic": topic}) for topic in ("art", "art", "cup")])
    np.testing.assert_array_equal(ann[:, N_LOOP_DERIVED:], np.array(own, dtype="<f4"))
    np.testing.assert_array_equal(ann[:, :N_LOOP_DERIVED], bob[:, :N_LOOP_DERIVED])
    taste = DERIVED.index("user_tag_rate")
    assert ann[0, taste] == ann[1, taste] > 0.0 > ann[2, taste]
    assert bob[0, taste] < 0.0 < bob[2, taste]
    text = await metrics_of(service)
    assert 'slateloop_user_reads_total{loop="x",result="known"} 2.0' in text


async def test_the_policy_sees_what_is_logged(service: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    await taught(service)
    runtime = service.replica.loops.peek(LOOP)
    assert runtime is not None
    seen: list[Any] = []
    policy = runtime.arms["learned"].policy
    prepare = type(policy).prepare

    def watching(self: Any, context: Any, actions: Any) -> Any:
        seen.append([action.derived for action in actions])
        return prepare(self, context, actions)

    monkeypatch.setattr(type(policy), "prepare", watching)
    for _ in range(20):
        logged = await derived_for(service, "ann")
        if seen:
            break
    np.testing.assert_array_equal(np.array(seen[-1], dtype="<f4"), logged)


@pytest.mark.parametrize("user", ["new", None])
async def test_of_an_unknown_user_only_the_loops_columns_are_logged(service: InProcess, user: str | None) -> None:
    await taught(service)
    assert (await derived_for(service, user)).shape == (3, N_LOOP_DERIVED)
    n_new = 0 if user is None else 1
    assert (f'user_reads_total{{loop="x",result="new"}} {n_new}.0' in await metrics_of(service)) == bool(n_new)


async def test_a_row_that_cannot_be_had_is_done_without_and_counted(service: InProcess) -> None:
    await taught(service)
    runtime = service.replica.loops.peek(LOOP)
    assert runtime is not None
    service.redis.set(keys.user(LOOP, runtime.users_of, mark_of("ann")), b"nonsense")
    assert (await derived_for(service, "ann")).shape == (3, N_LOOP_DERIVED)
    service.replica._users._paused_until = float("inf")
    assert (await derived_for(service, "bob")).shape == (3, N_LOOP_DERIVED)
    assert 'slateloop_user_reads_total{loop="x",result="failed"} 2.0' in await metrics_of(service)


@pytest.mark.parametrize("settings", [{"users": {"keep_days": 0}}, {"variants": {"popularity": 1.0}}])
async def test_nothing_is_read_where_nothing_is_kept_or_nobody_learns(
    service: InProcess, settings: dict[str, Any]
) -> None:
    await taught(service, **settings)
    assert (await derived_for(service, "ann")).shape == (3, N_LOOP_DERIVED)
    assert "slateloop_user_reads_total{" not in await metrics_of(service)
