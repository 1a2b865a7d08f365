from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.loops import LoopSettings
from agent.slates import Slate
from agent.starts import address_of
from envs.world import WorldError
from simulator import policy_starts
from simulator.cells import Cell, CellError, Setting, Yardstick, parse_policy
from simulator.comparison import arm_sums, value_of
from simulator.in_process import InProcess, Report, Serving
from simulator.measuring import Failure, attempt, measure, measure_live, settings_of, settled, world_of
from simulator.records import CellRecord, Record
from simulator.service import Features
from tests.trained import OPTIONS, WORLD, packed

SETTING = Setting("interest-evolution", 5, 2)


def small(policy: str = "vw", seed: int = 0, n_requests: int = 200) -> Cell:
    return Cell(SETTING, parse_policy(policy), seed, n_requests, publish_every=20)


def without_times(record: Record) -> Record:
    blocks = tuple(dataclasses.replace(block, decide_s=0.0, learn_s=0.0) for block in record.blocks)
    return dataclasses.replace(record, blocks=blocks, seconds=0.0)


def measured(cell: Cell) -> CellRecord:
    record = measure(cell)
    assert isinstance(record, CellRecord)
    return record


class FakeLive(InProcess):
    """A loop in this process that says it is behind for a while, as a live service does."""

    def __init__(self, cell: Cell) -> None:
        start = policy_starts.start_of(cell.policy.options, world_of(cell.setting))
        super().__init__(settings_of(cell), seed=cell.seed, publish_every=cell.publish_every, start=start)
        self.agents: list[tuple[str, bytes]] = []
        self.applied: list[tuple[str, LoopSettings]] = []
        self.n_polls = 0

    def put_agent(self, loop: str, data: bytes) -> str:
        self.agents.append((loop, data))
        return address_of(data)

    def apply_settings(self, loop: str, settings: LoopSettings) -> None:
        self.applied.append((loop, settings))

    def status(self, loop: str = "") -> Report:
        self.n_polls += 1
        return super().status(loop)._replace(serving=Serving("v", 2 * self.n_polls))


def test_the_same_seed_gives_the_same_record() -> None:
    assert without_times(measured(small())) == without_times(measured(small()))
    assert without_times(measured(small(seed=1))) != without_times(measured(small()))


def test_every_request_is_counted_once() -> None:
    record = measured(small())
    assert sum(block.n_slates for block in record.blocks) == 200
    assert {block.arm for block in record.blocks} == {"learned", "popularity"}
    assert all(sum(block.propensity_counts) == block.n_slots == 2 * block.n_slates for block in record.blocks)
    assert record.loop_settings["variants"] == {"learned": 0.5, "popularity": 0.5}


def test_a_policy_without_learning_has_the_loop_for_itself() -> None:
    record = measured(small("uniform"))
    assert {block.arm for block in record.blocks} == {"uniform"}
    assert sum(block.propensity_counts[3] + block.propensity_counts[4] for block in record.blocks) == 400, "1/5 and 1/4"


def test_the_owner_s_figure_is_per_episode_where_the_world_says_so() -> None:
    record = measured(small())
    assert (record.kpi_name, record.per) == ("watch time", "episode")


def test_references_live_in_the_world_of_their_seed_as_long_as_a_cell() -> None:
    """Informed beats random by about 90 of 155 in this world; a run of 1,500 holds some ten episodes of sd 25."""
    record = measure(Yardstick(SETTING, 0, 1500))
    assert not isinstance(record, CellRecord)
    reached = {name: value_of(arm_sums(record, name), record.per, "reward") for name in record.choosers}
    assert list(reached) == ["random", "myopic", "informed"]
    assert reached["informed"] > reached["random"] + 20
    assert {sum(block.n_slates for block in record.blocks if block.arm == name) for name in reached} == {1500}


def test_passes_are_other_users_of_the_same_length() -> None:
    record = measure(Yardstick(SETTING, 0, 80, n_passes=2))
    mine = [block for block in record.blocks if block.arm == "random"]
    assert sum(block.n_slates for block in mine) == 160
    assert [block.reward_sum for block in mine[:40]] != [block.reward_sum for block in mine[40:]]


def test_live_it_sets_a_loop_up_and_waits_for_it() -> None:
    cell = dataclasses.replace(small(), via="live")
    with FakeLive(cell) as service:
        record = measure_live(cell, service, loop="mine", max_lag=10)
        assert [(loop, settings) for loop, settings in service.applied] == [("mine", settings_of(cell))]
        assert service.n_polls > 10
        assert service.agents == []
    in_process = measured(small())
    assert [block.reward_sum for block in record.blocks] == [block.reward_sum for block in in_process.blocks]


def test_live_the_agent_that_a_policy_begins_with_is_sent_before_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "trained.agent"
    path.write_bytes(packed("gradient"))
    begun = parse_policy(f"gradient:start={path},hidden=[8]")
    cell = Cell(Setting(WORLD, OPTIONS["num_candidates"], OPTIONS["slate_size"]), begun, 0, 40, via="live")
    with FakeLive(cell) as service:
        measure_live(cell, service, loop="mine", max_lag=10)
        assert service.agents == [("mine", packed("gradient"))]
        assert service.applied[0][1].policy.start == address_of(packed("gradient"))


class LateLive(FakeLive):
    """Serves its agent from the third look on; until then the order that items come in."""

    n_early = 0

    def choose(self, actions: Mapping[str, Features], **ask: Any) -> Slate:
        self.n_early += self.n_polls < 3
        return super().choose(actions, **ask)

    def status(self, loop: str = "") -> Report:
        found = super().status(loop)
        return found if self.n_polls >= 3 else found._replace(serving=None)


def test_live_nobody_comes_before_the_agent_is_served(tmp_path: Path) -> None:
    path = tmp_path / "trained.agent"
    path.write_bytes(packed("gradient"))
    begun = parse_policy(f"gradient:start={path},hidden=[8]")
    cell = Cell(Setting(WORLD, OPTIONS["num_candidates"], OPTIONS["slate_size"]), begun, 0, 40, via="live")
    told: list[str] = []
    with LateLive(cell) as service:
        measure_live(cell, service, loop="mine", max_lag=10, tell=told.append)
        assert service.n_early == 0
    waiting, served = told
    assert waiting == f"{cell.title}: waiting until its agent is served"
    assert served.startswith(f"{cell.title}: its agent is served after 0.")


def test_live_policies_that_begin_with_nothing_are_not_waited_for() -> None:
    """Theirs is served once something is learned, which takes users."""
    cell, told = dataclasses.replace(small(n_requests=40), via="live"), list[str]()
    with LateLive(cell) as service:
        measure_live(cell, service, loop="mine", max_lag=10, tell=told.append)
        assert service.n_early > 0
    assert told == []


def test_a_live_cell_needs_a_service() -> None:
    with pytest.raises(CellError, match="live service"):
        measure(dataclasses.replace(small(), via="live"))


def test_what_goes_wrong_is_told_not_raised() -> None:
    result = attempt(Cell(Setting("interest-evolution", 5, 2, {"nonsense": 1}), parse_policy("vw"), 0, 10))
    assert isinstance(result, Failure)
    assert result.error.startswith("WorldError: nonsense=1")
    assert "Traceback" in result.trace


def test_sizes_come_from_the_world_where_none_are_asked_for() -> None:
    assert settled("news", n_candidates=None, n_slots=None, options={}).n_candidates >= 2
    assert settled("news", n_candidates=7, n_slots=2, options={}) == Setting("news", 7, 2)
    with pytest.raises(WorldError, match="nowhere"):
        settled("nowhere", n_candidates=None, n_slots=None, options={})
