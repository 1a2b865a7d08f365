"""``make bench``: what the service does on this machine, measured from outside, as any client sees it.

In: nothing but free ports. Out: requests per second and latency of the fast path and of Ray Serve's default path,
reward-to-served-model lag, memory, time to the first slate; as a Markdown table, or one JSON object with ``--json``.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import random
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.loops import LoopSettings, PolicySettings, RewardSettings
from benchmarks.load import HOW_TO_INSTALL, Load, Target, measure, slate_request
from benchmarks.processes import resident_bytes, service, tree
from serve_app.client import Client
from serve_app.retries import Backoff

LOOP, UNASKED = "bench", "bench-unasked"
WINDOW_S = 1.0
POLICIES = {LOOP: PolicySettings(kind="vw"), UNASKED: PolicySettings()}
"""Loop → its policy: the one that all is measured with, and beside it the one that a new loop gets."""
N_WARM = 400
N_RUNS = 5
CATCH_UP_S = 300.0


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds from a reward to a served model that has learned it, beyond the reward window."""

    n_probes: int
    p50_s: float
    p95_s: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One path of the service; ``loaded`` is the median run, ``spread`` the slowest and fastest requests/s of all.

    Attributes:
        unasked: The median run of the loop with the policy that a new loop gets.
    """

    first_slate_s: float
    loaded: Load
    spread: tuple[float, float] | None = None
    unasked: Load | None = None
    alone: Load | None = None
    lag: Lag | None = None
    resident_bytes: Mapping[str, int] | None = None


def main() -> None:
    """Measure and print."""
    options = _options()
    note = _noting(quiet=options.json)
    with tempfile.TemporaryDirectory(prefix="slateloop-bench-") as folder:
        note("fast path …")
        fast = fast_path(Path(folder) / "fast", seconds=options.seconds, n_probes=options.probes)
        note("Ray Serve's default path …")
        default = default_path(Path(folder) / "default", seconds=options.seconds)
    ratio = fast.loaded.requests_per_s / default.loaded.requests_per_s
    found = {"fast": asdict(fast), "default": asdict(default), "ratio": ratio, "machine": machine()}
    if options.json:
        print(json.dumps(found))
    else:
        print(markdown(fast, default))
    if fast.loaded.tool != "wrk":
        print(HOW_TO_INSTALL, file=sys.stderr)


def fast_path(data_dir: Path, *, seconds: float, n_probes: int) -> Measured:
    """The service as it ships: 64 connections, then one, then lag and memory."""
    key = secrets.token_urlsafe(32)
    with service(data_dir, key, {}) as running, _client(running.url, key) as client:
        first_slate_s = first_slate(client, running.began_at)
        warm(client)
        target = Target(running.url, key, LOOP)
        runs = load_runs(client, target, seconds=seconds)
        loaded, spread = runs[N_RUNS // 2], (runs[0].requests_per_s, runs[-1].requests_per_s)
        alone = measure(target, n_connections=1, seconds=seconds)
        catch_up(client)
        lag, resident = probe_lag(client, n_probes), resident_bytes(tree(running.pid))
        warm(client, UNASKED)
        unasked = load_runs(client, Target(running.url, key, UNASKED), seconds=seconds)[N_RUNS // 2]
        return Measured(first_slate_s, loaded, spread, unasked, alone, lag, resident)


def default_path(data_dir: Path, *, seconds: float) -> Measured:
    """The same app behind Ray Serve's default proxy."""
    key = secrets.token_urlsafe(32)
    with service(data_dir, key, {"SLATELOOP_INGRESS": "proxy"}) as running, _client(running.url, key) as client:
        first_slate_s = first_slate(client, running.began_at)
        warm(client)
        return Measured(first_slate_s, measure(Target(running.url, key, LOOP), n_connections=64, seconds=seconds))


def load_runs(client: Client, target: Target, *, seconds: float) -> list[Load]:
    """``N_RUNS`` runs of 64 connections, the slowest first."""
    runs = []
    for _ in range(N_RUNS):
        runs.append(measure(target, n_connections=64, seconds=seconds))
        catch_up(client, target.loop)
    return sorted(runs, key=lambda run: run.requests_per_s)


def first_slate(client: Client, began_at: float) -> float:
    """Seconds from the start of the process to the first slate it answered."""
    client.choose({"a1": {}, "a2": {}}, loop="default")
    return time.perf_counter() - began_at


def warm(client: Client, loop: str = LOOP) -> None:
    """Send some decisions with rewards, and wait until the learned model answers."""
    reward = RewardSettings(window_s=WINDOW_S)
    client.apply_settings(loop, LoopSettings(policy=POLICIES[loop], variants={"learned": 1.0}, reward=reward))
    rng = random.Random(0)
    for _ in range(N_WARM):
        ask = slate_request(rng, loop)
        slate = client.choose(ask["actions"], context=ask["context"], slots=3, loop=loop)
        client.reward_slate(slate.event_id, [float(rng.random() < 0.3) for _ in slate.ids], loop=loop)
    catch_up(client, loop)
    while client.choose(["item-1"], loop=loop).policy != POLICIES[loop].kind:
        time.sleep(0.05)


def catch_up(client: Client, loop: str = LOOP) -> None:
    """Wait until every decision logged so far is learned in the served snapshot.

    Raises:
        RuntimeError: with the service's reasons, if it takes too long.
    """
    ends_at = time.monotonic() + CATCH_UP_S
    while time.monotonic() < ends_at:
        status = client.status(loop)
        waits = status.learner.n_behind or status.learner.n_open or status.learner.n_behind is None
        if not waits and status.serving is not None and status.serving.n_learned >= status.experiences.learned > 0:
            return
        time.sleep(0.2)
    raise RuntimeError(f"not caught up after {CATCH_UP_S:.0f} s: {'; '.join(client.status(loop).why)}")


def probe_lag(client: Client, n_probes: int) -> Lag:
    """One decision and its reward at a time, at random moments of the publishing rhythm."""
    rng, found = random.Random(1), []
    for _ in range(n_probes):
        time.sleep(rng.random())
        wanted = _n_learned(client) + 1
        ask = slate_request(rng, LOOP)
        slate = client.choose(ask["actions"], context=ask["context"], slots=3)
        client.reward_slate(slate.event_id, [1.0, 0.0, 0.0])
        rewarded_at = time.perf_counter()
        while _n_learned(client) < wanted:
            time.sleep(0.01)
        found.append(time.perf_counter() - rewarded_at - WINDOW_S)
    cuts = statistics.quantiles(found, n=20, method="inclusive")
    return Lag(n_probes, statistics.median(found), cuts[-1])


def machine() -> dict[str, str]:
    """What was measured on."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("ray", "vowpalwabbit"))
    cpu = f"{len(os.sched_getaffinity(0))} cores of {names[0] if names else platform.machine()}"
    return {"cpu": cpu, "memory": f"{gib:.0f} GiB", "python": platform.python_version(), "packages": packages}


def markdown(fast: Measured, default: Measured) -> str:
    """The table for the README."""
    assert fast.alone is not None
    assert fast.unasked is not None
    assert fast.spread is not None
    assert fast.lag is not None
    assert fast.resident_bytes is not None
    where = machine()
    ratio = fast.loaded.requests_per_s / default.loaded.requests_per_s
    rows = [
        (
            f"slate requests/s, 64 connections: median of {N_RUNS} runs (slowest, fastest)",
            f"{fast.loaded.requests_per_s:,.0f} ({fast.spread[0]:,.0f}, {fast.spread[1]:,.0f})",
        ),
        (
            f"the same with the policy that a new loop gets, `{POLICIES[UNASKED].kind}`: median",
            f"{fast.unasked.requests_per_s:,.0f}",
        ),
        ("p50 / p99 at 64 connections", f"{fast.loaded.p50_ms:.1f} / {fast.loaded.p99_ms:.1f} ms"),
        ("p50 / p99 at 1 connection", f"{fast.alone.p50_ms:.2f} / {fast.alone.p99_ms:.2f} ms"),
        ("the same app on Ray Serve's default path", f"{default.loaded.requests_per_s:,.0f} requests/s"),
        ("fast path over default path", f"{ratio:.1f}×"),
        ("reward to served model beyond the window, p50 / p95", f"{fast.lag.p50_s:.2f} / {fast.lag.p95_s:.2f} s"),
        ("resident memory (PSS) of all processes", f"{sum(fast.resident_bytes.values()) / 1e9:.2f} GB"),
        ("start to first slate", f"{fast.first_slate_s:.1f} s"),
    ]
    loads = (fast.loaded, fast.unasked, fast.alone, default.loaded)
    refused, broken = sum(load.n_refused for load in loads), sum(load.n_broken for load in loads)
    lines = ["| measured | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
    lines += [
        f"10 actions with 5 features, 3 slots, policy `{POLICIES[LOOP].kind}`, each decision logged before its answer; "
        f"one replica; load by {fast.loaded.tool} on the same machine; {refused} refused, {broken} broken.",
        f"Machine: {where['cpu']}, {where['memory']}; Python {where['python']}, {where['packages']}.",
    ]
    return "\n".join(lines)


def _client(url: str, key: str) -> Client:
    return Client(url, key, loop=LOOP, backoff=Backoff(budget_s=30.0))


def _n_learned(client: Client) -> int:
    serving = client.status(LOOP).serving
    return serving.n_learned if serving else 0


def _noting(*, quiet: bool) -> Callable[[str], None]:
    return lambda text: None if quiet else print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure the service on this machine.")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each load run")
    parser.add_argument("--probes", type=int, default=30, help="reward-to-model probes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
