"""Pieces and results of ``slateloop train``, made up."""

from __future__ import annotations

from simulator.training_pieces import Look, Piece, Result, Scene, Sort

SCENE = Scene("somewhere", "long-term-satisfaction-0.3", {"num_candidates": 5, "slate_size": 2})
ELSEWHERE = Scene("elsewhere", "shop", {})


PLAIN = Scene("plain", "interest-evolution", {"num_candidates": 10, "slate_size": 2})


def piece(name: str, seed: int = 0, *, sort: Sort = "agent", scene: Scene = SCENE) -> Piece:
    return Piece(sort, name, scene, seed, {}, name if sort != "reference" else "", n_requests=10, n_test_users=100)


def log(name: str, seed: int = 0, *, n_logged: int = 200, n_served: int = 100) -> Piece:
    return Piece("log", name, PLAIN, seed, {}, name, n_test_users=100, n_logged=n_logged, n_served=n_served)


def log_result(of: Piece, *means: float) -> Result:
    """Of means at the log's end and, if there is another, after serving."""
    looks = [Look(of.n_logged, means[0], 10.0, 100), *(Look(of.n_steps, mean, 10.0, 100) for mean in means[1:])]
    return Result(of.key, means[0], 10.0, 100, 60.0, 30.0, "code", looks, 0)


def result(
    of: Piece,
    mean: float,
    *,
    curve: tuple[float, ...] = (),
    code: str = "code",
    start: bytes = b"",
    seconds: float = 60.0,
) -> Result:
    looks = [Look(100 * (number + 1), value, 10.0, 100) for number, value in enumerate(curve)]
    return Result(of.key, mean, 10.0, 100, seconds, 30.0, code, looks, max(0, len(looks) - 1), start)
