"""The contract of a world, as tests any class can inherit.

A subclass gives ``make`` as a fixture: sizes and options in, an unseeded ``World`` out. All that is below must hold for
it, driven through the environments that everyone uses.
"""

from __future__ import annotations

import copy
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode

from envs.single_env import SlateEnv
from envs.slate_env import SlateVectorEnv
from envs.slate_space import SlateSpace, random_slates
from envs.world import Indices, Reaction, Streams, World, WorldError

N_USERS = 5
N_STEPS = 25
Sizes = tuple[int, int, int]


class Make(Protocol):
    """Makes the world under test."""

    def __call__(self, *, num_envs: int = 1, num_candidates: int | None = None, slate_size: int | None = None) -> World:
        """An unseeded world."""
        ...


def sizes(world: World) -> Sizes:
    return world.n_users, world.n_candidates, world.n_slots


def some_slates(world: World, n_steps: int = N_STEPS, seed: int = 3) -> list[Indices]:
    dice = np.random.default_rng(seed)
    return [random_slates(dice, sizes(world)) for _ in range(n_steps)]


def drive(env: SlateVectorEnv, slates: list[Indices], seed: int | None) -> Iterator[Any]:
    """All that an environment says, a step at a time."""
    yield env.reset(seed=seed)
    for each in slates:
        yield env.step(each)


def same(first: Any, second: Any) -> bool:
    """Equal exactly, arrays included; delayed feedback is compared as text."""
    for one in (first, second):
        info = one[-1]
        if "delayed" in info:
            info["delayed"] = repr(info["delayed"])
    return bool(data_equivalence(first, second, exact=True))


def begun(world: World, seed: int = 7) -> World:
    """A world with a user in each place and an offer before each."""
    world.seed(Streams.spawn(seed))
    world.begin(np.ones(world.n_users, dtype=np.bool_))
    world.offer()
    return world


def reactions(world: World, n_steps: int) -> Iterator[Reaction]:
    """Random slates in a world driven directly; who ends begins anew at once."""
    active = np.ones(world.n_users, dtype=np.bool_)
    steps = np.zeros(world.n_users, dtype=np.int64)
    for slates in some_slates(world, n_steps):
        reaction = world.react(slates, active)
        steps += 1
        yield reaction
        over = reaction.ended | (steps >= (world.max_steps or math.inf))
        world.begin(over)
        steps[over] = 0
        world.offer()


class WorldContract:
    """What every world owes."""

    def test_the_same_seed_gives_the_same_trajectory(self, make: Make) -> None:
        first, second, other = (SlateVectorEnv(make(num_envs=N_USERS)) for _ in range(3))
        slates = some_slates(first.world)
        pairs = list(zip(drive(first, slates, 5), drive(second, slates, 5), strict=True))
        assert all(same(*pair) for pair in pairs)
        assert not all(same(mine, its) for (mine, _), its in zip(pairs, drive(other, slates, 6), strict=True))

    def test_a_seed_begins_the_world_anew_whatever_happened_before(self, make: Make) -> None:
        used, fresh = SlateVectorEnv(make(num_envs=N_USERS)), SlateVectorEnv(make(num_envs=N_USERS))
        slates = some_slates(used.world)
        for _ in drive(used, slates[:9], 1):
            pass
        assert all(same(*pair) for pair in zip(drive(used, slates, 5), drive(fresh, slates, 5), strict=True))

    def test_without_a_seed_reset_goes_on_with_new_users(self, make: Make) -> None:
        env = SlateEnv(make())
        env.reset(seed=5)
        before = env.world.describe(0).user
        env.reset()
        assert env.world.describe(0).user != before

    def test_chance_is_its_own(self, make: Make) -> None:
        """The global generator is neither read nor moved."""
        env = SlateVectorEnv(make(num_envs=N_USERS))
        slates = some_slates(env.world)
        before = repr(np.random.get_state())  # noqa: NPY002  # the legacy generator is what is watched
        first = list(drive(env, slates, 5))
        assert repr(np.random.get_state()) == before  # noqa: NPY002  # as above
        np.random.seed(99)  # noqa: NPY002  # as above
        assert all(same(*pair) for pair in zip(first, drive(env, slates, 5), strict=True))

    def test_choices_have_dice_of_their_own(self, make: Make) -> None:
        """Who comes, what is offered and how likely clicks are at first doesn't depend on the dice of choices."""
        worlds = [make(num_envs=N_USERS), make(num_envs=N_USERS)]
        seen = []
        for world, seed in zip(worlds, (1, 2), strict=True):
            rest = Streams.spawn(5)
            world.seed(Streams(rest.users, rest.documents, np.random.default_rng(seed), rest.dynamics))
            world.begin(np.ones(N_USERS, dtype=np.bool_))
            world.offer()
            observed = world.observe()
            reaction = world.react(some_slates(world)[0], np.ones(N_USERS, dtype=np.bool_))
            seen.append([*observed, reaction.click_chances, reaction.no_click_chance])
        for first, second in zip(*seen, strict=True):
            np.testing.assert_array_equal(first, second)

    def test_who_comes_next_does_not_depend_on_what_was_chosen(self, make: Make) -> None:
        """Over many steps, with other dice of choices and other slates, the users who come are the same ones."""
        came = []
        for seed in (1, 2):
            world, rest = make(num_envs=N_USERS), Streams.spawn(5)
            world.seed(Streams(rest.users, rest.documents, np.random.default_rng(seed), rest.dynamics))
            active = np.ones(N_USERS, dtype=np.bool_)
            world.begin(active)
            for slates in some_slates(world, 12, seed):
                world.offer()
                active = active & ~world.react(slates, active).ended
            came.append(repr(rest.users.bit_generator.state))
        assert came[0] == came[1]

    def test_what_was_observed_never_changes(self, make: Make) -> None:
        env = SlateVectorEnv(make(num_envs=N_USERS))
        kept, copies = [], []
        for said in drive(env, some_slates(env.world), 5):
            kept.append(said)
            copies.append(copy.deepcopy(said))
        assert all(same(*pair) for pair in zip(kept, copies, strict=True))

    def test_what_was_observed_may_be_changed(self, make: Make) -> None:
        spoilt, clean = SlateVectorEnv(make(num_envs=N_USERS)), SlateVectorEnv(make(num_envs=N_USERS))
        slates = some_slates(clean.world)
        for mine, its in zip(drive(spoilt, slates, 5), drive(clean, slates, 5), strict=True):
            assert same(mine, its)
            seen = mine[0]
            for array in (seen["user"], seen["items"], *seen["response"].values()):
                array.fill(np.nan)

    def test_spaces_contain_what_is_observed(self, make: Make) -> None:
        env = SlateVectorEnv(make(num_envs=N_USERS))
        for said in drive(env, some_slates(env.world), 5):
            assert said[0] in env.observation_space
            assert all(value.dtype == np.float32 for value in said[0]["response"].values())
        alone = SlateEnv(make())
        observed, _ = alone.reset(seed=5)
        for slate in some_slates(alone.world):
            assert observed in alone.observation_space
            observed, reward, ended, cut, _ = alone.step(slate[0])
            assert type(reward) is float
            if ended or cut:
                observed, _ = alone.reset()

    def test_the_view_for_one_user_is_the_vector_with_one_place(self, make: Make) -> None:
        alone, vector = SlateEnv(make()), SlateVectorEnv(make())
        alone.reset(seed=5)
        vector.reset(seed=5)
        alone.world.max_steps = vector.world.max_steps = 6
        n_over = 0
        for slate in some_slates(vector.world):
            observed, reward, ended, cut, info = alone.step(slate[0])
            observations, rewards, ends, cuts, infos = vector.step(slate)
            assert (reward, ended, cut) == (rewards[0], ends[0], cuts[0])
            np.testing.assert_array_equal(info["click_chances"], infos["click_chances"][0])
            for both in (0, 1) if ended or cut else (0,):
                if both:
                    observed, observations, n_over = alone.reset()[0], vector.step(slate)[0], n_over + 1
                np.testing.assert_array_equal(observed["user"], observations["user"][0])
                np.testing.assert_array_equal(observed["items"], observations["items"][0])
            assert alone.world.describe(0) == vector.world.describe(0)
        assert n_over > 1

    @pytest.mark.parametrize(("n_candidates", "n_slots"), [(1, 1), (3, 3), (40, 6)])
    def test_any_number_of_candidates_and_slots(self, make: Make, n_candidates: int, n_slots: int) -> None:
        world = make(num_envs=3, num_candidates=n_candidates, slate_size=n_slots)
        env = SlateVectorEnv(world)
        for said in drive(env, some_slates(world, 5), 5):
            assert said[0] in env.observation_space

    def test_what_is_no_slate_is_refused(self, make: Make) -> None:
        env, alone = SlateVectorEnv(make(num_envs=2, slate_size=2)), SlateEnv(make(slate_size=2))
        env.reset(seed=1)
        alone.reset(seed=1)
        n = env.world.n_candidates
        with pytest.raises(WorldError, match=r"action\[1\]=\[1, 1\] shows a candidate twice"):
            env.step(np.array([[0, 1], [1, 1]]))
        with pytest.raises(WorldError, match=rf"action\[0\]\[1\]={n} is no candidate: indices go from 0 to {n - 1}"):
            env.step(np.array([[0, n], [0, 1]]))
        with pytest.raises(WorldError, match=r"action\[0\]=-1 is no candidate"):
            alone.step(np.array([-1, 1]))
        with pytest.raises(WorldError, match="shows a candidate twice"):
            alone.step(np.array([1, 1]))

    def test_an_episode_is_cut_after_max_steps_and_that_is_no_end(self, make: Make) -> None:
        world = make(num_envs=N_USERS)
        world.max_steps = 3
        env = SlateVectorEnv(world)
        env.reset(seed=5)
        lived = np.zeros(N_USERS)
        over = np.zeros(N_USERS, dtype=np.bool_)
        for slates in some_slates(world, 12):
            _, _, ended, cut, _ = env.step(slates)
            lived = np.where(over, 0, lived + 1)
            assert not (ended & cut).any()
            np.testing.assert_array_equal(cut, (lived == 3) & ~ended)
            over = ended | cut

    def test_the_step_after_an_end_shows_nothing_and_begins(self, make: Make) -> None:
        world = make(num_envs=N_USERS)
        world.max_steps = 2
        env = SlateVectorEnv(world)
        assert env.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
        env.reset(seed=5)
        over = np.zeros(N_USERS, dtype=np.bool_)
        n_over = 0
        for slates in some_slates(world, 8):
            users = [world.describe(place).user for place in range(N_USERS)]
            slates[over] = -1
            observed, rewards, ended, cut, info = env.step(slates)
            assert not rewards[over].any()
            assert not (ended | cut)[over].any()
            assert not any(values[over].any() for values in observed["response"].values())
            assert not info["click_chances"][over].any()
            assert (info["no_click_chance"][over] == 1.0).all()
            changed = [world.describe(place).user != users[place] for place in range(N_USERS)]
            np.testing.assert_array_equal(changed, over)
            n_over += int(over.sum())
            over = ended | cut
        assert n_over > 0

    def test_new_users_disturb_nobody_else(self, make: Make) -> None:
        world = begun(make(num_envs=N_USERS))
        before = world.observe()[0]
        places = np.arange(N_USERS) % 2 == 0
        world.begin(places)
        np.testing.assert_array_equal(world.observe()[0][~places], before[~places])

    def test_a_description_is_json_and_of_the_offer(self, make: Make) -> None:
        world = begun(make(num_envs=N_USERS))
        for reaction in reactions(world, 10):
            for place in range(N_USERS):
                offer = world.describe(place)
                assert len(offer.actions) == world.n_candidates
                assert offer.user
                assert offer.session
                text = json.dumps([offer.context, offer.actions], allow_nan=False)
                assert json.loads(text) == [offer.context, offer.actions]
            assert reaction.clicks.shape == (N_USERS, world.n_slots)
        assert len({world.describe(place).user for place in range(N_USERS)}) == N_USERS

    def test_looking_changes_nothing(self, make: Make) -> None:
        """Describing, observing and asking for reference slates takes no dice that the world needs."""
        watched, left_alone = (SlateVectorEnv(make(num_envs=N_USERS)) for _ in range(2))
        slates = some_slates(watched.world, 10)
        space = SlateSpace(watched.world.n_candidates, watched.world.n_slots, n_users=N_USERS)
        for mine, its in zip(drive(watched, slates, 5), drive(left_alone, slates, 5), strict=True):
            assert same(mine, its)
            assert watched.world.describe(0) == watched.world.describe(0)
            watched.world.observe()
            space.check(watched.world.myopic())
            space.check(watched.world.informed())

    def test_feedback_adds_up_to_the_reward(self, make: Make) -> None:
        world = begun(make(num_envs=N_USERS))
        assert world.kpi.feedback in world.recipe
        n_pieces = 0
        for reaction in reactions(world, 60):
            for place in range(N_USERS):
                pieces = world.feedback(reaction, place)
                n_pieces += len(pieces)
                assert all(ago >= 0 and 0 <= slot < world.n_slots for ago, slot, _, _ in pieces)
                total = math.fsum(world.recipe[name] * value for _, _, name, value in pieces)
                assert total == pytest.approx(reaction.rewards[place], abs=1e-9)
        assert n_pieces > 0

    def test_a_slot_earns_within_the_range(self, make: Make) -> None:
        world = begun(make(num_envs=1))
        earned: dict[tuple[int, int], float] = defaultdict(float)
        for number, reaction in enumerate(reactions(world, 150)):
            for ago, slot, name, value in world.feedback(reaction, 0):
                earned[number - ago, slot] += world.recipe[name] * value
        least, greatest = world.reward_range
        assert least < greatest
        assert all(least - 1e-9 <= one <= greatest + 1e-9 for one in earned.values())

    def test_click_chances_are_chances(self, make: Make) -> None:
        for reaction in reactions(begun(make(num_envs=N_USERS)), N_STEPS):
            chances, nothing = reaction.click_chances, reaction.no_click_chance
            assert ((chances >= 0.0) & (chances <= 1.0)).all()
            assert (nothing >= 1.0 - chances.sum(axis=1) - 1e-9).all()
            assert (nothing <= 1.0 - chances.max(axis=1) + 1e-9).all()

    def test_click_chances_are_true(self, make: Make) -> None:
        """Clicks less their chances, summed over 1,000 users and 40 steps, in units of their standard deviation.

        Given all that went before, each click is a Bernoulli draw, so the sums are martingales whose variances are at
        most the sums of p (1 − p) (weighted alike), and the ratio is nearly standard normal. One sum per slot, one
        weighted by the chances themselves, one for no click; a limit of 4.5 is passed by one honest sum in 150,000.
        """
        world = begun(make(num_envs=1000))
        found: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))

        def add(name: str, off: Any, variance: Any) -> None:
            total, spread = found[name]
            found[name] = total + float(off.sum()), spread + float(variance.sum())

        for reaction in reactions(world, 40):
            clicks, chances, nothing = reaction.clicks, reaction.click_chances, reaction.no_click_chance
            off, variance = clicks - chances, chances * (1.0 - chances)
            for slot in range(world.n_slots):
                add(f"slot {slot}", off[:, slot], variance[:, slot])
            add("weighted", off[:, 0] * chances[:, 0], variance[:, 0] * chances[:, 0] ** 2)
            add("nothing", ~clicks.any(axis=1) - nothing, nothing * (1.0 - nothing))
        off_by = {name: total / math.sqrt(spread) if spread > 0.0 else total for name, (total, spread) in found.items()}
        assert max(abs(one) for one in off_by.values()) < 4.5, off_by
