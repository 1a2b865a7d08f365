"""The Ray Serve deployment: where a replica's parts are put together inside Ray.

In: the replica's settings, from the service that deploys it. Out: an ASGI application that Ray Serve answers with.
Imports Ray, so it is imported only after the environment is set (``serve_app/ray_runtime.py``).
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import serve
from ray.serve._private import http_util
from ray.serve._private import replica as ray_replica

from serve_app.asgi import App
from serve_app.personalizer.operations import PREFIX
from serve_app.replica import Replica, ReplicaSettings

MAX_ONGOING_REQUESTS = 1000

GC_THRESHOLDS = (50_000, 20, 20)
"""A request leaves no cycles behind; looking for some at every 700 objects costs one request in fifteen."""

HOT_PATHS = frozenset({"/v1/slates", "/v1/slates/batch", "/v1/rewards"})
"""Answered without a detour through Ray, as is everything in the dialects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """How a replica's process behaves, whatever it answers.

    Attributes:
        log_level: Of our own log.
        log_file: Where all replicas write it; None means Ray's log of the process.
        is_local: Whether every process of the cluster is on this machine, so that none need listen beyond loopback.
    """

    log_level: str
    log_file: Path | None
    is_local: bool


class Ingress:
    """One replica. Ray calls the constructor, then ``__serve_build_asgi_app__``, on the event loop that serves."""

    async def __init__(self, settings: ReplicaSettings, process: ProcessSettings) -> None:  # type: ignore[misc]  # Ray awaits it
        _log_to(process.log_file, process.log_level)
        if process.is_local:
            _listen_on_loopback()
        self._replica = Replica(settings)
        await self._replica.open()
        _answer_directly(self._replica.app)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)

    def __serve_build_asgi_app__(self) -> App:
        """The application; ``Replica`` hides its routes from Ray, which would walk them for each request."""
        return self._replica.app

    def check_health(self) -> None:
        """Ray replaces this replica if it raises."""
        self._replica.check_health()

    def imported(self, names: Sequence[str]) -> list[str]:
        """Which of these modules this process has imported: no training framework belongs in one that serves."""
        return [name for name in names if name in sys.modules]

    async def __del__(self) -> None:
        """Ray awaits this when the replica stops: counts are flushed, connections closed."""
        await self._replica.close()


def deployment(settings: ReplicaSettings, process: ProcessSettings, *, n_replicas: int) -> Any:
    """The application to give to ``serve.run``.

    Args:
        settings: For each replica.
        process: For each replica's process.
        n_replicas: How many.
    """
    ingress = serve.ingress()(Ingress)
    options: dict[str, Any] = {
        "name": "slates",
        "num_replicas": n_replicas,
        "max_ongoing_requests": MAX_ONGOING_REQUESTS,
        "ray_actor_options": {"num_cpus": 0},  # any number of them fits; the machine shares its cores among them
        "health_check_period_s": 5,
        "health_check_timeout_s": 10,
        "graceful_shutdown_timeout_s": 5,
        "graceful_shutdown_wait_loop_s": 0.5,
        "logging_config": {"log_level": "WARNING", "enable_access_log": False},
    }
    return serve.deployment(**options)(ingress).bind(settings, process)


def _listen_on_loopback() -> None:
    """Keep the server for calls between deployments, which Ray binds to every address in plain text, on loopback.

    Ray has no setting for it. It is started after the constructor, by the name that is replaced here.
    """
    add_port = ray_replica.add_port_to_grpc_server
    ray_replica.add_port_to_grpc_server = lambda server, _address: add_port(server, "127.0.0.1:0")


def _answer_directly(app: App) -> None:
    """Let the replica's own HTTP server hand hot requests to us without Ray Serve's bookkeeping for each of them.

    That bookkeeping costs about 100 µs a request, as much as reading, checking and logging it together. What it is
    for is done elsewhere: counting in our metrics, limiting by HAProxy, and finishing what is under way by the server,
    which waits for open requests when it stops. Everything else, health checks above all, takes Ray's way. Without
    direct ingress no such server is started, and nothing changes.
    """
    wrap = http_util._apply_middlewares

    def wrapped(rays: App, middlewares: list[Any]) -> App:
        rest = wrap(rays, middlewares)

        async def dispatch(scope: Any, receive: Any, send: Any) -> None:
            path = scope.get("path", "")
            await (app if path in HOT_PATHS or path.startswith(PREFIX) else rest)(scope, receive, send)

        return dispatch

    http_util._apply_middlewares = wrapped


def _log_to(file: Path | None, level: str) -> None:
    """Our own loggers' words, kept apart from Ray's."""
    handler: logging.Handler = logging.StreamHandler()
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s %(message)s"))
    for name in ("slateloop", "agent"):
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(level)
