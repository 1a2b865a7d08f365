"""Durations and instants as the dialects write them: ISO 8601, ``PT10M`` and ``2026-01-05T10:00:00Z``.

In: text from a client. Out: seconds and Unix milliseconds; and back.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction

_N = r"(\d{1,9})"
_DURATION = re.compile(
    rf"P(?=[\dT])(?:{_N}W)?(?:{_N}D)?(?:T(?=\d)(?:{_N}H)?(?:{_N}M)?(?:(\d{{1,9}}(?:\.\d{{1,9}})?)S)?)?", re.ASCII
)
_SECONDS = (7 * 86400, 86400, 3600, 60, 1)


_LAST_MS = 253_402_300_799_000


def seconds_of(duration: str) -> float:
    """The seconds of a duration of weeks, days, hours, minutes and seconds.

    Raises:
        ValueError: it is no such duration; months and years have no fixed length.
    """
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise ValueError(f"{duration!r:.60} is not an ISO 8601 duration such as PT10M or P1D")
    parts = (Fraction(text or 0) * unit for text, unit in zip(found.groups(), _SECONDS, strict=True))
    return float(sum(parts))


def duration_of(seconds: float) -> str:
    """The duration of so many seconds, to the millisecond; ``seconds_of`` reads it back."""
    n_ms = round(seconds * 1000)
    days, n_ms = divmod(n_ms, 86_400_000)
    hours, n_ms = divmod(n_ms, 3_600_000)
    minutes, n_ms = divmod(n_ms, 60_000)
    rest = f"{n_ms / 1000:.3f}".rstrip("0").rstrip(".")
    time = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M")) if n) + (f"{rest}S" if n_ms else "")
    day = f"{days}D" if days else ""
    return f"P{day}{'T' + time if time else ''}" if day or time else "PT0S"


def clock_span(ms: int) -> str:
    """A span of whole seconds as .NET prints it: ``00:05:00``, ``1.00:00:00``."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (f"{days}." if days else "") + f"{hours:02}:{minutes:02}:{seconds:02}"


def ms_of(instant: str) -> int:
    """Unix milliseconds of an instant, from 1970 to the end of 9999; one without a zone is UTC.

    Raises:
        ValueError: it is no ISO 8601 instant.
    """
    try:
        read = datetime.fromisoformat(instant.strip())
    except ValueError:
        raise ValueError(f"{instant!r:.60} is not an ISO 8601 instant such as 2026-01-05T10:00:00Z") from None
    ms = round((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)
    return max(0, min(_LAST_MS, ms))  # some clients write "no time" as the first or the last there is


def instant_of(ms: int) -> str:
    """The instant of Unix milliseconds, in UTC; whole seconds have no fraction."""
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds" if ms % 1000 else "seconds").replace("+00:00", "Z")


def http_date(ms: int) -> bytes:
    """As ``Last-Modified`` wants it."""
    at = datetime.fromtimestamp(ms / 1000, UTC)
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    return f"{day}, {at.day:02} {month} {at.year:04} {at:%H:%M:%S} GMT".encode()


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
