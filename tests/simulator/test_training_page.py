"""The page says of a run what was done, and nothing that wasn't."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from simulator.train_options import Request
from simulator.training_page import notes_of, page_of
from simulator.training_pieces import Failed
from simulator.training_run import Training
from simulator.training_tables import Grid
from tests.simulator.training_results import piece, result

AGENTS = [piece("slateq", seed) for seed in range(2)]
DONE = Training(
    {one.key: result(one, 2.0, curve=(1.0, 2.0), code=code) for one, code in zip(AGENTS, "ba", strict=True)}
)
PLAIN = Request(agents=("slateq",), beside=("none",), n_seeds=2, command=("slateloop", "train", "--out=/far/away"))


def page(done: Training = DONE, **asked: Any) -> str:
    grid = Grid("Returns", ["who", "return"], [["slateq", "2.0"]])
    return page_of(dataclasses.replace(PLAIN, **asked), AGENTS, done, [grid])


def test_it_has_command_settings_tables_and_code_in_order() -> None:
    found = page()
    parts = [
        "## Agents trained in simulated worlds\n",
        "```\nslateloop train --out=away\n```",
        "- Agents: seeds 0 to 1, at most 5,000,000 user-steps each, trained on 1,024 users at once; options: their "
        "defaults. Training stops after 8 looks at 1,000 validation users that show nothing better.",
        "- Everyone is scored by one episode each of the same 1,000 fresh users.",
        "| slateq | 2.0 |",
        "Measured by code a, b, on: ",
    ]
    places = [found.index(part) for part in parts]
    assert places == sorted(places)
    assert found.count("\n- ") == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"section": "train-2"}, "## Agents trained in simulated worlds: train-2\n"),
        ({"n_seeds": 1}, "- Agents: seed 0, at most"),
        ({"frugal": True}, "- Agents (--frugal): seeds 0 to 1, at most 300,000 user-steps each"),
        ({"frugal": True, "agent_options": ("epochs=2",)}, "options: minibatch=256, epochs=2."),
        ({"agent_options": ("hidden=[8]", "trace=0.5")}, "options: hidden=[8], trace=0.5."),
        ({"also_frugal": True}, "- Frugal agents: the same seeds, at most 300,000 user-steps each"),
        ({"n_logged": 2000, "n_served": 100}, "- From a log: 2,000 decisions of a uniform control, then 100 of the"),
        ({"beside": ("vw",), "n_requests": 3000}, "- Bandits: each serves 3,000 requests"),
        ({"n_users": 50}, "at 50 validation users that show nothing better"),
    ],
)
def test_what_was_asked_for_is_said_and_else_it_is_not(asked: dict[str, Any], said: str) -> None:
    assert said in page(**asked)
    assert said not in page()


def test_what_is_not_as_it_should_be_is_said() -> None:
    wrong = Training(dict(list(DONE.results.items())[:1]), 1, 1, 1, [Failed("a piece", "ValueError: a\nb")], True)
    out = Path("away")
    assert list(notes_of(AGENTS, wrong, str(out))) == [
        "1 of 2 pieces were finished before, in away; --fresh runs them anew",
        "1 of them were measured by other code than this",
        "1 of 2 pieces were finished before by other code, so they are measured again",
        "failed: a piece: ValueError: a\nb",
        "interrupted: 1 of 2 pieces are finished; the same command goes on from there",
    ]
    assert "- failed: a piece: ValueError: a;b\n" in page(wrong), "one line of a list"
    assert list(notes_of(AGENTS, DONE, str(out))) == []


def test_nothing_measured_names_no_code() -> None:
    assert "Measured by" not in page(Training())
