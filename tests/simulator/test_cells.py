from __future__ import annotations

import dataclasses
import json

import pytest

from simulator.cells import (
    Cell,
    CellError,
    Job,
    PolicyChoice,
    Setting,
    Yardstick,
    cell_from,
    parse_option,
    parse_policy,
    yardstick_from,
)
from tests.simulator.measured import SETTING, cell


@pytest.mark.parametrize(
    ("text", "kind", "options"),
    [
        ("vw", "vw", {}),
        ("vw:bag", "vw", {"explorer": "bag"}),
        ("vw:bag,epsilon=0.05,bag=7", "vw", {"explorer": "bag", "epsilon": 0.05, "bag": 7}),
        ("vw:item_id=false", "vw", {"item_id": False}),
        ('{"kind": "vw", "options": {"explorer": "softmax"}}', "vw", {"explorer": "softmax"}),
        ("kind: uniform", "uniform", {}),
    ],
)
def test_a_policy_is_read(text: str, kind: str, options: dict[str, object]) -> None:
    assert parse_policy(text) == PolicyChoice(text, kind, options)


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("oracle", "choose one of"),
        ("vw:boltzmann", "choose one of epsilon"),
        ("vw:gamma_scale=loud", "must be a number"),
        ("uniform:bag", "has no options"),
        ("{kind: [vw}", "neither a name nor YAML"),
        ('{"kind": "vw", "extra": 1}', "must look like"),
        ('{"kind": "vw", "options": [1]}', "must be a mapping"),
    ],
)
def test_a_wrong_policy_is_refused_with_its_cure(text: str, cure: str) -> None:
    with pytest.raises(CellError, match=cure) as error:
        parse_policy(text)
    assert repr(text) in str(error.value)


def test_an_option_is_yaml() -> None:
    assert [parse_option(text) for text in ("a=1", "b=true", "c=[1, 2]", "d= x=y")] == [
        ("a", 1),
        ("b", True),
        ("c", [1, 2]),
        ("d", "x=y"),
    ]


def test_numbers_with_an_exponent_are_numbers() -> None:
    values = [parse_option(text)[1] for text in ("a=1e-1", "a=2E3", "a=[-1.5e2]", "a=1e", 'a="1e-1"')]
    assert values == [0.1, 2000.0, [-150.0], "1e", "1e-1"]
    options = {"explorer": "epsilon", "epsilon": 0.1}
    assert parse_policy('{"kind": "vw", "options": {"explorer": "epsilon", "epsilon": 1e-1}}').options == options
    assert parse_policy("vw:epsilon,epsilon=1e-1").options == options


def test_a_title_has_no_folders() -> None:
    assert "path=ratings.csv)" in Setting("table", 2, 1, {"path": "/somewhere/ratings.csv"}).title
    assert "path=None)" in Setting("table", 2, 1, {"path": None}).title


@pytest.mark.parametrize("text", ["visible_budget", "=1", "a=[1"])
def test_a_wrong_option_is_refused(text: str) -> None:
    with pytest.raises(CellError, match="option"):
        parse_option(text)


def test_a_policy_that_learns_shares_its_log_with_popularity_and_others_run_alone() -> None:
    assert parse_policy("vw:bag").variants == {"learned": 0.5, "popularity": 0.5}
    assert parse_policy("uniform").variants == {"uniform": 1.0}
    assert [parse_policy(name).arm for name in ("vw", "popularity")] == ["learned", "popularity"]


def test_the_key_is_of_everything_that_decides_what_is_measured() -> None:
    base = cell()
    others: list[Job] = [
        dataclasses.replace(base, seed=1),
        dataclasses.replace(base, n_requests=401),
        dataclasses.replace(base, publish_every=7),
        dataclasses.replace(base, via="live"),
        dataclasses.replace(base, via="live", url="http://127.0.0.1:1"),
        dataclasses.replace(base, via="live", url="http://127.0.0.1:2"),
        cell(setting=dataclasses.replace(SETTING, data="0123")),
        cell("vw:bag"),
        cell(setting=Setting("news", 11, 3)),
        cell(setting=Setting("news", 10, 3, {"drift": 0.0})),
        Yardstick(SETTING, 0, base.n_requests),
    ]
    assert len({base.key, *(one.key for one in others)}) == len(others) + 1
    assert base.key == cell().key


def test_the_order_of_options_does_not_change_the_key() -> None:
    one, other = Setting("news", 10, 3, {"a": 1, "b": 2}), Setting("news", 10, 3, {"b": 2, "a": 1})
    assert cell(setting=one).key == cell(setting=other).key


def test_work_comes_back_from_json() -> None:
    for one in (cell("vw:bag,epsilon=0.1"), cell("uniform", setting=Setting("shop", 5, 2, {"x": [1, 2]}))):
        assert cell_from(json.loads(json.dumps(dataclasses.asdict(one)))) == one
    yardstick = Yardstick(SETTING, 3, 100, 2)
    assert yardstick_from(json.loads(json.dumps(dataclasses.asdict(yardstick)))) == yardstick


def test_forty_blocks_hold_all_requests() -> None:
    assert [Cell(SETTING, parse_policy("vw"), 0, n).block for n in (1, 40, 41, 6000)] == [1, 1, 2, 150]
