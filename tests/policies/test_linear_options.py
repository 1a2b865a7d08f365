"""What the options of the linear bandit may be."""

from __future__ import annotations

from typing import Any

import pytest

from policies.base import PolicyError
from policies.linear_options import EXPLORERS, MODELS, LinearOptions, parse, problems


def test_nothing_said_is_the_defaults() -> None:
    assert parse({}) == LinearOptions()
    assert (parse({}).explorer, parse({}).model) == ("randucb", "auto")


@pytest.mark.parametrize("explorer", EXPLORERS)
@pytest.mark.parametrize("model", MODELS)
def test_every_explorer_goes_with_every_model(explorer: str, model: str) -> None:
    found = parse({"explorer": explorer, "model": model})
    assert (found.explorer, found.model) == (explorer, model)


def test_scale_has_a_default_for_each_explorer() -> None:
    assert parse({}).width == 1.0
    assert parse({"explorer": "thompson"}).width == 0.5
    assert parse({"explorer": "thompson", "scale": None}).width == 0.5
    assert parse({"scale": 2}).width == 2


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"explorer": "magic"}, "explorer"),
        ({"explorer": ["randucb"]}, "explorer"),
        ({"model": "deep"}, "model"),
        ({"scale": -1.0}, "scale"),
        ({"scale": True}, "scale"),
        ({"draws": 2}, "draws"),
        ({"draws": 64.0}, "draws"),
        ({"prior_weight": 0}, "prior_weight"),
        ({"forgetting": 1.1}, "forgetting"),
        ({"forgetting": float("nan")}, "forgetting"),
        ({"dimensions": 4}, "dimensions"),
        ({"colour": 1}, "colour"),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, Any], name: str) -> None:
    (found,) = problems(options)
    assert found.startswith(f"options.{name}")
    with pytest.raises(PolicyError, match=name):
        parse(options)


def test_everything_wrong_is_named_at_once() -> None:
    assert len(problems({"a": 1, "draws": "many", "scale": "wide"})) == 3


def test_an_option_that_the_explorer_does_not_read_is_refused() -> None:
    (found,) = problems({"explorer": "softmax", "scale": 1.0})
    assert "randucb or thompson" in found
    (found,) = problems({"lambda": 3.0})
    assert "set explorer to softmax" in found
