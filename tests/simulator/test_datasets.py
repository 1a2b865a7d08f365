from __future__ import annotations

from pathlib import Path

import pytest

from simulator.datasets import DatasetError, load_movielens, tens

MOVIES = "movieId,title,genres\n" + "".join(
    f'{film},"Film, The {film} ({1990 + film})",Comedy|Drama\n' for film in range(1, 26)
)


def folder(tmp_path: Path, *, movies: str = MOVIES, ratings: str | None = None) -> Path:
    rows = [f"{user},{film},{film % 5 + 1}.0,1" for user in ("7", "8") for film in range(1, 26)] + ["9,1,5.0,1"]
    text = "userId,movieId,rating,timestamp\n" + "\n".join(rows) if ratings is None else ratings
    (tmp_path / "movies.csv").write_text(movies, encoding="utf-8")
    (tmp_path / "ratings.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_ratings_carry_film_and_liking(tmp_path: Path) -> None:
    movies = "movieId,title,genres\n1,Toy Story (1995),Comedy|Drama\n2,Untitled,(no genres listed)\n"
    ratings = "userId,movieId,rating,timestamp\n5,1,4.0,1\n5,2,3.5,1\n"
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


def test_the_seed_decides_the_tens(tmp_path: Path) -> None:
    ratings = load_movielens(folder(tmp_path))
    assert tens(ratings, seed=1) == tens(ratings, seed=1)
    assert tens(ratings, seed=1) != tens(ratings, seed=2)


HEAD = "userId,movieId,rating,timestamp\n"


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
    with pytest.raises(DatasetError, match=says):
        load_movielens(folder(tmp_path, ratings=ratings))


def test_broken_folders_say_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder; give --path the unpacked folder"):
        load_movielens(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"movies\.csv: No such file.*give --path"):
        load_movielens(tmp_path)
    path = folder(tmp_path)
    (path / "movies.csv").write_bytes(b"movieId,title,genres\n1,\xff\xfe,Drama\n")
    with pytest.raises(DatasetError, match=r"movies\.csv: not a CSV file in UTF-8"):
        load_movielens(path)


def test_too_few_ratings_for_a_ten(tmp_path: Path) -> None:
    ratings = load_movielens(folder(tmp_path, ratings=HEAD + "1,1,4.0,1\n"))
    with pytest.raises(DatasetError, match="no user rated 10 films"):
        tens(ratings, seed=0)
