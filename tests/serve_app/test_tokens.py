from __future__ import annotations

import pytest
import redis

from agent import keys
from serve_app.errors import ForbiddenError, UnprocessableError
from serve_app.tokens import SIGNED_ID_CHARS, Signer, check_client_id, load_signer, rotate

SIGNER = Signer({"k1": b"x" * 32, "k0": b"y" * 32}, current="k1")


@pytest.mark.parametrize("loop", ["default", "a.b-c_d", ".", "x" * 64])
def test_an_id_tells_its_loop(loop: str) -> None:
    event_id = SIGNER.make(loop)
    assert SIGNER.loop_of(event_id) == loop
    assert len(event_id) <= SIGNED_ID_CHARS
    assert event_id.isascii()
    assert set(event_id) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def test_ids_are_distinct_and_hold_96_random_bits() -> None:
    ids = {SIGNER.make("x") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(event_id.split(".")[3]) == 16 for event_id in ids)
    assert all(len(event_id.split(".")[4]) == 22 for event_id in ids)


def test_an_id_that_follows_from_the_request_is_the_same_again_and_signed() -> None:
    again = SIGNER.make_again("x", b"request 1")
    assert again == SIGNER.make_again("x", b"request 1")
    assert SIGNER.loop_of(again) == "x"
    others = {SIGNER.make_again("x", b"request 2"), SIGNER.make_again("y", b"request 1"), again}
    assert len(others) == 3
    assert len(again) == len(SIGNER.make("x"))


def test_changing_any_character_is_noticed() -> None:
    event_id = SIGNER.make("loop.a")
    for place in range(len("sl1."), len(event_id)):
        # The last character of the mac carries 2 bits of it; "A" and "B" differ below them.
        for other in "Ag":
            changed = event_id[:place] + other + event_id[place + 1 :]
            if changed != event_id:
                with pytest.raises(ForbiddenError):
                    SIGNER.loop_of(changed)


def test_an_old_key_verifies_and_an_unknown_one_does_not() -> None:
    assert SIGNER.loop_of(Signer({"k0": b"y" * 32}, current="k0").make("x")) == "x"
    with pytest.raises(ForbiddenError):
        SIGNER.loop_of(Signer({"k2": b"z" * 32}, current="k2").make("x"))
    with pytest.raises(ForbiddenError):
        SIGNER.loop_of(Signer({"k1": b"z" * 32}, current="k1").make("x"))


def test_client_ids_are_their_own_and_never_like_ours() -> None:
    assert SIGNER.loop_of("order-17") is None
    check_client_id("order-17")
    with pytest.raises(UnprocessableError):
        check_client_id("sl1.order-17")


def test_the_signing_key_is_made_once_and_survives_rotation(redis_client: redis.Redis) -> None:
    first = load_signer(redis_client)
    event_id = first.make("x")
    assert load_signer(redis_client).loop_of(event_id) == "x"
    assert redis_client.hlen(keys.SIGNING_KEYS) == 2
    after = rotate(redis_client)
    assert after.loop_of(event_id) == "x"
    with pytest.raises(ForbiddenError):
        first.loop_of(after.make("x"))
