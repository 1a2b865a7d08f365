from __future__ import annotations

from pathlib import Path

import pytest

from envs.world import WorldError
from simulator.cells import parse_policy
from simulator.stages import TABLES, WORLDS, Wanted, jobs_of, settle, wanted

POLICIES = (parse_policy("vw"), parse_policy("popularity"))


def test_all_that_needs_no_data_is_wanted_unasked() -> None:
    assert [one.preset for one in wanted((), movielens=None, table=None, label=None)] == [*TABLES, *WORLDS]


def test_data_that_is_given_is_one_more_set(tmp_path: Path) -> None:
    found = wanted(("iris", "iris"), movielens=tmp_path / "ml", table=tmp_path / "own.csv", label="y")
    assert [(one.preset, one.name or one.preset) for one in found] == [
        ("iris", "iris"),
        ("movielens", "movielens"),
        ("table", "own"),
    ]
    assert found[1].options == {"path": str(tmp_path / "ml")}
    assert found[2].options == {"path": str(tmp_path / "own.csv"), "label": "y"}


@pytest.mark.parametrize(
    ("name", "says"), [("movielens", "none ships"), ("table", "give path"), ("x", "doesn't exist")]
)
def test_data_that_is_missing_is_told(name: str, says: str) -> None:
    (one,) = wanted((name,), movielens=None, table=None, label=None)
    with pytest.raises(WorldError, match=says):
        settle(one, POLICIES, n_requests=100, n_seeds=1)


def test_tables_are_one_pass_at_once_and_worlds_as_long_as_asked() -> None:
    iris = settle(Wanted("iris"), POLICIES, n_requests=3000, n_seeds=2)
    words = settle(Wanted("words"), POLICIES, n_requests=500, n_seeds=2)
    news = settle(Wanted("news", "many", n_candidates=20), POLICIES, n_requests=3000, n_seeds=2)
    assert [(one.course, one.n_requests) for one in (iris, words, news)] == [
        ("at once", 150),
        ("at once", 500),
        ("alone", 3000),
    ]
    assert [one.is_whole for one in (iris, words, news)] == [True, False, True]
    assert (news.name, news.setting.n_candidates) == ("many", 20)
    assert {tuple(cell.variants) for cell in news.cells} == {("learned",), ("popularity",)}


def test_work_that_two_stages_share_is_done_once() -> None:
    one = settle(Wanted("news"), POLICIES, n_requests=500, n_seeds=2)
    less = settle(Wanted("news", "again"), POLICIES[:1], n_requests=500, n_seeds=1)
    jobs = jobs_of([one, less])
    assert [job.title for job in jobs] == [
        "news, references, seed 0",
        "news, references, seed 1",
        "news, vw, seed 0",
        "news, popularity, seed 0",
        "news, vw, seed 1",
        "news, popularity, seed 1",
    ]
