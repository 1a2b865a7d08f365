"""Rollouts: what is on the tape is what happened."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from envs.presets import make_world
from envs.world import Indices, World
from policies.base import Action, Context
from policies.neural.dense import DenseEncoder
from policies.neural.history import of_session
from simulator import encoded_world
from simulator.encoded_world import Affine, WorldEncoding, fitted
from simulator.rollout import Roller, View
from tests.envs.tiny_world import TinyWorld


def plain() -> WorldEncoding:
    """Of a world without features."""
    nothing = np.zeros((0, 1), dtype=np.float32), np.ones(1, dtype=np.float32)
    return WorldEncoding(DenseEncoder.fitted([(Context(), [Action("a")])]), Affine(*nothing), Affine(*nothing))


def first(view: View, dice: np.random.Generator) -> Indices:
    return np.tile([0, 1], (len(view.contexts), 1))


def anyhow(view: View, dice: np.random.Generator) -> Indices:
    return np.argsort(dice.random(view.candidates.shape[:2]), axis=1)[:, :2]


def test_who_ends_makes_room_at_once() -> None:
    """Users 0 to 2 stay 1, 2 and 3 steps; who comes after them, users 3, 4, 5, … in the order of the ends, more."""
    tape = Roller(TinyWorld(3, 4, 2), plain(), seed=0).roll(first, 6)
    assert_array_equal(np.argwhere(tape.ended), [[0, 0], [1, 1], [2, 2], [4, 0]])
    assert not tape.cut.any()
    assert_array_equal(tape.rewards[:, 0], [11, 11, 1, 11, 1, 11])
    assert_array_equal(tape.clicks[..., 1], False)


def test_histories_begin_with_their_users() -> None:
    tape = Roller(TinyWorld(3, 4, 2), plain(), seed=0).roll(first, 6)
    assert_array_equal(tape.histories[[0, 1], 0], 0.0)
    alone = of_session(tape.shown[1:5, 0], tape.clicks[1:5, 0])
    assert_allclose(tape.histories[1:5, 0], alone[:-1], atol=1e-6)
    assert_array_equal(tape.histories[5, 0], 0.0)


class Cut(TinyWorld):
    max_steps = 2


def test_what_was_seen_after_a_cut_is_kept() -> None:
    tape = Roller(Cut(3, 4, 2), plain(), seed=0).roll(first, 4)
    assert_array_equal(np.argwhere(tape.ended), [[0, 0], [1, 1]])
    assert_array_equal(np.argwhere(tape.cut), [[1, 2], [2, 0], [3, 1], [3, 2]])
    assert len(tape.cut_contexts) == len(tape.cut_histories) == 4
    whole = of_session(tape.shown[:2, 2], tape.clicks[:2, 2])
    assert_allclose(tape.cut_histories[0], whole[-1], atol=1e-6)
    assert_array_equal(tape.histories[2, 2], 0.0)


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> tuple[World, WorldEncoding]:
    monkeypatch.setattr(encoded_world, "N_STEPS", 200)
    encoding = fitted(lambda n_users: make_world("interest-evolution", num_envs=n_users), seed=0)
    return make_world("interest-evolution", num_envs=16), encoding


def test_segments_go_on_where_the_last_one_ended(real: tuple[World, WorldEncoding]) -> None:
    roller = Roller(*real, seed=3)
    one, two = roller.roll(anyhow, 5), roller.roll(anyhow, 5)
    again = Roller(real[0], real[1], seed=3).roll(anyhow, 10)
    assert_array_equal(one.contexts[-1], two.contexts[0])
    assert_array_equal(np.concatenate([one.rewards, two.rewards]), again.rewards)
    assert_array_equal(np.concatenate([one.histories[:-1], two.histories]), again.histories)
    assert one.n_steps == 80


def test_what_was_shown_are_the_candidates_chosen(real: tuple[World, WorldEncoding]) -> None:
    kept = Roller(*real, seed=3).roll(anyhow, 5, keep_candidates=True)
    assert kept.candidates is not None
    assert_array_equal(np.take_along_axis(kept.candidates, kept.slates[..., None], axis=2), kept.shown)
    assert Roller(*real, seed=3).roll(anyhow, 5).candidates is None
    assert_array_equal(kept.rewards > 0.0, kept.clicks.any(axis=2))
