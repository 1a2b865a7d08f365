from __future__ import annotations

import msgspec
import pytest

from agent.records import (
    Activation,
    Activity,
    Decision,
    Imitation,
    Record,
    RecordError,
    Reward,
    SessionEnd,
    SettingsChange,
    SlotRecord,
    StreamId,
    Tick,
    decode,
    encode,
)


def decision(**changes: object) -> Decision:
    values: dict[str, object] = {
        "event_id": "e1",
        "clock_ms": 1,
        "window_ms": 1000,
        "variant": "learned",
        "policy": "vw",
        "version": "v1",
        "seed": 2**64 - 1,
        "context": b'{"hour":21}',
        "action_ids": ("a", "b", "c"),
        "feature_keys": b"k" * 36,
        "slots": (SlotRecord("0"), SlotRecord("1", b'{"size":"large"}', (2,))),
        "chosen": (2, 0),
        "propensities": (0.5, 1.0),
    }
    return Decision(**(values | changes))  # type: ignore[arg-type]  # a table of fields, checked by the record itself


@pytest.mark.parametrize(
    "record",
    [
        decision(),
        decision(deferred=True, user="u", session="s", derived=b"\0" * 24, floor=0.02, reasons={"a": "pinned"}),
        Reward("e1", 5, 0.5, "click", slot=1, reward_id="r", props=b"{}"),
        Activation("e1", 5),
        SessionEnd("s", 5),
        Tick(5),
        SettingsChange(5, 2, "abc"),
        Activity(5, "view", user="u", item="i"),
    ],
)
def test_a_record_survives_the_log(record: Record) -> None:
    assert decode(encode(record)) == record


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"chosen": (0, 0)}, "chosen"),
        ({"chosen": (0, 3)}, "chosen"),
        ({"chosen": (0,)}, "chosen"),
        ({"propensities": (0.5, 0.0)}, "propensities"),
        ({"propensities": (0.5, 1.1)}, "propensities"),
        ({"propensities": (0.5, float("nan"))}, "propensities"),
        ({"feature_keys": b"k" * 35}, "feature_keys"),
    ],
)
def test_a_decision_that_breaks_its_rules_is_refused_by_name(changes: dict[str, object], field: str) -> None:
    with pytest.raises(RecordError, match=field):
        decision(**changes)


def test_a_decision_that_breaks_its_rules_is_not_read_back_either() -> None:
    good = msgspec.msgpack.decode(encode(decision()))
    good[good.index([0.5, 1.0])] = [0.5, 2.0]
    with pytest.raises(RecordError, match="propensities"):
        decode(msgspec.msgpack.encode(good))


def test_rewards_are_finite_and_name_one_place() -> None:
    with pytest.raises(RecordError, match="finite"):
        Reward("e", 1, float("inf"))
    with pytest.raises(RecordError, match="slot or action"):
        Reward("e", 1, 1.0, slot=0, action="a")


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("likely", b"1234", "likely needs 4 bytes for each"),
        ("baseline", (0, 1, 2, 3), "baseline needs one action for each"),
        ("imitation", Imitation((0, 1, 2, 3), (1.0,) * 4, "vw"), "one distinct choice and one propensity"),
        ("imitation", Imitation((9,), (1.0,), "vw"), "indices of actions"),
        ("imitation", Imitation((0,), (0.0,), "vw"), r"propensities in \(0, 1\]"),
    ],
)
def test_what_is_logged_beside_the_choice_fits_it(field: str, value: object, why: str) -> None:
    one_slot = {"slots": (SlotRecord("0"),), "chosen": (0,), "propensities": (0.5,)}
    assert decision(**one_slot).imitation is None
    with pytest.raises(RecordError, match=why):
        decision(**one_slot, **{field: value})


def test_garbage_is_a_record_error() -> None:
    for data in (b"", b"\xc1", b"\x91\xa1r", b"\x93\xa1z\x01\x02"):
        with pytest.raises(RecordError, match="not a record"):
            decode(data)


def test_fields_of_a_later_version_are_passed_over() -> None:
    later = msgspec.msgpack.decode(encode(Tick(5)))
    assert decode(msgspec.msgpack.encode([*later, "new"])) == Tick(5)


def test_stream_ids_order_like_the_log() -> None:
    assert StreamId.parse(b"10-2") == StreamId(10, 2)
    assert StreamId.parse("10-2") < StreamId.parse("10-10") < StreamId.parse("11-0")
    assert str(StreamId(10, 2)) == "10-2"


def test_a_decision_of_ten_actions_and_three_slots_stays_small() -> None:
    record = decision(
        event_id="sl1." + "x" * 60,
        action_ids=tuple(f"a{i}" for i in range(10)),
        feature_keys=b"k" * 120,
        slots=(SlotRecord("0"), SlotRecord("1"), SlotRecord("2")),
        chosen=(2, 0, 1),
        propensities=(0.5, 0.3, 0.2),
        derived=b"f" * 80,
    )
    assert len(encode(record)) < 500
