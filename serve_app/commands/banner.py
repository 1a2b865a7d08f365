"""What to do with a service that has just started: copyable lines.

In: where it listens, and its key if that is known. Out: text.
"""

from __future__ import annotations

import os
import shutil
import sys

SLATE = (
    '{"event_id": "my-first", "context": {"device": "phone"}, '
    '"actions": [{"id": "a1", "features": {"topic": "sport"}}, {"id": "a2", "features": {"topic": "news"}}]}'
)
REWARD = '{"event_id": "my-first", "value": 1}'


def command() -> str:
    """How this person calls us: by name if a shell finds it, else by the path it was started with."""
    return "slateloop" if shutil.which("slateloop") else os.path.relpath(sys.argv[0])


def first_calls(url: str) -> list[str]:
    """Two shell lines: a first slate, and its reward. They take the key from ``SLATELOOP_KEY``."""
    return [_curl(f"{url}/v1/slates", SLATE), _curl(f"{url}/v1/rewards", REWARD)]


def banner(url: str, admin_key: str | None, *, is_given: bool = False) -> str:
    """What `slateloop serve` says once it listens.

    Args:
        url: Where.
        admin_key: The key that was made just now.
        is_given: Whether SLATELOOP_ADMIN_KEY set one.
    """
    lines = [f"Slateloop listens on {url}", ""]
    if admin_key:
        lines += [
            "The first admin key, shown this once (only its hash is stored):",
            f"  export SLATELOOP_KEY={admin_key}",
        ]
    elif is_given:
        lines += ["The admin key is the one in SLATELOOP_ADMIN_KEY:", '  export SLATELOOP_KEY="$SLATELOOP_ADMIN_KEY"']
    else:
        lines += ["Keys were made at an earlier start; with one of them:", "  export SLATELOOP_KEY=…"]
    lines += ["", "A first slate, then its reward:", *(f"  {call}" for call in first_calls(url))]
    lines += ["", "What it has learned:", f"  {command()} loops status default --url {url}"]
    return "\n".join([*lines, "", f"Docs: {url}/docs    metrics: {url}/metrics    end it with Ctrl-C"])


def _curl(url: str, body: str) -> str:
    return f"curl -sS {url} -H \"Authorization: Bearer $SLATELOOP_KEY\" -d '{body}'"
