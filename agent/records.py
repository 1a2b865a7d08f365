"""The entries of the event log: frozen, validated when made, with a schema version.

In: what the HTTP layer decided and received. Out: MessagePack bytes for one stream, and what the join reads back.
Fields are stored by position, so new ones are only ever appended, with a default.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

SCHEMA_VERSION = 1

N_KEY_BYTES = 12
"""Length of a feature row's content address."""

N_LIKELY_BYTES = 4
"""Length of one probability in ``Decision.likely``."""


class RecordError(ValueError):
    """A record breaks its own rules; the message names field, value and cure."""


class StreamId(NamedTuple):
    """A Redis stream id: server milliseconds and a sequence number. Its order is the only order."""

    ms: int
    seq: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"

    @classmethod
    def parse(cls, text: str | bytes) -> StreamId:
        """Read ``ms-seq``."""
        ms, _, seq = (text.decode() if isinstance(text, bytes) else text).partition("-")
        return cls(int(ms), int(seq or 0))


ZERO = StreamId(0, 0)
"""Before every entry."""


class SlotRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A slot as asked for: its id, its JSON features, and the indices of the actions not allowed in it."""

    id: str
    features: bytes = b"{}"
    excluded: tuple[int, ...] = ()


class Imitation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a learned policy would have served while it was still an apprentice; nobody was shown it.

    Attributes:
        chosen: As ``Decision.chosen``.
        propensities: As ``Decision.propensities``: of its own choice, by its own distribution.
        policy: Its kind.
        version: Its snapshot's version, or "".
    """

    chosen: tuple[int, ...]
    propensities: tuple[float, ...]
    policy: str
    version: str = ""


class Decision(msgspec.Struct, frozen=True, array_like=True, tag_field="kind", tag="d"):
    """What was served, from what, and how likely it was.

    Attributes:
        event_id: Names the decision; rewards carry it.
        clock_ms: The writer's clock: the server's time when it connected plus monotonic time since. Compared with the
            stream id it shows a jump of the server's clock.
        window_ms: Rewards count until this long after the entry's stream time.
        variant: Arm of the policy experiment.
        policy: Kind of the policy that chose.
        version: Its snapshot's version, or "" where the policy needs none.
        seed: Seeds every draw of this decision.
        context: JSON features, as used.
        action_ids: As offered, in the order offered.
        feature_keys: The actions' content addresses, ``N_KEY_BYTES`` each, concatenated.
        slots: In slate order.
        chosen: Indices into ``action_ids``, one a slot.
        propensities: One a slot, conditional on the slots before and the variant, in (0, 1].
        derived: float32 little-endian, shape (n_actions, n): the first n of ``DERIVED`` for each action. All of them,
            or the loop's alone where nothing was known of the user, or fewer from an older release; empty where nothing
            was known at all. ``policies.derived.completed`` fills in the rest.
        floor: The exploration floor that was mixed in.
        likely: float32 little-endian, one for each action: the probabilities the first slot was drawn by, where the
            answer tells them all; else empty.
        imitation: What the apprentice would have served, where the baseline was served in its stead.
        baseline: Indices of what the application would have shown by itself, one a slot, where it is not the order in
            which it offered the actions.
    """

    event_id: str
    clock_ms: int
    window_ms: int
    variant: str
    policy: str
    version: str
    seed: int
    context: bytes
    action_ids: tuple[str, ...]
    feature_keys: bytes
    slots: tuple[SlotRecord, ...]
    chosen: tuple[int, ...]
    propensities: tuple[float, ...]
    deferred: bool = False
    user: str | None = None
    session: str | None = None
    derived: bytes = b""
    floor: float = 0.0
    settings_version: int = 0
    # Room for later capabilities; None until one fills it.
    sources: tuple[str, ...] | None = None
    scores: tuple[float, ...] | None = None
    reasons: dict[str, str] | None = None
    consent: str | None = None
    user_key: str | None = None
    schema: int = SCHEMA_VERSION
    likely: bytes = b""
    imitation: Imitation | None = None
    baseline: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        n = len(self.slots)
        if len(self.chosen) != n or len(self.propensities) != n:
            raise RecordError(f"chosen and propensities need one value for each of {n} slots")
        if len(set(self.chosen)) != n or any(not 0 <= i < len(self.action_ids) for i in self.chosen):
            raise RecordError(f"chosen={self.chosen} must be distinct indices below {len(self.action_ids)}")
        if any(not 0.0 < p <= 1.0 for p in self.propensities):
            raise RecordError(f"propensities={self.propensities} must lie in (0, 1]")
        if len(self.feature_keys) != N_KEY_BYTES * len(self.action_ids):
            raise RecordError(f"feature_keys needs {N_KEY_BYTES} bytes for each action")
        if self.likely and len(self.likely) != N_LIKELY_BYTES * len(self.action_ids):
            raise RecordError(f"likely needs {N_LIKELY_BYTES} bytes for each action")
        if self.baseline is not None and len(self.baseline) != n:
            raise RecordError(f"baseline needs one action for each of {n} slots")
        if self.imitation is not None:
            _check_imitation(self.imitation, n_slots=n, n_actions=len(self.action_ids))


def _check_imitation(own: Imitation, *, n_slots: int, n_actions: int) -> None:
    if len(own.chosen) != n_slots or len(own.propensities) != n_slots or len(set(own.chosen)) != n_slots:
        raise RecordError(f"imitation needs one distinct choice and one propensity for each of {n_slots} slots")
    if any(not 0 <= i < n_actions for i in own.chosen) or any(not 0.0 < p <= 1.0 for p in own.propensities):
        raise RecordError("imitation needs indices of actions, and propensities in (0, 1]")


class Reward(msgspec.Struct, frozen=True, array_like=True, tag_field="kind", tag="r"):
    """One piece of feedback, typed and raw; the loop's reward recipe makes a reward of it at join time."""

    event_id: str
    clock_ms: int
    value: float
    type: str = "reward"
    slot: int | str | None = None
    action: str | None = None
    reward_id: str | None = None
    props: bytes = b""
    schema: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise RecordError(f"value={self.value} must be finite")
        if self.slot is not None and self.action is not None:
            raise RecordError("name slot or action, not both")


class Activation(msgspec.Struct, frozen=True, array_like=True, tag_field="kind", tag="a"):
    """A deferred decision was really shown."""

    event_id: str
    clock_ms: int
    schema: int = SCHEMA_VERSION


class SessionEnd(msgspec.Struct, frozen=True, array_like=True, tag_field="kind", tag="e"):
    """A user's session is over."""

    session: str
    clock_ms: int
    schema: int = SCHEMA_VERSION


class Tick(msgspec.Struct, frozen=True, array_like=True, tag_field="kind", tag="t"):
    """Moves stream time on while a decision is open and no traffic comes."""

    clock_ms: int
    schema: int = SCHEMA_VERSION


class SettingsChange(msgspec.Struct, frozen=True, array_like=True, tag_field="kind", tag="s"):
    """From here on the loop has these settings."""

    clock_ms: int
    version: int
    learning_hash: str
    schema: int = SCHEMA_VERSION


class Activity(msgspec.Struct, frozen=True, array_like=True, tag_field="kind", tag="v"):
    """Something a user did outside any slate: a view, a search, a purchase."""

    clock_ms: int
    type: str
    user: str | None = None
    session: str | None = None
    item: str | None = None
    value: float | None = None
    props: bytes = b""
    schema: int = SCHEMA_VERSION


Record = Decision | Reward | Activation | SessionEnd | Tick | SettingsChange | Activity


class Entry(NamedTuple):
    """A record and where it stands in the log; None where the entry could not be read."""

    id: StreamId
    record: Record | None


class Experience(NamedTuple):
    """A decision joined with its rewards once its window has closed.

    Attributes:
        id: Stream id of the decision.
        rewards: Per slot, aggregated by the recipe; the default reward where no feedback counted.
        n_feedback: How many pieces of feedback counted.
        fed: Per slot, whether feedback of its own counted there; None where that isn't known.
    """

    id: StreamId
    decision: Decision
    rewards: tuple[float, ...]
    n_feedback: int
    fed: tuple[bool, ...] | None = None


class Ending(NamedTuple):
    """A session's end, where it stands among the experiences: after all that were decided before it.

    Attributes:
        id: Stream id of the entry.
    """

    id: StreamId
    session: str


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    """MessagePack bytes of one log entry."""
    return _encoder.encode(record)


def decode(data: bytes) -> Record:
    """The record of one log entry.

    Raises:
        RecordError: if the bytes are not a record of a known schema.
    """
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise RecordError(f"log entry of {len(data)} bytes is not a record: {error}") from error
