"""From what ``slateloop train`` was asked for to pieces of work, so that mistakes are told before anything runs.

In: a ``Request``. Out: pieces: the references of each world, then agents and bandits, seed by seed, so that early
results already compare them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from envs import references
from envs.presets import make_world
from policies import registry
from simulator.cells import CellError, PolicyChoice, parse_option, parse_policy
from simulator.measuring import settled
from simulator.train import FRUGAL, FRUGAL_OPTIONS, Budget
from simulator.train_options import NOBODY, Request
from simulator.trainees import KINDS
from simulator.training import Options, Piece, Scene

ALIASES = frozenset({"ratio", "greedy_pctr", "oracle"})
"""References that are others by another name."""


def pieces_of(request: Request) -> list[Piece]:
    """Everything that is asked for.

    Raises:
        CellError: an agent, a bandit, an option or what is to be published is written wrongly.
        WorldError: there is no such world or option.
    """
    scenes, agents, beside = _scenes(request), _agents(request), _beside(request)
    if request.publish and len(scenes) * len(agents) != 1:
        raise CellError(
            f"publish={request.publish!r}: a loop begins with one agent, and {len(agents)} in {len(scenes)} worlds "
            "are asked for; name one with --agent and one with --world"
        )
    return [piece for scene in scenes for piece in _of_scene(request, scene, agents, beside)]


def budget_of(request: Request) -> Budget:
    """How long agents are trained."""
    base = FRUGAL if request.frugal else Budget()
    n_steps = base.n_steps if request.n_steps is None else request.n_steps
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
    """One of each kind, in no world yet."""
    given, frugal = agent_options(request), dict(FRUGAL_OPTIONS) if request.frugal else {}
    found = []
    for kind in dict.fromkeys(request.agents):
        if kind not in KINDS:
            raise CellError(f"agent={kind!r}: no such agent; choose one of {', '.join(KINDS)}")
        options = {**frugal, **given}
        problems = registry.problems(kind, options)
        if problems:
            raise CellError(f"agent {kind}: " + "; ".join(problems))
        nowhere = Scene("", "", {})
        found.append(Piece("agent", kind, nowhere, 0, options, kind, budget_of(request), n_test_users=request.n_users))
    return found


def _beside(request: Request) -> list[PolicyChoice]:
    return [parse_policy(name) for name in dict.fromkeys(request.beside) if name != NOBODY]


def _scenes(request: Request) -> list[Scene]:
    shared = dict(parse_option(text) for text in request.options)
    found = []
    for text in dict.fromkeys(request.worlds):
        preset, *parts = (part.strip() for part in text.split(","))
        own = {**shared, **dict(parse_option(part) for part in parts)}
        setting = settled(preset, n_candidates=request.n_candidates, n_slots=request.n_slots, options=own)
        sizes = {"num_candidates": setting.n_candidates, "slate_size": setting.n_slots}
        found.append(Scene(setting.title, preset, {**setting.options, **sizes}))
    return found
