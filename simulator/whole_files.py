"""Files that are there whole or not at all, however many processes write the same one at once.

In: a path and bytes. Out: the file; where it can't be written, what was there before.
"""

from __future__ import annotations

import glob
import os
import platform
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write beside it, then put it in its place; of several writers the last one wins.

    Raises:
        OSError: naming the file; the disk is full, or the folder can't be written to.
    """
    here = f"{path.name}.{platform.node()}."
    beside = path.with_name(f"{here}{os.getpid()}.part")
    try:
        _clear(path.parent, here)
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def _clear(folder: Path, here: str) -> None:
    """Remove what writers on this machine left that were killed; of other machines' it isn't known."""
    for left in folder.glob(f"{glob.escape(here)}*.part"):
        pid = left.name.removeprefix(here).removesuffix(".part")
        if pid.isdecimal() and not _is_running(int(pid)):
            with suppress(OSError):  # another user's, or another writer was quicker
                left.unlink()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # another user's, or no process at all
        pass
    return True
