"""The comparison counts right; other libraries are played by fakes here."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from benchmarks.linucb import (
    RIVALS,
    Vector,
    accuracy_of,
    as_is,
    lead,
    main,
    markdown,
    own_accuracy,
    scaled,
    table_world,
)
from envs.tables import Table
from envs.world import WorldError
from simulator.comparison import Estimate
from simulator.measuring import settled

IRIS = settled("iris", n_candidates=None, n_slots=None, options={})


class Recorder:
    """Always answers the same class, and remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Vector, str, float]] = []

    def choose(self, x: Vector) -> str:
        return "setosa"

    def learn(self, x: Vector, chosen: str, reward: float) -> None:
        self.told.append((x, chosen, reward))


def test_a_rival_sees_each_row_once_raw_and_is_told_its_reward() -> None:
    """A third of the 150 rows is setosa."""
    rival = Recorder()
    assert accuracy_of(lambda classes, seed: rival, as_is, IRIS, 0) == pytest.approx(1 / 3)
    rows = np.array([x for x, _, _ in rival.told])
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, table_world(IRIS).table.vectors.tolist()))
    assert sum(reward for *_, reward in rival.told) == 50.0


def test_scaled_columns_lie_between_0_and_1_beside_a_constant() -> None:
    table = Table("t", [{"a": 2.0, "b": 7.0}, {"a": 6.0, "b": 7.0}, {"a": 4.0, "b": 7.0}], ["x", "y", "x"])
    assert [scaled(table)(row).tolist() for row in table.vectors] == [[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.5, 0.0, 1.0]]


def test_a_policy_of_ours_meets_the_same_rows() -> None:
    assert 0.2 < own_accuracy("uniform", IRIS, 0) < 0.5, "chance of 1/3 on 150 rows: 0.13 is 3.4 standard errors"


def test_the_lead_is_over_the_best_of_them() -> None:
    reached = {name: Estimate(0.1 * number, 0.0, 1.0, 2) for number, name in enumerate(RIVALS, start=1)}
    reached["ours"] = Estimate(0.44, 0.0, 1.0, 2)
    assert lead(reached, "ours") == pytest.approx(1.1)
    assert "| iris | 0.4400" in markdown({"iris": reached}, ["ours"], 2)
    assert markdown({"iris": reached}, ["ours"], 2).count("+10.0 %") == 1


def test_a_world_is_no_labelled_table() -> None:
    with pytest.raises(WorldError, match="no labelled table"):
        table_world(settled("news", n_candidates=None, n_slots=None, options={}))


def test_without_the_libraries_it_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "river.bandit", None)
    monkeypatch.setattr(sys, "argv", ["linucb"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "pip install river mabwiser" in capsys.readouterr().err
