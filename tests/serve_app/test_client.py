from __future__ import annotations

import httpx
import pytest

from agent.loops import LoopSettings
from agent.starts import address_of
from serve_app import calls
from serve_app.answers import (
    Chosen,
    ConflictError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    ServiceFailedError,
    Slate,
    SlateloopError,
    UnreachableError,
)
from serve_app.client import AsyncClient, Client
from serve_app.retries import Backoff
from tests.serve_app.conftest import ADMIN_KEY, InProcess
from tests.serve_app.fake_http import FakeHttp, not_there_yet, problem, slate, stored
from tests.trained import packed

SLATES = ("POST", "/v1/slates")
BATCH = ("POST", "/v1/slates/batch")
REWARDS = ("POST", "/v1/rewards")
QUICK = Backoff(first_s=0.0, longest_s=0.0, budget_s=60.0)
ONCE = Backoff(budget_s=0.0)


def client(http: FakeHttp, *, loop: str | None = None, backoff: Backoff = QUICK) -> Client:
    return Client("http://service", "slk_1_x", loop=loop, backoff=backoff, transport=http.transport)


def test_choose_sends_what_was_asked_and_reads_the_slate() -> None:
    http = FakeHttp(routes={SLATES: slate("e1", "a2", "a1")})
    with client(http) as service:
        found = service.choose({"a1": {"x": 1}, "a2": {}}, context={"hour": 3}, slots=2, user="u", event_id="mine")
    assert found == Slate("e1", (Chosen("a2", 0.5), Chosen("a1", 0.5)), "vw", "v7", "learned")
    assert found.ids == ("a2", "a1")
    assert http.bodies() == [
        {
            "actions": [{"id": "a1", "features": {"x": 1}}, {"id": "a2", "features": {}}],
            "context": {"hour": 3},
            "slots": 2,
            "user": "u",
            "event_id": "mine",
        }
    ]
    assert http.requests[0].headers["authorization"] == "Bearer slk_1_x"


def test_actions_may_be_bare_ids_and_whole_objects() -> None:
    http = FakeHttp(routes={SLATES: slate()})
    client(http).choose(["a1", {"id": "a2", "features": {"x": 1}}])
    assert http.bodies()[0]["actions"] == [{"id": "a1"}, {"id": "a2", "features": {"x": 1}}]


def test_the_clients_loop_is_meant_unless_another_is_named() -> None:
    http = FakeHttp(routes={SLATES: slate(), REWARDS: {"accepted": 1}})
    service = client(http, loop="home")
    service.choose(["a"])
    service.choose(["a"], loop="other")
    service.reward("e", 1.0)
    service.reward("e", 1.0, loop="other")
    service.choose(["a"], loop=None)
    bodies = http.bodies()
    assert [bodies[0]["loop"], bodies[1]["loop"]] == ["home", "other"]
    assert [bodies[2][0]["loop"], bodies[3][0]["loop"]] == ["home", "other"]
    assert bodies[4]["loop"] == "home"


def test_feedback_goes_to_the_loop_that_its_event_was_asked_of() -> None:
    batch = {"slates": [slate("b1"), slate("b2")]}
    http = FakeHttp(routes={SLATES: slate(), BATCH: batch, REWARDS: {"accepted": 1}})
    service = client(http, loop="home")
    service.choose(["a"], event_id="e1", loop="shop")
    service.choose_many([{"actions": ["a"], "event_id": "b1", "loop": "news"}, {"actions": ["a"], "event_id": "b2"}])
    service.reward("e1", 1.0)
    service.reward_slate("b1", [1.0, 0.0])
    service.rewards([{"event_id": "b2", "value": 1.0}, {"event_id": "unknown", "value": 1.0}])
    service.reward("e1", 1.0, loop="other")
    service.reward("e1", 1.0, loop=None)
    service.rewards([{"event_id": "unknown", "value": 1.0, "loop": None}])
    named = [[reward["loop"] for reward in body] for body in http.bodies()[2:]]
    assert named == [["shop"], ["news", "news"], ["home", "home"], ["other"], ["shop"], ["home"]]
    http.script = [httpx.Response(202), httpx.Response(202)]
    service.activate("e1")
    service.activate("e1", loop="other")
    assert [body["loop"] for body in http.bodies()[-2:]] == ["shop", "other"]


def test_what_no_loop_was_named_for_is_left_to_the_key() -> None:
    http = FakeHttp(routes={SLATES: slate(), REWARDS: {"accepted": 1}})
    service = client(http)
    service.choose(["a"], event_id="e1")
    service.choose(["a"], event_id=None)  # type: ignore[arg-type]  # as a caller without types may
    service.reward("e1", 1.0)
    service.reward("unknown", 1.0, loop=None)
    assert all("loop" not in body[0] for body in http.bodies()[2:])


def test_the_end_of_a_session_goes_to_the_loop_that_its_latest_slate_was_asked_of() -> None:
    http = FakeHttp(routes={SLATES: slate()})
    with Client("http://service", "slk_1_x", loop="home", transport=http.transport) as service:
        service.choose(["a"], session="s1", loop="shop")
        http.script = [httpx.Response(202)] * 3
        service.end_session("s1")
        service.end_session("s1", loop="news")
        service.end_session("s2")
    assert [body["loop"] for body in http.bodies()[-3:]] == ["shop", "news", "home"]


async def test_the_async_client_remembers_loops_too() -> None:
    batch = {"slates": [slate("b1")]}
    http = FakeHttp(httpx.Response(503), routes={SLATES: slate(), BATCH: batch, REWARDS: {"accepted": 1}})
    async with AsyncClient("http://service", "slk_1_x", backoff=QUICK, transport=http.transport) as service:
        await service.choose(["a"], event_id="e1", loop="shop", session="s1")
        await service.choose_many([{"actions": ["a"], "event_id": "b1", "loop": "news"}])
        await service.rewards([{"event_id": "e1", "value": 1.0}, {"event_id": "b1", "value": 1.0}])
        http.script = [httpx.Response(202), httpx.Response(202)]
        await service.activate("e1")
        await service.end_session("s1")
    assert [reward["loop"] for reward in http.bodies()[-3]] == ["shop", "news"]
    assert http.bodies()[-2:] == [{"loop": "shop"}, {"loop": "shop"}]


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("hung up"),
        httpx.ReadTimeout("slow"),
        httpx.Response(503),
        httpx.Response(502),
        httpx.Response(504),
        httpx.Response(429),
        httpx.Response(500, text="<html>no server is available</html>"),
    ],
    ids=lambda fault: type(fault).__name__ + str(getattr(fault, "status_code", "")),
)
def test_a_retry_carries_the_same_ids(fault: httpx.Response | Exception) -> None:
    http = FakeHttp(fault, fault, routes={SLATES: slate()})
    client(http).choose(["a"])
    sent = http.bodies()
    assert len(sent) == 3
    assert sent[0] == sent[1] == sent[2]
    assert sent[0]["event_id"].startswith("c-")

    http = FakeHttp(fault, routes={REWARDS: {"accepted": 2}})
    assert client(http).reward_slate("e", [1.0, 0.0]) == 2
    first, again = http.bodies()
    assert first == again
    assert first[0]["reward_id"] != first[1]["reward_id"]
    assert [item["slot"] for item in first] == [0, 1]


def test_a_service_that_is_still_starting_is_waited_for() -> None:
    http = FakeHttp(not_there_yet(), not_there_yet(), routes={SLATES: slate()})
    assert client(http).choose(["a"]).event_id == "e1"
    assert len(http.requests) == 3


def test_a_service_that_takes_too_long_to_start_is_said_to_be_starting() -> None:
    with pytest.raises(ServiceFailedError, match=r"http://service/?, .* still starting \(try again") as caught:
        client(FakeHttp(not_there_yet()), backoff=ONCE).loop_names()
    assert caught.value.status == 404


def test_another_servers_404_is_not_waited_for() -> None:
    http = FakeHttp(httpx.Response(404, text="<html>no such page</html>"))
    with pytest.raises(NotFoundError, match="no such page"):
        client(http).loop_names()
    assert len(http.requests) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_reward_that_is_no_number_is_not_sent(value: float) -> None:
    http = FakeHttp(routes={})
    with client(http) as service, pytest.raises(ValueError, match="of event 'e1': must be finite; nothing was sent"):
        service.reward("e1", value)
    assert http.requests == []


def test_two_calls_never_share_an_id() -> None:
    http = FakeHttp(routes={SLATES: slate(), REWARDS: {"accepted": 1}})
    service = client(http)
    for _ in range(2):
        service.choose(["a"])
    for _ in range(2):
        service.reward("e", 1.0)
    one, two, three, four = http.bodies()
    assert one["event_id"] != two["event_id"]
    assert three[0]["reward_id"] != four[0]["reward_id"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError),
        (401, NotAllowedError),
        (403, NotAllowedError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, RefusedError),
        (422, RefusedError),
        (500, ServiceFailedError),
    ],
)
def test_a_problem_becomes_its_error_at_once(status: int, kind: type[SlateloopError]) -> None:
    http = FakeHttp(problem(status, detail="is empty", field="actions", value="[]", cure="send one"))
    with pytest.raises(kind) as caught:
        client(http).choose([])
    error = caught.value
    assert isinstance(error, RefusedError | ServiceFailedError)
    assert type(error) is kind
    assert (error.status, error.field, error.value, error.cure) == (status, "actions", "[]", "send one")
    assert str(error) == f"{status}: actions: is empty (send one)"
    assert len(http.requests) == 1


def test_a_spent_budget_raises_what_happened_last() -> None:
    http = FakeHttp(problem(503, detail="the log is away"))
    with pytest.raises(ServiceFailedError, match="the log is away"):
        client(http, backoff=ONCE).choose(["a"])
    http = FakeHttp(httpx.ConnectError("refused"))
    with pytest.raises(UnreachableError, match=r"http://service.*refused.*slateloop serve"):
        client(http, backoff=ONCE).choose(["a"])


def test_making_a_key_is_repeated_only_if_it_never_arrived() -> None:
    made = {"id": "1", "scopes": ["admin"], "key": "slk_1_s"}
    http = FakeHttp(httpx.ConnectError("refused"), routes={("POST", "/v1/keys"): made})
    assert client(http).create_key(["admin"]).secret == "slk_1_s"
    http = FakeHttp(httpx.ReadTimeout("slow"), routes={("POST", "/v1/keys"): made})
    with pytest.raises(UnreachableError):
        client(http).create_key(["admin"])
    assert len(http.requests) == 1


def test_an_answer_that_is_no_answer_is_an_error_of_the_tree() -> None:
    for wrong in (httpx.Response(200, text="<html>"), httpx.Response(200, json={"slate": []})):
        with pytest.raises(ServiceFailedError, match="same version"):
            client(FakeHttp(wrong)).choose(["a"])


def test_a_batch_keeps_the_good_slates() -> None:
    answers = {"slates": [slate("e1"), {"type": "t", "title": "Wrong", "status": 422, "detail": "d", "field": "slots"}]}
    http = FakeHttp(routes={("POST", "/v1/slates/batch"): answers})
    good, bad = client(http).choose_many([{"actions": ["a"]}, {"actions": ["b"], "slots": 2}])
    assert isinstance(good, Slate)
    assert isinstance(bad, RefusedError)
    assert bad.field == "slots"
    first, second = http.bodies()[0]["requests"]
    assert first["event_id"] != second["event_id"]


def test_ids_are_quoted_in_paths() -> None:
    http = FakeHttp(*(httpx.Response(202) for _ in range(2)))
    service = client(http)
    service.activate("a/b c")
    service.end_session("s/1", loop="home")
    assert http.asked() == [("POST", "/v1/events/a%2Fb%20c/activate"), ("POST", "/v1/sessions/s%2F1/end")]
    assert http.bodies()[1] == {"loop": "home"}


def test_status_reads_what_it_knows_and_leaves_the_rest() -> None:
    data = {
        "loop": "home",
        "settings_version": 2,
        "serving": {"version": "v3", "n_learned": 40, "new_in_version_9": 1},
        "experiences": {"learned": 41},
        "variants": {"learned": {"share": 0.9, "n_decisions": 3, "interval_95": [0.1, None]}},
        "why": ["waits for traffic"],
    }
    found = client(FakeHttp(routes={("GET", "/v1/loops/home/status"): data})).status("home")
    assert found.serving is not None
    assert (found.serving.n_learned, found.experiences.learned, found.why) == (40, 41, ["waits for traffic"])
    assert found.variants["learned"].interval_95 == (0.1, None)


def test_settings_go_out_and_come_back_as_settings() -> None:
    wanted = LoopSettings(sticky=False)
    path = ("PUT", "/v1/loops/home")
    http = FakeHttp(routes={path: stored("home", 3, **wanted.model_dump(mode="json"))})
    found = client(http).apply_settings("home", wanted)
    assert (found.version, found.settings) == (3, wanted)
    assert http.bodies() == [wanted.model_dump(mode="json")]


async def test_the_async_client_makes_the_same_requests_and_retries() -> None:
    routes = {SLATES: slate("e1", "a2"), REWARDS: {"accepted": 1}}
    http, twin = FakeHttp(httpx.Response(503), routes=routes), FakeHttp(routes=routes)
    async with AsyncClient("http://service", "slk_1_x", backoff=QUICK, transport=http.transport) as service:
        found = await service.choose(["a1", "a2"], slots=1, event_id="mine")
        await service.reward("e1", 1.0, type="click", reward_id="r")
    same = client(twin)
    assert same.choose(["a1", "a2"], slots=1, event_id="mine") == found
    same.reward("e1", 1.0, type="click", reward_id="r")
    assert http.bodies()[1:] == twin.bodies()


def test_pauses_grow_with_jitter_and_obey_retry_after() -> None:
    backoff = Backoff(first_s=0.1, factor=2.0, longest_s=1.0)
    assert backoff.pause_s(0, asked_s=0.0, chance=0.0) == pytest.approx(0.05)
    assert backoff.pause_s(2, asked_s=0.0, chance=0.5) == pytest.approx(0.3)
    assert backoff.pause_s(500, asked_s=0.0, chance=1.0) == pytest.approx(1.0)
    assert backoff.pause_s(0, asked_s=7.0, chance=0.0) == 7.0


def test_a_pause_that_outlasts_the_budget_is_not_begun() -> None:
    http = FakeHttp(problem(503, headers={"Retry-After": "3600"}, detail="later"))
    with pytest.raises(ServiceFailedError):
        client(http, backoff=Backoff(budget_s=5.0)).choose(["a"])
    assert len(http.requests) == 1


async def test_the_real_app_understands_every_call(service: InProcess) -> None:
    """The client's idea of the routes, and of their answers, against the service itself."""
    transport = httpx.ASGITransport(service.replica.app)
    async with AsyncClient("http://service", ADMIN_KEY, loop="home", transport=transport, backoff=ONCE) as client:
        stored = await client.send(calls.apply_settings("home", LoopSettings(variants={"uniform": 1.0})))
        assert (stored.loop, stored.version) == ("home", 1)
        assert await client.send(calls.settings("home")) == stored
        assert await client.send(calls.versions("home")) == [stored]
        assert set(await client.send(calls.loop_names())) == {"default", "home"}
        await client.put_items({"a": {"x": 1}, "b": {}}, loop="home")
        slate = await client.choose(["a", "b"], slots=2, context={"hour": 3}, event_id="mine")
        assert await client.choose(["a", "b"], slots=2, context={"hour": 3}, event_id="mine") == slate
        assert (slate.event_id, slate.variant, sorted(slate.ids)) == ("mine", "uniform", ["a", "b"])
        with pytest.raises(ConflictError):
            await client.choose(["a"], event_id="mine")
        good, bad = await client.choose_many([{"actions": ["a"]}, {"actions": []}])
        assert isinstance(good, Slate)
        assert isinstance(bad, RefusedError)
        assert bad.field == "actions"
        assert await client.reward("mine", 1.0, slot=0, type="click", props={"page": 2}) == 1
        assert await client.reward_slate("mine", [1.0, 0.0]) == 2
        deferred = await client.choose(["a"], defer=True, user="u", session="s", exclude=[])
        await client.activate(deferred.event_id)
        await client.end_session("s")
        found = await client.status("home")
        assert (found.loop, found.serving, set(found.variants)) == ("home", None, {"uniform"})
        assert await client.send(calls.snapshots("home")) == []
        assert await client.send(calls.put_agent("home", packed("gradient"))) == address_of(packed("gradient"))
        with pytest.raises(RefusedError) as refused:
            await client.send(calls.roll_back("home", "v0"))
        assert refused.value.field == "version"
        assert "no checkpoint yet" in (await client.send(calls.delete_log("home"))).why
        made = await client.send(calls.create_key(["reward"], loop="home", name="web"))
        assert made.secret is not None
        listed = await client.send(calls.keys())
        assert (made.id, None) in [(key.id, key.secret or None) for key in listed]
        await client.send(calls.revoke_key(made.id))
        with pytest.raises(NotFoundError):
            await client.status("nowhere")
    async with AsyncClient("http://service", "slk_no_key", transport=transport, backoff=ONCE) as stranger:
        with pytest.raises(NotAllowedError):
            await stranger.status("home")
