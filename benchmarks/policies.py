"""What a decision and a lesson cost each learned policy, in one thread: ``python -m benchmarks.policies``.

In: nothing, or the kinds wanted. Out: a Markdown table of microseconds, or one JSON list with ``--json``. A decision is
all that a replica's policy does for a request: ``prepare`` and three slots chosen by ``policies.sampling.choose`` with
a floor, with what it keeps between requests; every action was offered before. Each request is asked again and again and
counts with its cheapest answer, so that a busy machine changes little; processor time, and wall-clock time beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from envs.presets import make_world
from envs.world import Streams
from policies import registry
from policies.base import Action, Context, Learner, Lesson, Policy, Slate, Slot
from policies.features import address, canonical
from policies.neural.dense import DenseEncoder
from policies.rates import ItemRates
from policies.sampling import Rules, choose

REWARDS = (0.0, 1.0)
SLOTS = tuple(Slot(str(number)) for number in range(3))
CASES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("vw", {}, "shop"),
    ("linear", {}, "shop"),
    ("linear", {"explorer": "thompson"}, "shop"),
    ("linear", {"explorer": "squarecb"}, "shop"),
    ("linear", {"model": "shared"}, "shop"),
    ("slateq", {}, "shop"),
    ("slateq", {}, "interest-evolution"),
    ("slateq", {}, "news"),
    ("gradient", {}, "shop"),
    ("gradient", {}, "interest-evolution"),
    ("gradient", {}, "news"),
)
N_LESSONS, N_ITEMS = 1500, 1000
FLOOR = 0.02
N_REQUESTS, N_TIMES = 50, 100


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds of processor time; ``snapshot`` and ``load`` in milliseconds, ``bytes`` of a snapshot.

    Attributes:
        offers: Where requests come from.
        n_features: Coordinates of an action's row, or of its and the context's vector together.
        wall_10_us: As ``decide_10_us``, in wall-clock time.
        lesson_us: Mean of the second half of the lessons: agents learn in blocks.
    """

    kind: str
    options: dict[str, Any]
    offers: str
    n_features: int
    decide_10_us: float
    wall_10_us: float
    decide_100_us: float
    decide_500_us: float
    lesson_us: float
    snapshot_ms: float
    load_ms: float
    n_bytes: int


Item = tuple[str, dict[str, Any], bytes]
"""Id, features and their address."""


class Shop:
    """Requests with 24 numbers and 6 words in the context; items with 4 numbers, a topic of 20 and two tags of 40."""

    def __init__(self, seed: int = 1) -> None:
        self._dice = np.random.default_rng(seed)
        self._rates = ItemRates()
        self._items = self._made()

    def offer(self, n_actions: int) -> tuple[Context, list[Action]]:
        """A request; where there are fewer items, some come twice."""
        n_items = len(self._items)
        picked = self._dice.choice(n_items, n_actions, replace=n_actions > n_items)
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

    def everything(self) -> list[Action]:
        """All items."""
        return [Action(id, features, key, self._rates.derive(id)) for id, features, key in self._items]

    def _made(self) -> list[Item]:
        return [self._item(number) for number in range(N_ITEMS)]

    def _context(self) -> dict[str, Any]:
        numbers = {f"n{place}": round(float(value), 3) for place, value in enumerate(self._dice.normal(size=24))}
        return numbers | {f"w{place}": f"v{int(self._dice.integers(4))}" for place in range(6)}

    def _item(self, number: int) -> Item:
        features: dict[str, Any] = {f"x{place}": round(float(self._dice.normal()), 3) for place in range(4)}
        features["topic"] = f"t{int(self._dice.integers(20))}"
        features["tags"] = [f"g{int(tag)}" for tag in self._dice.choice(40, 2, replace=False)]
        return f"item-{number}", features, address(canonical(features))


class Visits(Shop):
    """Requests of a world's users, for any number of the items that these were offered."""

    def __init__(self, preset: str, seed: int = 1) -> None:
        self._world, self._everyone = make_world(preset, num_envs=N_USERS), np.ones(N_USERS, dtype=np.bool_)
        self._world.seed(Streams.spawn(seed))
        self._contexts: list[dict[str, Any]] = []
        super().__init__(seed)

    def _made(self) -> list[Item]:
        found: dict[bytes, Item] = {}
        beginning = self._everyone
        for _ in range(N_STEPS):
            self._world.begin(beginning)
            self._world.offer()
            for place in range(N_USERS):
                offer = self._world.describe(place)
                self._contexts.append(offer.context)
                rows = ((id, features, address(canonical(features))) for id, features in offer.actions.items())
                found.update((row[2], row) for row in rows)
            slates = np.tile(np.arange(self._world.n_slots), (N_USERS, 1))
            beginning = self._world.react(slates, self._everyone).ended
        return list(found.values())[:N_ITEMS]

    def _context(self) -> dict[str, Any]:
        return self._contexts[int(self._dice.integers(len(self._contexts)))]


N_USERS, N_STEPS = 16, 60


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a decision and a lesson cost each learned policy.")
    parser.add_argument("kinds", nargs="*", help="all where none is named")
    parser.add_argument("--json", action="store_true", help="one JSON list instead of a table")
    arguments = parser.parse_args()
    costs = [cost(*case) for case in CASES if case[0] in (arguments.kinds or case[0])]
    if arguments.json:
        print(json.dumps([asdict(found) for found in costs]))
        return
    print(
        "| policy | offers | features | 10 actions x 3 slots, us | wall clock, us | 100 x 3, us | 500 x 3, us ", end=""
    )
    print("| lesson, us | snapshot, ms | load, ms | KB |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for found in costs:
        named = " ".join([found.kind, *map(str, found.options.values())])
        times = (found.decide_10_us, found.wall_10_us, found.decide_100_us, found.decide_500_us, found.lesson_us)
        sizes = (found.snapshot_ms, found.load_ms, found.n_bytes / 1024)
        print(f"| {named} | {found.offers} | {found.n_features} | ", end="")
        print(" | ".join([f"{value:.0f}" for value in times] + [f"{value:.1f}" for value in sizes]) + " |", flush=True)


def cost(kind: str, options: dict[str, Any], offers: str) -> Cost:
    """Of one policy, after ``N_LESSONS``."""
    shop = Shop() if offers == "shop" else Visits(offers)
    learner = registry.make_learner(kind, options, reward_range=REWARDS, seed=1)
    learned = [_timed(_learning(learner, shop.lesson())) for _ in range(N_LESSONS)]
    taken = [_timed(learner.snapshot) for _ in range(10)]
    blob = learner.snapshot()
    loaded = [_timed(lambda: registry.make_policy(kind, options, blob, reward_range=REWARDS)) for _ in range(10)]
    policy = registry.make_policy(kind, options, blob, reward_range=REWARDS)
    policy.prepare(shop.offer(1)[0], shop.everything())
    few, many, most = (_decided(policy, shop, n) for n in (10, 100, 500))
    return Cost(
        kind=kind,
        options=options,
        offers=offers,
        n_features=_n_features(policy),
        decide_10_us=few[0],
        wall_10_us=few[1],
        decide_100_us=many[0],
        decide_500_us=most[0],
        lesson_us=1e6 * statistics.mean(learned[N_LESSONS // 2 :]),
        snapshot_ms=1e3 * statistics.median(taken),
        load_ms=1e3 * statistics.median(loaded),
        n_bytes=len(blob),
    )


def _n_features(policy: Any) -> int:
    encoder = getattr(policy, "encoder", None)
    if isinstance(encoder, DenseEncoder):
        return encoder.n_context + encoder.n_action
    return 0 if encoder is None else int(encoder.n_shared)


def _learning(learner: Learner, lesson: Lesson) -> Callable[[], object]:
    return lambda: learner.learn([lesson])


def _decided(policy: Policy, shop: Shop, n_actions: int) -> tuple[float, float]:
    """Microseconds of processor and of wall-clock time, means over requests of the least of ``N_TIMES``."""
    asked = [_choosing(policy, shop, n_actions, seed) for seed in range(N_REQUESTS)]
    found = np.array([[_both(call) for call in asked] for _ in range(N_TIMES)])
    processor_s, wall_s = found.min(axis=0).mean(axis=0).tolist()
    return 1e6 * processor_s, 1e6 * wall_s


def _choosing(policy: Policy, shop: Shop, n_actions: int, seed: int) -> Callable[[], object]:
    context, actions = shop.offer(n_actions)
    return lambda: choose(policy.prepare(context, actions), SLOTS, seed, Rules(FLOOR))


def _both(call: Callable[[], object]) -> tuple[float, float]:
    begun, begun_wall = time.thread_time(), time.perf_counter()
    call()
    return time.thread_time() - begun, time.perf_counter() - begun_wall


def _timed(call: Callable[[], object]) -> float:
    begun = time.thread_time()
    call()
    return time.thread_time() - begun


if __name__ == "__main__":
    main()
