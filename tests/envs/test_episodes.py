from __future__ import annotations

import numpy as np
import pytest

from envs import episodes as episodes_module
from envs.episodes import Attentive, Estimate, ratio, run_episodes
from envs.world import Flags, Indices, Reaction, World, WorldError
from tests.envs.tiny_world import TinyWorld


def third_first(world: World, rng: np.random.Generator) -> Indices:
    """Candidate 3 in slot 0, candidate 0 in slot 1."""
    return np.tile([3, 0], (world.n_users, 1))


def test_every_place_plays_whole_episodes_by_hand() -> None:
    """Three episodes in two places: users 0 and 1 begin; user 2 follows user 0 in place 0, who stays for one step."""
    world = TinyWorld(2, 4, 2)
    episodes = run_episodes(world, third_first, n_episodes=3, seed=1)
    np.testing.assert_array_equal(episodes.lengths, [1, 3, 2])
    np.testing.assert_array_equal(episodes.n_clicks, [1, 2, 1])
    np.testing.assert_array_equal(episodes.returns, [11, 23, 12])
    np.testing.assert_array_equal(episodes.clicked_quality, [3, 6, 3])
    np.testing.assert_array_equal(episodes.kpi, [1, 3, 2])
    assert world.log[:5] == ["begin xx", "offer", "react xx", "begin x.", "offer"]
    assert world.log[5:] == ["react xx", "offer", "react x.", "offer", "react x."]


def test_more_places_than_episodes_leaves_some_idle() -> None:
    episodes = run_episodes(TinyWorld(5, 4, 2), third_first, n_episodes=2, seed=1)
    np.testing.assert_array_equal(episodes.lengths, [1, 2])


def test_an_episode_is_cut_at_max_steps() -> None:
    world = TinyWorld(4, 4, 2)
    world.max_steps = 2
    np.testing.assert_array_equal(run_episodes(world, third_first, n_episodes=4, seed=1).lengths, [1, 2, 2, 2])


def test_an_episode_without_end_is_refused_unless_the_world_cuts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten episodes last 1 to 10 steps; many short ones in a place don't add up to a long one."""
    monkeypatch.setattr(episodes_module, "LONGEST", 10)
    assert run_episodes(TinyWorld(1, 4, 2), third_first, n_episodes=10, seed=1).lengths.max() == 10
    with pytest.raises(
        WorldError, match=r"world=tiny: an episode of 10 steps hasn't ended; end it in react\(\), or set"
    ):
        run_episodes(TinyWorld(1, 4, 2), third_first, n_episodes=11, seed=1)
    world = TinyWorld(1, 4, 2)
    world.max_steps = 12
    assert run_episodes(world, third_first, n_episodes=13, seed=1).lengths.max() == 12


def test_long_episodes_are_not_under_represented() -> None:
    """Every place gets as many episodes as every other, however long its users stay."""
    world = TinyWorld(3, 4, 2)
    lengths = run_episodes(world, third_first, n_episodes=12, seed=1).lengths
    np.testing.assert_array_equal(np.sort(lengths), np.arange(1, 13))


def test_estimates_by_hand() -> None:
    episodes = run_episodes(TinyWorld(2, 4, 2), third_first, n_episodes=3, seed=1)
    found = episodes.estimate("return")
    assert found.mean == pytest.approx(46 / 3)
    assert found.sd == pytest.approx(float(np.std([11, 23, 12], ddof=1)))
    assert found.n == 3
    assert found.se == pytest.approx(found.sd / np.sqrt(3))
    assert episodes.estimate("length").mean == 2
    assert episodes.estimate("click_rate").mean == pytest.approx(4 / 6)
    assert episodes.estimate("clicked_quality") == (3, 0, 3)
    assert episodes.estimate("kpi").mean == 2


def test_a_ratio_has_the_error_of_its_linearisation() -> None:
    """Repeated from scratch 4,000 times with 50 pairs each: the spread of the ratios is the error it claims.

    The sd of an sd over 4,000 runs is 1.1 %, and the linearisation is off by order 1/50: 6 % are allowed.
    """
    rng = np.random.default_rng(3)
    below = rng.uniform(1.0, 3.0, (4000, 50))
    above = 0.4 * below + rng.normal(0.0, 0.3, below.shape) + 0.2 * (below - 2.0)
    found = [ratio(one, other) for one, other in zip(above, below, strict=True)]
    spread = np.std([one.mean for one in found], ddof=1)
    assert np.mean([one.se for one in found]) == pytest.approx(spread, rel=0.06)


def test_a_mean_over_no_clicks_doesnt_exist() -> None:
    with pytest.raises(WorldError, match="no click in any episode"):
        ratio(np.zeros(3), np.zeros(3))


def test_a_kpi_per_slate_divides_by_slates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TinyWorld, "kpi", TinyWorld.kpi._replace(feedback="click", per="slate"))
    episodes = run_episodes(TinyWorld(2, 4, 2), third_first, n_episodes=3, seed=1)
    assert episodes.estimate("kpi") == episodes.estimate("click_rate")


def test_a_kpi_that_is_all_of_the_reward_is_read_off_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TinyWorld, "recipe", {"visit": 2.0})
    episodes = run_episodes(TinyWorld(2, 4, 2), third_first, n_episodes=3, seed=1)
    np.testing.assert_array_equal(episodes.kpi, episodes.returns / 2.0)


class Watcher:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __call__(self, world: World, rng: np.random.Generator) -> Indices:
        self.told.append("choose")
        return third_first(world, rng)

    def begin(self, world: World, places: Flags) -> None:
        self.told.append("begin " + "".join("x" if one else "." for one in places))

    def watch(self, world: World, slates: Indices, reaction: Reaction) -> None:
        assert isinstance(world, TinyWorld)
        assert world.log[-1].startswith("react")
        self.told.append("watch")


def test_an_attentive_chooser_is_told_in_order() -> None:
    watcher = Watcher()
    assert isinstance(watcher, Attentive)
    assert not isinstance(third_first, Attentive)
    run_episodes(TinyWorld(2, 4, 2), watcher, n_episodes=3, seed=1)
    assert watcher.told[:6] == ["begin xx", "choose", "watch", "begin x.", "choose", "watch"]


def test_the_seed_decides() -> None:
    def dice(world: World, rng: np.random.Generator) -> Indices:
        first = int(rng.integers(0, 4))
        return np.tile([first, (first + 1) % 4], (world.n_users, 1))

    first, again, other = (
        run_episodes(TinyWorld(2, 4, 2), dice, n_episodes=20, seed=seed).clicked_quality for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_one_episode_is_refused() -> None:
    with pytest.raises(WorldError, match="n_episodes=1 must be at least 2"):
        run_episodes(TinyWorld(2, 4, 2), third_first, n_episodes=1, seed=1)


def test_an_estimates_error_shrinks_with_the_root_of_n() -> None:
    assert Estimate(1.0, 2.0, 16).se == 0.5
