"""What a decision, a lesson and a new snapshot cost each policy: processor time of one thread.

In: lessons recorded once in the world ``news``, the same for all. Out: a ``Cost`` each. What is timed is the policy
alone: preparing a request and filling three slots, learning one lesson of three slots, and what publishing takes; no
HTTP, no log.

Each decision and each lesson is timed several times, the tries a whole round apart, and its fastest try counts: what
else runs on the machine can only slow a try down. Of these the median is taken. Libraries of linear algebra are held to
one thread, so that nothing runs beside the thread whose time is told.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, partial

from agent.arms import LEARNED
from agent.loops import PolicySettings
from envs.world import World
from policies import registry
from policies.base import Learner, Lesson, Policy
from policies.sampling import Rules, choose
from simulator import extras
from simulator.cells import PolicyChoice
from simulator.env_users import EnvUsers, loop_settings
from simulator.in_process import InProcess
from simulator.measuring import settled, world_of
from simulator.traffic import Route, play

PRESET, N_SLOTS, FEW, MANY = "news", 3, 10, 100
N_LESSONS, N_LESSONS_OF_MANY, N_TIMED, N_SNAPSHOTS = 1000, 400, 200, 9
N_TRIES = 5
"""How often each decision and lesson is timed."""

FLOOR = 0.02

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians of the fastest tries, after a thousand lessons (of many: 400).

    Attributes:
        decide_us: Three slots out of 10 candidates.
        decide_many_us: Three slots out of 100.
        lesson_us: One lesson of three slots out of 10.
        publish_ms: A snapshot's bytes made, and a policy made of them; the fastest of nine.
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
    with one_thread():
        return [cost_of(policy, few, many, clock=clock) for policy in policies]


def one_thread() -> AbstractContextManager[object]:
    """Hold libraries of linear algebra to one thread.

    Raises:
        MissingExtraError: threadpoolctl, which comes with scikit-learn, isn't installed.
    """
    held: AbstractContextManager[object] = extras.load("threadpoolctl", "measuring costs").threadpool_limits(1)
    return held


def lessons(n_candidates: int, n: int, *, seed: int = 0) -> list[Lesson]:
    """So many lessons of uniformly chosen slates, with what a loop knows of items and users at each decision."""
    setting = settled(PRESET, n_candidates=n_candidates, n_slots=N_SLOTS, options={})
    return lessons_of(world_of(setting), n, seed=seed)


def lessons_of(world: World, n: int, *, seed: int = 0) -> list[Lesson]:
    """The same of a world with one place."""
    found = list[Lesson]()
    settings = loop_settings(world, policy=PolicySettings(kind="uniform"), variants={LEARNED: 1.0})
    with InProcess(settings, seed=seed) as service:
        for _ in play(service, EnvUsers(world, seed=seed), Route("costs", world.n_slots)):
            n_new = service.learner.n_learned - len(found)
            found += list(service.learner.recent)[-n_new:] if n_new else []
            if len(found) >= n:
                break
    return found[:n]


def cost_of(
    policy: PolicyChoice, few: Sequence[Lesson], many: Sequence[Lesson], *, clock: Clock = time.thread_time
) -> Cost:
    """One policy's cost on these lessons."""
    learned = median_of_fastest([_lesson_times(policy, few, clock) for _ in range(N_TRIES)])
    learner = _learner(policy)
    learner.learn(few)
    published, n_bytes = _publishing(policy, learner, clock), len(learner.snapshot())
    decided = _decisions(policy, learner, few, clock)
    _close(learner)
    learner = _learner(policy)
    learner.learn(many)
    decided_many = _decisions(policy, learner, many, clock)
    _close(learner)
    return Cost(policy.name, 1e6 * decided, 1e6 * decided_many, 1e6 * learned, 1e3 * published, n_bytes / 1024)


def _lesson_times(policy: PolicyChoice, told: Sequence[Lesson], clock: Clock) -> list[float]:
    """Seconds for each lesson of the second half, learned after the first by a learner that knew nothing."""
    learner = _learner(policy)
    spent = [_timed(partial(learner.learn, [lesson]), clock) for lesson in told]
    _close(learner)
    return spent[len(spent) // 2 :]


def _publishing(policy: PolicyChoice, learner: Learner, clock: Clock) -> float:
    """Seconds until a policy is made of a snapshot that is made of the learner."""
    spent = []
    for _ in range(N_SNAPSHOTS):
        begun = clock()
        made = _policy(policy, learner)
        spent.append(clock() - begun)
        _close(made)
    return min(spent)


def _decisions(policy: PolicyChoice, learner: Learner, asked: Sequence[Lesson], clock: Clock) -> float:
    """Seconds for a decision by what this learner knows."""
    serving = _policy(policy, learner)
    try:
        return decide_s(serving, asked, clock=clock)
    finally:
        _close(serving)


def decide_s(
    serving: Policy, asked: Sequence[Lesson], *, n_tries: int = N_TRIES, clock: Clock = time.thread_time
) -> float:
    """Seconds that a policy takes to fill the slots of the newest of these; a first round warms up."""
    recent, rules = asked[-N_TIMED:], Rules(FLOOR)

    def decide(lesson: Lesson) -> object:
        return choose(serving.prepare(lesson.context, lesson.actions), lesson.slots, 7, rules)

    rounds = [[_timed(partial(decide, lesson), clock) for lesson in recent] for _ in range(n_tries + 1)]
    return median_of_fastest(rounds[1:])


def median_of_fastest(rounds: Sequence[Sequence[float]]) -> float:
    """Of tries (n_rounds, n_timed): the fastest try of each thing timed, then the median over them."""
    fastest: list[float] = [min(tries) for tries in zip(*rounds, strict=True)]
    return statistics.median(fastest)


def _learner(policy: PolicyChoice) -> Learner:
    return registry.make_learner(policy.kind, policy.options, reward_range=_reward_range(), seed=0)


def _policy(policy: PolicyChoice, learner: Learner) -> Policy:
    return registry.make_policy(policy.kind, policy.options, learner.snapshot(), reward_range=_reward_range())


@cache
def _reward_range() -> tuple[float, float]:
    return world_of(settled(PRESET, n_candidates=None, n_slots=None, options={})).reward_range


def _timed(call: Callable[[], object], clock: Clock) -> float:
    begun = clock()
    call()
    return clock() - begun


def _close(holder: object) -> None:
    close = getattr(holder, "close", None)
    if close is not None:
        close()
