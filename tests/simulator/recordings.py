"""A small folder like MovieLens: twenty films, rated by every user."""

from __future__ import annotations

from pathlib import Path


def movielens(folder: Path, n_users: int = 6) -> Path:
    films = "".join(f"{film},Film {film} (199{film % 10}),Comedy|Drama\n" for film in range(1, 21))
    rows = [f"{user},{film},{film % 5 + 1},1" for user in range(n_users) for film in range(1, 21)]
    (folder / "movies.csv").write_text("movieId,title,genres\n" + films, encoding="utf-8")
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + "\n".join(rows), encoding="utf-8")
    return folder
