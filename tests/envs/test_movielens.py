from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.movielens import DatasetError, Film, film_features, load_movielens, require, tens
from envs.world import WorldError
from tests.envs.recording import HEAD, MOVIES, folder


def test_ratings_carry_film_and_liking(tmp_path: Path) -> None:
    movies = "movieId,title,genres\n1,Toy Story (1995),Comedy|Drama\n2,Untitled,(no genres listed)\n"
    ratings = HEAD + "5,1,4.0,1\n5,2,3.5,1\n"
    one, two = load_movielens(folder(tmp_path, movies=movies, ratings=ratings))
    assert (one.user, one.film.id, one.film.genres, one.film.year, one.liked) == (
        "5",
        "1",
        ("Comedy", "Drama"),
        1995,
        True,
    )
    assert (two.film.genres, two.film.year, two.liked) == ((), None, False)


def test_tens_are_disjoint_whole_and_of_one_user(tmp_path: Path) -> None:
    found = tens(load_movielens(folder(tmp_path)), seed=3)
    assert sorted(ten.user for ten in found) == ["7", "7", "8", "8"]
    assert all(len(ten.ratings) == 10 and {rating.user for rating in ten.ratings} == {ten.user} for ten in found)
    pairs = [(rating.user, rating.film.id) for ten in found for rating in ten.ratings]
    assert len(set(pairs)) == 40
    assert found[0].share_liked == sum(rating.liked for rating in found[0].ratings) / 10


def test_tens_may_have_another_size(tmp_path: Path) -> None:
    found = tens(load_movielens(folder(tmp_path)), seed=3, n_films=12)
    assert [len(ten.ratings) for ten in found] == [12] * 4


def test_the_seed_decides_the_tens(tmp_path: Path) -> None:
    ratings = load_movielens(folder(tmp_path))
    assert tens(ratings, seed=1) == tens(ratings, seed=1) == tens(ratings, np.random.default_rng(1))
    assert tens(ratings, seed=1) != tens(ratings, seed=2)


def test_a_film_without_a_year_has_no_year() -> None:
    assert film_features(Film("1", ("Drama",), None)) == {"genres": ["Drama"]}
    assert film_features(Film("1", ("Drama",), 1994)) == {"genres": ["Drama"], "year": 1994, "decade": "1990s"}


@pytest.mark.parametrize(
    ("ratings", "says"),
    [
        (HEAD, "holds no ratings"),
        ("", r"lacks column userId, movieId, rating \(its first line has nothing\)"),
        ("userId,movie,rating\n1,1,4\n", r"lacks column movieId \(its first line has userId, movie, rating\)"),
        (HEAD + "1,1,good,1\n", "line 2: rating 'good' must be a number"),
        (HEAD + "1,1,nan,1\n", "line 2: rating 'nan' must be a number"),
        (HEAD + "1,1,4.0,1\n1,2,9,1\n", "line 3: rating '9' must be a number"),
        (HEAD + "1,1,4.0,1\n1,2\n", "line 3: a value is missing"),
        (HEAD + "1,999,4.0,1\n", "line 2: film 999 is not in movies.csv"),
        (HEAD + "1,1,4.0,1\n1,1,2.0,1\n", "line 3: user 1 rates film 1 twice"),
    ],
)
def test_broken_ratings_say_where_and_how(tmp_path: Path, ratings: str, says: str) -> None:
    with pytest.raises(DatasetError, match=r"ratings\.csv: .*" + says):
        load_movielens(folder(tmp_path, ratings=ratings))


def test_broken_folders_say_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no such folder; give path \(.* the unpacked folder"):
        load_movielens(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"movies\.csv: No such file.*give path"):
        load_movielens(tmp_path)
    path = folder(tmp_path)
    (path / "movies.csv").write_bytes(b"movieId,title,genres\n1,\xff\xfe,Drama\n")
    with pytest.raises(DatasetError, match=r"movies\.csv: not a CSV file in UTF-8"):
        load_movielens(path)


def test_too_few_ratings_for_a_ten(tmp_path: Path) -> None:
    ratings = load_movielens(folder(tmp_path, ratings=HEAD + "1,1,4.0,1\n"))
    with pytest.raises(DatasetError, match="no user rated 10 films"):
        tens(ratings, seed=0)
    require(ratings, 1)


def test_a_wrong_recording_is_an_error_of_its_world() -> None:
    assert issubclass(DatasetError, WorldError)
    assert MOVIES.startswith("movieId,title,genres")
