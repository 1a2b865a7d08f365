"""Loop settings: what a loop may be asked to do, validated all at once, versioned, and hashed by what it learns.

In: a YAML file or a JSON body. Out: a frozen ``LoopSettings``, or one ``SettingsError`` that lists every problem.
Serving settings act at once; whatever enters ``learning_hash`` begins a new lineage, replayed from the log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, get_args

import pydantic
import yaml
from pydantic import Field

from policies.spelling import meant

LOOP_NAME = r"^[a-z0-9._-]{1,64}$"
DEFAULT_LOOP = "default"

LEARNING_FORMAT = 2
"""Raise it when the same settings learn differently than before: they then begin a new lineage."""

Bounded = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class SettingsError(ValueError):
    """A loop's settings are wrong; ``problems`` lists every one with field, value and cure."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class _Frozen(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class PolicySettings(_Frozen):
    """Which policy learns, and how it explores; ``options`` are checked by the policy's own constructor.

    Attributes:
        start: Address of the trained agent that learning begins with, as its upload answered; "" begins with nothing.
    """

    kind: str = "linear"
    options: dict[str, str | int | float | bool | list[str] | list[int] | None] = Field(default_factory=dict)
    start: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""


class FeedbackRule(_Frozen):
    """How one type of feedback becomes a part of the reward: transform, then weight, then cap (on the magnitude)."""

    weight: Bounded = 1.0
    cap: Annotated[float, Field(gt=0.0, le=1e9, allow_inf_nan=False)] | None = None
    transform: Literal["none", "log1p", "sqrt", "binary"] = "none"


class RewardSettings(_Frozen):
    """The reward window and recipe.

    Attributes:
        window_s: Feedback counts until this long after the decision.
        default: Reward of a slot for which no feedback counted.
        aggregation: How several pieces of feedback on one slot make one reward.
        min: Lower end of the reward range; rewards are clipped to the range when learned.
        max: Upper end.
        recipe: Feedback type → rule. The type ``reward`` has weight 1 unless it is named here; feedback of a type
            that is not named is logged and not learned.
    """

    window_s: Annotated[float, Field(gt=0.0, le=30 * 86400, allow_inf_nan=False)] = 60.0
    default: Bounded = 0.0
    aggregation: Literal["earliest", "sum", "mean", "median", "min", "max"] = "earliest"
    min: Bounded = 0.0
    max: Bounded = 1.0
    recipe: dict[str, FeedbackRule] = Field(default_factory=dict)

    @pydantic.model_validator(mode="after")
    def _range(self) -> RewardSettings:
        if self.min >= self.max:
            raise ValueError(f"min={self.min} must be below max={self.max}; set both to the range your rewards have")
        if not self.min <= self.default <= self.max:
            raise ValueError(f"default={self.default} must lie between min={self.min} and max={self.max}")
        return self

    @property
    def window_ms(self) -> int:
        """The window in whole milliseconds, at least one."""
        return max(1, round(self.window_s * 1000))


class LimitSettings(_Frozen):
    """What one request may hold; beyond it is a 4xx that names the limit."""

    actions: Annotated[int, Field(ge=1, le=10_000)] = 500
    slots: Annotated[int, Field(ge=1, le=100)] = 50
    features: Annotated[int, Field(ge=1, le=10_000)] = 256
    string_bytes: Annotated[int, Field(ge=1, le=65_536)] = 1024
    nesting: Annotated[int, Field(ge=1, le=16)] = 4


class UserSettings(_Frozen):
    """What is remembered of users.

    Attributes:
        keep_days: A user's running rates are forgotten when nothing was learned of the user for so many days; 0 keeps
            none, and none are read.
    """

    keep_days: Annotated[float, Field(ge=0.0, le=3650.0, allow_inf_nan=False)] = 0.0


class PersonalizerSettings(_Frozen):
    """What clients of Azure AI Personalizer set and read back, beside what has a setting of its own.

    Attributes:
        actions: Most actions of a rank request in its dialects.
        policy_name: Name of the learning policy.
        policy_arguments: The learning policy as it was sent; the loop's ``policy`` is what became of it.
        model_retrain_days: Kept for clients; a changed policy always learns from the whole log.
        log_retention_days: Kept for clients; -1 means for ever.
        auto_optimization_frequency: Kept for clients; ISO 8601.
        auto_optimization_start: Kept for clients; ISO 8601, or "".
        edited_at: When a client last changed the configuration; ISO 8601, or "".
    """

    actions: Annotated[int, Field(ge=1, le=10_000)] = 50
    policy_name: Annotated[str, Field(max_length=256)] = ""
    policy_arguments: Annotated[str, Field(max_length=1024)] = ""
    model_retrain_days: Annotated[int, Field(ge=0, le=100_000)] = 2
    log_retention_days: Annotated[int, Field(ge=-1, le=100_000)] = -1
    auto_optimization_frequency: Annotated[str, Field(max_length=64)] = "P28D"
    auto_optimization_start: Annotated[str, Field(max_length=64)] = ""
    edited_at: Annotated[str, Field(max_length=64)] = ""


Mode = Literal["online", "apprentice", "logging_only"]


class LoopSettings(_Frozen):
    """One learning problem.

    Attributes:
        policy: What the variant ``learned`` is.
        variants: Arm → share of the traffic; ``learned`` or the kind of a policy that needs no learning.
        sticky: True gives a user (else a session) the same variant each time; False draws it for each event.
        salt: Change it to deal users anew to the variants.
        floor: Share of uniform choice mixed into the learned variant, so that every eligible action keeps a propensity
            of at least floor / n_eligible.
        publish_every_s: The learner publishes at most this often.
        mode: ``online`` serves the variants. ``apprentice`` serves the baseline to everyone while the policy learns to
            choose as the baseline does; ``logging_only`` serves the baseline and learns from what it earns.
        learn_since_ms: Decisions before this instant (Unix milliseconds) are not learned from; 0 learns from all.
        personalizer: For clients of Azure AI Personalizer.
    """

    policy: PolicySettings = PolicySettings()
    variants: dict[str, Share] = Field(default_factory=lambda: {"learned": 0.90, "order": 0.08, "uniform": 0.02})
    sticky: bool = True
    salt: Annotated[str, Field(max_length=64)] = ""
    floor: Share = 0.02
    reward: RewardSettings = RewardSettings()
    limits: LimitSettings = LimitSettings()
    users: UserSettings = UserSettings()
    publish_every_s: Annotated[float, Field(ge=0.1, le=7 * 86400.0, allow_inf_nan=False)] = 0.5
    mode: Mode = "online"
    learn_since_ms: Annotated[int, Field(ge=0, le=2**53)] = 0
    personalizer: PersonalizerSettings = PersonalizerSettings()

    @pydantic.field_validator("variants")
    @classmethod
    def _whole(cls, variants: dict[str, float]) -> dict[str, float]:
        total = sum(variants.values())
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"the shares sum to {total:g}; they must sum to 1")
        return variants

    @property
    def learning_hash(self) -> str:
        """12 hex digits over what decides how or what is learned; equal hash, equal lineage."""
        learned = {"format": LEARNING_FORMAT, **self.model_dump(mode="json", include={"policy", "reward"})}
        if not self.policy.start:
            del learned["policy"]["start"]
        if self.learn_since_ms:
            learned["since_ms"] = self.learn_since_ms
        text = json.dumps(learned, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_json(self) -> str:
        """Canonical JSON, read back by ``parse``."""
        return self.model_dump_json()


def parse(data: Any, *, source: str = "settings") -> LoopSettings:
    """Validate settings from parsed YAML or JSON.

    Args:
        data: The parsed document.
        source: Where it came from, named in every problem.

    Raises:
        SettingsError: with every problem at once.
    """
    if not isinstance(data, dict):
        raise SettingsError([f"{source}: must be a mapping of settings, not {type(data).__name__}"])
    try:
        return LoopSettings.model_validate(data)
    except pydantic.ValidationError as error:
        raise SettingsError([_problem(source, item) for item in error.errors()]) from None


def parse_yaml(text: str, *, source: str = "settings") -> LoopSettings:
    """Validate settings from a YAML text.

    Raises:
        SettingsError: with every problem at once, or the place where the YAML itself is broken.
    """
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError([f"{source}: not YAML: {error}"]) from None
    return parse({} if data is None else data, source=source)


def _problem(source: str, item: Any) -> str:
    field = ".".join(str(part) for part in item["loc"]) or "(whole)"
    value = "" if item["type"] in {"missing", "extra_forbidden"} else f" (got {item['input']!r:.80})"
    cure = item["msg"]
    if item["type"] == "extra_forbidden":
        *path, name = item["loc"]
        cure = f"no such setting; remove it or fix its name{meant(name, _known(path))}"
    return f"{source}: {field}: {cure}{value}"


def _known(path: Sequence[str | int]) -> Iterable[str]:
    """Names of the settings at a place of the document, through mappings to what they hold."""
    here: Any = LoopSettings
    for part in path:
        is_model = isinstance(here, type) and issubclass(here, pydantic.BaseModel)
        here = here.model_fields[part].annotation if is_model else get_args(here)[-1]
    return tuple(here.model_fields)
