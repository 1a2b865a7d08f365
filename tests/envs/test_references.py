from __future__ import annotations

import math

import numpy as np
import pytest

from envs.episodes import Estimate
from envs.presets import make_world
from envs.references import choosers, percent_of_gap, reference_returns
from envs.world import Streams, WorldError
from tests.envs.tiny_world import TinyWorld

RANDOM = Estimate(100.0, 10.0, 10_000)
INFORMED = Estimate(200.0, 20.0, 10_000)
PARITY = ["interest-evolution", "interest-exploration", "long-term-satisfaction"]


@pytest.mark.parametrize("preset", PARITY)
def test_every_reference_gives_slates(preset: str) -> None:
    world = make_world(preset, num_envs=3, num_candidates=6, slate_size=3)
    everyone = np.ones(3, dtype=np.bool_)
    world.seed(Streams.spawn(1))
    world.begin(everyone)
    world.offer()
    for chooser in choosers(world.name).values():
        if hasattr(chooser, "begin"):
            chooser.begin(world, everyone)
        slates = np.sort(chooser(world, np.random.default_rng(1)), axis=1)
        assert slates.shape == (3, 3)
        assert slates.min() >= 0
        assert slates.max() < 6
        assert (slates[:, 1:] > slates[:, :-1]).all()


def test_every_world_has_the_three() -> None:
    assert list(choosers("tiny")) == ["random", "myopic", "informed"]


def test_random_shows_all_slates_alike() -> None:
    """24,000 slates of 2 from 4 candidates, in order: 12 outcomes of 2,000; 5 standard deviations are 214."""
    slates = choosers("tiny")["random"](TinyWorld(24_000, 4, 2), np.random.default_rng(1))
    counts = np.bincount(slates[:, 0] * 4 + slates[:, 1], minlength=16)
    assert (np.abs(counts[counts > 0] - 2000) < 214).all()
    assert (counts > 0).sum() == 12


@pytest.mark.parametrize("preset", PARITY)
def test_informed_beats_random_clearly(preset: str) -> None:
    found = reference_returns(preset, n_episodes=300, seed=1)
    random, informed = found["random"], found["informed"]
    assert informed.mean - random.mean > 5 * math.hypot(random.se, informed.se)


def test_references_are_computed_once_a_process_and_by_seed() -> None:
    first = reference_returns("interest-exploration", n_episodes=50, seed=1, policies=("random",))
    assert reference_returns("interest-exploration", n_episodes=50, seed=1, policies=("random",)) == first
    assert reference_returns("interest-exploration", n_episodes=50, seed=2, policies=("random",)) != first


def test_an_unknown_reference_is_named_with_what_there_is() -> None:
    with pytest.raises(WorldError, match=r"policy='best' is no reference of interest-exploration; there are random"):
        reference_returns("interest-exploration", n_episodes=50, policies=("best",))


def test_a_reference_of_another_world_is_refused() -> None:
    with pytest.raises(WorldError, match=r"world=tiny: this policy is for interest-evolution"):
        choosers("interest-evolution")["quality"](TinyWorld(1, 4, 2), np.random.default_rng(1))


def test_percent_by_hand() -> None:
    """Values 140 to 160 with sd 10: t for 2 degrees is 4.3027; the references' errors 0.1 and 0.2 count half each."""
    found = percent_of_gap([140.0, 150.0, 160.0], RANDOM, INFORMED)
    seeds, references = 4.30265 * 10 / math.sqrt(3), 1.95996 * math.hypot(0.05, 0.1)
    assert found.percent == pytest.approx(50.0)
    assert found.high - 50.0 == pytest.approx(50.0 - found.low)
    assert found.high - 50.0 == pytest.approx(math.hypot(seeds, references), rel=1e-4)


def test_percent_goes_below_0_and_above_100() -> None:
    assert percent_of_gap([90.0, 90.0], RANDOM, INFORMED).percent == pytest.approx(-10.0)
    assert percent_of_gap([210.0, 210.0], RANDOM, INFORMED).percent == pytest.approx(110.0)


def test_one_seed_has_no_interval() -> None:
    found = percent_of_gap([150.0], RANDOM, INFORMED)
    assert found.percent == pytest.approx(50.0)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """4,000 made-up studies of 4 seeds whose truth is 50 %: coverage 95 %, standard error 0.34 %, 4 of them allowed.

    The references' errors are a tenth of the seeds', as with thousands of episodes against a few seeds.
    """
    rng, covered = np.random.default_rng(5), 0
    for _ in range(4000):
        values = rng.normal(150.0, 10.0, 4).tolist()
        low, high = rng.normal(100.0, 0.5), rng.normal(200.0, 0.5)
        found = percent_of_gap(values, Estimate(low, 50.0, 10_000), Estimate(high, 50.0, 10_000))
        covered += found.low <= 50.0 <= found.high
    assert covered / 4000 == pytest.approx(0.95, abs=4 * 0.0034)


def test_without_a_gap_there_is_no_percentage() -> None:
    with pytest.raises(WorldError, match="no gap to measure"):
        percent_of_gap([1.0, 2.0], RANDOM, Estimate(100.1, 10.0, 10_000))
    with pytest.raises(WorldError, match="at least one result"):
        percent_of_gap([], RANDOM, INFORMED)
