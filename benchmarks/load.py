"""Load on ``POST /v1/slates``: by wrk where it is installed, else by Python, which is slower than what it measures.

In: where the service is, how many connections, for how long. Out: requests per second and latencies.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

SCRIPT = Path(__file__).parent / "slates.lua"
TOPICS = ("sport", "politics", "science", "travel", "food", "music")
FORMS = ("news", "essay", "photo", "video")
HOW_TO_INSTALL = "wrk is not installed (`apt install wrk`, `brew install wrk`); Python sends the load, and is the limit"


@dataclass(frozen=True, slots=True)
class Target:
    """What is loaded."""

    url: str
    key: str
    loop: str


@dataclass(frozen=True, slots=True)
class Load:
    """What a load run measured; ``tool`` says who sent it."""

    tool: str
    n_connections: int
    n_requests: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    n_refused: int
    n_broken: int


def measure(target: Target, *, n_connections: int, seconds: float) -> Load:
    """Send slate requests over so many connections for so long."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return asyncio.run(_by_python(target, n_connections, seconds))
    threads = str(min(2, n_connections))
    command = [wrk, "-t", threads, "-c", str(n_connections), "-d", f"{seconds:.0f}s", "-s", str(SCRIPT), target.url]
    done = subprocess.run([*command, "--", target.key, target.loop], capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    found = json.loads(line.removeprefix("RESULT "))
    per_s = found["n_requests"] / found.pop("seconds")
    return Load(tool="wrk", n_connections=n_connections, requests_per_s=per_s, **found)


def slate_request(rng: random.Random, loop: str) -> dict[str, Any]:
    """A request like those of the wrk script."""
    numbers = rng.sample(range(500), 10)
    context = {"device": rng.choice(("phone", "desktop")), "hour": rng.randrange(24), "tier": "plain"}
    actions = [{"id": f"item-{number}", "features": _features(number)} for number in numbers]
    return {"loop": loop, "user": f"u-{rng.randrange(100_000)}", "context": context, "actions": actions, "slots": 3}


def _features(number: int) -> dict[str, Any]:
    return {
        "topic": TOPICS[number % 6],
        "form": FORMS[number % 4],
        "age_h": number % 72 / 2,
        "length": 200 + number % 900,
        "is_new": number % 2 == 0,
    }


async def _by_python(target: Target, n_connections: int, seconds: float) -> Load:
    headers = {"Authorization": f"Bearer {target.key}"}
    limits = httpx.Limits(max_connections=n_connections)
    times: list[float] = []
    statuses: list[int] = []
    async with httpx.AsyncClient(base_url=target.url, headers=headers, limits=limits, timeout=30.0) as http:
        ends_at = time.perf_counter() + seconds

        async def one_connection(seed: int) -> None:
            rng = random.Random(seed)
            while (began_at := time.perf_counter()) < ends_at:
                answer = await http.post("/v1/slates", json=slate_request(rng, target.loop))
                times.append(time.perf_counter() - began_at)
                statuses.append(answer.status_code)

        await asyncio.gather(*(one_connection(seed) for seed in range(n_connections)))
    times.sort()
    return Load(
        tool="python",
        n_connections=n_connections,
        n_requests=len(times),
        requests_per_s=len(times) / seconds,
        p50_ms=1000 * times[len(times) // 2],
        p99_ms=1000 * times[int(len(times) * 0.99)],
        n_refused=sum(status != 200 for status in statuses),
        n_broken=0,
    )
