"""Options: every wrong one is told with its cure."""

from __future__ import annotations

from typing import Any

import pytest

from policies.base import PolicyError
from policies.slateq.options import SlateQOptions, parse, problems


def test_nothing_said_is_the_defaults() -> None:
    assert parse({}) == SlateQOptions()
    assert parse({"hidden": [8, 4], "gamma": 1}).hidden == (8, 4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hiden": [3]}, "options.hiden: no such option; choose from hidden"),
        ({"hidden": [0]}, r"options.hidden=\[0\]: must be a list"),
        ({"hidden": 64}, "options.hidden=64"),
        ({"gamma": 1.5}, r"options.gamma=1.5: must be a number in \[0, 1\]"),
        ({"gamma": True}, "options.gamma=True"),
        ({"trace": float("nan")}, "options.trace=nan"),
        ({"epochs": 1.5}, "options.epochs=1.5: must be a whole number"),
        ({"search": "best"}, "options.search='best': choose one of exact, greedy, top-k"),
        ({"beyond_cut": 1}, "options.beyond_cut=1: must be true or false"),
        ({"epsilon": 0.1}, "options.epsilon: softmax doesn't read it; remove it or set explorer to epsilon"),
        (
            {"explorer": "epsilon", "temperature": 0.1},
            "options.temperature: epsilon doesn't read it; remove it or set explorer to softmax",
        ),
    ],
)
def test_what_is_wrong_is_told(options: dict[str, Any], said: str) -> None:
    assert len(problems(options)) == 1
    with pytest.raises(PolicyError, match=said):
        parse(options)


@pytest.mark.parametrize(("progress", "share"), [(0.0, 1.0), (0.075, 0.525), (0.15, 0.05), (1.0, 0.05)])
def test_exploration_falls_and_stays(progress: float, share: float) -> None:
    assert SlateQOptions().exploration(progress) == pytest.approx(share)
    assert SlateQOptions(explore_share=0.0).exploration(progress) == pytest.approx(0.05)
