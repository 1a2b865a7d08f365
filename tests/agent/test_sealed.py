from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.sealed import SealError, seal, unseal


def test_content_comes_back() -> None:
    assert unseal(seal(b"content", b"KIND"), b"KIND") == b"content"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:10] + bytes([data[10] ^ 1]) + data[11:],
        lambda data: b"ELSE" + data[4:],
        lambda data: b"",
    ],
)
def test_damage_is_noticed(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(SealError):
        unseal(damage(seal(b"content", b"KIND")), b"KIND")


def test_another_release_s_format_is_named() -> None:
    with pytest.raises(SealError, match="of format KIND2; this release reads KIND1"):
        unseal(seal(b"content", b"KIND2"), b"KIND1")
