"""A service in a process of its own, and what it and everything it started hold in memory.

In: settings as environment variables. Out: a running ``slateloop serve``, ended whatever happens. Linux only: it reads
``/proc``.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from serve_app.ray_runtime import free_ports

STOP_S = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """A service that listens."""

    url: str
    pid: int
    began_at: float


@contextmanager
def service(data_dir: Path, key: str, more: Mapping[str, str]) -> Iterator[Running]:
    """Start ``slateloop serve`` on a free port, and stop it at the end.

    Raises:
        RuntimeError: if it ends before it listens.
    """
    environment = {**os.environ, "SLATELOOP_ADMIN_KEY": key, **more}
    command = [sys.executable, "-m", "slateloop", "serve", "--json", "--port", str(free_port())]
    began_at = time.perf_counter()
    with subprocess.Popen(
        [*command, "--data-dir", str(data_dir)], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        try:
            yield Running(_announced(process), process.pid, began_at)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _announced(process: subprocess.Popen[str]) -> str:
    """The URL it says it listens on; whatever else it prints is read and dropped, so that it never has to wait."""
    assert process.stdout is not None
    line = next((line for line in process.stdout if line.startswith("{")), None)
    if line is None:
        raise RuntimeError(f"the service ended with {process.wait()} before it listened")
    threading.Thread(target=process.stdout.read, daemon=True).start()
    url: str = json.loads(line)["url"]
    return url


def free_port() -> int:
    """A port that nobody holds just now."""
    return free_ports(1, random.SystemRandom())[0]


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children[int(after_name[1])].append(int(path.parent.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children[found[-1]]
    return found


def resident_bytes(pids: list[int]) -> dict[str, int]:
    """Name of the process → its proportional share of resident memory (PSS), shared pages counted once."""
    found: dict[str, int] = defaultdict(int)
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            name = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
        except OSError:
            continue
        pss = next((line for line in lines if line.startswith("Pss:")), "Pss: 0 kB")
        found[name.split("/")[-1] or "?"] += int(pss.split()[1]) * 1024
    return dict(found)
