"""What a command says beside its results, a line each.

In: words. Out: a line on stderr, since stdout is for results.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

Tell = Callable[[str], object]
"""Told a line for whoever watches."""


def on_stderr(line: str) -> None:
    """Write it as it is, at once."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
