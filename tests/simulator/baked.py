"""A bake-off made up for tests: rewards are chosen, so shares and winners can be computed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simulator.cells import Cell, Yardstick, parse_policy
from simulator.costs import Cost
from simulator.experiments import Experiment
from simulator.records import CellRecord, YardstickRecord
from simulator.stages import Stage
from tests.simulator.measured import SETTING, block

POLICIES = ("linear:randucb", "vw:squarecb", "popularity")


def stage(name: str = "news", n_seeds: int = 2, n_requests: int = 400) -> Stage:
    return Stage(name, SETTING, "alone", n_requests, n_seeds, tuple(parse_policy(one) for one in POLICIES))


def record(cell: Cell, reward: float) -> CellRecord:
    """Earns this much per slate, all the time."""
    blocks = tuple(block(cell.policy.arm, number, 5 * reward) for number in range(40))
    return CellRecord(cell, "click rate", "slate", blocks, {"floor": 0.02}, "code", 1.5)


def knowing(gauge: Yardstick) -> YardstickRecord:
    """Who knows the truth earns 0.6 per slate, all the time."""
    blocks = tuple(block("informed", number, 5 * 0.6) for number in range(40))
    return YardstickRecord(gauge, "click rate", "slate", blocks, "code", 0.5)


def finished(stages: Sequence[Stage], rewards: Sequence[Mapping[str, Sequence[float]]]) -> Experiment:
    """Policy → rewards by seed, for each stage; who is missing isn't finished."""
    done = Experiment()
    for one, of_policies in zip(stages, rewards, strict=True):
        for cell in one.cells:
            mine = of_policies.get(cell.policy.name, ())
            if cell.seed < len(mine):
                done.records[cell.key] = record(cell, mine[cell.seed])
        for gauge in one.yardsticks:
            done.records[gauge.key] = knowing(gauge)
    return done


def cost(policy: str, decide_us: float = 100.0, lesson_us: float = 100.0) -> Cost:
    return Cost(policy, decide_us, 4 * decide_us, lesson_us, 5.0, 64.0)
