"""Records made up for tests: every sum is chosen, so every statistic can be computed by hand."""

from __future__ import annotations

from simulator.blocks import Block
from simulator.cells import Cell, PolicyChoice, Setting, Yardstick, parse_policy
from simulator.records import CellRecord, Per, YardstickRecord, code_digest

SETTING = Setting("news", 10, 3)
N_REQUESTS = 400


def block(arm: str, number: int, rewards: float, *, n: int = 5, kpi: float | None = None, ended: int = 1) -> Block:
    """A block of ten requests, five of them this arm's; one episode ended, worth twice the block's sums."""
    counted = rewards if kpi is None else kpi
    return Block(
        arm=arm,
        block=number,
        first_request=number * 10,
        last_request=number * 10 + 9,
        n_requests=10,
        n_slates=n,
        n_episodes=ended,
        n_slots=3 * n,
        reward_sum=rewards,
        kpi_sum=counted,
        ended_reward_sum=2 * rewards,
        ended_kpi_sum=2 * counted,
        propensity_sum=0.5 * 3 * n,
        propensity_counts=[0] * 9 + [3 * n] + [0] * 10,
        shown={"sport": 2 * n, "music": n},
        decide_s=0.1,
        learn_s=0.2,
    )


def cell(policy: str | PolicyChoice = "vw", seed: int = 0, setting: Setting = SETTING) -> Cell:
    return Cell(setting, parse_policy(policy) if isinstance(policy, str) else policy, seed, N_REQUESTS)


def cell_record(
    policy: str = "vw",
    seed: int = 0,
    *,
    reward: float = 0.4,
    base: float = 0.2,
    late: float | None = None,
    per: Per = "slate",
) -> CellRecord:
    """Reward and KPI per slate: ``reward`` for the policy's arm (``late`` in the last quarter), ``base`` beside it."""
    one = cell(policy, seed)
    blocks = []
    for number in range(40):
        here = late if late is not None and number >= 30 else reward
        blocks.append(block(one.policy.arm, number, 5 * here))
        if not one.policy.is_static:
            blocks.append(block("popularity", number, 5 * base))
    return CellRecord(one, "click rate", per, tuple(blocks), {"floor": 0.02}, code_digest(), 1.5)


def yardstick_record(seed: int = 0, *, random: float = 0.1, informed: float = 0.6) -> YardstickRecord:
    values = {"random": random, "myopic": (random + informed) / 2, "informed": informed}
    blocks = [block(name, number, 10 * value, n=10) for name, value in values.items() for number in range(40)]
    return YardstickRecord(
        Yardstick(SETTING, seed, N_REQUESTS), "click rate", "slate", tuple(blocks), code_digest(), 0.5
    )
