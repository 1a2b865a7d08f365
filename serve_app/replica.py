"""One process that answers: its parts put together, started and stopped in order; knows nothing of Ray.

In: the datastore's URL and a few settings. Out: an ASGI application. The deployment (``serve_app/app.py``) and
the tests build the same object.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.connection import connect, connect_async
from agent.event_log import EventLog
from agent.loop_store import LoopStore
from agent.loops import DEFAULT_LOOP
from agent.user_reader import UserReader
from serve_app.access import Access
from serve_app.asgi import App, Application, Bound, with_cors
from serve_app.auth import KeyStore
from serve_app.current import Loops
from serve_app.deciding import Decider
from serve_app.evaluator import Evaluator
from serve_app.exposition import Exposition
from serve_app.loading import Loader
from serve_app.metrics import Meter
from serve_app.routes.agents import AgentRoutes
from serve_app.routes.health import HealthRoutes
from serve_app.routes.keys import KeyRoutes
from serve_app.routes.loops import LoopRoutes
from serve_app.routes.personalizer import CallHandler, PersonalizerApp
from serve_app.routes.personalizer_evaluations import PersonalizerEvaluationRoutes
from serve_app.routes.personalizer_events import PersonalizerEventRoutes
from serve_app.routes.personalizer_settings import PersonalizerSettingsRoutes
from serve_app.routes.rewards import RewardRoutes
from serve_app.routes.scoping import LoopResolver
from serve_app.routes.slates import SlateRoutes
from serve_app.routes.status import StatusRoutes
from serve_app.routes.table import bind
from serve_app.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSettings:
    """What a replica needs to know; sent to it by the service that starts it.

    Attributes:
        url: Where clients reach the service, for the commands on /docs.
    """

    redis_url: str
    url: str
    cors_origins: tuple[str, ...] = ()
    body_bytes: int = 2**20
    batch_limit: int = 256
    metrics_need_key: bool = False


class Replica:
    """The parts of one process; ``open`` in the event loop that is to serve."""

    def __init__(self, settings: ReplicaSettings) -> None:
        redis = connect(settings.redis_url)
        self._redis = redis
        self._client = connect_async(settings.redis_url)
        self._listener = connect_async(settings.redis_url)
        self.meter = Meter()
        self.access = Access(self._client)
        self.loops = Loops(Loader(redis), self._client)
        self._log = EventLog(self._client)
        self._users = UserReader(self._log.queue)
        self._watch = Watch(
            self._listener,
            loops=self.loops.refresh,
            access=self.access.refresh,
            access_when_old=self.access.refresh_when_old,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._evaluator = Evaluator(settings.redis_url)
        self._resolver = LoopResolver(self.loops, LoopStore(redis).names, lambda: self.access.signer)
        self._decider = Decider(self._log, lambda: self.access.signer, self.meter, self._users)
        identify, body_bytes = self.access.identify, settings.body_bytes
        dialects = PersonalizerApp(self._in_dialects(), identify, body_bytes=body_bytes)
        application = Application(
            self._bound(settings),
            identify,
            body_bytes=body_bytes,
            mounted={dialects.prefix: dialects},
        )
        self.app: App = with_cors(application, settings.cors_origins)

    async def open(self) -> None:
        """Connect, load the keys and the default loop, begin to watch.

        Raises:
            LogUnavailable: the datastore can't be reached.
        """
        await self._log.open()
        await self.access.refresh()
        await self.loops.get(DEFAULT_LOOP)
        self._tasks = [asyncio.create_task(self._watch.run()), asyncio.create_task(self.meter.run(self._client))]

    def check_health(self) -> None:
        """See that the background tasks run.

        Raises:
            RuntimeError: one of them ended; this process should be replaced.
        """
        if any(task.done() for task in self._tasks):
            raise RuntimeError("a background task of this replica has ended; it no longer follows changes")

    async def close(self) -> None:
        """Finish what is under way and disconnect."""
        for task in self._tasks:
            await _ended(task)
        self._tasks = []
        await self._evaluator.close()
        await self.meter.flush(self._client)
        await self._log.close()
        await self._client.aclose()
        await self._listener.aclose()
        self._redis.close()

    def _in_dialects(self) -> Mapping[str, CallHandler]:
        """Every operation of the dialects with its handler."""
        resolver, decider = self._resolver, self._decider
        events = PersonalizerEventRoutes(resolver, decider, self._log, self.meter, lambda: self.access.signer)
        settings = PersonalizerSettingsRoutes(self._redis, self.loops, resolver)
        evaluations = PersonalizerEvaluationRoutes(self._redis, resolver, self._evaluator, settings)
        return {
            "rank": events.rank,
            "rank_multi_slot": events.rank_multi_slot,
            "reward": events.reward,
            "reward_slots": events.reward_slots,
            "activate": events.activate,
            "get_configuration": settings.get_configuration,
            "put_configuration": settings.put_configuration,
            "get_policy": settings.get_policy,
            "put_policy": settings.put_policy,
            "reset_policy": settings.reset_policy,
            "get_model": settings.get_model,
            "import_model": settings.import_model,
            "reset_model": settings.reset_model,
            "model_properties": settings.model_properties,
            "logs_properties": settings.logs_properties,
            "delete_logs": settings.delete_logs,
            "ingest_logs": settings.ingest_logs,
            "feature_importances": settings.feature_importances,
            "create_evaluation": evaluations.create,
            "list_evaluations": evaluations.list_all,
            "get_evaluation": evaluations.get,
            "delete_evaluation": evaluations.delete,
            "apply_evaluation": evaluations.apply,
        }

    def _bound(self, settings: ReplicaSettings) -> Sequence[Bound]:
        """Every route with its handler."""
        resolver, decider = self._resolver, self._decider
        slates = SlateRoutes(resolver, decider, self.meter, batch_limit=settings.batch_limit)
        rewards = RewardRoutes(resolver, self._log, self.meter, batch_limit=settings.batch_limit)
        loops = LoopRoutes(self._redis, self.loops, resolver)
        agents = AgentRoutes(self._redis)
        status = StatusRoutes(self._redis, self.loops)
        api_keys = KeyRoutes(KeyStore(self._redis), self.access)
        version = importlib.metadata.version("slateloop")
        health = HealthRoutes(self._client.ping, self.loops, Exposition(self._redis), version=version, url=settings.url)
        metrics = health.guarded_metrics if settings.metrics_need_key else health.metrics
        return bind(
            {
                ("POST", "/v1/slates"): slates.one,
                ("POST", "/v1/slates/batch"): slates.batch,
                ("POST", "/v1/rewards"): rewards.rewards,
                ("POST", "/v1/events/{event_id:path}/activate"): rewards.activate,
                ("POST", "/v1/sessions/{session:path}/end"): rewards.end_session,
                ("GET", "/v1/loops"): loops.list_loops,
                ("GET", "/v1/loops/{loop}"): loops.get,
                ("PUT", "/v1/loops/{loop}"): loops.put,
                ("GET", "/v1/loops/{loop}/versions"): loops.versions,
                ("GET", "/v1/loops/{loop}/status"): status.status,
                ("GET", "/v1/loops/{loop}/snapshots"): loops.snapshots,
                ("POST", "/v1/loops/{loop}/rollback"): loops.roll_back,
                ("POST", "/v1/loops/{loop}/release"): loops.release,
                ("PUT", "/v1/loops/{loop}/agents"): agents.put,
                ("PUT", "/v1/loops/{loop}/items"): loops.put_items,
                ("GET", "/v1/loops/{loop}/items"): loops.get_items,
                ("DELETE", "/v1/loops/{loop}/items/{item:path}"): loops.delete_item,
                ("DELETE", "/v1/loops/{loop}/log"): loops.delete_log,
                ("GET", "/v1/keys"): api_keys.list_keys,
                ("POST", "/v1/keys"): api_keys.create,
                ("DELETE", "/v1/keys/{id}"): api_keys.revoke,
                ("GET", "/healthz"): health.alive,
                ("GET", "/readyz"): health.ready,
                ("GET", "/metrics"): metrics,
                ("GET", "/openapi.json"): health.openapi,
                ("GET", "/docs"): health.docs,
            },
            {("GET", "/metrics"): ("admin",)} if settings.metrics_need_key else {},
        )


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel until it took: ``wait_for``, which the Redis client uses, may swallow one before Python 3.12."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.05)
