"""Options of the Vowpal Wabbit bandits: every problem at once, and the command line they make."""

from __future__ import annotations

from typing import Any

import pytest

from policies.base import PolicyError
from policies.vw_options import EXPLORERS, VwOptions, arguments, parse, problems
from policies.vw_workspace import Workspace


def test_no_options_are_the_defaults() -> None:
    assert problems({}) == []
    assert parse({}) == VwOptions()


def test_options_overlay_the_defaults() -> None:
    found = parse({"explorer": "softmax", "lambda": 3, "interactions": ["ca", "rr"], "item_id": False})
    assert (found.explorer, found.lambda_, found.interactions, found.item_id) == ("softmax", 3, ("ca", "rr"), False)
    assert found.bits == VwOptions().bits


def test_every_problem_is_found_at_once() -> None:
    found = problems({"explorer": "magic", "bits": 99, "colour": 1})
    assert [line.split(":")[0].split("=")[0] for line in found] == [
        "options.explorer",
        "options.bits",
        "options.colour",
    ]
    with pytest.raises(PolicyError, match=r"magic.*99.*colour"):
        parse({"explorer": "magic", "bits": 99, "colour": 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("explorer", None),
        ("explorer", ["bag"]),
        ("bag", 2.5),
        ("bag", True),
        ("bag", 1),
        ("learning_rate", 0),
        ("learning_rate", float("nan")),
        ("learning_rate", "fast"),
        ("power_t", float("inf")),
        ("bits", 27),
        ("cb_type", "best"),
        ("interactions", "ca"),
        ("interactions", ["c"]),
        ("interactions", ["cq"]),
        ("interactions", ["caca"]),
        ("interactions", [1]),
        ("item_id", 1),
        ("item_rate", "yes"),
        ("settle_every", 0),
        ("seed", 1),
    ],
)
def test_a_wrong_value_is_named_with_its_cure(name: str, value: Any) -> None:
    (problem,) = problems({name: value} if name != "bag" else {"explorer": "bag", name: value})
    assert problem.startswith(f"options.{name}")
    assert "must be" in problem or "choose" in problem


def test_an_option_of_another_explorer_is_a_problem() -> None:
    for explorer, own in EXPLORERS.items():
        for name in {"epsilon", "bag", "gamma_scale", "gamma_exponent", "lambda"} - own:
            (problem,) = problems({"explorer": explorer, name: 5 if name == "bag" else 0.5})
            assert problem.startswith(f"options.{name}: {explorer} doesn't read it")
    assert "bag or epsilon" in problems({"explorer": "softmax", "epsilon": 0.1})[0].replace(
        "epsilon or bag", "bag or epsilon"
    )


def test_squarecb_needs_mtr() -> None:
    (problem,) = problems({"explorer": "squarecb", "cb_type": "dr"})
    assert "mtr" in problem
    assert problems({"explorer": "epsilon", "cb_type": "dr"}) == []


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_vowpal_wabbit_takes_the_arguments(explorer: str) -> None:
    Workspace.make(arguments(parse({"explorer": explorer}), cost_range=(-1.0, 0.0), seed=2**63)).close()
