"""Pieces and results of ``slateloop train``, made up."""

from __future__ import annotations

from simulator.training import Look, Piece, Result, Scene, Sort

SCENE = Scene("somewhere", "long-term-satisfaction-0.3", {"num_candidates": 5, "slate_size": 2})
ELSEWHERE = Scene("elsewhere", "shop", {})


def piece(name: str, seed: int = 0, *, sort: Sort = "agent", scene: Scene = SCENE) -> Piece:
    return Piece(sort, name, scene, seed, {}, name if sort != "reference" else "", n_requests=10, n_test_users=100)


def result(of: Piece, mean: float, *, curve: tuple[float, ...] = (), code: str = "code", start: bytes = b"") -> Result:
    looks = [Look(100 * (number + 1), value, 10.0, 100) for number, value in enumerate(curve)]
    return Result(of.key, mean, 10.0, 100, 60.0, 30.0, code, looks, max(0, len(looks) - 1), start)
