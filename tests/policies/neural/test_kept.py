"""Steps as bytes: the same when they come back, small, and forgotten when nobody waits for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from policies.base import PolicyError
from policies.neural.kept import KeptSteps
from policies.neural.logged import LoggedStep

N_CANDIDATES, N_SLOTS = 5, 3
CATALOGUE = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)


def step(dice: np.random.Generator, **changes: Any) -> LoggedStep:
    """Candidates of a small catalogue."""
    made = LoggedStep(
        context=dice.normal(size=3).astype(np.float32),
        candidates=CATALOGUE[dice.choice(len(CATALOGUE), N_CANDIDATES, replace=False)],
        items=np.array([4, 0, 2], dtype=np.uint16),
        logged=dice.normal(size=N_SLOTS).astype(np.float32),
        rewards=dice.normal(size=N_SLOTS).astype(np.float32),
        clicks=dice.random(N_SLOTS) < 0.5,
        allowed=np.ones((N_SLOTS, N_CANDIDATES), dtype=np.bool_),
    )
    return replace(made, **changes)


def assert_same(one: LoggedStep, other: LoggedStep) -> None:
    for name in LoggedStep.__slots__:
        assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype


@pytest.mark.parametrize("masked", [False, True])
def test_a_step_comes_back_as_it_was(masked: bool) -> None:
    dice, kept = np.random.default_rng(1), KeptSteps()
    made = step(dice)
    if masked:
        made = replace(made, allowed=dice.random((N_SLOTS, N_CANDIDATES)) < 0.5)
    other = kept.keep(step(dice))
    assert_same(kept.step(kept.keep(made)), made)
    kept.let_go(other)
    assert_same(kept.step(kept.keep(made)), made)


def test_a_step_offers_vectors_that_others_have_brought() -> None:
    """A second step with the same candidates costs no vector more."""
    dice, kept = np.random.default_rng(2), KeptSteps()
    first = step(dice)
    kept.keep(first)
    before = kept.n_bytes
    again = kept.keep(replace(first, context=np.zeros(3, np.float32)))
    assert kept.n_bytes - before == len(again) < first.candidates.nbytes
    assert kept.n_dense(again) == first.candidates.nbytes


def test_vectors_are_forgotten_with_the_last_step_that_offers_them() -> None:
    dice, kept = np.random.default_rng(3), KeptSteps()
    made = [kept.keep(step(dice)) for _ in range(20)]
    assert sum(map(len, made)) + CATALOGUE.nbytes == kept.n_bytes
    kept.hold(made[7])
    for one in made:
        kept.let_go(one)
    assert kept.n_bytes == len(made[7]) + N_CANDIDATES * CATALOGUE[0].nbytes
    kept.let_go(made[7])
    assert (kept.n_bytes, kept.to_bytes()) == (0, KeptSteps().to_bytes())


def test_saved_and_restored_anywhere_it_goes_on_the_same() -> None:
    """Steps come and go at random; places that become free are taken again in the same order."""
    dice, whole, parts = np.random.default_rng(4), KeptSteps(), KeptSteps()
    waiting: list[bytes] = []
    for number in range(300):
        candidates = CATALOGUE[dice.choice(9, 5, replace=False)] + np.float32(dice.integers(4))
        made = step(dice, candidates=candidates.astype(np.float32))
        if number % 3 == 0:
            saved, parts = parts.to_bytes(), KeptSteps()
            parts.restore(saved, waiting)
        waiting.append(whole.keep(made))
        assert parts.keep(made) == waiting[-1]
        while len(waiting) > 10 or (waiting and dice.random() < 0.45):
            gone = waiting.pop(int(dice.integers(len(waiting))))
            whole.let_go(gone)
            parts.let_go(gone)
        assert (parts.to_bytes(), parts.n_bytes) == (whole.to_bytes(), whole.n_bytes)
    assert any(not vector for vector in whole._vectors)  # else no place was ever free


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x91\x01"])
def test_other_bytes_are_no_vectors(data: bytes) -> None:
    with pytest.raises(PolicyError, match="no vectors"):
        KeptSteps().restore(data, [])


def test_vectors_and_steps_must_belong_together() -> None:
    kept = KeptSteps()
    made = kept.keep(step(np.random.default_rng(5)))
    saved = kept.to_bytes()
    with pytest.raises(PolicyError, match="no step offers"):
        KeptSteps().restore(saved, [])
    with pytest.raises(PolicyError, match="isn't kept"):
        KeptSteps().restore(KeptSteps().to_bytes(), [made])
    for broken in (b"", made[:-1], made + b"0"):
        with pytest.raises(PolicyError, match="no logged step"):
            KeptSteps().restore(saved, [broken])
