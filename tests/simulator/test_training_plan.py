from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from envs.world import WorldError
from simulator.cells import CellError
from simulator.train import FRUGAL, FRUGAL_OPTIONS, Budget
from simulator.train_options import Request
from simulator.training_plan import budget_of, frugal_budget, pieces_of

SMALL = Request(worlds=("long-term-satisfaction-0.3",), agents=("gradient",), beside=("vw:bag",), n_seeds=2)


def test_references_come_first_then_seed_by_seed() -> None:
    found = [(one.sort, one.name, one.seed) for one in pieces_of(SMALL)]
    references = ["random", "myopic", "informed", "most_clickbait", "least_clickbait"]
    assert found == [
        *(("reference", name, 0) for name in references),
        ("agent", "gradient", 0),
        ("bandit", "vw:bag", 0),
        ("agent", "gradient", 1),
        ("bandit", "vw:bag", 1),
    ]


def test_a_world_may_have_options_of_its_own_beside_those_of_all() -> None:
    worlds = ("interest-evolution", "interest-evolution,slate_size=3,visible_budget=true")
    asked = dataclasses.replace(SMALL, worlds=worlds, options=("num_candidates=8",), beside=("none",))
    scenes = {one.scene.title: one.scene for one in pieces_of(asked)}
    first, second = scenes.values()
    assert first.options == {"num_candidates": 8, "slate_size": 2}
    assert second.options == {"num_candidates": 8, "slate_size": 3, "visible_budget": True}
    names = [one.name for one in pieces_of(asked) if one.scene == first]
    assert names[:4] == ["random", "myopic", "informed", "quality"]


def test_sizes_for_all_worlds_are_the_worlds_options() -> None:
    (scene, *_) = {one.scene.title: one.scene for one in pieces_of(dataclasses.replace(SMALL, n_slots=2))}.values()
    assert scene.options["slate_size"] == 2


def test_the_frugal_budget_brings_its_options_which_may_be_replaced() -> None:
    asked = dataclasses.replace(SMALL, frugal=True, n_steps=5000, n_users=70, agent_options=("epochs=2", "hidden=[8]"))
    budget = budget_of(asked)
    assert budget == dataclasses.replace(FRUGAL, n_steps=5000, n_validation_users=70, n_test_users=70)
    agent = next(one for one in pieces_of(asked) if one.sort == "agent")
    assert agent.course.budget == budget
    assert agent.options == {**FRUGAL_OPTIONS, "epochs": 2, "hidden": [8]}
    assert budget_of(SMALL).n_steps == Budget().n_steps


def test_the_frugal_budget_may_stand_beside_the_agents_own() -> None:
    asked = dataclasses.replace(SMALL, also_frugal=True, beside=("none",))
    agents = [one for one in pieces_of(asked) if one.sort == "agent"]
    assert [(one.who, one.seed) for one in agents] == [
        ("gradient", 0),
        ("gradient (frugal)", 0),
        ("gradient", 1),
        ("gradient (frugal)", 1),
    ]
    assert [one.options for one in agents[:2]] == [{}, dict(FRUGAL_OPTIONS)]
    alone = [one for one in pieces_of(dataclasses.replace(SMALL, frugal=True)) if one.sort == "agent"]
    assert [one.key for one in alone] == [agents[1].key, agents[3].key]
    assert frugal_budget(dataclasses.replace(asked, n_steps=7)).n_steps == 7
    assert frugal_budget(dataclasses.replace(asked, n_steps=10**9)).n_steps == FRUGAL.n_steps


def test_logs_come_last_in_the_worlds_that_were_named() -> None:
    worlds = ("interest-evolution,slate_size=3", "long-term-satisfaction-0.3")
    asked = dataclasses.replace(SMALL, worlds=worlds, n_logged=200, n_served=50, also_frugal=True)
    found = pieces_of(asked)
    logs = [one for one in found if one.sort == "log"]
    assert found[-2:] == logs
    assert [(one.name, one.seed, one.scene.preset) for one in logs] == [
        ("gradient", 0, "interest-evolution"),
        ("gradient", 1, "interest-evolution"),
    ]
    assert {(one.n_logged, one.n_served, one.n_test_users) for one in logs} == {(200, 50, 1000)}
    both = pieces_of(dataclasses.replace(asked, log_worlds=worlds))
    assert [one.scene.preset for one in both if one.sort == "log"][2] == "long-term-satisfaction-0.3"
    assert not [one for one in pieces_of(dataclasses.replace(asked, n_logged=0)) if one.sort == "log"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"agents": ("dqn",)}, "agent='dqn': no such agent; choose one of slateq, gradient"),
        ({"agents": ("slateg",)}, r"\(did you mean slateq\?\)"),
        ({"agent_options": ("nonsense=1",)}, "nonsense"),
        ({"agent_options": ("trase=0.9",)}, r"options.trase: no such option; .* \(did you mean trace\?\)"),
        ({"publish": "My Shop"}, r"publish='My Shop': a loop's name has"),
        ({"agent_options": ("nonsense",)}, "key=value"),
        ({"beside": ("magic",)}, "no such policy"),
        (
            {"publish": "shop", "worlds": ("shop", "news")},
            "for 1 agent in 2 worlds; name one with --agent and one with --world",
        ),
        ({"publish": "shop", "agents": ("slateq", "gradient")}, "this asks for 2 agents in 1 world; name"),
        ({"frugal": True, "also_frugal": True}, "give one of them"),
        ({"n_logged": 7, "log_worlds": ("news",)}, "log_world='news': none of the worlds; write one of them as it is"),
        ({"worlds": ("shop,slate_size=2",), "n_slots": 3}, "give one of them"),
    ],
)
def test_what_is_asked_for_wrongly_is_told_before_anything_runs(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(CellError, match=said):
        pieces_of(dataclasses.replace(SMALL, **wrong))


def test_a_world_that_does_not_exist_is_told() -> None:
    with pytest.raises(WorldError, match="doesn't exist"):
        pieces_of(dataclasses.replace(SMALL, worlds=("nowhere",)))
    with pytest.raises(WorldError, match="doesn't exist"):
        pieces_of(dataclasses.replace(SMALL, worlds=(r"no\where",)))


def test_a_world_of_recorded_data_says_how_train_is_given_it() -> None:
    with pytest.raises(
        WorldError, match=r"; give --world movielens,path=FOLDER, FOLDER being the unpacked folder of"
    ) as told:
        pieces_of(dataclasses.replace(SMALL, worlds=("movielens",)))
    assert "slateloop" not in str(told.value)


def test_everything_that_decides_a_figure_is_in_its_key() -> None:
    keys = [one.key for one in pieces_of(SMALL)]
    assert len(set(keys)) == len(keys)
    more: dict[str, Any] = {
        "n_users": 7,
        "agent_options": ("epochs=2",),
        "options": ("num_candidates=4",),
        "n_requests": 50,
    }
    for name, value in more.items():
        other = {one.key for one in pieces_of(dataclasses.replace(SMALL, **{name: value}))}
        assert len(other & set(keys)) == {"agent_options": 7, "n_requests": 7}.get(name, 0), name
