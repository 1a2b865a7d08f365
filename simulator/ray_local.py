"""Work spread over processes by Ray: the cluster that RAY_ADDRESS names, else a small one started for this run alone.

In: a function and its arguments. Out: its answers, in the order in which they are finished. What was started here is
stopped when the iteration ends, is left, or fails; a named cluster is only let go of.
"""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

logger = logging.getLogger("slateloop.simulator")

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
"""A task has one core; libraries that start threads of their own would only wait for each other."""

_LOCAL = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_prestart_worker_first_driver": "0",
    # Without clusters Ray takes 127.0.0.1 for this machine's address, and so listens on loopback alone.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
_OBJECT_STORE_BYTES = 100 * 2**20
_POLL_S = 0.5
_KNOCK_S = 3.0
_END_S, _AGAIN_S = 5.0, 0.1


class RayStartError(RuntimeError):
    """Ray can't be started or reached; the message says how to do without it."""


def spread(function: Callable[[In], Out], inputs: Sequence[In], *, n_jobs: int) -> Iterator[tuple[In, Out | Exception]]:
    """Call the function once for each input, each in a process and on a core of its own.

    Args:
        function: Importable by its name; it must not raise what another process can't unpickle.
        inputs: Small; they are sent.
        n_jobs: Processes at once, where Ray is started here; a named cluster decides for itself.

    Yields:
        Input and answer, or input and the error that ended its process.

    Raises:
        RayStartError: Ray can't be started or reached.
    """
    with _connected(n_jobs) as ray:
        task = ray.remote(num_cpus=1, max_retries=1)(function)
        waiting = {task.remote(one): one for one in inputs}
        try:
            while waiting:
                ready, _ = ray.wait(list(waiting), num_returns=1, timeout=_POLL_S)
                for reference in ready:
                    yield waiting.pop(reference), _answer(ray, reference)
        finally:
            for reference in waiting:
                ray.cancel(reference, force=True)


def _answer(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        return error


@contextmanager
def _connected(n_jobs: int) -> Iterator[Any]:
    address = os.environ.get("RAY_ADDRESS", "")
    with _environment({**ONE_THREAD, **({} if address else _LOCAL)}), ExitStack() as folders:
        import ray
        from ray._private import ray_constants

        if not address:
            ray_constants.ENABLE_RAY_CLUSTER = False  # as the environment says, should Ray have been imported before
        if address:
            _knock(address)
        _hush()
        begin(ray, address, n_jobs, folders)
        try:
            yield ray
        finally:
            with _sigterm_kept():
                ray.shutdown()


def begin(ray: Any, address: str, n_jobs: int, folders: ExitStack) -> None:
    """Start Ray or connect to it; once more, in another folder, where it doesn't come up: a busy machine may be slow.

    Args:
        ray: The package.
        address: Of a cluster; "" starts one here.
        n_jobs: Processes at once, if it is started here.
        folders: Is given the folder that this Ray needs, which goes away with it.

    Raises:
        RayStartError: neither try worked; nothing is left of them.
    """
    for attempt in (1, 2):
        try:
            with ExitStack() as own:
                folder = own.enter_context(_folder())
                own.enter_context(_none_left(folder))
                with _sigterm_kept(), _let_go_of_if_it_fails(ray):
                    where = _at(address) if address else _here(folder, n_jobs)
                    ray.init(log_to_driver=False, logging_level="ERROR", namespace="slateloop-simulate", **where)
                folders.push(own.pop_all())
        except Exception as error:
            # Ray's start fails in many types; all of them are tried again, then told.
            name = f"the Ray cluster at {address} can't be reached" if address else "Ray can't be started here"
            if attempt == 2:
                raise RayStartError(f"{name}: {type(error).__name__}: {error}; --jobs 1 does without Ray") from error
            logger.warning("%s (%s), trying once more", name, type(error).__name__)
        else:
            return


@contextmanager
def _let_go_of_if_it_fails(ray: Any) -> Iterator[None]:
    try:
        yield
    except BaseException:
        ray.shutdown()
        raise


@contextmanager
def _none_left(folder: Path) -> Iterator[None]:
    """End processes that work in this folder: where Ray's start fails, it forgets those that it has started."""
    try:
        yield
    finally:
        psutil = importlib.import_module("psutil")  # Ray brings it
        left = [one for one in psutil.Process().children(recursive=True) if _works_in(folder, one, psutil)]
        for one in left:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(left, timeout=_END_S)


def _works_in(folder: Path, process: Any, psutil: Any) -> bool:
    try:
        return any(str(folder) in word for word in process.cmdline())
    except psutil.Error:
        return False


def _knock(address: str) -> None:
    """Raise at once where nobody listens; Ray itself would try for minutes."""
    host, mark, port = address.partition("://")[-1 if "://" in address else 0].rpartition(":")
    if not mark or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S).close()
    except (OSError, OverflowError) as error:
        raise RayStartError(
            f"RAY_ADDRESS={address}: nothing answers there ({error}); correct it, or unset it to use this machine, "
            "or give --jobs 1, which does without Ray"
        ) from error


def _at(address: str) -> dict[str, Any]:
    return {"address": address, "runtime_env": {"env_vars": ONE_THREAD}}


def _here(folder: Path, n_jobs: int) -> dict[str, Any]:
    return {
        "address": "local",
        "num_cpus": n_jobs,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "_temp_dir": str(folder / "ray"),
        "_node_ip_address": "127.0.0.1",
    }


def _hush() -> None:
    """Leave out Ray's news of every start."""
    from ray._private.authentication import authentication_token_setup

    authentication_token_setup.logger.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return "Token authentication is enabled for" not in record.getMessage()


@contextmanager
def _folder() -> Iterator[Path]:
    """Short, since sockets are made in it."""
    path = Path(tempfile.mkdtemp(prefix="sl-"))
    try:
        yield path
    finally:
        ends_at_s = time.monotonic() + _END_S
        shutil.rmtree(path, ignore_errors=True)
        while path.exists() and time.monotonic() < ends_at_s:  # a process that is ending still writes its log
            time.sleep(_AGAIN_S)
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    """Set for processes started meanwhile; then all is put back, what Ray has set for itself too."""
    before = dict(os.environ)
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Put back what SIGTERM did before; Ray takes it over when it starts."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
