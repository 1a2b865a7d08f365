from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from agent.records import Decision, Reward
from envs.world import Offer, WorldError
from simulator.env_users import EnvUsers, loop_settings
from simulator.in_process import InProcess
from simulator.traffic import Ask, Reaction, Route, play
from tests.simulator.fake_world import BUY_DELAY, N_STEPS, SESSION_STEPS, FakeWorld


def shown_in_order(seed: int, n: int) -> Iterator[tuple[Ask, Reaction]]:
    """Every slate is the first candidates as offered."""
    users = EnvUsers(FakeWorld(), seed=seed)
    for ask in islice(users.asks(), n):
        yield ask, users.react(ask, list(ask.actions)[:2])


def test_the_seed_decides_requests_and_reactions() -> None:
    assert list(shown_in_order(3, 40)) == list(shown_in_order(3, 40))
    assert list(shown_in_order(3, 40)) != list(shown_in_order(4, 40))


def test_users_come_one_after_the_other_for_whole_episodes() -> None:
    found = list(shown_in_order(0, 4 * N_STEPS))
    assert [ask.user for ask, _ in found] == [f"u{n // N_STEPS}" for n in range(len(found))]
    assert [reaction.ended for _, reaction in found] == [n % N_STEPS == N_STEPS - 1 for n in range(len(found))]


def test_a_session_ends_with_its_last_slate() -> None:
    found = list(shown_in_order(0, 2 * N_STEPS))
    ends = [reaction.session_ended for _, reaction in found]
    assert ends == [n % SESSION_STEPS == SESSION_STEPS - 1 for n in range(len(found))]
    sessions = [ask.session for ask, _ in found]
    assert all((now != after) == end for now, after, end in zip(sessions, sessions[1:], ends, strict=False))


def test_an_episode_is_cut_where_the_world_says() -> None:
    world = FakeWorld()
    world.max_steps = 2
    users = EnvUsers(world, seed=0)
    asks = [(ask.user, users.react(ask, list(ask.actions)[:2]).ended) for ask in islice(users.asks(), 4)]
    assert asks == [("u0", False), ("u0", True), ("u1", False), ("u1", True)]


def test_reward_and_kpi_are_what_the_feedback_adds_up_to() -> None:
    found = [reaction for _, reaction in shown_in_order(1, 300)]
    weights = FakeWorld.recipe
    for reaction in found:
        assert reaction.reward == sum(weights[piece.type] * piece.value for piece in reaction.pieces)
        assert reaction.kpi == sum(piece.value for piece in reaction.pieces if piece.type == "buy")
    assert sum(reaction.kpi for reaction in found) > 20


def test_a_purchase_is_reported_for_the_slate_that_led_to_it() -> None:
    """In the log each purchase stands two requests after the decision of the same user whose slot 0 was clicked."""
    world = FakeWorld()
    with InProcess(loop_settings(world), keep_log=True) as loop:
        list(play(loop, EnvUsers(world, seed=0), Route("x", 2), n_requests=200))
    decided = [entry.record for entry in loop.log.entries if isinstance(entry.record, Decision)]
    user_of = {decision.event_id: decision.user for decision in decided}
    order = list(user_of)
    clicked: set[str] = set()
    n_bought = now = 0
    for entry in loop.log.entries:
        if isinstance(entry.record, Decision):
            now = order.index(entry.record.event_id)
        elif isinstance(entry.record, Reward) and entry.record.type == "click" and entry.record.slot == 0:
            clicked.add(entry.record.event_id)
        elif isinstance(entry.record, Reward) and entry.record.type == "buy":
            bought = entry.record.event_id
            assert bought in clicked
            assert now - order.index(bought) == BUY_DELAY
            assert user_of[bought] == user_of[order[now]]
            n_bought += 1
    assert n_bought > 20


def test_the_loop_gets_recipe_range_and_arms_of_the_world() -> None:
    settings = loop_settings(FakeWorld(), window_s=2.5, floor=0.1)
    assert {kind: rule.weight for kind, rule in settings.reward.recipe.items()} == {"click": 1.0, "buy": 4.0}
    assert (settings.reward.min, settings.reward.max, settings.reward.default) == (0.0, 5.0, 0.0)
    assert (settings.reward.aggregation, settings.reward.window_s, settings.floor) == ("sum", 2.5, 0.1)
    assert settings.variants == {"learned": 0.5, "popularity": 0.5}
    assert settings.sticky


def test_what_is_learned_is_what_the_world_paid() -> None:
    """The learner's sum of rewards is the world's, purchases that came later for learned decisions included."""
    world = FakeWorld()
    with InProcess(loop_settings(world, window_s=0.05, variants={"uniform": 1.0}), step_ms=10) as loop:
        steps = list(play(loop, EnvUsers(world, seed=0), Route("x", 2), n_requests=120))
        n = loop.learner.n_learned
        assert loop.status().experiences.late == 0
        learned = loop.learner.variants["uniform"]
    assert n == 120 - 6  # the windows of the last six are still open
    paid = sum(step.reward for step in steps[:n])
    due_later = sum(4.0 * step.kpi for step in steps[n : n + BUY_DELAY])
    assert learned.reward == paid + due_later


def test_a_world_with_several_places_is_refused() -> None:
    with pytest.raises(WorldError, match="num_envs=1, not 2"):
        EnvUsers(FakeWorld(n_users=2), seed=0)


def test_what_was_not_offered_and_who_does_not_ask_any_more_are_refused() -> None:
    users = EnvUsers(FakeWorld(), seed=0)
    ask = next(users.asks())
    with pytest.raises(WorldError, match="not all of them were offered to 'u0'"):
        users.react(ask, ["i0", "nowhere"])
    users.react(ask, ["i0", "i1"])
    with pytest.raises(WorldError, match="has asked again since"):
        users.react(ask, ["i0", "i1"])


def test_ids_that_coincide_are_refused() -> None:
    class Twins(FakeWorld):
        def describe(self, place: int) -> Offer:
            offer = super().describe(place)
            return offer._replace(actions={"same": {}, "other": {}})

    with pytest.raises(WorldError, match="4 candidates have only 2 different ids"):
        EnvUsers(Twins(), seed=0)


def test_every_preset_of_the_demo_asks_what_a_loop_takes() -> None:
    from typing import get_args

    from envs.presets import make_world
    from simulator.world_course import WorldName

    for preset in get_args(WorldName):
        world = make_world(preset)
        with InProcess(loop_settings(world, policy={"kind": "uniform"}, variants={"uniform": 1.0})) as loop:
            steps = list(play(loop, EnvUsers(world, seed=1), Route("x", world.n_slots), n_requests=150))
            assert loop.status().experiences.ignored == 0
        assert np.isfinite([step.reward for step in steps]).all()
        assert len({step.user for step in steps}) >= 1
