from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

from simulator.training_costs import decision_costs
from simulator.training_folder import TrainingFolder
from tests.simulator.training_results import piece, result
from tests.trained import AGENT_OPTIONS, packed


def test_one_seed_of_each_agent_is_timed_and_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A clock that moves a microsecond a look: each decision takes one."""
    pieces = [dataclasses.replace(piece("gradient", seed), options=AGENT_OPTIONS) for seed in range(2)]
    broken, bandit = piece("slateq"), piece("vw", sort="bandit")
    folder, ticks = TrainingFolder(tmp_path), itertools.count()
    folder.keep(pieces[0], result(pieces[0], 1.0, start=packed("gradient")))
    folder.keep(broken, result(broken, 1.0, start=b"no agent"))
    results = {one.key: result(one, 1.0) for one in (*pieces, broken, bandit)}
    found = decision_costs([*pieces, broken, bandit], results, folder, clock=lambda: next(ticks) * 1e-6)
    assert {place: round(value, 6) for place, value in found.decide_us.items()} == {("somewhere", "gradient"): 1.0}
    (told,) = found.problems
    assert told.startswith("somewhere, slateq, seed 0: its decisions were not timed: not a trained agent")
