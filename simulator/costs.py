"""What a decision, a lesson and a new snapshot cost each policy: medians of the processor time of one thread.

In: lessons recorded once in the world ``news``, the same for all. Out: a ``Cost`` each. What is timed is the policy
alone: preparing a request and filling three slots, learning one lesson of three slots, and what publishing takes; no
HTTP, no log.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from agent.arms import LEARNED
from agent.loops import PolicySettings
from policies import registry
from policies.base import Lesson, Policy
from policies.sampling import Rules, choose
from simulator.cells import PolicyChoice
from simulator.env_users import EnvUsers, loop_settings
from simulator.in_process import InProcess
from simulator.measuring import settled, world_of
from simulator.traffic import Route, play

PRESET, N_SLOTS, FEW, MANY = "news", 3, 10, 100
N_LESSONS, N_LESSONS_OF_MANY, N_TIMED, N_SNAPSHOTS = 1000, 400, 200, 9
FLOOR = 0.02

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians, after a thousand lessons (of many: 400).

    Attributes:
        decide_us: Three slots out of 10 candidates.
        decide_many_us: Three slots out of 100.
        lesson_us: One lesson of three slots out of 10.
        publish_ms: A snapshot's bytes made, and a policy made of them.
        snapshot_kb: Size of the snapshot, in 1,024 bytes.
    """

    policy: str
    decide_us: float
    decide_many_us: float
    lesson_us: float
    publish_ms: float
    snapshot_kb: float


def measure_costs(policies: Sequence[PolicyChoice], *, clock: Clock = time.thread_time) -> list[Cost]:
    """The cost of each policy, in turn.

    Raises:
        policies.base.PolicyError: a policy fails.
    """
    few, many = lessons(FEW, N_LESSONS), lessons(MANY, N_LESSONS_OF_MANY)
    return [cost_of(policy, few, many, clock=clock) for policy in policies]


def lessons(n_candidates: int, n: int, *, seed: int = 0) -> list[Lesson]:
    """So many lessons of uniformly chosen slates, with what a loop knows of items and users at each decision."""
    setting = settled(PRESET, n_candidates=n_candidates, n_slots=N_SLOTS, options={})
    world, found = world_of(setting), list[Lesson]()
    settings = loop_settings(world, policy=PolicySettings(kind="uniform"), variants={LEARNED: 1.0})
    with InProcess(settings, seed=seed) as service:
        for _ in play(service, EnvUsers(world, seed=seed), Route("costs", N_SLOTS)):
            n_new = service.learner.n_learned - len(found)
            found += list(service.learner.recent)[-n_new:] if n_new else []
            if len(found) >= n:
                break
    return found[:n]


def cost_of(
    policy: PolicyChoice, few: Sequence[Lesson], many: Sequence[Lesson], *, clock: Clock = time.thread_time
) -> Cost:
    """One policy's cost on these lessons."""
    learned, published, n_bytes, serving = _trained(policy, few, clock)
    decided = _decisions(serving, few, clock)
    _close(serving)
    serving = _trained(policy, many, clock)[3]
    decided_many = _decisions(serving, many, clock)
    _close(serving)
    return Cost(policy.name, 1e6 * decided, 1e6 * decided_many, 1e6 * learned, 1e3 * published, n_bytes / 1024)


def _trained(policy: PolicyChoice, told: Sequence[Lesson], clock: Clock) -> tuple[float, float, int, Policy]:
    """Seconds for a lesson and to publish, a snapshot's size, and a policy that knows all the lessons."""
    range_ = world_of(settled(PRESET, n_candidates=None, n_slots=None, options={})).reward_range
    learner = registry.make_learner(policy.kind, policy.options, reward_range=range_, seed=0)
    learned = [_timed(partial(learner.learn, [lesson]), clock) for lesson in told]

    def publish() -> Policy:
        return registry.make_policy(policy.kind, policy.options, learner.snapshot(), reward_range=range_)

    published = []
    for _ in range(N_SNAPSHOTS):
        begun = clock()
        made = publish()
        published.append(clock() - begun)
        _close(made)
    n_bytes, serving = len(learner.snapshot()), publish()
    _close(learner)
    return statistics.median(learned[len(learned) // 2 :]), statistics.median(published), n_bytes, serving


def _decisions(policy: Policy, asked: Sequence[Lesson], clock: Clock) -> float:
    """Seconds for a decision, after as many to warm up."""
    recent, rules = asked[-N_TIMED:], Rules(FLOOR)

    def decide(lesson: Lesson) -> object:
        return choose(policy.prepare(lesson.context, lesson.actions), lesson.slots, 7, rules)

    for lesson in recent:
        decide(lesson)
    return statistics.median([_timed(partial(decide, lesson), clock) for lesson in recent])


def _timed(call: Callable[[], object], clock: Clock) -> float:
    begun = clock()
    call()
    return clock() - begun


def _close(holder: object) -> None:
    close = getattr(holder, "close", None)
    if close is not None:
        close()
