"""Files that are there whole or not at all, however many processes write the same one at once.

In: a path and bytes. Out: the file; where it can't be written, what was there before.
"""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write beside it, then put it in its place; of several writers the last one wins.

    Raises:
        OSError: naming the file; the disk is full, or the folder can't be written to.
    """
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
