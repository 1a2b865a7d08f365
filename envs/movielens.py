"""MovieLens, read and checked: ratings as disjoint tens of films that one user really rated.

In: a folder with ``ratings.csv`` and ``movies.csv``. Out: frozen records, or one ``DatasetError`` that says what is
wrong with which file and line, and how to put it right. Users, ratings and titles are data of GroupLens (F. M. Harper
and J. A. Konstan, The MovieLens Datasets: History and Context, ACM TiiS 5(4), 2015), for research use; none ships here.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs.world import WorldError

LIKED = 4.0
"""A rating from here on is a reward of 1."""

PER_TEN = 10

RATINGS = ("userId", "movieId", "rating")
FILMS = ("movieId", "title", "genres")

_YEAR = re.compile(r"\((\d{4})\)\s*$")
CURE = (
    "give path (in slateloop simulate --option path=FOLDER, in slateloop replay --path FOLDER) the unpacked folder of "
    "MovieLens ml-latest-small (https://grouplens.org/datasets/movielens/latest/)"
)


class DatasetError(WorldError):
    """A data set can't be read; the message names the file, what is wrong and the cure."""


@dataclass(frozen=True, slots=True)
class Film:
    """A film; ``year`` is None where the title carries none."""

    id: str
    genres: tuple[str, ...]
    year: int | None


@dataclass(frozen=True, slots=True)
class Rating:
    """One user's opinion of one film."""

    user: str
    film: Film
    liked: bool


@dataclass(frozen=True, slots=True)
class Ten:
    """Ten films (or as many as were asked for) that this user rated; every rating is in at most one of them."""

    user: str
    ratings: tuple[Rating, ...]

    @property
    def share_liked(self) -> float:
        """Reward per slot that a uniform choice gets, exactly."""
        return sum(rating.liked for rating in self.ratings) / len(self.ratings)


def load_movielens(folder: Path) -> list[Rating]:
    """Every rating, in file order.

    Raises:
        DatasetError: where a file, a column or a value is missing or wrong.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; {CURE}")
    films = dict(_films(folder / "movies.csv"))
    ratings = list(_ratings(folder / "ratings.csv", films))
    if not ratings:
        raise DatasetError(f"{folder / 'ratings.csv'}: holds no ratings; {CURE}")
    return ratings


def tens(ratings: Sequence[Rating], seed: int | np.random.Generator, *, n_films: int = PER_TEN) -> list[Ten]:
    """Shuffle each user's ratings, cut them into disjoint tens, drop the rest, shuffle the tens: same seed, same tens.

    Args:
        ratings: In file order.
        seed: Or a generator, which is moved on.
        n_films: In a "ten".

    Raises:
        DatasetError: if no user rated so many films.
    """
    require(ratings, n_films)
    dice = np.random.default_rng(seed)
    by_user: dict[str, list[Rating]] = {}
    for rating in ratings:
        by_user.setdefault(rating.user, []).append(rating)
    found = []
    for user, rated in by_user.items():
        order = dice.permutation(len(rated))
        cuts = range(0, len(rated) - n_films + 1, n_films)
        found += [Ten(user, tuple(rated[i] for i in order[cut : cut + n_films])) for cut in cuts]
    return [found[i] for i in dice.permutation(len(found))]


def require(ratings: Sequence[Rating], n_films: int) -> None:
    """See that there is something to offer.

    Raises:
        DatasetError: if no user rated so many films.
    """
    if max(Counter(rating.user for rating in ratings).values(), default=0) < n_films:
        raise DatasetError(f"no user rated {n_films} films, so there is nothing to offer; {CURE}")


def film_features(film: Film) -> dict[str, Any]:
    """What is known of a film, as JSON: its genres, its year and its decade."""
    features: dict[str, Any] = {"genres": list(film.genres)}
    if film.year is not None:
        features |= {"year": film.year, "decade": f"{film.year // 10}0s"}
    return features


def _films(path: Path) -> Iterator[tuple[str, Film]]:
    for _, row in _rows(path, FILMS):
        year = _YEAR.search(row["title"])
        listed = row["genres"]
        genres = () if listed == "(no genres listed)" else tuple(listed.split("|"))
        yield row["movieId"], Film(row["movieId"], genres, int(year[1]) if year else None)


def _ratings(path: Path, films: Mapping[str, Film]) -> Iterator[Rating]:
    seen: set[tuple[str, str]] = set()
    for line, row in _rows(path, RATINGS):
        pair = row["userId"], row["movieId"]
        if pair in seen:
            raise DatasetError(f"{path}: line {line}: user {pair[0]} rates film {pair[1]} twice; {CURE}")
        seen.add(pair)
        if pair[1] not in films:
            raise DatasetError(f"{path}: line {line}: film {pair[1]} is not in movies.csv; take both from one release")
        yield Rating(pair[0], films[pair[1]], _stars(row["rating"], f"{path}: line {line}") >= LIKED)


def _stars(text: str, place: str) -> float:
    try:
        stars = float(text)
    except ValueError:
        stars = -1.0
    if not 0.0 <= stars <= 5.0:
        raise DatasetError(f"{place}: rating {text!r} must be a number from 0.5 to 5; {CURE}")
    return stars


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with its line number.

    Raises:
        DatasetError: if the file can't be read, or lacks a column, or a row is short.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or [])]
            if missing:
                found = ", ".join(reader.fieldnames or []) or "nothing"
                raise DatasetError(f"{path}: lacks column {', '.join(missing)} (its first line has {found}); {CURE}")
            for row in reader:
                if any(not row[name] for name in columns):
                    raise DatasetError(f"{path}: line {reader.line_num}: a value is missing; {CURE}")
                yield reader.line_num, row
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}; {CURE}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: not a CSV file in UTF-8 ({error}); {CURE}") from error
