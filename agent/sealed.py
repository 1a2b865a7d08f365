"""Bytes that prove themselves whole: a kind, a SHA-256 over the rest, and the content.

In: a checkpoint's or a snapshot's content. Out: what is stored, and the content again or the reason why it isn't.
"""

from __future__ import annotations

import hashlib

_N_DIGEST = 32


class SealError(ValueError):
    """Stored bytes are not what was stored."""


def seal(content: bytes, kind: bytes) -> bytes:
    """The content with its kind and checksum before it; a kind's last byte is the version of its format."""
    return kind + hashlib.sha256(content).digest() + content


def unseal(data: bytes, kind: bytes) -> bytes:
    """The content of sealed bytes.

    Raises:
        SealError: if they are of another kind or another release's format, cut short or changed.
    """
    if data.startswith(kind[:-1]) and not data.startswith(kind):
        found = data[: len(kind)].decode("ascii", "replace")
        raise SealError(f"of format {found}; this release reads {kind.decode()}")
    if not data.startswith(kind):
        raise SealError(f"{len(data)} bytes do not begin with {kind!r}")
    digest, content = data[len(kind) : len(kind) + _N_DIGEST], data[len(kind) + _N_DIGEST :]
    if hashlib.sha256(content).digest() != digest:
        raise SealError(f"{len(content)} bytes do not match their checksum")
    return content
