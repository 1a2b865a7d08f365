"""The default beside two other libraries' LinUCB, on the same rows in the same order: ``python -m benchmarks.linucb``.

In: names of labelled tables. Out: accuracy of one pass, learned at once, mean over seeds; and whether the default is at
most 1 % below the best of them. river and MABWiser are asked for when this runs: ``pip install river mabwiser``, in an
environment of its own, beside Slateloop.

Theirs: LinUCB with one model per class and their own defaults (alpha 1). Each is run twice: on the columns as they are,
and on columns scaled to [0, 1] by the least and greatest value of the whole table, with a constant 1 beside them, which
tells them more than a service could know. Ours gets the row as JSON, as it is.
"""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from envs.supervised import Supervised
from envs.tables import Table
from envs.world import WorldError
from simulator import machine
from simulator.cells import Cell, Setting, parse_policy
from simulator.comparison import Estimate, arm_sums, mean_over_seeds, value_of
from simulator.comparison_report import number
from simulator.contenders import choices
from simulator.env_users import EnvUsers
from simulator.measuring import measure, settled, world_of
from simulator.results import ResultsError
from simulator.results_page import require_page, write_section
from simulator.stages import MOST_ROUNDS

SECTION = "linucb"
SETS = ("digits", "breast-cancer", "wine", "iris")
INSTALL = "river and MABWiser are compared with: pip install river mabwiser, in an environment beside Slateloop's"
AS_GOOD = 0.99
Vector = np.ndarray[Any, np.dtype[np.float64]]


class Rival(Protocol):
    """Another library's bandit."""

    def choose(self, x: Vector) -> str:
        """A class."""
        ...

    def learn(self, x: Vector, chosen: str, reward: float) -> None:
        """What came of it."""
        ...


class River:
    """``river.bandit.LinUCBDisjoint``."""

    def __init__(self, classes: Sequence[str], seed: int) -> None:
        self._policy = importlib.import_module("river.bandit").LinUCBDisjoint(seed=seed)
        self._classes = list(classes)

    def choose(self, x: Vector) -> str:
        """The class with the highest bound."""
        return str(self._policy.pull(self._classes, context=_named(x)))

    def learn(self, x: Vector, chosen: str, reward: float) -> None:
        """Update the class's model."""
        self._policy.update(chosen, _named(x), reward)


class Mabwiser:
    """``mabwiser.mab.MAB`` with ``LearningPolicy.LinUCB``; the first row's class is drawn, as it can't be asked."""

    def __init__(self, classes: Sequence[str], seed: int) -> None:
        module = importlib.import_module("mabwiser.mab")
        policy = module.LearningPolicy.LinUCB(alpha=1.0)
        self._mab = module.MAB(arms=list(classes), learning_policy=policy, seed=seed)
        self._first: str | None = str(np.random.default_rng(seed).choice(list(classes)))

    def choose(self, x: Vector) -> str:
        """The class with the highest bound."""
        return self._first if self._first is not None else str(self._mab.predict([x]))

    def learn(self, x: Vector, chosen: str, reward: float) -> None:
        """One more row."""
        tell = self._mab.partial_fit if self._first is None else self._mab.fit
        tell([chosen], [reward], [x])
        self._first = None


def _named(x: Vector) -> dict[str, float]:
    return {str(place): value for place, value in enumerate(x.tolist())}


def as_is(table: Table) -> Callable[[Vector], Vector]:
    """Rows as they stand in the table."""
    return lambda x: x


def scaled(table: Table) -> Callable[[Vector], Vector]:
    """Rows with each column scaled to [0, 1] by its range in the whole table, and a constant 1."""
    least = table.vectors.min(axis=0)
    width = table.vectors.max(axis=0) - least
    width[width == 0.0] = 1.0
    return lambda x: np.append((x - least) / width, 1.0)


Make = Callable[[Sequence[str], int], Rival]
View = Callable[[Table], Callable[[Vector], Vector]]
RIVALS: Mapping[str, tuple[Make, View]] = {
    "river": (River, as_is),
    "river, scaled": (River, scaled),
    "MABWiser": (Mabwiser, as_is),
    "MABWiser, scaled": (Mabwiser, scaled),
}


def accuracy_of(make: Make, view: View, setting: Setting, seed: int) -> float:
    """Share of right answers in one pass of at most ``MOST_ROUNDS``, each learned before the next is asked."""
    world = table_world(setting)
    rival, users, n_right = make(world.table.classes, seed), EnvUsers(world, seed=seed), 0.0
    n, seen_as = min(MOST_ROUNDS, world.n_rows), view(world.table)
    for _, ask in zip(range(n), users.asks(), strict=False):
        x = seen_as(world.row)
        chosen = rival.choose(x)
        reward = users.react(ask, [chosen]).reward
        rival.learn(x, chosen, reward)
        n_right += reward
    return n_right / n


def own_accuracy(policy: str, setting: Setting, seed: int) -> float:
    """The same of one of our policies."""
    cell = Cell(setting, parse_policy(policy), seed, min(MOST_ROUNDS, table_world(setting).n_rows), course="at once")
    record = measure(cell)
    return value_of(arm_sums(record, cell.policy.arm), record.per, "reward")


def table_world(setting: Setting) -> Supervised:
    """The world of a labelled table.

    Raises:
        WorldError: the set is another kind of world.
    """
    world = world_of(setting)
    if not isinstance(world, Supervised):
        raise WorldError(f"set={setting.preset!r} is no labelled table; choose one of {', '.join(SETS)}")
    return world


def compare(sets: Sequence[str], policies: Sequence[str], n_seeds: int) -> dict[str, dict[str, Estimate]]:
    """Set → contender → accuracy."""
    found: dict[str, dict[str, Estimate]] = {}
    for name in sets:
        setting = settled(name, n_candidates=None, n_slots=None, options={})
        ours = {
            policy: mean_over_seeds([own_accuracy(policy, setting, seed) for seed in range(n_seeds)])
            for policy in policies
        }
        theirs = {
            rival: mean_over_seeds([accuracy_of(make, view, setting, seed) for seed in range(n_seeds)])
            for rival, (make, view) in RIVALS.items()
        }
        found[name] = {**ours, **theirs}
    return found


def markdown(found: Mapping[str, Mapping[str, Estimate]], policies: Sequence[str], n_seeds: int) -> str:
    """A section of the page of results."""
    names = [*policies, *RIVALS]
    lines = [
        "## Beside other libraries' LinUCB",
        "",
        "```\npython -m benchmarks.linucb\n```",
        "",
        f"Accuracy of one pass (at most {MOST_ROUNDS:,} rows), each answer learned before the next; {n_seeds} seeds, "
        "± half a 95 % interval over them. Scaled: columns to [0, 1] by the range of the whole table, and a constant.",
        "",
        "| set | " + " | ".join(names) + f" | {policies[0]} over the best of them |",
        "| --- |" + " ---: |" * (len(names) + 1),
    ]
    for name, reached in found.items():
        cells = [number(reached[one]) for one in names]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {100 * (lead(reached, policies[0]) - 1):+.1f} % |")
    return "\n".join([*lines, "", f"Measured on: {machine.sentence()}."])


def lead(reached: Mapping[str, Estimate], policy: str) -> float:
    """A policy's accuracy over the best rival's."""
    return reached[policy].value / max(reached[rival].value for rival in RIVALS)


def main() -> None:
    """Measure and print; exit code 1 where the default is more than 1 % below the best of them."""
    parser = argparse.ArgumentParser(description="The default beside river's and MABWiser's LinUCB.")
    parser.add_argument("--set", action="append", dest="sets", help=f"repeatable; else {', '.join(SETS)}")
    parser.add_argument("--policy", action="append", dest="policies", help="repeatable; else linear")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--write", type=Path, help=f"fill the section {SECTION} of this page")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    asked = parser.parse_args()
    try:
        for module in ("river.bandit", "mabwiser.mab"):
            importlib.import_module(module)
        if asked.write is not None:
            require_page(asked.write, SECTION)
    except ImportError as error:
        parser.exit(2, f"{error}. {INSTALL}\n")
    except ResultsError as error:
        parser.exit(2, f"{error}\n")
    policies = [one.name for one in choices(asked.policies or ["linear"])]
    found = compare(asked.sets or SETS, policies, asked.seeds)
    text = markdown(found, policies, asked.seeds)
    if asked.write is not None:
        write_section(asked.write, SECTION, text)
    plain = {name: {one: value._asdict() for one, value in reached.items()} for name, reached in found.items()}
    print(json.dumps(plain) if asked.json else text)
    if any(lead(reached, policies[0]) < AS_GOOD for reached in found.values()):
        parser.exit(1)


if __name__ == "__main__":
    main()
