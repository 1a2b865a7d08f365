"""What trains sees what serves: vectors from a world's arrays are those of its JSON, or the world is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from envs.interest_evolution import InterestEvolution
from envs.presets import make_world
from envs.world import Offer, Streams, World
from simulator import encoded_world
from simulator.encoded_world import EncodingError, bound, fitted, request_of, samples
from tests.envs.tiny_world import TinyWorld


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the steps: times of day that are never met have no coordinates, which is all the same here."""
    monkeypatch.setattr(encoded_world, "N_STEPS", 400)
    monkeypatch.setattr(encoded_world, "N_REQUESTS", 200)


def of(preset: str, **options: Any) -> Callable[[int], World]:
    return lambda n_users: make_world(preset, options, num_envs=n_users)


WORLDS: dict[str, Callable[[int], World]] = {
    "interest-evolution": of("interest-evolution"),
    "interest-evolution-visible-budget": of("interest-evolution-visible-budget"),
    "interest-exploration": of("interest-exploration"),
    "long-term-satisfaction-0.3": of("long-term-satisfaction-0.3"),
    "news": of("news", requests_per_day=150.0),
    "shop": of("shop", requests_per_day=150.0),
    "streaming": of("streaming", requests_per_day=150.0),
}


@pytest.mark.parametrize("name", WORLDS)
def test_arrays_and_json_give_the_same_vectors(name: str) -> None:
    """In a further world of the kind, under the world's own reference, far from the random slates of the fit."""
    make = WORLDS[name]
    encoding, world, everyone = fitted(make, seed=1), make(8), np.ones(8, dtype=np.bool_)
    world.seed(Streams.spawn(5))
    world.begin(everyone)
    for _ in range(60):
        world.offer()
        reaction = world.react(world.myopic(), everyone)
        world.begin(reaction.ended)
    world.offer()
    contexts, candidates = encoding.encode(*world.observe())
    assert contexts.dtype == candidates.dtype == np.float32
    for place in range(8):
        context, actions = request_of(world, place)
        assert_allclose(contexts[place], encoding.encoder.context(context), atol=1e-4)
        assert_allclose(candidates[place], encoding.encoder.actions(actions), atol=1e-4)


def test_the_same_seed_gives_the_same_encoder() -> None:
    make = of("long-term-satisfaction")
    assert fitted(make, seed=2).encoder.to_bytes() == fitted(make, seed=2).encoder.to_bytes()


class Secretive(InterestEvolution):
    """Tells applications what its arrays don't hold."""

    def describe(self, place: int) -> Offer:
        offer = super().describe(place)
        return offer._replace(context={**offer.context, "budget_left": float(self.budget[place])})


def test_a_world_whose_json_says_more_is_refused_by_name() -> None:
    with pytest.raises(EncodingError, match=r"JSON says what its arrays don't: budget_left \(off by") as caught:
        fitted(Secretive, seed=0)
    assert "interest" not in str(caught.value)


def test_a_world_without_features_has_vectors_of_one() -> None:
    encoding = fitted(lambda n_users: TinyWorld(n_users, 3, 2), seed=0)
    nothing = np.empty((2, 0), dtype=np.float32), np.empty((2, 3, 0), dtype=np.float32)
    contexts, candidates = encoding.encode(*nothing)
    assert contexts.tolist() == [[1.0], [1.0]]
    assert candidates.shape == (2, 3, 1)
    assert (candidates == 1.0).all()


def test_a_world_without_the_features_of_an_encoder_is_refused_by_name() -> None:
    encoder = fitted(of("interest-exploration"), seed=0).encoder
    found = samples(of("long-term-satisfaction"), seed=0)
    with pytest.raises(EncodingError, match="requests lack quality, topic"):
        bound(encoder, found, found)
