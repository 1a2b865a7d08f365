"""The bench of agents tells a log as it was; what it measures decides nothing here."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from benchmarks.agents import STEP_MS, Log, main
from policies.base import Lesson
from policies.lessons import fault


def test_a_log_of_a_uniform_control_has_its_propensities_and_the_worlds_rewards() -> None:
    log = Log("interest-evolution", 8, seed=1)
    told = [one for _ in range(150) for one in log.step(None)]
    lessons, ends = (
        [one for one in told if isinstance(one, Lesson)],
        [one for one in told if not isinstance(one, Lesson)],
    )
    assert len(lessons) == 8 * 150
    assert not any(fault(lesson) for lesson in lessons)
    assert {lesson.slate.propensities for lesson in lessons} == {(1 / 10, 1 / 9)}
    assert {lesson.at_ms for lesson in lessons} == {STEP_MS * (1 + number) for number in range(150)}
    assert 1.0 < float(np.mean([sum(lesson.rewards) for lesson in lessons])) < 3.0
    assert ends
    assert len({name for name, _ in ends}) == len(ends)
    for name, at_ms in ends:
        assert max(lesson.at_ms for lesson in lessons if lesson.trajectory == name) == at_ms


@pytest.mark.parametrize("kind", ["slateq", "gradient"])
def test_it_prints_a_row_for_each_look(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = json.dumps({"fit_on": 16, "block": 32})
    sizes = ["--control", "600", "--served", "32", "--every", "320", "--users", "16", "--test-users", "2"]
    monkeypatch.setattr(sys, "argv", ["bench", kind, "--options", options, *sizes, "--json"])
    main()
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["n_lessons"], row["n_served"]) for row in rows] == [(320, 0), (640, 40)]
    monkeypatch.setattr(sys, "argv", ["bench", kind, "--options", options, "--control", "32", "--test-users", "2"])
    main()
    assert capsys.readouterr().out.startswith("| lessons |")
