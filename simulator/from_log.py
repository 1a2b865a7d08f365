"""What an agent learns from a log alone, and then from what its own snapshots serve: a loop in this process.

In: an agent, a world, and how many decisions a uniform control serves before the agent does. Out: points: the return of
an episode of the test users under the agent's likeliest slates, after so many decisions. Lessons are those of the real
join, which holds back the newest second of the log; nothing else of the world reaches the agent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from agent.arms import LEARNED
from agent.loops import PolicySettings
from agent.records import ZERO
from simulator.env_users import EnvUsers, loop_settings
from simulator.frozen import MakeWorld, score_snapshot
from simulator.in_process import InProcess
from simulator.traffic import Route, play
from simulator.train import Point

CONTROL = "uniform"
PUBLISH_EVERY = 2000
"""Decisions between two snapshots; an agent's nets change once a block, which is as large."""


@dataclass(frozen=True, slots=True)
class LogCourse:
    """What is learned from.

    Attributes:
        kind: Of the agent.
        make: The world, for so many users.
        n_logged: Decisions of the control.
        n_served: Decisions of the agent's own snapshots, after them.
        n_test_users: Who score it.
        options: Of the agent.
    """

    kind: str
    make: MakeWorld
    n_logged: int
    n_served: int
    n_test_users: int
    options: Mapping[str, Any] = field(default_factory=dict)


def marks(n_logged: int, n_served: int) -> list[int]:
    """After how many decisions to look: in the middle and at the end of each of both."""
    halves = (n_logged // 2, n_logged, n_logged + n_served // 2, n_logged + n_served)
    return sorted({number for number in halves if number > 0})


def learn_from_log(
    course: LogCourse, *, seed: int, tell: Callable[[Point], None] = lambda _: None
) -> tuple[list[Point], int]:
    """Learn, and look now and then.

    Args:
        course: What from.
        seed: Of the users who come, of the exploration, and of the agent's nets.
        tell: Called with each point as it is found.

    Returns:
        Points, and the index of the one at the end of the log.

    Raises:
        policies.base.PolicyError: the agent's options are wrong.
    """
    world, found, n_done = course.make(1), list[Point](), 0
    # The nets' seed is the lineage's, which is another for each instant that learning begins at.
    settings = loop_settings(
        world,
        policy=PolicySettings(kind=course.kind, options=dict(course.options)),
        variants={CONTROL: 1.0},
        learn_since_ms=seed,
        salt=f"seed {seed}",
    )
    with InProcess(settings, seed=seed, publish_every=PUBLISH_EVERY) as service:
        steps = play(service, EnvUsers(world, seed=seed), Route("log", world.n_slots))
        for mark in marks(course.n_logged, course.n_served):
            for _ in islice(steps, mark - n_done):
                pass
            n_done = mark
            snapshot = service.learner.snapshot(ZERO)
            score = score_snapshot(snapshot, settings.limits, course.make(course.n_test_users))
            found.append(Point(n_done, score, {"learned": float(snapshot.n_learned)}))
            tell(found[-1])
            if n_done == course.n_logged:
                service.deal({LEARNED: 1.0})
    return found, next(number for number, one in enumerate(found) if one.n_steps == course.n_logged)
