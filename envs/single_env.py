"""The view for one user of the vectorised core, as an ordinary ``gymnasium.Env``.

In: one slate, shape (n_slots,). Out: the one row of what ``envs/slate_env.py`` would return.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from envs.slate_env import Core, Observation, check_propensities, check_reset, observation_space
from envs.slate_space import SlateSpace
from envs.world import Flags, Floats, Reaction, World, WorldError


class SlateEnv(gymnasium.Env[Observation, NDArray[np.integer[Any]]]):
    """One user of a world. ``info`` is as for ``SlateVectorEnv``, without the leading axis.

    Attributes:
        world: The world behind it, with one place; it knows the truth.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  # as Gymnasium declares it

    def __init__(self, world: World) -> None:
        """An environment of a world that nobody else drives.

        Raises:
            WorldError: if the world has more than one place.
        """
        if world.n_users != 1:
            raise WorldError(f"a single-user environment needs a world with num_envs=1, not {world.n_users}")
        self.world = world
        self.observation_space = observation_space(world)
        self._slates = SlateSpace(world.n_candidates, world.n_slots)
        self.action_space = self._slates
        self._core = Core(world)
        self._active: Flags = np.ones(1, dtype=np.bool_)
        self._must_reset = "call reset() before step()"

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A new user; with a seed the world begins anew, without one its time and catalogue go on.

        Raises:
            WorldError: if options are given: there are none.
        """
        check_reset(seed, options)
        super().reset(seed=seed)
        self._must_reset = ""
        return _row(self._core.restart(seed)), {}

    def step(
        self, action: NDArray[np.integer[Any]], propensities: Floats | None = None
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Show the user a slate.

        Args:
            action: (n_slots,), distinct candidates in slot order.
            propensities: (n_slots,); returned in ``info``, so that a log of steps carries them.

        Raises:
            WorldError: if the action is no slate, or a propensity is outside (0, 1]; nothing has happened then.
            ResetNeeded: before the first ``reset`` and after the end of an episode.
        """
        if self._must_reset:
            raise ResetNeeded(self._must_reset)
        slate = self._slates.check(action)
        given = None if propensities is None else check_propensities(propensities, slate.shape)
        reaction = self._core.react(slate[np.newaxis], self._active)
        ended = bool(reaction.ended[0])
        cut = self.world.max_steps is not None and bool(self._core.cut(reaction.ended)[0])
        if ended or cut:
            self._must_reset = "the episode is over: call reset()"
        self.world.offer()
        info = _info(reaction, given)
        return _row(self._core.observe(reaction)), float(reaction.rewards[0]), ended, cut, info


def _info(reaction: Reaction, propensities: Floats | None) -> dict[str, Any]:
    info: dict[str, Any] = {
        "click_chances": reaction.click_chances[0],
        "no_click_chance": float(reaction.no_click_chance[0]),
    }
    if propensities is not None:
        info["propensities"] = propensities
    if reaction.delayed is not None:
        info["delayed"] = reaction.delayed
    return info


def _row(observation: Observation) -> Observation:
    response = {name: values[0] for name, values in observation["response"].items()}
    return {"user": observation["user"][0], "items": observation["items"][0], "response": response}
