"""The service configuration of the dialects, as the loop's settings, and back.

In: a PUT body, which replaces everything, over the settings in force. Out: changed settings; or the document that a GET
answers. What acts and what is merely kept is listed in ``docs/personalizer.md``.
"""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import ValidationError

from agent.loops import LoopSettings, Mode, RewardSettings
from serve_app.personalizer.errors import AzureError
from serve_app.personalizer.times import duration_of, ms_of, seconds_of
from serve_app.reading import Reader

MODE_ALONE = (
    "Updating defaultReward, rewardWaitTime and rewardAggregation when changing learning mode from Online to Apprentice"
    " mode and vice versa is not allowed. Make the mode change and then change the additional settings with an"
    " additional API call."
)
RETENTION = (
    "Log Retention Days must be -1 to store indefinitely or must be at least reward wait time plus 1 day (rounded up)"
)
RETRAIN = "Model retrain days must be between 0 and the number of log retention days."

DAY_S = 86400

_MODES: dict[str, Mode] = {"Online": "online", "Apprentice": "apprentice", "LoggingOnly": "logging_only"}
_MODE_NAMES = {mode: name for name, mode in _MODES.items()}
_AGGREGATIONS = {"average": "mean"}


class Configuration(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The body of PUT; what only a GET tells is passed over."""

    reward_wait_time: str
    default_reward: float
    reward_aggregation: str
    exploration_percentage: float
    model_export_frequency: str
    log_retention_days: int
    model_retrain_days: int | None = None
    log_mirror_enabled: bool | None = None
    learning_mode: str | None = None
    is_auto_optimization_enabled: bool | None = None
    auto_optimization_frequency: str | None = None
    auto_optimization_start_date: str | None = None


_read: Reader[Configuration] = Reader(Configuration)


def changed(settings: LoopSettings, body: bytes, *, now: str) -> LoopSettings:
    """The settings that a PUT asks for; the very same ones where it changes nothing.

    Args:
        settings: Those in force.
        body: As sent.
        now: The instant, kept as the date of the edit.

    Raises:
        AzureError: something of it is wrong, or can't be had here.
        RequestError: the body is no configuration.
    """
    asked = _read.read(body)
    window_s = _seconds(asked.reward_wait_time, "rewardWaitTime")
    _check(asked, window_s)
    reward = _reward(settings, asked, window_s)
    mode = _mode(asked.learning_mode, settings)
    if mode != settings.mode and reward != settings.reward:
        raise _wrong(MODE_ALONE, "learningMode", "InvalidLearningModeServiceConfiguration")
    update = {
        "reward": reward.model_dump(),
        "floor": asked.exploration_percentage,
        "publish_every_s": _seconds(asked.model_export_frequency, "modelExportFrequency"),
        "mode": mode,
        "personalizer": settings.personalizer.model_dump() | _kept(settings, asked),
    }
    wanted = _validated(settings.model_dump() | update)
    if wanted == settings:
        return settings
    return wanted.model_copy(update={"personalizer": wanted.personalizer.model_copy(update={"edited_at": now})})


def described(settings: LoopSettings, *, edited_at: str, apprentice: dict[str, Any] | None) -> dict[str, Any]:
    """The document of GET.

    Args:
        settings: Those in force.
        edited_at: When they came into force, where no client of the dialects changed them since.
        apprentice: ``latestApprenticeModeMetrics``, where there are any.
    """
    kept = settings.personalizer
    found = {
        "rewardWaitTime": duration_of(settings.reward.window_s),
        "defaultReward": settings.reward.default,
        "rewardAggregation": {"mean": "average"}.get(settings.reward.aggregation, settings.reward.aggregation),
        "explorationPercentage": settings.floor,
        "modelExportFrequency": duration_of(settings.publish_every_s),
        "modelRetrainDays": kept.model_retrain_days,
        "logMirrorEnabled": False,
        "logMirrorSasUri": "",
        "logRetentionDays": kept.log_retention_days,
        "lastConfigurationEditDate": kept.edited_at or edited_at,
        "learningMode": _MODE_NAMES[settings.mode],
        "isAutoOptimizationEnabled": False,
        "autoOptimizationFrequency": kept.auto_optimization_frequency,
    }
    if kept.auto_optimization_start:
        found["autoOptimizationStartDate"] = kept.auto_optimization_start
    if apprentice is not None:
        found["latestApprenticeModeMetrics"] = apprentice
    return found


def _reward(settings: LoopSettings, asked: Configuration, window_s: float) -> RewardSettings:
    """The reward settings; the range widens to hold a default reward that lies outside."""
    before, default = settings.reward, asked.default_reward
    return before.model_copy(
        update={
            "window_s": window_s,
            "default": default,
            "aggregation": _AGGREGATIONS.get(asked.reward_aggregation, asked.reward_aggregation),
            "min": min(-1.0, default) if default < before.min else before.min,
            "max": max(1.0, default) if default > before.max else before.max,
        }
    )


def _kept(settings: LoopSettings, asked: Configuration) -> dict[str, Any]:
    """What clients read back and nothing acts on."""
    before = settings.personalizer
    if asked.auto_optimization_frequency is not None:
        _seconds(asked.auto_optimization_frequency, "autoOptimizationFrequency")
    if asked.auto_optimization_start_date is not None:
        _instant(asked.auto_optimization_start_date, "autoOptimizationStartDate")
    given = {
        "model_retrain_days": asked.model_retrain_days,
        "log_retention_days": asked.log_retention_days,
        "auto_optimization_frequency": asked.auto_optimization_frequency,
        "auto_optimization_start": asked.auto_optimization_start_date,
    }
    known = before.model_dump()
    return {name: known[name] if value is None else value for name, value in given.items()}


def _check(asked: Configuration, window_s: float) -> None:
    if asked.log_mirror_enabled:
        raise _wrong("Log mirroring is not available in Slateloop; send false.", "logMirrorEnabled")
    if asked.is_auto_optimization_enabled:
        raise _wrong("Auto-optimization is not available in Slateloop; send false.", "isAutoOptimizationEnabled")
    days = asked.log_retention_days
    if days != -1 and days < -(-window_s // DAY_S) + 1:
        raise _wrong(RETENTION, "logRetentionDays", "InvalidLogRetentionDays")
    retrain = asked.model_retrain_days
    if retrain is not None and (retrain < 0 or (days != -1 and retrain > days)):
        raise _wrong(RETRAIN, "modelRetrainDays", "InvalidModelRetrainDays")
    if asked.reward_aggregation not in {"earliest", "sum", "average", "median", "min", "max"}:
        raise _wrong("Choose one of earliest, sum, average, median, min, max.", "rewardAggregation")


def _mode(asked: str | None, settings: LoopSettings) -> Mode:
    if asked is None:
        return settings.mode
    by_name = {name.lower(): mode for name, mode in _MODES.items()}
    if asked.lower() not in by_name:
        raise _wrong(f"Choose one of {', '.join(_MODES)}.", "learningMode")
    return by_name[asked.lower()]


def _seconds(text: str, field: str) -> float:
    try:
        return seconds_of(text)
    except ValueError as error:
        raise _wrong(f"{error}.", field) from None


def _instant(text: str, field: str) -> None:
    try:
        ms_of(text)
    except ValueError as error:
        raise _wrong(f"{error}.", field) from None


def _validated(data: dict[str, Any]) -> LoopSettings:
    try:
        return LoopSettings.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise _wrong(f"{_FIELDS.get(field, field)}: {first['msg']}.", _FIELDS.get(field, field)) from None


_FIELDS = {
    "reward.window_s": "rewardWaitTime",
    "reward": "defaultReward",
    "floor": "explorationPercentage",
    "publish_every_s": "modelExportFrequency",
}


def _wrong(message: str, target: str, code: str = "InvalidServiceConfiguration") -> AzureError:
    return AzureError(400, code, f"Invalid service configuration. {message}", target=target)
