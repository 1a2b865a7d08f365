"""Recorded data, read and checked: MovieLens ratings as disjoint tens of films that one user really rated.

In: a folder with ``ratings.csv`` and ``movies.csv``. Out: frozen records, or one ``DatasetError`` that says what is
wrong with which file and how to put it right. Users, ratings and titles are data of GroupLens (F. M. Harper and
J. A. Konstan, The MovieLens Datasets: History and Context, ACM TiiS 5(4), 2015), for research use; none ships here.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LIKED = 4.0
"""A rating from here on is a reward of 1."""

PER_TEN = 10

RATINGS = ("userId", "movieId", "rating")
FILMS = ("movieId", "title", "genres")

_YEAR = re.compile(r"\((\d{4})\)\s*$")
_CURE = (
    "give --path the unpacked folder of MovieLens ml-latest-small (https://grouplens.org/datasets/movielens/latest/)"
)


class DatasetError(ValueError):
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
    """Ten films that this user rated; every rating is in at most one ten."""

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
        raise DatasetError(f"{folder}: no such folder; {_CURE}")
    films = dict(_films(folder / "movies.csv"))
    ratings = list(_ratings(folder / "ratings.csv", films))
    if not ratings:
        raise DatasetError(f"{folder / 'ratings.csv'}: holds no ratings; {_CURE}")
    return ratings


def tens(ratings: list[Rating], seed: int) -> list[Ten]:
    """Shuffle each user's ratings, cut them into disjoint tens, drop the rest, shuffle the tens: same seed, same tens.

    Raises:
        DatasetError: if no user rated ten films.
    """
    rng = np.random.default_rng(seed)
    by_user: dict[str, list[Rating]] = {}
    for rating in ratings:
        by_user.setdefault(rating.user, []).append(rating)
    found = []
    for user, rated in by_user.items():
        order = rng.permutation(len(rated))
        cuts = range(0, len(rated) - PER_TEN + 1, PER_TEN)
        found += [Ten(user, tuple(rated[i] for i in order[cut : cut + PER_TEN])) for cut in cuts]
    if not found:
        raise DatasetError(f"no user rated {PER_TEN} films, so there is nothing to offer; {_CURE}")
    return [found[i] for i in rng.permutation(len(found))]


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
            raise DatasetError(f"{path}: line {line}: user {pair[0]} rates film {pair[1]} twice; {_CURE}")
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
        raise DatasetError(f"{place}: rating {text!r} must be a number from 0.5 to 5; {_CURE}")
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
                raise DatasetError(f"{path}: lacks column {', '.join(missing)} (its first line has {found}); {_CURE}")
            for row in reader:
                if any(not row[name] for name in columns):
                    raise DatasetError(f"{path}: line {reader.line_num}: a value is missing; {_CURE}")
                yield reader.line_num, row
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}; {_CURE}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: not a CSV file in UTF-8 ({error}); {_CURE}") from error
