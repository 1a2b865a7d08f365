"""What a decision costs each agent that was trained: processor time of one thread, as ``simulator/costs.py`` measures.

In: the agents' files. Out: microseconds by world and agent, measured in this process, of the first finished seed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agent.starts import StartError, unpack
from envs.presets import make_world
from policies.base import PolicyError
from policies.registry import make_policy
from simulator.costs import N_TIMED, Clock, decide_s, lessons_of, one_thread
from simulator.training_folder import TrainingFolder
from simulator.training_pieces import Piece
from simulator.training_rows import Results

N_TRIES = 20
"""How often each decision is timed: agents are near their bar, and trainings beside them slow a try down."""


class Costs(NamedTuple):
    """What decisions cost.

    Attributes:
        decide_us: World's title and who → microseconds to choose one slate there.
        problems: Agents that could not be timed, and why.
    """

    decide_us: Mapping[tuple[str, str], float]
    problems: Sequence[str] = ()


def decision_costs(
    pieces: Sequence[Piece], results: Results, folder: TrainingFolder, *, clock: Clock = time.thread_time
) -> Costs:
    """Time the first finished seed of each agent in each world; one that other code has trained may not load.

    Raises:
        MissingExtraError: what holds threads isn't installed.
    """
    first: dict[tuple[str, str], Piece] = {}
    for piece in pieces:
        if piece.sort == "agent" and piece.key in results:
            first.setdefault((piece.scene.title, piece.who), piece)
    found, problems = dict[tuple[str, str], float](), list[str]()
    for place, piece in first.items():
        try:
            with one_thread():
                found[place] = 1e6 * _decide_s(piece, folder, clock)
        except (StartError, PolicyError) as error:
            problems.append(f"{piece.title}: its decisions were not timed: {error}")
    return Costs(found, problems)


def _decide_s(piece: Piece, folder: TrainingFolder, clock: Clock) -> float:
    start = unpack(folder.agent(piece).read_bytes())
    policy = make_policy(start.kind, piece.options, start.snapshot, reward_range=(start.reward_min, start.reward_max))
    asked = lessons_of(make_world(piece.scene.preset, piece.scene.options), N_TIMED)
    return decide_s(policy, asked, n_tries=N_TRIES, clock=clock)
