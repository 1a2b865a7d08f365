"""Recorded data for the commands: read and checked by the worlds that are made of them.

In: what ``envs`` reads. Out: the same names, for whoever replays a recording.
"""

from __future__ import annotations

from envs.movielens import DatasetError, Film, Rating, Ten, load_movielens, tens

__all__ = ["DatasetError", "Film", "Rating", "Ten", "load_movielens", "tens"]
