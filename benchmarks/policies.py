"""What a decision and a lesson cost each learned policy, in one thread: ``python -m benchmarks.policies``.

In: nothing. Out: a Markdown table of microseconds, or one JSON list with ``--json``. Processor time, not wall-clock
time: a busy machine changes it less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from policies import registry
from policies.base import Action, Context, Learner, Lesson, Policy, Slate, Slot
from policies.features import address, canonical
from policies.rates import ItemRates
from policies.sampling import Rules, choose

REWARDS = (0.0, 1.0)
SLOTS = tuple(Slot(str(number)) for number in range(3))
CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("vw", {}),
    ("linear", {}),
    ("linear", {"explorer": "thompson"}),
    ("linear", {"explorer": "squarecb"}),
    ("linear", {"model": "shared"}),
)
N_LESSONS, N_ITEMS = 1500, 1000


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds, medians; ``snapshot`` and ``load`` in milliseconds, ``bytes`` of a snapshot."""

    kind: str
    options: dict[str, Any]
    n_features: int
    decide_10_us: float
    decide_100_us: float
    lesson_us: float
    snapshot_ms: float
    load_ms: float
    n_bytes: int


class Shop:
    """Requests with 24 numbers and 6 words in the context; items with 4 numbers, a topic of 20 and two tags of 40."""

    def __init__(self, seed: int = 1) -> None:
        self._dice = np.random.default_rng(seed)
        self._rates = ItemRates()
        self._items = [self._item(number) for number in range(N_ITEMS)]

    def offer(self, n_actions: int) -> tuple[Context, list[Action]]:
        """A request."""
        picked = self._dice.choice(N_ITEMS, n_actions, replace=False)
        actions = [
            Action(id, features, key, self._rates.derive(id))
            for id, features, key in (self._items[place] for place in picked)
        ]
        return Context(self._context()), actions

    def lesson(self, n_actions: int = 10) -> Lesson:
        """A uniformly chosen slate and what came of it."""
        context, actions = self.offer(n_actions)
        chosen = tuple(int(place) for place in self._dice.choice(n_actions, len(SLOTS), replace=False))
        rewards = [float(self._dice.random() < 0.3) for _ in SLOTS]
        for place, reward in zip(chosen, rewards, strict=True):
            self._rates.observe(actions[place].id, reward)
        likely = tuple(1.0 / (n_actions - number) for number in range(len(SLOTS)))
        return Lesson(context, actions, SLOTS, Slate(chosen, likely), rewards)

    def _context(self) -> dict[str, Any]:
        numbers = {f"n{place}": round(float(value), 3) for place, value in enumerate(self._dice.normal(size=24))}
        return numbers | {f"w{place}": f"v{int(self._dice.integers(4))}" for place in range(6)}

    def _item(self, number: int) -> tuple[str, dict[str, Any], bytes]:
        features: dict[str, Any] = {f"x{place}": round(float(self._dice.normal()), 3) for place in range(4)}
        features["topic"] = f"t{int(self._dice.integers(20))}"
        features["tags"] = [f"g{int(tag)}" for tag in self._dice.choice(40, 2, replace=False)]
        return f"item-{number}", features, address(canonical(features))


def main() -> None:
    """Measure and print."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description="What a decision and a lesson cost each learned policy.")
    parser.add_argument("--json", action="store_true", help="one JSON list instead of a table")
    costs = [cost(kind, options) for kind, options in CASES]
    if parser.parse_args().json:
        print(json.dumps([asdict(found) for found in costs]))
        return
    print("| policy | features | 10 actions x 3 slots, us | 100 x 3, us | lesson, us | snapshot, ms | load, ms | KB |")
    print("|---|---|---|---|---|---|---|---|")
    for found in costs:
        named = " ".join([found.kind, *map(str, found.options.values())])
        numbers = (found.n_features, found.decide_10_us, found.decide_100_us, found.lesson_us)
        sizes = (found.snapshot_ms, found.load_ms, found.n_bytes / 1024)
        print(f"| {named} | {' | '.join(f'{value:.0f}' for value in numbers)} | ", end="")
        print(" | ".join(f"{value:.1f}" for value in sizes) + " |")


def cost(kind: str, options: dict[str, Any]) -> Cost:
    """Of one policy, after ``N_LESSONS``."""
    shop = Shop()
    learner = registry.make_learner(kind, options, reward_range=REWARDS, seed=1)
    learned = [_timed(_learning(learner, shop.lesson())) for _ in range(N_LESSONS)]
    taken = [_timed(learner.snapshot) for _ in range(10)]
    blob = learner.snapshot()
    loaded = [_timed(lambda: registry.make_policy(kind, options, blob, reward_range=REWARDS)) for _ in range(10)]
    policy = registry.make_policy(kind, options, blob, reward_range=REWARDS)
    few, many = ([_timed(_choosing(policy, shop, n)) for _ in range(400)] for n in (10, 100))
    encoder = getattr(policy, "encoder", None)
    return Cost(
        kind=kind,
        options=options,
        n_features=0 if encoder is None else encoder.n_shared,
        decide_10_us=1e6 * statistics.median(few[100:]),
        decide_100_us=1e6 * statistics.median(many[100:]),
        lesson_us=1e6 * statistics.median(learned[N_LESSONS // 2 :]),
        snapshot_ms=1e3 * statistics.median(taken),
        load_ms=1e3 * statistics.median(loaded),
        n_bytes=len(blob),
    )


def _learning(learner: Learner, lesson: Lesson) -> Callable[[], object]:
    return lambda: learner.learn([lesson])


def _choosing(policy: Policy, shop: Shop, n_actions: int) -> Callable[[], object]:
    context, actions = shop.offer(n_actions)
    return lambda: choose(policy.prepare(context, actions), SLOTS, 7, Rules(0.02))


def _timed(call: Callable[[], object]) -> float:
    begun = time.thread_time()
    call()
    return time.thread_time() - begun


if __name__ == "__main__":
    main()
