"""The supervisor and the learners as Ray actors: detached, named, restarted for ever, each in a process of its own.

In: ``start_supervisor`` from the service. Out: for each loop and lineage that needs one, exactly one live learner.
An actor remembers nothing: whoever dies comes back and reads on from the datastore.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Mapping
from typing import Any

import ray
import ray.exceptions
import ray.util
import redis

from agent.connection import connect
from agent.learner_host import State, host_learner
from agent.supervision import LearnerId, Supervision

SUPERVISOR = "supervisor"

LOOK_EVERY_S = 0.5
PING_S = 2.0
STOP_S = 15.0
STOP_ALL_S = 60.0

LEARNER_NICENESS = 19
"""Where cores are short, slates are answered first and learning takes what is left."""

_PREFIX = "learner:"

# No share of a core is reserved: any number of loops learns, on whatever serving leaves.
_FOR_EVER = {"lifetime": "detached", "max_restarts": -1, "num_cpus": 0, "get_if_exists": True}

_started: set[str] = set()
"""Namespaces in which this process started a supervisor."""

_log = logging.getLogger(__name__)


class LearnerActor:
    """One learner's process."""

    def __init__(self, redis_url: str, loop: str, lineage: str) -> None:
        logging.basicConfig(level=logging.INFO)
        os.nice(LEARNER_NICENESS)
        self._host = host_learner(redis_url, loop, lineage)
        self._host.start()

    def ping(self) -> State:
        """What it is doing."""
        return self._host.state()

    def stop(self) -> None:
        """End, with a checkpoint where one may be taken."""
        self._host.stop()


class RayLearners:
    """Learners as actors of one Ray namespace."""

    def __init__(self, redis_url: str, namespace: str) -> None:
        self._redis_url = redis_url
        self._namespace = namespace

    def running(self) -> Mapping[LearnerId, State | None]:
        """Every learner that Ray knows by name, and what it answers within ``PING_S``."""
        found = ray.util.list_named_actors(all_namespaces=True)
        names = [a["name"] for a in found if a["namespace"] == self._namespace and a["name"].startswith(_PREFIX)]
        pings = {name: handle.ping.remote() for name in names if (handle := self._handle(name)) is not None}
        if pings:
            ray.wait(list(pings.values()), num_returns=len(pings), timeout=PING_S)
        return {_id_of(name): _answer(ping) for name, ping in pings.items()}

    def start(self, learner: LearnerId) -> None:
        """Start a detached actor, or leave the one that has this name already."""
        actor = ray.remote(LearnerActor).options(name=_name_of(learner), namespace=self._namespace, **_FOR_EVER)
        actor.remote(self._redis_url, *learner)

    def stop(self, learner: LearnerId) -> None:
        """Ask it to end, then end it."""
        handle = self._handle(_name_of(learner))
        if handle is None:
            return
        try:
            ray.get(handle.stop.remote(), timeout=STOP_S)
        except ray.exceptions.RayError as error:
            _log.warning("loop %s: the learner of lineage %s did not end by itself: %s", *learner, error)
        ray.kill(handle)

    def _handle(self, name: str) -> Any:
        """The actor with this name, or None if it has just gone."""
        try:
            return ray.get_actor(name, namespace=self._namespace)
        except ValueError:
            return None


class SupervisorActor:
    """Looks after all loops of one datastore."""

    def __init__(self, redis_url: str, namespace: str) -> None:
        logging.basicConfig(level=logging.INFO)
        self._learners = RayLearners(redis_url, namespace)
        self._supervision = Supervision(connect(redis_url), self._learners)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def ping(self) -> bool:
        """Whether it is at work."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End, and all learners first."""
        self._stop.set()
        self._thread.join(STOP_S)
        for learner in self._learners.running():
            self._learners.stop(learner)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._supervision.step()
            except Exception as error:  # noqa: BLE001 - the process's last wall: logged, and looked at again
                _log.error("the supervisor will look again: %s", error, exc_info=not _is_away(error))
            self._stop.wait(LOOK_EVERY_S)


def namespace_of(redis_url: str) -> str:
    """The Ray namespace of this datastore's actors, so that services with other datastores never share them."""
    return f"slateloop-{hashlib.sha256(redis_url.encode()).hexdigest()[:8]}"


def start_supervisor(redis_url: str, *, namespace: str | None = None) -> None:
    """Start the supervisor on the Ray cluster this process is connected to, unless it is running there already.

    Args:
        redis_url: The datastore.
        namespace: For its actors; ``namespace_of`` the URL unless given.
    """
    chosen = namespace or namespace_of(redis_url)
    _started.add(chosen)
    actor = ray.remote(SupervisorActor).options(name=SUPERVISOR, namespace=chosen, **_FOR_EVER)
    ray.get(actor.remote(redis_url, chosen).ping.remote())


def stop_supervisor(*, namespace: str | None = None) -> None:
    """Stop the supervisor and all its learners; nothing happens where none is running.

    Args:
        namespace: Where; unless given, wherever this process started one.
    """
    for each in [namespace] if namespace else sorted(_started):
        _stop(each)
        _started.discard(each)


def _stop(namespace: str) -> None:
    try:
        supervisor: Any = ray.get_actor(SUPERVISOR, namespace=namespace)
    except ValueError:
        return
    try:
        ray.get(supervisor.stop.remote(), timeout=STOP_ALL_S)
    except ray.exceptions.RayError as error:
        _log.warning("the supervisor did not end by itself: %s", error)
    ray.kill(supervisor)


def _name_of(learner: LearnerId) -> str:
    return f"{_PREFIX}{learner.loop}:{learner.lineage}"


def _id_of(name: str) -> LearnerId:
    loop, _, lineage = name.removeprefix(_PREFIX).rpartition(":")
    return LearnerId(loop, lineage)


def _answer(ping: Any) -> State | None:
    """What a ping brought, or None if it has brought nothing yet; Ray itself restarts a learner that died."""
    try:
        state: State = ray.get(ping, timeout=0)
        return state
    except ray.exceptions.RayError:
        return None


def _is_away(error: Exception) -> bool:
    return isinstance(error, redis.RedisError)
