from __future__ import annotations

import pytest
import redis

from agent.evaluation.span import LogDeleted, experiences
from agent.event_log import LogReader
from agent.keys import log
from agent.loops import RewardSettings
from agent.recipe import RewardRecipe
from agent.records import Decision, Ending, Entry, Experience, Reward, SessionEnd, SlotRecord, StreamId, Tick, encode

LOOP = "x"
WINDOW_MS = 100


def write(client: redis.Redis, at_ms: int, record: Decision | Reward | SessionEnd | Tick) -> None:
    client.xadd(log(LOOP), {b"r": encode(record)}, id=f"{at_ms}-0")


def decision(id: str, at_ms: int) -> Decision:
    return Decision(
        id, at_ms, WINDOW_MS, "learned", "vw", "", 1, b"{}", ("a", "b"), bytes(24), (SlotRecord("0"),), (0,), (0.5,)
    )


def found(client: redis.Redis, start_ms: int, end_ms: int) -> list[tuple[str, float]]:
    recipe = RewardRecipe(RewardSettings(default=0.25))
    spanned = experiences(LogReader(client, LOOP), recipe, start_ms=start_ms, end_ms=end_ms)
    return [(one.decision.event_id, one.rewards[0]) for one in spanned if isinstance(one, Experience)]


def test_decisions_of_the_span_are_joined_with_rewards_that_may_lie_beyond_it(redis_client: redis.Redis) -> None:
    for at_ms in range(1000, 1600, 100):
        write(redis_client, at_ms, decision(f"d{at_ms}", at_ms))
        write(redis_client, at_ms + 50, Reward(f"d{at_ms}", at_ms + 50, at_ms / 1000))
    write(redis_client, 9000, Tick(9000))
    assert found(redis_client, 1100, 1300) == [("d1100", 1.1), ("d1200", 1.2), ("d1300", 1.3)]
    assert len(found(redis_client, 0, 10_000)) == 6
    assert found(redis_client, 1501, 10_000) == []


def test_where_sessions_ended_is_told_among_the_decisions(redis_client: redis.Redis) -> None:
    write(redis_client, 1000, decision("before", 1000))
    write(redis_client, 1010, SessionEnd("s", 1010))
    write(redis_client, 1020, decision("after", 1020))
    write(redis_client, 2000, SessionEnd("too late", 2000))
    spanned = list(experiences(LogReader(redis_client, LOOP), RewardRecipe(RewardSettings()), start_ms=1, end_ms=1500))
    assert [type(one) for one in spanned] == [Experience, Ending, Experience]
    assert spanned[1] == Ending(StreamId(1010, 0), "s")


def test_an_open_decision_is_left_out_and_a_silent_one_has_the_default(redis_client: redis.Redis) -> None:
    write(redis_client, 1000, decision("silent", 1000))
    write(redis_client, 1050, decision("closed", 1050))
    write(redis_client, 1151, decision("open", 1151))
    assert found(redis_client, 0, 10_000) == [("silent", 0.25), ("closed", 0.25)]


def test_a_span_that_vanishes_while_it_is_read_is_told_as_such(redis_client: redis.Redis) -> None:
    for at_ms in range(1, 2501):
        write(redis_client, at_ms, decision(str(at_ms), at_ms))
    write(redis_client, 9000, Tick(9000))

    class Vanishing(LogReader):
        n_reads = 0

        def read(self, after: StreamId, count: int) -> list[Entry]:
            self.n_reads += 1
            if self.n_reads == 2:
                redis_client.xtrim(log(LOOP), minid="2000", approximate=False)
            return super().read(after, count)

    spanned = experiences(Vanishing(redis_client, LOOP), RewardRecipe(RewardSettings()), start_ms=1, end_ms=2500)
    with pytest.raises(LogDeleted):
        list(spanned)


def test_a_long_log_is_read_in_parts(redis_client: redis.Redis) -> None:
    for at_ms in range(1, 2501):
        write(redis_client, at_ms, decision(str(at_ms), at_ms))
    write(redis_client, 9000, Tick(9000))
    assert [id for id, _ in found(redis_client, 1, 2500)] == [str(at_ms) for at_ms in range(1, 2501)]
