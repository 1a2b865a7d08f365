"""Carries evaluations out, beside the requests: a process for each, one after the other, never longer than a limit.

In: which evaluation of which loop. Out: nothing; what the process found is in the datastore, or why it found
nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys

import msgspec
from redis import RedisError

from agent.connection import connect
from agent.evaluation.findings import EvaluationStore
from agent.evaluation.job import Job

logger = logging.getLogger("slateloop.evaluator")

LONGEST_S = 900.0


class Evaluator:
    """Starts evaluations; for one event loop.

    Args:
        redis_url: The datastore.
        longest_s: A process that takes longer is ended.
    """

    def __init__(self, redis_url: str, *, longest_s: float = LONGEST_S) -> None:
        self._redis_url = redis_url
        self._longest_s = longest_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    def start(self, loop: str, id: str) -> None:
        """Carry this one out when its turn comes."""
        task = asyncio.get_running_loop().create_task(self._run(Job(self._redis_url, loop, id)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, job: Job) -> None:
        async with self._turn:
            try:
                await self._carry_out(job)
            except TimeoutError:
                cure = "evaluate a shorter span, or fewer policies"
                await _give_up(job, f"it took more than {self._longest_s:g} s; {cure}")
            except OSError as error:
                await _give_up(job, f"it has no process: {error}")

    async def _carry_out(self, job: Job) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "agent.evaluation.job",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        try:
            told = process.communicate(msgspec.json.encode(job))  # the address may hold a password: not in argv
            _, words = await asyncio.wait_for(told, self._longest_s)
            if process.returncode:
                logger.error("evaluation %s of loop %s failed: %s", job.id, job.loop, words.decode()[-2000:])
                await _give_up(job, f"its process ended with {process.returncode}")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _give_up(job: Job, why: str) -> None:
    """Log it, and tell whoever waits for it, unless the process told already."""
    logger.error("evaluation %s of loop %s ended: %s", job.id, job.loop, why)
    try:
        await asyncio.to_thread(_fail, job, why)
    except (RedisError, OSError) as error:
        logger.error("evaluation %s of loop %s can't be marked as failed: %s", job.id, job.loop, error)


def _fail(job: Job, why: str) -> None:
    with connect(job.redis_url) as client:
        store = EvaluationStore(client, job.loop)
        one = store.get(job.id)
        if one is not None and one.status == "pending":
            store.replace(msgspec.structs.replace(one, status="failed", error=why))
