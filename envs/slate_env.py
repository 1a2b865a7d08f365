"""Gymnasium environments of any ``World``: the vectorised core, N users at once.

In: slates, shape (n_users, n_slots). Out: observations, rewards, ends and, in ``info``, the truth behind the clicks.
``envs/single_env.py`` is the view for one user.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.slate_space import SlateSpace
from envs.world import Feedback, Flags, Floats, Indices, Observed, Reaction, Shape, Streams, World, WorldError

Observation = dict[str, Any]
"""``user`` (n_user_features,), ``items`` (n_candidates, n_item_features), ``response`` {field: (n_slots,)}; float32."""


class Core:
    """A world, who lives in it, and since when: what both environments share."""

    def __init__(self, world: World) -> None:
        """Nobody lives there yet."""
        self.world = world
        self.n_steps: NDArray[np.int64] = np.zeros(world.n_users, dtype=np.int64)
        self._everyone: Flags = np.ones(world.n_users, dtype=np.bool_)
        self._fields = ("click", *world.shape.response)
        self._is_seeded = False

    def restart(self, seed: int | None) -> Observation:
        """New users everywhere; with a seed, or the first time, the world begins anew."""
        if seed is not None or not self._is_seeded:
            self.world.seed(Streams.spawn(seed))
            self._is_seeded = True
        self.enter(self._everyone)
        self.world.offer()
        return self.observe()

    def enter(self, places: Flags) -> None:
        """New users in these places, (n_users,)."""
        self.n_steps[places] = 0
        self.world.begin(places)

    def react(self, slates: Indices, active: Flags) -> Reaction:
        """One step of those who are active; while nobody is, the world stands still and casts no dice."""
        if not np.logical_or.reduce(active):
            return self._nothing()
        reaction = self.world.react(slates, active)
        self.n_steps += active
        return reaction

    def cut(self, ended: Flags) -> Flags:
        """Whose episode is as long as it may be, and has not ended by itself."""
        if self.world.max_steps is None:
            return np.zeros_like(ended)
        return (self.n_steps >= self.world.max_steps) & ~ended

    def observe(self, reaction: Reaction | None = None) -> Observation:
        """What may be seen now; the response is zero before the first slate."""
        user, items = self.world.observe()
        return {"user": user, "items": items, "response": self._response(reaction)}

    def _nothing(self) -> Reaction:
        n_users, shape = self.world.n_users, (self.world.n_users, self.world.n_slots)
        return Reaction(
            clicks=np.zeros(shape, dtype=np.bool_),
            rewards=np.zeros(n_users),
            ended=np.zeros(n_users, dtype=np.bool_),
            click_chances=np.zeros(shape),
            no_click_chance=np.ones(n_users),
            response={name: np.zeros(shape) for name in self.world.shape.response},
        )

    def _response(self, reaction: Reaction | None) -> dict[str, Observed]:
        if reaction is None:
            shape = (self.world.n_users, self.world.n_slots)
            return {name: np.zeros(shape, dtype=np.float32) for name in self._fields}
        seen = {name: values.astype(np.float32) for name, values in reaction.response.items()}
        return {"click": reaction.clicks.astype(np.float32), **seen}


class SlateVectorEnv(VectorEnv[Observation, Indices, NDArray[Any]]):
    """N users of one world as a ``gymnasium.vector.VectorEnv``.

    The step after an end ignores that place's slate, has reward 0, and returns a new user's first observation
    (autoreset ``NEXT_STEP``). All users share one seed, the world's time and its catalogue.

    ``info`` of a step: ``click_chances`` (n_envs, n_slots) and ``no_click_chance`` (n_envs,), true probabilities as
    they were before the draw (0 and 1 where no slate was shown); ``propensities`` as given to ``step``; where feedback
    came on earlier slates, ``delayed``: (n_envs,) of ``Feedback`` or None.

    Attributes:
        world: The world behind it; it knows the truth.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012  # as Gymnasium declares

    def __init__(self, world: World) -> None:
        """An environment of a world that nobody else drives."""
        self.world = world
        self.num_envs = world.n_users
        self.single_observation_space = observation_space(world)
        self.single_action_space = SlateSpace(world.n_candidates, world.n_slots)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = SlateSpace(world.n_candidates, world.n_slots, n_users=self.num_envs)
        self._slates = self.action_space
        self._core = Core(world)
        self._over: Flags | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """New users; with a seed the world begins anew, without one its time and catalogue go on.

        Raises:
            WorldError: if options are given: there are none.
        """
        check_reset(seed, options)
        super().reset(seed=seed)
        self._over = np.zeros(self.num_envs, dtype=np.bool_)
        return self._core.restart(seed), {}

    def step(
        self, actions: Indices, propensities: Floats | None = None
    ) -> tuple[Observation, Floats, Flags, Flags, dict[str, Any]]:
        """Show each user a slate.

        Args:
            actions: (n_envs, n_slots), distinct candidates in slot order.
            propensities: (n_envs, n_slots); returned in ``info``, so that a log of steps carries them.

        Raises:
            WorldError: if an action is no slate, or a propensity is outside (0, 1]; nothing has happened then.
            ResetNeeded: before the first ``reset``.
        """
        over = self._over
        if over is None:
            raise ResetNeeded("call reset() before step()")
        anyone_begins = bool(over.any())
        if anyone_begins:
            actions, propensities = _harmless(actions, propensities, over)
        slates = self._slates.check(actions)
        given = None if propensities is None else check_propensities(propensities, slates.shape)
        reaction = self._core.react(slates, ~over)
        if anyone_begins:
            reaction = _blank(reaction, over)
            self._core.enter(over)
        rewards, ended = reaction.rewards, reaction.ended
        cut = self._core.cut(ended)
        self._over = ended | cut
        self.world.offer()
        return self._core.observe(reaction), rewards, ended, cut, self._info(reaction, given)

    def _info(self, reaction: Reaction, propensities: Floats | None) -> dict[str, Any]:
        info: dict[str, Any] = {
            "click_chances": reaction.click_chances,
            "no_click_chance": reaction.no_click_chance,
        }
        if propensities is not None:
            info["propensities"] = propensities
        if reaction.delayed is not None:
            info["delayed"] = by_user(reaction.delayed, self.num_envs)
        return info


def observation_space(world: World) -> spaces.Dict:
    """What one user of a world looks like."""
    shape: Shape = world.shape
    fields = {"click": (0.0, 1.0), **shape.response}
    return spaces.Dict(
        {
            "user": _box(*shape.user),
            "items": _box(*(np.tile(bound, (world.n_candidates, 1)) for bound in shape.item)),
            "response": spaces.Dict(
                {name: _box(*(np.full(world.n_slots, end) for end in ends)) for name, ends in fields.items()}
            ),
        }
    )


def check_reset(seed: object, options: dict[str, Any] | None) -> None:
    """Refuse what ``reset`` can't do.

    Raises:
        WorldError: if a seed is no whole number from 0, or options are given.
    """
    if options:
        raise WorldError(f"options={options!r}: reset has no options here; give them when the environment is made")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0):
        raise WorldError(f"seed={seed!r} must be a whole number from 0; all users of a world share one seed")


def check_propensities(propensities: Floats, shape: tuple[int, ...]) -> Floats:
    """A copy of propensities that can be.

    Raises:
        WorldError: if the shape is wrong, or one is outside (0, 1].
    """
    found = np.array(propensities, dtype=np.float64)
    if found.shape != shape:
        raise WorldError(f"propensities of shape {found.shape} should have shape {shape}")
    if not ((found > 0.0) & (found <= 1.0)).all():
        raise WorldError("propensities must all be in (0, 1]")
    return found


def by_user(feedback: Feedback, n_users: int) -> NDArray[np.object_]:
    """Feedback taken apart: (n_users,) of ``Feedback``, None for who gave none."""
    apart: NDArray[np.object_] = np.full(n_users, None, dtype=object)
    for user in np.unique(feedback.users).tolist():
        apart[user] = _only(feedback, feedback.users == user)
    return apart


def _only(feedback: Feedback, kept: Flags) -> Feedback:
    users, steps_ago, slots, types, values = feedback
    return Feedback(users[kept], steps_ago[kept], slots[kept], types[kept], values[kept])


def _harmless(actions: Any, propensities: Any, over: Flags) -> tuple[Any, Any]:
    """The same with any slate, surely shown, where none is shown: what is ignored can't be wrong."""
    slates = np.array(actions)
    if slates.ndim == 2 and len(slates) == len(over):
        slates[over] = np.arange(slates.shape[1])
    if propensities is not None:
        propensities = np.array(propensities, dtype=np.float64)
        if len(propensities) == len(over):
            propensities[over] = 1.0
    return slates, propensities


def _blank(reaction: Reaction, over: Flags) -> Reaction:
    """A reaction without those who were shown nothing."""
    shown = ~over
    rows = shown[:, np.newaxis]
    delayed = reaction.delayed
    if delayed is not None:
        kept = shown[delayed.users]
        delayed = _only(delayed, kept) if kept.any() else None
    return Reaction(
        clicks=reaction.clicks & rows,
        rewards=np.where(shown, reaction.rewards, 0.0),
        ended=reaction.ended & shown,
        click_chances=np.where(rows, reaction.click_chances, 0.0),
        no_click_chance=np.where(shown, reaction.no_click_chance, 1.0),
        response={name: np.where(rows, values, 0.0) for name, values in reaction.response.items()},
        delayed=delayed,
    )


def _box(low: Floats, high: Floats) -> spaces.Box:
    return spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)
