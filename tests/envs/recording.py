"""A small recording in the form of MovieLens, for tests."""

from __future__ import annotations

from pathlib import Path

HEAD = "userId,movieId,rating,timestamp\n"

MOVIES = "movieId,title,genres\n" + "".join(
    f'{film},"Film, The {film} ({1990 + film})",{"Comedy|Drama" if film % 2 else "Comedy"}\n' for film in range(1, 26)
)


def folder(path: Path, *, movies: str = MOVIES, ratings: str | None = None) -> Path:
    """Write both files: without ``ratings`` users 7 and 8 rate 25 films each, every fifth 4 and 5, and user 9 one."""
    rows = [f"{user},{film},{film % 5 + 1}.0,1" for user in ("7", "8") for film in range(1, 26)] + ["9,1,5.0,1"]
    text = HEAD + "\n".join(rows) if ratings is None else ratings
    (path / "movies.csv").write_text(movies, encoding="utf-8")
    (path / "ratings.csv").write_text(text, encoding="utf-8")
    return path


def big_folder(path: Path, *, n_users: int = 60, n_films: int = 130) -> Path:
    """Users who differ: each likes the films whose number leaves one of three remainders."""
    films = range(1, n_films + 1)
    genres = ("Comedy", "Drama|Crime", "War")
    movies = "movieId,title,genres\n" + "".join(
        f"{film},Film ({1960 + film % 60}),{genres[film % 3]}\n" for film in films
    )
    rows = (f"{user},{film},{5.0 if film % 3 == user % 3 else 2.5},1\n" for user in range(n_users) for film in films)
    return folder(path, movies=movies, ratings=HEAD + "".join(rows))
