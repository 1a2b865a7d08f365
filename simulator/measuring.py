"""One piece of work, measured: users and a loop for a cell, choosers on the bare world for a yardstick.

In: a ``Cell`` or a ``Yardstick``. Out: its record. A cell makes its own world, users and loop from its settings alone,
so it can be measured in any process; live, the service is handed in.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from agent.loops import LoopSettings
from envs import references
from envs.presets import make_world
from envs.world import Streams, World, WorldError
from simulator import policy_starts
from simulator.at_once import AT_ONCE_S, AtOnce
from simulator.blocks import Block, Moment, Tracker, label_of
from simulator.cells import Cell, CellError, Job, Setting, Yardstick
from simulator.env_users import EnvUsers, loop_settings
from simulator.in_process import InProcess
from simulator.pacing import LagGate, wait_until_served
from simulator.records import CellRecord, Record, YardstickRecord, code_digest
from simulator.service import Service
from simulator.traffic import Route, Step, play
from simulator.world_options import arranged, data_digest

CHOOSERS = ("random", "myopic", "informed")


@dataclass(frozen=True, slots=True)
class Failure:
    """A piece of work that couldn't be done.

    Attributes:
        error: Type and message.
        trace: Where it happened.
    """

    job: Job
    error: str
    trace: str = ""

    @classmethod
    def of(cls, job: Job, error: Exception) -> Failure:
        """What an error says."""
        return cls(job, f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))


def attempt(job: Job) -> Record | Failure:
    """Measure, and turn an error into a ``Failure``, so that others go on and nothing unpicklable crosses processes."""
    try:
        return measure(job)
    except Exception as error:  # noqa: BLE001  whatever a world or a policy raises is this cell's failure, and is told
        return Failure.of(job, error)


def measure(job: Job) -> Record:
    """Measure one piece of work in this process.

    Raises:
        CellError: a cell that belongs to a live service.
    """
    if isinstance(job, Yardstick):
        return measure_yardstick(job)
    if job.via != "process":
        raise CellError(f"{job.title} is to be measured against a live service, and none was given")
    settings = settings_of(job)
    with _service(job, settings) as service:
        return measure_cell(job, service, settings=settings)


def _service(cell: Cell, settings: LoopSettings) -> InProcess:
    if cell.course == "at once":
        return AtOnce(settings, seed=cell.seed, publish_every=1)
    start = policy_starts.start_of(cell.policy.options, world_of(cell.setting))
    return InProcess(settings, seed=cell.seed, publish_every=cell.publish_every, start=start)


class LiveService(Service, Protocol):
    """A running service whose loops can be set up."""

    def put_agent(self, loop: str, data: bytes) -> str:
        """Keep a trained agent that a loop may begin with."""
        ...

    def apply_settings(self, loop: str, settings: LoopSettings) -> object:
        """Store a loop's settings."""
        ...


def measure_live(
    cell: Cell, service: LiveService, *, loop: str, max_lag: int, tell: Callable[[str], None] = lambda _: None
) -> CellRecord:
    """Measure a cell against a running service, in a loop of its own, as fast as the service learns.

    Args:
        cell: What is measured.
        service: Where.
        loop: A name that nobody used before.
        max_lag: Wait whenever the service is more experiences behind.
        tell: Told of waiting before the first user.

    Raises:
        StalledError: when the service stops learning, or doesn't serve the agent that the policy begins with.
        StartError: the file of that agent has changed since it was looked at, or doesn't suit the world.
    """
    settings = settings_of(cell)
    data = policy_starts.data_of(cell.policy.options, world_of(cell.setting))
    if data is not None:
        service.put_agent(loop, data)
    service.apply_settings(loop, settings)
    if data is not None:
        tell(f"{cell.title}: waiting until its agent is served")
        waited_s = wait_until_served(service, loop, clock=time.monotonic, sleep=time.sleep)
        tell(f"{cell.title}: its agent is served after {waited_s:.1f} s; users come now")
    gate = LagGate(service, loop, max_lag=max_lag, clock=time.monotonic, sleep=time.sleep)
    return measure_cell(cell, service, settings=settings, loop=loop, admit=gate.admit)


def measure_cell(
    cell: Cell,
    service: Service,
    *,
    settings: LoopSettings,
    loop: str = "simulation",
    admit: Callable[[], None] = lambda: None,
) -> CellRecord:
    """Send the cell's users through a loop that has just been set up."""
    began_at = time.perf_counter()
    world = world_of(cell.setting)
    tracker = Tracker(cell.block)
    route = Route(loop, cell.setting.n_slots)
    for step in play(service, EnvUsers(world, seed=cell.seed), route, n_requests=cell.n_requests, admit=admit):
        tracker.add(moment_of(step))
    return CellRecord(
        cell=cell,
        kpi_name=world.kpi.name,
        per=world.kpi.per,
        blocks=tuple(tracker.blocks()),
        loop_settings=settings.model_dump(mode="json"),
        code=code_digest(),
        seconds=time.perf_counter() - began_at,
    )


def moment_of(step: Step) -> Moment:
    """What is counted of a step."""
    return Moment(
        arm=step.variant,
        user=step.user,
        labels=tuple([label_of(item, step.ask.actions[item]) for item in step.shown]),
        propensities=step.propensities,
        reward=step.reward,
        kpi=step.kpi,
        ended=step.ended,
        decide_s=step.decide_s,
        learn_s=step.learn_s,
    )


def settings_of(cell: Cell) -> LoopSettings:
    """The loop that a cell is measured in; users are dealt to the arms anew with each seed."""
    at_once: dict[str, Any] = {"window_s": AT_ONCE_S, "floor": 0.0} if cell.course == "at once" else {}
    return loop_settings(
        world_of(cell.setting),
        policy=policy_starts.settings_of(cell.policy.kind, cell.policy.options),
        variants=cell.variants,
        sticky=True,
        salt=f"seed {cell.seed}",
        **at_once,
    )


def measure_yardstick(yardstick: Yardstick) -> YardstickRecord:
    """Let each chooser live through the world."""
    began_at = time.perf_counter()
    world = world_of(yardstick.setting)
    blocks = [
        block
        for name in CHOOSERS
        for number in range(yardstick.n_passes)
        for block in _live_through(world, name, yardstick, number)
    ]
    return YardstickRecord(
        yardstick=yardstick,
        kpi_name=world.kpi.name,
        per=world.kpi.per,
        blocks=tuple(blocks),
        code=code_digest(),
        seconds=time.perf_counter() - began_at,
    )


def _live_through(world: World, name: str, yardstick: Yardstick, number: int) -> list[Block]:
    """One pass: the same documents and course of things as in a cell, other users and other choices."""
    chooser = references.choosers(world.name)[name]
    rng = np.random.default_rng([yardstick.seed, number])
    others = Streams.spawn(int(rng.integers(2**63)))
    world.seed(replace(Streams.spawn(yardstick.seed), users=others.users, choices=others.choices))
    tracker, here = Tracker(yardstick.block), np.ones(1, dtype=np.bool_)
    ended, n_steps, n_users = True, 0, 0
    for _ in range(yardstick.n_requests):
        if ended:
            world.begin(here)
            n_steps, n_users = 0, n_users + 1
        world.offer()
        reaction = world.react(chooser(world, rng), here)
        n_steps += 1
        ended = bool(reaction.ended[0]) or (world.max_steps is not None and n_steps >= world.max_steps)
        kpi = sum([value for _, _, kind, value in world.feedback(reaction, 0) if kind == world.kpi.feedback])
        tracker.add(Moment(name, str(n_users), (), (), float(reaction.rewards[0]), kpi, ended))
    return tracker.blocks()


def world_of(setting: Setting) -> World:
    """The world of a setting with one place, not seeded yet.

    Raises:
        WorldError: an option doesn't exist or can't be.
    """
    return make_world(setting.preset, setting.options, num_candidates=setting.n_candidates, slate_size=setting.n_slots)


def settled(preset: str, *, n_candidates: int | None, n_slots: int | None, options: Mapping[str, Any]) -> Setting:
    """A setting with its sizes filled in from the world's defaults; the world is made once, and seen by one user.

    Args:
        preset: Of ``envs.presets``.
        n_candidates: None for the options' or the world's own.
        n_slots: None for the options' or the world's own.
        options: Of the world; ``num_candidates`` and ``slate_size`` may be among them.

    Raises:
        WorldError: there is no such world or option, or a value can't be.
        CellError: an option says what is said elsewhere, or the world can't do with a value.
    """
    found = arranged(options, n_candidates=n_candidates, n_slots=n_slots)
    setting = Setting(preset, found.n_candidates or 0, found.n_slots or 0, found.options)
    try:
        world = make_world(preset, found.options, num_candidates=found.n_candidates, slate_size=found.n_slots)
        setting = replace(setting, n_candidates=world.n_candidates, n_slots=world.n_slots)
        users = EnvUsers(world, seed=0)
        ask = next(users.asks())
        users.react(ask, list(ask.actions)[: world.n_slots])
    except WorldError:
        raise
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        wrong = ", ".join(f"{name}={value!r}" for name, value in found.options.items())
        raise CellError(f"{preset} with {wrong or 'its own options'}: {type(error).__name__}: {error}") from error
    return replace(setting, data=data_digest(found.options))
