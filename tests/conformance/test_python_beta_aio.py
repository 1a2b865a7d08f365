"""azure-ai-personalizer 1.0.0b1, asyncio: the same operations through the other half of the package."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

pytest.importorskip("azure.ai.personalizer", reason="the package is in the extra dev")
pytest.importorskip("aiohttp")

from azure.ai.personalizer.aio import PersonalizerAdministrationClient, PersonalizerClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.conformance.conftest import Live
from tests.conformance.test_python_beta import ACTIONS, OLD_DEFAULT, SLOTS, code_of

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.timeout(150)]


@dataclass(frozen=True)
class Clients:
    """The two clients of the package."""

    events: PersonalizerClient
    admin: PersonalizerAdministrationClient


@pytest.fixture
async def client(live: Live, fresh_key: Callable[..., str]) -> AsyncIterator[Clients]:
    credential = AzureKeyCredential(fresh_key())
    async with (
        PersonalizerClient(live.url, credential) as events,
        PersonalizerAdministrationClient(live.url, credential) as admin,
    ):
        yield Clients(events, admin)


async def test_events(client: Clients) -> None:
    answer = await client.events.rank({"actions": ACTIONS, "eventId": "a b/c", "deferActivation": True})
    assert (answer["eventId"], len(answer["ranking"])) == ("a b/c", 3)
    await client.events.activate("a b/c")
    await client.events.reward("a b/c", {"value": -1.0})
    slots = await client.events.rank_multi_slot({"actions": ACTIONS, "slots": SLOTS, "eventId": "m"})
    assert [slot["id"] for slot in slots["slots"]] == ["hero", "side"]
    await client.events.reward_multi_slot("m", {"reward": [{"slotId": "side", "value": 1.0}]})
    await client.events.activate_multi_slot("m")
    assert (await client.admin.get_log_properties())["dateRange"]


async def test_settings(client: Clients) -> None:
    configuration = await client.admin.get_service_configuration()
    assert (await client.admin.update_service_configuration(configuration)) == configuration
    assert (await client.admin.update_policy(OLD_DEFAULT)) == OLD_DEFAULT == await client.admin.get_policy()
    assert "--cb_explore_adf" in (await client.admin.reset_policy())["arguments"]
    assert set(await client.admin.get_model_properties()) == {"creationTime", "lastModifiedTime"}
    await client.admin.reset_model()


async def test_evaluations(client: Clients) -> None:
    await client.events.rank({"actions": ACTIONS})
    span = {"startTime": "2020-01-01T00:00:00Z", "endTime": "2100-01-01T00:00:00Z"}
    for name in ("one", "two", "three"):
        await client.admin.create_evaluation(name, {"name": name, **span})
    pages = [one["id"] async for one in client.admin.list_evaluations(top=2)]
    assert pages == ["three", "two"]
    assert [one["id"] async for one in client.admin.list_evaluations(params={"maxpagesize": "1"})] == [
        "three",
        "two",
        "one",
    ]
    await client.admin.delete_evaluation("one")
    with pytest.raises(ResourceNotFoundError):
        await client.admin.delete_evaluation("one")


async def test_what_is_not_available_says_so(client: Clients) -> None:
    await client.admin.delete_logs()
    with pytest.raises(HttpResponseError) as caught:
        await client.admin.import_model(b"a model")
    assert code_of(caught.value) == (400, "InvalidModelImportSignature")
