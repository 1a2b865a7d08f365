"""Options of the policy gradient: every wrong one is told with its cure."""

from __future__ import annotations

from typing import Any

import pytest

from policies.base import PolicyError
from policies.gradient.options import GradientOptions, parse, problems


def test_nothing_said_is_the_defaults() -> None:
    assert parse({}) == GradientOptions()
    assert parse({"hidden": [8], "clip": 0.1}) == GradientOptions(hidden=(8,), clip=0.1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"hiden": [8]}, "options.hiden: no such option"),
        ({"hidden": [0]}, "options.hidden"),
        ({"hidden": "64"}, "options.hidden"),
        ({"temperature": 0}, "options.temperature=0"),
        ({"temperature": float("nan")}, "options.temperature=nan"),
        ({"epochs": 1.5}, "options.epochs=1.5"),
        ({"epochs": True}, "options.epochs=True"),
        ({"credit": "slot"}, "slate, item"),
        ({"most_importance": 0}, "options.most_importance=0"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(options: dict[str, Any], told: str) -> None:
    assert told in problems(options)[0]
    with pytest.raises(PolicyError, match=r"options\."):
        parse(options)


def test_every_option_is_checked() -> None:
    for name in GradientOptions.__dataclass_fields__:
        assert "no such option" not in "".join(problems({name: object()}))
        assert problems({name: object()})
