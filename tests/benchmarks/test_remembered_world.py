"""Histories are counted right, a request tells what arrays do, and all else is the world's own."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from benchmarks.remembered_world import N_LOOKED_AT, RememberedWorld, Span, flags_of
from envs.presets import make_world
from envs.slate_space import random_slates
from envs.world import Streams, World
from simulator import encoded_world
from simulator.encoded_world import fitted
from tests.contracts.world_contract import Make, WorldContract

N_TOPICS = 20


def remembered(
    preset: str,
    span: Span = "session",
    *,
    num_envs: int = 1,
    num_candidates: int | None = None,
    slate_size: int | None = None,
) -> World:
    sizes = {"num_candidates": num_candidates, "slate_size": slate_size}
    options = {name: size for name, size in sizes.items() if size is not None}
    flags = flags_of(lambda n_users: make_world(preset, num_envs=n_users))
    return RememberedWorld(make_world(preset, options, num_envs=num_envs), span, flags)


class TestRemembered(WorldContract):
    @pytest.fixture(params=["interest-evolution", "streaming"])
    def make(self, request: pytest.FixtureRequest) -> Make:
        return partial(remembered, request.param)


def test_which_features_say_yes_or_no() -> None:
    topics = flags_of(lambda n_users: make_world("interest-evolution", num_envs=n_users))
    titles = flags_of(lambda n_users: make_world("streaming", num_envs=n_users))
    assert topics.tolist() == [True] * N_TOPICS
    assert titles.tolist() == [True] * 8 + [False] * 5 + [True], "genres and whether it is new"
    assert N_LOOKED_AT * 10 > 100, "more titles are looked at than there are"


def test_a_history_by_hand() -> None:
    """Until two topics were clicked, one of them twice; a slate without a click in between is counted."""
    world = remembered("interest-evolution", num_envs=1)
    world.seed(Streams.spawn(3))
    world.begin(np.array([True]))
    counts, last, n_without = np.zeros(N_TOPICS), np.zeros(N_TOPICS), 0
    slates = random_slates(np.random.default_rng(1), (1, world.n_candidates, world.n_slots))
    while not (np.count_nonzero(counts) >= 2 and counts.max() >= 2 and n_without):
        world.offer()
        items = world.observe()[1][0]
        clicks = world.react(slates, np.array([True])).clicks[0]
        n_without += not clicks.any()
        for item in items[slates[0][clicks]]:
            counts, last = counts + item, item
        user = world.observe()[0][0]
        history = world.describe(0).context["history"]
        np.testing.assert_allclose(user[N_TOPICS : 2 * N_TOPICS], np.sqrt(counts), rtol=1e-6)
        np.testing.assert_array_equal(user[2 * N_TOPICS : 3 * N_TOPICS], last)
        roots = {f"f{topic}": np.sqrt(n) for topic, n in enumerate(counts.tolist()) if n}
        assert history["clicked"] == pytest.approx(roots)
        assert history["last"] == {f"f{topic}": 1.0 for topic in np.flatnonzero(last)}
        assert history["n_clicks"] == pytest.approx(np.sqrt(counts.sum()))
        assert history["n_without"] == pytest.approx(np.sqrt(n_without))


@pytest.mark.parametrize("preset", ["interest-evolution", "long-term-satisfaction", "news", "shop", "streaming"])
def test_it_is_forgotten_after_the_session_or_the_episode(preset: str) -> None:
    """By the names that requests give to users and sessions: what is forgotten is all that changed its name."""
    worlds = {span: remembered(preset, span, num_envs=20) for span in ("session", "episode")}
    named = dict.fromkeys(worlds, [""] * 20)
    dice = np.random.default_rng(2)
    steps = [
        random_slates(dice, (20, world.n_candidates, world.n_slots)) for world in worlds.values() for _ in range(40)
    ]
    n_new = dict.fromkeys(worlds, 0)
    for span, world in worlds.items():
        world.seed(Streams.spawn(5))
        over = np.ones(20, dtype=np.bool_)
        for slates in steps[:40]:
            world.begin(over)
            world.offer()
            offers = [world.describe(place) for place in range(20)]
            names = [offer.session if span == "session" else offer.user for offer in offers]
            is_new = [before != now for before, now in zip(named[span], names, strict=True)]
            counts = [offer.context["history"]["n_clicks"] + offer.context["history"]["n_without"] for offer in offers]
            assert [count == 0.0 for count in counts] == is_new
            named[span], n_new[span] = names, n_new[span] + sum(is_new)
            over = world.react(slates, np.ones(20, dtype=np.bool_)).ended
    assert (n_new["session"] > n_new["episode"]) == (preset == "streaming")


@pytest.mark.parametrize("preset", ["interest-evolution", "streaming"])
@pytest.mark.parametrize("span", ["session", "episode"])
def test_an_encoder_sees_in_json_what_arrays_say(preset: str, span: Span, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_world, "N_STEPS", 600)
    monkeypatch.setattr(encoded_world, "N_REQUESTS", 300)
    found = fitted(lambda n_users: remembered(preset, span, num_envs=n_users), seed=4)
    plain = fitted(lambda n_users: make_world(preset, num_envs=n_users), seed=4)
    told = {name for name in found.encoder.context_names if name.startswith("history.")}
    assert {"history.n_clicks", "history.n_without", "history.last.f2", "history.clicked.f2"} <= told
    assert {name for name in found.encoder.context_names if name not in told} == set(plain.encoder.context_names)


def test_the_world_itself_is_not_moved() -> None:
    """The same slates, the same rewards, with a history or without."""
    plain, told = make_world("streaming", num_envs=8), remembered("streaming", num_envs=8)
    rewards = []
    for world in (plain, told):
        world.seed(Streams.spawn(1))
        world.begin(np.ones(8, dtype=np.bool_))
        dice, active = np.random.default_rng(1), np.ones(8, dtype=np.bool_)
        for _ in range(30):
            world.offer()
            reaction = world.react(random_slates(dice, (8, world.n_candidates, world.n_slots)), active)
            world.begin(reaction.ended)
            rewards.append(reaction.rewards)
    np.testing.assert_array_equal(rewards[:30], rewards[30:])
    np.testing.assert_array_equal(plain.observe()[0], told.observe()[0][:, : plain.observe()[0].shape[1]])
