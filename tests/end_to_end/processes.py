"""Finds processes that descend from this one, so that a test kills its own and nobody else's."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def descendants(title: str) -> list[int]:
    """Ids of our descendants whose command line holds this text."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_ours(pid, title)]


def kill_one(title: str) -> int:
    """SIGKILL to the one descendant of this title; its id. A copy that it has made of itself to save is not counted."""
    found = descendants(title)
    (pid,) = [one for one in found if _parent(one) not in found]
    os.kill(pid, signal.SIGKILL)
    return pid


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended meanwhile
        return 0


def _is_ours(pid: int, title: str) -> bool:
    try:
        if pid == os.getpid() or title not in Path(f"/proc/{pid}/cmdline").read_text(errors="replace"):
            return False
        while pid > 1 and pid != os.getpid():
            pid = _parent(pid)
    except OSError:  # it has ended meanwhile
        return False
    return pid == os.getpid()
