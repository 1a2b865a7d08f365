"""All that Ray hosts for one service: learners and replicas, begun together, and once more elsewhere if need be.

In: ``ServiceSettings`` and the datastore's URL. Out: an ``ExitStack`` that stops it all, in order. Nothing stays behind
when beginning fails.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from serve_app import ray_runtime
from serve_app.replica import ReplicaSettings
from serve_app.settings import ServiceSettings
from serve_app.startup import HostingError

logger = logging.getLogger("slateloop.service")

APPLICATION = "slateloop"


def begun(hosted: Callable[[], ExitStack], *, is_free: Callable[[], bool]) -> ExitStack:
    """What is hosted, at the second try if the first fails: a busy machine is slow, a drawn port may be taken since.

    Args:
        hosted: Begins it all, or leaves nothing behind; draws folder and ports anew each time.
        is_free: Whether the service's own port still is; nothing else can be chosen instead of it.

    Raises:
        HostingError: neither try worked, or a second one can't.
    """
    try:
        return hosted()
    except HostingError as error:
        if not is_free():
            raise
        logger.warning("%s; trying once more", error.gist)
        return hosted()


def hosted(settings: ServiceSettings, redis_url: str) -> ExitStack:
    """Ray, the learners' supervisor, the replicas.

    Args:
        settings: How the service runs.
        redis_url: Of its datastore, prepared.

    Raises:
        HostingError: Ray can't be started, or can't listen.
        StartError: there are no free ports.
    """
    with ExitStack() as cleanup:
        folder = Path(tempfile.mkdtemp(prefix="sl-"))
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        _start_ray(settings, folder, cleanup)
        _start_learning(redis_url, cleanup)
        _start_serving(settings, redis_url, cleanup)
        return cleanup.pop_all()
    raise AssertionError("unreachable: the stack swallows nothing")


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
    with _told("the learners' supervisor can't be started"):
        start_supervisor(redis_url)


def _start_serving(settings: ServiceSettings, redis_url: str, cleanup: ExitStack) -> None:
    from ray import serve
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
    where = f"Ray Serve can't listen on {host}:{settings.port}"
    with _told(where, cure="; see whether the port was taken in the meantime, and start again"):
        serve.start(http_options=HTTPOptions(host=host, port=settings.port))
    with _told("the replicas can't be started"):
        serve.run(
            deployment(replica, process, n_replicas=settings.replicas),
            name=APPLICATION,
            route_prefix="/",
        )


@contextmanager
def _told(what: str, *, cure: str = "") -> Iterator[None]:
    """Ray's many errors as one that says what couldn't be begun."""
    from ray.exceptions import RayError

    try:
        yield
    except (RayError, RuntimeError, TimeoutError, ValueError) as error:
        raise HostingError(f"{what}: {error}{cure}", gist=f"{what} ({type(error).__name__})") from error


def _quietly(stop: Callable[[], object]) -> None:
    """Stop one part; what goes wrong is logged, so that the other parts are stopped too."""
    try:
        stop()
    except Exception:
        logger.exception("a part of the service could not be stopped in good order")
