from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import pytest

from simulator.next_step import chosen, next_step
from simulator.simulate_command import plan_of
from simulator.simulate_options import Request as Compared
from simulator.train_options import Request
from simulator.training_folder import TrainingFolder
from simulator.training_pieces import Piece
from simulator.training_plan import pieces_of
from tests.simulator.trained_folder import agent, keep
from tests.simulator.training_results import piece, result

ONE = Request(worlds=("interest-evolution",), agents=("slateq",), n_seeds=1)


def line(asked: Request) -> str:
    return next_step(asked, pieces_of(asked))


def test_one_agent_is_compared_or_published_by_the_same_command() -> None:
    assert line(ONE) == (
        "next: slateloop simulate --world interest-evolution --trained results/train, or the same command with "
        "--publish LOOP"
    )


@pytest.mark.parametrize(
    "more", [{"agents": ("slateq", "gradient")}, {"worlds": ("interest-evolution", "long-term-satisfaction")}]
)
def test_of_several_agents_one_is_published(more: dict[str, tuple[str, ...]]) -> None:
    asked = dataclasses.replace(ONE, **more)  # type: ignore[arg-type]  # names and types are the test's
    assert line(asked).endswith("or the same command with one --agent, one --world and --publish LOOP")


def test_the_world_that_is_named_is_the_one_that_was_trained_in(tmp_path: Path) -> None:
    one = agent("gradient")
    keep(tmp_path, one, 5.0)
    words = shlex.split(next_step(dataclasses.replace(ONE, out=tmp_path), [one]).partition(", or")[0])[3:]
    given = dict(zip(words[::2], words[1::2], strict=True))
    sizes = {"--candidates": "5", "--slots": "2"}
    assert given == {"--world": one.scene.preset, **sizes, "--trained": str(tmp_path)}
    plan = plan_of(Compared(worlds=(given["--world"],), n_candidates=5, n_slots=2, trained=tmp_path, n_seeds=1))
    assert "gradient (trained)" in [cell.policy.name for cell in plan.cells]


def test_options_of_the_world_are_in_the_line() -> None:
    asked = dataclasses.replace(ONE, worlds=("interest-evolution,visible_budget=true,slate_size=3",))
    assert "--world interest-evolution --option visible_budget=true --slots 3 --trained" in line(asked)


def test_nothing_is_next_after_publishing_or_without_an_agent() -> None:
    assert line(dataclasses.replace(ONE, publish="shop")) == ""
    assert line(dataclasses.replace(ONE, agents=())) == ""


def test_the_chosen_agent_is_named_with_its_seed_score_and_file(tmp_path: Path) -> None:
    one: Piece = piece("slateq", 1)
    found = result(one, 2.0, curve=(1.0, 293.84))
    path = TrainingFolder(tmp_path).agent(one)
    assert chosen(one, found, dataclasses.replace(ONE, out=tmp_path)) == (
        f"slateq, seed 1 (293.8 by validation users), {path}"
    )
