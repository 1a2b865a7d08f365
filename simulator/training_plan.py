"""From what ``slateloop train`` was asked for to pieces of work, so that mistakes are told before anything runs.

In: a ``Request``. Out: pieces: the references of each world, then agents and bandits, seed by seed, so that early
results already compare them; what agents learn from logs comes last.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence

from agent.counted import counted
from agent.loops import LOOP_NAME
from envs import references
from envs.presets import make_world
from envs.world import WorldError
from policies import registry
from policies.agents import KINDS
from policies.spelling import meant
from simulator.cells import CellError, PolicyChoice, Setting, parse_option, parse_policy
from simulator.measuring import settled
from simulator.train import FRUGAL, FRUGAL_OPTIONS, Budget
from simulator.train_options import NOBODY, Request
from simulator.training_pieces import Options, Piece, Scene, scene_of

ALIASES = frozenset({"ratio", "greedy_pctr", "oracle"})
"""References that are others by another name."""


_PATH_ELSEWHERE = re.compile(r"give path \(in slateloop [^)]*\)")
"""A world's cure, in the words of other commands."""


def pieces_of(request: Request) -> list[Piece]:
    """Everything that is asked for.

    Raises:
        CellError: an agent, a bandit, an option or what is to be published is written wrongly.
        WorldError: there is no such world or option.
    """
    scenes, agents, beside = _scenes(request), _agents(request), _beside(request)
    kinds = {one.kind for one in agents}
    if request.publish and not re.fullmatch(LOOP_NAME, request.publish):
        raise CellError(f"publish={request.publish!r}: a loop's name has 1 to 64 of a-z, 0-9, dot, _ and hyphen")
    if request.publish and len(scenes) * len(kinds) != 1:
        raise CellError(
            f"publish={request.publish!r}: a loop begins with one agent, and this asks for "
            f"{counted(len(kinds), 'agent')} in {counted(len(scenes), 'world')}; name one with --agent and one with "
            "--world"
        )
    found = [piece for scene in scenes.values() for piece in _of_scene(request, scene, agents, beside)]
    return [*found, *_logs(request, scenes, agents)]


def budget_of(request: Request) -> Budget:
    """How long agents are trained."""
    base = FRUGAL if request.frugal else Budget()
    return _asked(request, base, base.n_steps if request.n_steps is None else request.n_steps)


def frugal_budget(request: Request) -> Budget:
    """How long agents are trained where steps are dear, beside the others."""
    n_steps = FRUGAL.n_steps if request.n_steps is None else min(FRUGAL.n_steps, request.n_steps)
    return _asked(request, FRUGAL, n_steps)


def _asked(request: Request, base: Budget, n_steps: int) -> Budget:
    return dataclasses.replace(base, n_steps=n_steps, n_validation_users=request.n_users, n_test_users=request.n_users)


def agent_options(request: Request) -> Options:
    """As they were asked for, for every agent.

    Raises:
        CellError: one is written wrongly.
    """
    return dict(parse_option(text) for text in request.agent_options)


def _of_scene(
    request: Request, scene: Scene, agents: Sequence[Piece], beside: Sequence[PolicyChoice]
) -> Iterator[Piece]:
    world = make_world(scene.preset, scene.options)
    for name in references.choosers(world.name):
        if name not in ALIASES:
            yield Piece("reference", name, scene, n_test_users=request.n_users)
    for seed in range(request.n_seeds):
        for agent in agents:
            yield dataclasses.replace(agent, scene=scene, seed=seed)
        for policy in beside:
            yield Piece(
                "bandit",
                policy.name,
                scene,
                seed,
                dict(policy.options),
                policy.kind,
                n_requests=request.n_requests,
                n_test_users=request.n_users,
            )


def _agents(request: Request) -> list[Piece]:
    """One of each kind and budget, in no world yet."""
    if request.frugal and request.also_frugal:
        raise CellError("frugal and also_frugal: the first replaces what the second stands beside; give one of them")
    budgets = [(budget_of(request), FRUGAL_OPTIONS if request.frugal else {})]
    budgets += [(frugal_budget(request), FRUGAL_OPTIONS)] if request.also_frugal else []
    given, found, nowhere = agent_options(request), list[Piece](), Scene("", "", {})
    for budget, usual in budgets:
        for kind in dict.fromkeys(request.agents):
            if kind not in KINDS:
                raise CellError(f"agent={kind!r}: no such agent; choose one of {', '.join(KINDS)}{meant(kind, KINDS)}")
            options = {**usual, **given}
            if problems := registry.problems(kind, options):
                raise CellError(f"agent {kind}: " + "; ".join(problems))
            found.append(Piece("agent", kind, nowhere, 0, options, kind, budget, n_test_users=request.n_users))
    return found


def _logs(request: Request, scenes: Mapping[str, Scene], agents: Sequence[Piece]) -> Iterator[Piece]:
    """Seed by seed, in the worlds that were named."""
    if not request.n_logged:
        if request.log_worlds:
            raise CellError(f"log_world={request.log_worlds[0]!r}: nothing is learned from a log; add --log 200000")
        return
    own, kinds = agent_options(request), dict.fromkeys(one.kind for one in agents)
    for text in dict.fromkeys(request.log_worlds or list(scenes)[:1]):
        if text not in scenes:
            there_are = f"{', '.join(scenes)}{meant(text, scenes)}"
            raise CellError(f"log_world={text!r}: none of the worlds; write one of them as it is: {there_are}")
        for seed in range(request.n_seeds):
            for kind in kinds:
                yield Piece(
                    "log",
                    kind,
                    scenes[text],
                    seed,
                    own,
                    kind,
                    n_test_users=request.n_users,
                    n_logged=request.n_logged,
                    n_served=request.n_served,
                )


def _beside(request: Request) -> list[PolicyChoice]:
    return [parse_policy(name) for name in dict.fromkeys(request.beside) if name != NOBODY]


def _scenes(request: Request) -> dict[str, Scene]:
    """As it was written → the world."""
    shared = dict(parse_option(text) for text in request.options)
    found = {}
    for text in dict.fromkeys(request.worlds):
        preset, *parts = (part.strip() for part in text.split(","))
        own = {**shared, **dict(parse_option(part) for part in parts)}
        found[text] = scene_of(_settled(request, preset, own))
    return found


def _settled(request: Request, preset: str, own: Options) -> Setting:
    try:
        return settled(preset, n_candidates=request.n_candidates, n_slots=request.n_slots, options=own)
    except WorldError as error:
        cure = f"give --world {preset},path=FOLDER, FOLDER being"
        raise type(error)(_PATH_ELSEWHERE.sub(lambda _: cure, str(error))) from None
