"""The whole service as Prometheus text: the totals of all processes, and each loop's learning, model and log.

In: the hash of totals, and what learners reported, as Redis holds them now. Out: one exposition, the same from every
replica. Blocking; called when scraped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import cast

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import Redis

from agent import keys, progress
from agent.datastore import memory
from agent.event_log import LogReader
from agent.loop_store import LoopStore
from agent.snapshots import SnapshotStore
from serve_app import metrics
from serve_app.metrics import BUCKETS_S, Sample
from serve_app.status import counts

_PREFIX = "slateloop_"

_COUNTERS = {
    metrics.DECIDED: ("Slate requests answered.", ("loop", "variant", "outcome")),
    metrics.REWARDED: ("Pieces of feedback received.", ("loop", "result")),
    metrics.FELL_BACK: ("Decisions that a learned policy failed to make.", ("loop", "reason")),
    metrics.USER_READ: ("Looks at what is remembered of a decision's user.", ("loop", "result")),
}

_LOOP_GAUGES = {
    "learn_lag_seconds": "How long the next decision has been ready to be learned.",
    "learn_behind": "Decisions ready to be learned that aren't yet, and log entries not read yet.",
    "learn_open": "Decisions whose reward window is open.",
    "model_age_seconds": "How long ago the snapshot being served was published.",
    "log_entries": "Entries in the event log.",
    "log_bytes": "Memory that the event log and its feature rows take.",
}


class Exposition:
    """Renders metrics.

    Args:
        redis: A sync client.
    """

    def __init__(self, redis: Redis) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Totals(redis))
        self._registry.register(_Learning(redis))
        self._registry.register(_Memory(redis))

    def render(self) -> bytes:
        """The exposition as it is now."""
        return generate_latest(self._registry)


class _Totals(Collector):
    """What all processes counted together."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def collect(self) -> Iterator[Metric]:
        stored = cast("Mapping[bytes, bytes]", self._redis.hgetall(keys.METRICS))
        samples = {metrics.sample_of(field): int(value) for field, value in stored.items()}
        for name, (text, labels) in _COUNTERS.items():
            family = CounterMetricFamily(_PREFIX + name, text, labels=labels)
            for sample, value in samples.items():
                if sample[0] == name:
                    family.add_metric(sample[1:], value)
            yield family
        yield _latency(samples)


def _latency(samples: Mapping[Sample, int]) -> Metric:
    family = HistogramMetricFamily(
        f"{_PREFIX}decide_duration_seconds", "From the parsed key to the logged answer.", labels=("loop",)
    )
    by_loop: dict[str, dict[int, int]] = defaultdict(dict)
    for sample, value in samples.items():
        if sample[0] == metrics.DECIDE_BUCKET:
            by_loop[sample[1]][int(sample[2])] = value
    for loop, found in by_loop.items():
        reached, buckets = 0, []
        for place, end in enumerate((*map(str, BUCKETS_S), "+Inf")):
            reached += found.get(place, 0)
            buckets.append((end, reached))
        family.add_metric((loop,), buckets, samples.get((metrics.DECIDE_MICROSECONDS, loop), 0) / 1e6)
    return family


class _Learning(Collector):
    """What each loop's learner reported, what is served, and how large the log is."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def collect(self) -> Iterator[Metric]:
        gauges = {
            name: GaugeMetricFamily(_PREFIX + name, text, labels=("loop",)) for name, text in _LOOP_GAUGES.items()
        }
        experiences = CounterMetricFamily(
            f"{_PREFIX}experiences_total", "What became of decisions and feedback.", labels=("loop", "result")
        )
        for loop in LoopStore(self._redis).names():
            for name, value in self._gauges(loop).items():
                gauges[name].add_metric((loop,), value)
            for result, value in self._experiences(loop).items():
                experiences.add_metric((loop, result), value)
        yield from gauges.values()
        yield experiences

    def _gauges(self, loop: str) -> dict[str, float]:
        log = LogReader(self._redis, loop)
        found: dict[str, float] = {"log_entries": log.n_entries(), "log_bytes": log.n_bytes()}
        serving = SnapshotStore(self._redis, loop).serving()
        if serving is not None:
            found["model_age_seconds"] = max(0.0, (log.server_ms() - serving.published_at) / 1000)
        report = self._report(loop)
        if report is not None:
            found |= {
                "learn_lag_seconds": report.lag_s,
                "learn_behind": report.n_behind,
                "learn_open": report.n_open,
            }
        return found

    def _experiences(self, loop: str) -> dict[str, int]:
        found: dict[str, int] = msgspec.to_builtins(counts(self._report(loop)))
        return found

    def _report(self, loop: str) -> progress.Progress | None:
        """Of the lineage being served, else of the current settings."""
        serving = SnapshotStore(self._redis, loop).serving()
        if serving is not None:
            return progress.read(self._redis, loop, serving.lineage)
        stored = LoopStore(self._redis).current(loop)
        return None if stored is None else progress.read(self._redis, loop, stored.settings.learning_hash)


class _Memory(Collector):
    """The datastore's memory: at its limit it refuses writes, and slates are refused with it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def collect(self) -> Iterator[Metric]:
        found = memory(self._redis)
        yield GaugeMetricFamily(
            f"{_PREFIX}datastore_memory_used_bytes", "Memory that the datastore uses.", value=found.used_bytes
        )
        if found.limit_bytes is not None:
            yield GaugeMetricFamily(
                f"{_PREFIX}datastore_memory_limit_bytes", "The most it may use.", value=found.limit_bytes
            )
