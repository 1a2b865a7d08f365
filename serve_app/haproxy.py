"""What is put in front of the real HAProxy: it closes what Ray's configuration opens to the network, then becomes it.

In: the command line that Ray Serve runs HAProxy with. Out: the configuration file rewritten in place, and this
process replaced by the real binary, so that its process id stays the one that Ray knows. ``install`` writes the
executable that does so.

Ray's template opens two more ports on every address, for HAProxy's metrics and statistics, with no setting to leave
them out. Ray asks HAProxy through a socket, and nobody else needs them: they are dropped, so that nothing is open to
the network and no start can fail because such a port is taken. The service's own address comes from settings, while
the replicas behind it always listen on loopback.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

_BIND = re.compile(r"^(\s*bind\s+)\S*?:(\d+)(.*)$")
_FRONTEND = "frontend http_frontend"
_UNUSED = ("frontend prometheus", "listen stats")
_LOG = re.compile(r"^\s*log \S+ local0 ")
_ERROR_FILE = re.compile(r"^\s*errorfile (\d+) ")

_DROPPED_HEADERS = ("x-request-id", "x-request-timeout-seconds", "x-session-id", "serve -m beg")
"""Headers by which a client could steer Ray Serve, and which it reads without checking."""

_PROBLEMS = {
    400: ("Bad Request", "bad-request", "The request can't be read", "send one well-formed HTTP/1.1 request"),
    408: ("Request Timeout", "timeout", "The request came too slowly", "send it again"),
    502: ("Bad Gateway", "unavailable", "Try again soon", "repeat the request, with the same event_id or reward_id"),
    503: ("Service Unavailable", "unavailable", "Try again soon", "repeat it, with the same event_id or reward_id"),
    504: ("Gateway Timeout", "unavailable", "Try again soon", "repeat it, with the same event_id or reward_id"),
}


def rewritten(config: str, *, host: str, folder: Path) -> str:
    """The configuration as it should be; rewriting it twice changes nothing more.

    Args:
        config: As Ray wrote it.
        host: Where the service listens; anything else would listen on loopback.
        folder: Holds the answers of ``install``.
    """
    section, lines = "", []
    for line in config.splitlines():
        if line and not line[0].isspace():
            section = line.strip()
        if section in _UNUSED:
            continue
        kept = _line(line, section, host, folder)
        lines += [] if kept is None else [kept]
        if line == _FRONTEND and "disconnect-disabled" not in config:
            lines += [
                "    # A request that has begun is finished: what it logs is then answered, or nobody asked any more.",
                "    http-request set-header x-request-disconnect-disabled ?1",
                *(f"    http-request del-header {header}" for header in _DROPPED_HEADERS),
            ]
        if line == "defaults" and "timeout http-request 30s" not in config:
            lines += [
                "    timeout http-request 30s",
                *(f"    errorfile {one} {folder}/{one}.http" for one in (400, 408)),
            ]
    return "\n".join(lines) + "\n"


def _line(line: str, section: str, host: str, folder: Path) -> str | None:
    bind = _BIND.match(line)
    if bind is not None:
        address = host if section == _FRONTEND else "127.0.0.1"
        return f"{bind[1]}{address}:{bind[2]}{bind[3]}"
    if _LOG.match(line):
        return None  # one datagram for each request, to a port where nobody need listen
    error_file = _ERROR_FILE.match(line)
    if error_file is not None and int(error_file[1]) in _PROBLEMS:
        return f"    errorfile {error_file[1]} {folder}/{error_file[1]}.http"
    return line


def install(folder: Path, *, binary: str, host: str) -> Path:
    """Write the executable to run instead of HAProxy, and HAProxy's own answers as problem documents.

    Args:
        folder: Where to; private to this service.
        binary: The real HAProxy.
        host: Where the service listens; ``*`` for every address.
    """
    for status in _PROBLEMS:
        (folder / f"{status}.http").write_bytes(_answer(status))
    wrapper = folder / "haproxy"
    source = Path(__file__).resolve()
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{source}" "{folder}" "{binary}" "{host}" "$@"\n')
    wrapper.chmod(0o700)
    return wrapper


def _answer(status: int) -> bytes:
    reason, kind, title, cure = _PROBLEMS[status]
    body = (
        f'{{"type":"urn:slateloop:problem:{kind}","title":"{title}","status":{status},'
        f'"detail":"{reason}","cure":"{cure}"}}'
    )
    retry = "Retry-After: 1\r\n" if status >= 500 else ""
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n{retry}Connection: close\r\n\r\n"
    )
    return (head + body).encode()


def main(arguments: Sequence[str]) -> None:
    """Rewrite the file after ``-f``, then become HAProxy."""
    folder, binary, host, *given = arguments
    if "-f" in given:
        file = Path(given[given.index("-f") + 1])
        new = file.with_suffix(".loopback")
        new.write_text(rewritten(file.read_text(), host=host, folder=Path(folder)))
        new.replace(file)
    os.execv(binary, [binary, *given])


if __name__ == "__main__":
    main(sys.argv[1:])
