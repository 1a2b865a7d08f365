"""How a process ends that has used Ray: all of Python's is finished, native code is not torn down.

In: an exit status. Out: nothing; the process is over.

Threads of Ray outlive ``ray.shutdown()``: those of its connection to the cluster always, a core worker's where actors
were called. As an ordinary process ends, C++ destroys what they are using, and once in a while that is a segmentation
fault after all work was done, which turns success into failure. Ray leaves its own workers as it is done here.
Source: ray-project/ray, issue 18857 and pull request 18899.
"""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from typing import NoReturn


def leave(status: int) -> NoReturn:
    """End this process; what is registered with ``atexit`` is still called, and output flushed.

    Threads that are at work are not waited for where Ray was used.
    """
    if "ray" not in sys.modules:
        sys.exit(status)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with suppress(OSError, ValueError, AttributeError):  # closed, a pipe that nobody reads, or none at all
            stream.flush()  # type: ignore[union-attr]  # None is suppressed
    os._exit(status)


def status_of(ended: SystemExit) -> int:
    """The status that this would end the process with; a message in its place is printed, as Python would."""
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    sys.stderr.write(f"{ended.code}\n")
    return 1
