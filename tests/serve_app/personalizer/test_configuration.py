from __future__ import annotations

import json
from typing import Any

import pytest

from agent.loops import LoopSettings
from serve_app.errors import RequestError
from serve_app.personalizer.configuration import MODE_ALONE, RETENTION, RETRAIN, changed, described
from serve_app.personalizer.errors import AzureError

BODY: dict[str, Any] = {
    "rewardWaitTime": "PT10M",
    "defaultReward": 0.25,
    "rewardAggregation": "average",
    "explorationPercentage": 0.2,
    "modelExportFrequency": "PT5M",
    "modelRetrainDays": 2,
    "logRetentionDays": 90,
    "logMirrorEnabled": False,
    "learningMode": "Online",
    "isAutoOptimizationEnabled": False,
    "autoOptimizationFrequency": "P14D",
    "autoOptimizationStartDate": "2026-01-20T00:00:00Z",
}
NOW = "2026-01-05T10:00:00Z"


def put(settings: LoopSettings, **other: Any) -> LoopSettings:
    return changed(settings, json.dumps(BODY | other).encode(), now=NOW)


def test_each_field_finds_its_setting() -> None:
    found = put(LoopSettings())
    assert (found.reward.window_s, found.reward.default, found.reward.aggregation) == (600.0, 0.25, "mean")
    assert (found.floor, found.publish_every_s, found.mode) == (0.2, 300.0, "online")
    kept = found.personalizer
    assert (kept.model_retrain_days, kept.log_retention_days, kept.edited_at) == (2, 90, NOW)


def test_what_was_put_is_what_is_got() -> None:
    found = described(put(LoopSettings()), edited_at="", apprentice=None)
    assert {name: found[name] for name in BODY} == BODY
    assert found["lastConfigurationEditDate"] == NOW


def test_putting_what_was_got_changes_nothing() -> None:
    for settings in (LoopSettings(), put(LoopSettings())):
        body = json.dumps(described(settings, edited_at=NOW, apprentice=None)).encode()
        assert changed(settings, body, now="later") is settings


def test_exploration_acts_at_once_and_rewards_are_learned_anew() -> None:
    first = put(LoopSettings())
    assert put(first, explorationPercentage=0.5, modelExportFrequency="PT1M").learning_hash == first.learning_hash
    assert put(first, defaultReward=0.5).learning_hash != first.learning_hash


def test_a_default_reward_outside_the_range_widens_it() -> None:
    assert put(LoopSettings(), defaultReward=-0.5).reward.min == -1.0
    assert put(LoopSettings(), defaultReward=0.0).reward.min == 0.0


@pytest.mark.parametrize(
    ("other", "code", "message"),
    [
        ({"rewardWaitTime": "10m"}, "InvalidServiceConfiguration", "ISO 8601"),
        ({"rewardWaitTime": "P31D", "logRetentionDays": -1}, "InvalidServiceConfiguration", "rewardWaitTime"),
        ({"explorationPercentage": 1.5}, "InvalidServiceConfiguration", "explorationPercentage"),
        ({"rewardAggregation": "last"}, "InvalidServiceConfiguration", "earliest"),
        ({"learningMode": "Guess"}, "InvalidServiceConfiguration", "Apprentice"),
        ({"logRetentionDays": 1}, "InvalidLogRetentionDays", RETENTION),
        ({"logRetentionDays": 0}, "InvalidLogRetentionDays", RETENTION),
        ({"modelRetrainDays": 91}, "InvalidModelRetrainDays", RETRAIN),
        ({"logMirrorEnabled": True}, "InvalidServiceConfiguration", "mirroring"),
        ({"isAutoOptimizationEnabled": True}, "InvalidServiceConfiguration", "Auto-optimization"),
        ({"learningMode": "Apprentice"}, "InvalidLearningModeServiceConfiguration", MODE_ALONE),
    ],
)
def test_what_is_wrong_is_refused_with_its_code(other: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(AzureError) as caught:
        put(LoopSettings(), **other)
    assert (caught.value.status, caught.value.code) == (400, code)
    assert message in caught.value.message


def test_the_mode_changes_in_a_call_of_its_own() -> None:
    first = put(LoopSettings())
    apprentice = put(first, learningMode="Apprentice", explorationPercentage=0.3)
    assert apprentice.mode == "apprentice"
    assert put(apprentice, learningMode="Online").mode == "online"
    assert put(apprentice, learningMode=None).mode == "apprentice"


def test_required_fields_are_required() -> None:
    with pytest.raises(RequestError, match="rewardWaitTime"):
        changed(LoopSettings(), json.dumps({"defaultReward": 0.0}).encode(), now=NOW)
