"""Which worlds agents can be trained in, found out before anything is trained.

In: pieces of ``slateloop train``. Out: nothing, or an error in the words of who typed the command. What counts is what
training does first: it learns from some requests of a world how to read them, and looks whether that holds for others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from envs.presets import make_world, names
from envs.slate_space import random_slates
from envs.world import Streams, World, WorldError
from simulator.cells import CellError
from simulator.encoded_world import N_REQUESTS, EncodingError, MakeWorld, fitted
from simulator.training_pieces import Piece

_N_LOOKS, _N_USERS, _N_NAMED = 2, 16, 3
_FEATURE = re.compile(r"(\S+) \(off by")
"""As ``EncodingError`` names it."""


def require_trainable(pieces: Iterable[Piece], finished: Iterable[Piece] = ()) -> None:
    """Refuse agents in worlds whose requests can't be read as training reads them; a second or four for each world.

    Args:
        pieces: What is asked for.
        finished: What was done before: a world where an agent was trained isn't looked at.

    Raises:
        CellError: saying why, and which worlds can be trained in.
    """
    known = [one.scene for one in finished if one.sort == "agent"]
    for piece in pieces:
        if piece.sort != "agent" or piece.scene in known:
            continue
        known.append(piece.scene)
        if (why := _unreadable(piece.course.world)) is not None:
            raise CellError(
                f"world={piece.scene.title}: no agent can be trained in it. Its features{_where(why)} are too rare or "
                f"too many: what {N_REQUESTS} requests show of them doesn't hold for others. Train in one of: "
                f"{', '.join(with_sessions())}. To see what bandits learn in it, use `slateloop simulate`"
            )


def with_sessions() -> list[str]:
    """Presets that need no data of one's own, and whose users stay for more than one slate."""
    return [name for name in names() if _has_sessions(name)]


def _unreadable(make: MakeWorld) -> EncodingError | None:
    """Why agents can't be trained there; chance alone, another seed, is no reason."""
    why: EncodingError | None = None
    for seed in range(_N_LOOKS):
        try:
            fitted(make, seed=seed)
        except EncodingError as error:
            why = error
        else:
            return None
    return why


def _where(why: EncodingError) -> str:
    found = _FEATURE.findall(str(why))
    more = ", …" if len(found) > _N_NAMED else ""
    return f" ({', '.join(found[:_N_NAMED])}{more})" if found else ""


def _has_sessions(preset: str) -> bool:
    try:
        world = make_world(preset, num_envs=_N_USERS)
    except WorldError:  # it needs data
        return False
    return not _all_leave(world)


def _all_leave(world: World) -> bool:
    """After one slate."""
    everyone = np.ones(world.n_users, dtype=np.bool_)
    world.seed(Streams.spawn(0))
    world.begin(everyone)
    world.offer()
    slates = random_slates(np.random.default_rng(0), (world.n_users, world.n_candidates, world.n_slots))
    return world.max_steps == 1 or bool(world.react(slates, everyone).ended.all())
