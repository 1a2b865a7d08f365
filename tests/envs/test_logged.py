from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from envs.episodes import run_episodes
from envs.logged import Logged, LoggedSettings, Tastes
from envs.movielens import DatasetError, Film, load_movielens
from envs.presets import make_world
from envs.references import random
from envs.world import Flags, Streams
from tests.contracts.world_contract import Make, WorldContract
from tests.envs.recording import HEAD, big_folder, folder

ONE: Flags = np.ones(1, dtype=np.bool_)


def begun(path: Path, n_users: int = 1, **sizes: int) -> Logged:
    world = Logged(n_users, settings=LoggedSettings(path), **sizes)
    world.seed(Streams.spawn(1))
    world.begin(np.ones(n_users, dtype=np.bool_))
    world.offer()
    return world


class TestWorld(WorldContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        return partial(make_world, "movielens", path=str(big_folder(tmp_path)))


def test_gymnasium_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    check_env(gymnasium.make("slateloop/Logged-v0", path=folder(tmp_path)).unwrapped)


def test_each_ten_is_offered_once_and_then_the_user_is_gone(tmp_path: Path) -> None:
    world = begun(folder(tmp_path))
    stars = {(rating.user, rating.film.id): rating.liked for rating in load_movielens(tmp_path)}
    users, seen = [], []
    for _ in range(2):
        user, ended = world.describe(0).user, False
        users.append(user)
        while not ended:
            offer = world.describe(0)
            assert (offer.user, offer.session) == (user, user)
            films = list(offer.actions)
            seen += [(user, film) for film in films]
            reaction = world.react(np.array([[3, 1, 7]]), ONE)
            liked = [stars[user, films[candidate]] for candidate in (3, 1, 7)]
            assert reaction.clicks.tolist() == [liked]
            assert reaction.click_chances.tolist() == [[float(one) for one in liked]]
            assert reaction.no_click_chance[0] == float(not any(liked))
            assert reaction.rewards[0] == sum(liked)
            assert world.feedback(reaction, 0) == [(0, slot, "like", 1.0) for slot in range(3) if liked[slot]]
            ended = bool(reaction.ended[0])
            world.offer()
        world.begin(ONE)
        world.offer()
    assert sorted(users) == ["7", "8"]
    assert len(seen) == len(set(seen)) == 40
    assert world.describe(0).user in ("7-2", "8-2")


def test_a_context_knows_only_what_was_shown_before(tmp_path: Path) -> None:
    world = begun(folder(tmp_path))
    assert world.describe(0).context == {"taste": {}}
    assert not world.observe()[0].any()
    offered = list(world.describe(0).actions.values())
    reaction = world.react(np.array([[0, 1, 2]]), ONE)
    world.offer()
    tastes = Tastes()
    for features, liked in zip(offered[:3], reaction.clicks[0].tolist(), strict=True):
        tastes.learn(Film("", tuple(features["genres"]), None), float(liked))
    assert world.describe(0).context == {"taste": tastes.features()}
    found = world.observe()[0][0]
    np.testing.assert_allclose(found, [tastes.features().get(name, 0.0) for name in ("Comedy", "Drama")], atol=1e-6)
    world.begin(ONE)
    world.offer()
    assert world.describe(0).context == {"taste": {}}


def test_vectors_of_films_say_genres_and_year(tmp_path: Path) -> None:
    movies = "movieId,title,genres\n1,Old (1980),War\n2,Undated,(no genres listed)\n"
    world = begun(folder(tmp_path, movies=movies, ratings=HEAD + "1,1,4,0\n1,2,2,0\n"), n_candidates=2, n_slots=1)
    rows = dict(zip(world.describe(0).actions, world.observe()[1][0].tolist(), strict=True))
    assert rows == {"1": [1.0, 1.0, 0.5], "2": [0.0, 0.0, 0.0]}


def test_taste_by_hand() -> None:
    """Two of three dramas and neither of two comedies liked: the mean is (2 + 1) / (5 + 2)."""
    tastes = Tastes()
    for genre, reward in (("Drama", 1.0), ("Drama", 1.0), ("Drama", 0.0), ("Comedy", 0.0), ("Comedy", 0.0)):
        tastes.learn(Film("1", (genre,), None), reward)
    mean = 3 / 7
    assert tastes.features() == {
        "Drama": pytest.approx((2 + 2 * mean) / 5 - mean, abs=5e-4),
        "Comedy": pytest.approx((0 + 2 * mean) / 4 - mean, abs=5e-4),
    }


def test_a_genre_liked_as_often_as_all_else_is_neutral() -> None:
    tastes = Tastes()
    for genre in ("Drama", "Comedy"):
        for reward in (1.0, 0.0):
            tastes.learn(Film("1", (genre,), None), reward)
    assert tastes.features() == {"Drama": 0.0, "Comedy": 0.0}


def test_chance_earns_the_share_liked_and_truth_all_there_is(tmp_path: Path) -> None:
    """Exact for a pass: each user likes 43 or 44 of 130 films; 60 · 13 slates of 3 slots, share 1/3: 4 σ is 0.12."""
    world = Logged(20, settings=LoggedSettings(big_folder(tmp_path)))
    assert run_episodes(world, random, n_episodes=60, seed=1).estimate("kpi").mean == pytest.approx(1.0, abs=0.12)
    best = run_episodes(world, lambda world, dice: world.informed(), n_episodes=60, seed=1)
    assert best.estimate("kpi").mean > 2.5
    assert set(best.lengths.tolist()) == {13.0}


@pytest.mark.parametrize("path", [None, 5])
def test_without_a_path_it_says_that_nothing_ships(path: Any) -> None:
    with pytest.raises(DatasetError, match=rf"path={path}: this world replays recorded data, none ships.*give path"):
        make_world("movielens", path=path)


def test_broken_data_is_found_when_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere: no such folder"):
        make_world("movielens", path=tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="no user rated 26 films"):
        make_world("movielens", path=folder(tmp_path), num_candidates=26)
    with pytest.raises(DatasetError, match=r"ratings\.csv: line 2: rating '11' must be a number from 0.5 to 5"):
        make_world("movielens", path=folder(tmp_path, ratings=HEAD + "1,1,11,0\n"))
