"""azure-cognitiveservices-personalizer 0.1.0: every operation it has, against the running service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("azure.cognitiveservices.personalizer", reason="the package is in the extra dev")

from azure.cognitiveservices.personalizer import PersonalizerClient
from azure.cognitiveservices.personalizer.models import ErrorResponseException, RankableAction, RankRequest
from msrest.authentication import CognitiveServicesCredentials
from msrest.exceptions import HttpOperationError

from tests.conformance.conftest import Live

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.slow,
    pytest.mark.timeout(150),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def client(live: Live, fresh_key: Callable[..., str]) -> PersonalizerClient:
    return PersonalizerClient(f"{live.url}/", CognitiveServicesCredentials(fresh_key()))


def request(**other: Any) -> RankRequest:
    actions = [RankableAction(id=id, features=[{"hot": id == "tea"}]) for id in ("tea", "soup", "cake")]
    return RankRequest(actions=actions, context_features=[{"user": {"tier": "gold"}}, {"daypart": "evening"}], **other)


def test_rank_then_reward(client: PersonalizerClient) -> None:
    answer = client.rank(request(event_id="ga event/1", excluded_actions=["soup"], defer_activation=False))
    assert answer.event_id == "ga event/1"
    assert len(answer.ranking) == 3
    assert (answer.ranking[1].id, answer.ranking[1].probability) == ("soup", 0.0)
    assert sum(one.probability for one in answer.ranking) == pytest.approx(1.0)
    assert answer.reward_action_id == answer.ranking[0].id
    assert client.events.reward(answer.event_id, 1.0) is None
    raw = client.events.reward(answer.event_id, 0.5, raw=True)
    assert raw.response.status_code == 204


def test_statuses_are_201_and_204(client: PersonalizerClient) -> None:
    raw = client.rank(request(), raw=True)
    assert raw.response.status_code == 201
    assert raw.output.event_id
    assert client.events.reward("nobody made this event", 1.0, raw=True).response.status_code == 204


def test_a_deferred_event_is_activated(client: PersonalizerClient) -> None:
    answer = client.rank(request(defer_activation=True))
    assert client.events.activate(answer.event_id, raw=True).response.status_code == 204


def test_errors_are_parsed(client: PersonalizerClient) -> None:
    with pytest.raises(ErrorResponseException) as caught:
        client.rank(RankRequest(actions=[]))
    assert caught.value.response.status_code == 400
    assert caught.value.error.error.code == "InvalidRankRequest"
    assert caught.value.error.error.message == "Action count should be between 1 and 50."
    assert caught.value.error.error.details[0].message == "Action count should be between 1 and 50."
    with pytest.raises(HttpOperationError) as refused:
        client.events.reward("e", 7.0)
    assert refused.value.response.status_code == 400


def test_a_wrong_key_is_refused(live: Live) -> None:
    stranger = PersonalizerClient(live.url, CognitiveServicesCredentials("nobody's key"))
    with pytest.raises(ErrorResponseException) as caught:
        stranger.rank(request())
    assert caught.value.response.status_code == 401
    assert caught.value.error.error.code == "401"
