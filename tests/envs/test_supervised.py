from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from envs.episodes import run_episodes
from envs.presets import make_world
from envs.references import choosers
from envs.supervised import Supervised
from envs.tables import TableError
from envs.world import Flags, Streams, World, WorldError
from tests.contracts.world_contract import Make, WorldContract

ONE: Flags = np.ones(1, dtype=np.bool_)


def begun(seed: int = 1) -> Supervised:
    world = make_world("iris")
    assert isinstance(world, Supervised)
    world.seed(Streams.spawn(seed))
    world.begin(ONE)
    world.offer()
    return world


def one_pass(world: Supervised) -> list[tuple[float, ...]]:
    """Contexts of a whole pass."""
    seen = []
    for _ in range(world.n_rows):
        seen.append(tuple(world.describe(0).context.values()))
        world.react(np.array([[0]]), ONE)
        world.begin(ONE)
        world.offer()
    return seen


class TestWorld(WorldContract):
    @pytest.fixture
    def make(self) -> Make:
        return partial(_made)

    @pytest.mark.parametrize(("n_candidates", "n_slots"), [(3, 1)])
    def test_any_number_of_candidates_and_slots(self, make: Make, n_candidates: int, n_slots: int) -> None:
        """The table's own alone; others are refused below."""
        super().test_any_number_of_candidates_and_slots(make, n_candidates, n_slots)

    def test_what_is_no_slate_is_refused(self, make: Make) -> None:
        from envs.single_env import SlateEnv

        env = SlateEnv(make())
        env.reset(seed=1)
        for wrong in (-1, 3):
            with pytest.raises(WorldError, match="is no candidate"):
                env.step(np.array([wrong]))


def _made(*, num_envs: int = 1, num_candidates: int | None = None, slate_size: int | None = None) -> World:
    return make_world("iris", num_envs=num_envs, num_candidates=num_candidates, slate_size=slate_size)


@pytest.mark.parametrize("data", ["iris", "words"])
def test_gymnasium_finds_nothing_to_complain_about(data: str) -> None:
    check_env(gymnasium.make("slateloop/Supervised-v0", data=data).unwrapped)


def test_the_right_class_earns_one_and_the_others_nothing() -> None:
    world = begun()
    offer = world.describe(0)
    assert list(offer.actions) == ["setosa", "versicolor", "virginica"]
    assert all(features == {} for features in offer.actions.values())
    right = int(world.myopic()[0, 0])
    for place in range(3):
        reaction = world.react(np.array([[place]]), ONE)
        is_right = place == right
        assert reaction.rewards.tolist() == [float(is_right)]
        assert reaction.ended.tolist() == [True]
        assert world.feedback(reaction, 0) == ([(0, 0, "right", 1.0)] if is_right else [])
        assert (reaction.click_chances[0, 0], reaction.no_click_chance[0]) == (is_right, not is_right)


def test_the_context_is_the_row_and_doesn_t_hold_the_label() -> None:
    world = begun()
    row = next(row for row in world.table.rows if row == world.describe(0).context)
    assert tuple(row) == ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
    assert world.row.tolist() == list(row.values())


def test_a_pass_is_every_row_once_and_the_next_is_in_another_order() -> None:
    world = begun()
    everything = sorted(tuple(row.values()) for row in world.table.rows)
    first, second = one_pass(world), one_pass(world)
    assert sorted(first) == sorted(second) == everything
    assert first != second


def test_the_seed_decides_the_order() -> None:
    assert one_pass(begun(1)) == one_pass(begun(1))
    assert one_pass(begun(1)) != one_pass(begun(2))


def test_every_row_is_a_user_of_its_own() -> None:
    """Or what a loop remembers of users would tell it the label in the second pass."""
    world, users = begun(), set()
    for _ in range(2 * world.n_rows):
        users.add(world.describe(0).user)
        world.begin(ONE)
    assert len(users) == 2 * world.n_rows


def test_truth_is_always_right_and_chance_one_in_three() -> None:
    """1,500 draws of share 1/3 have a standard error of 0.012: 4 of them are 0.05."""
    world = make_world("iris", num_envs=10)
    found = {
        name: run_episodes(world, choosers(world.name)[name], n_episodes=1500, seed=1)
        for name in ("random", "informed")
    }
    assert found["informed"].estimate("kpi").mean == 1.0
    assert found["random"].estimate("kpi").mean == pytest.approx(1 / 3, abs=0.05)


def test_a_table_of_your_own(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("age,plan\n41,gold\n,basic\n", encoding="utf-8")
    world = make_world("table", path=path, label="plan")
    world.seed(Streams.spawn(1))
    contexts = []
    for _ in range(2):
        world.begin(ONE)
        world.offer()
        contexts.append(world.describe(0).context)
    assert sorted(contexts, key=len) == [{}, {"age": 41.0}]
    assert list(world.describe(0).actions) == ["basic", "gold"]


@pytest.mark.parametrize(
    ("preset", "options", "says"),
    [
        ("table", {}, r"path=None: give path \(a CSV file\) and label"),
        ("table", {"path": "x.csv"}, "label=None: give path"),
        ("iris", {"path": "x.csv"}, "data='iris' and path: give one table"),
        ("iris", {"num_candidates": 4}, "num_candidates=4: iris has 3 classes; leave it out"),
        ("iris", {"slate_size": 2}, "slate_size=2: a row has one right class"),
        ("table", {"path": "nowhere.csv", "label": "y"}, r"nowhere\.csv: No such file"),
    ],
)
def test_what_is_wrong_is_told_when_it_is_made(preset: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(TableError, match=says):
        make_world(preset, **options)  # type: ignore[arg-type]  # as a person may write it


def test_listing_worlds_doesn_t_need_scikit_learn() -> None:
    code = "import sys; from simulator import listing; listing.worlds(); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
