"""Trained agents that policies are to begin with, looked at before anything is played.

In: policies, and the world that they are to serve. Out: nothing, or an error that names policy, world and cure. The
same is looked at again where each loop begins (``policy_starts.py``), which may be many minutes later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.starts import StartError
from envs.world import World
from policies.base import PolicyError
from policies.registry import start_problems, trained_in
from simulator import policy_starts
from simulator.cells import CellError, PolicyChoice


def require_suited(policies: Iterable[PolicyChoice], make: Callable[[], World], *, title: str) -> None:
    """Refuse policies whose agent looks at what the world hasn't, or was trained with other options.

    Args:
        policies: Those that begin with nothing suit every world.
        make: The world, with one place, not seeded yet.
        title: Of the world.

    Raises:
        CellError: naming features or options, and what to do.
    """
    for policy in policies:
        if policy_starts.START not in policy.options:
            continue
        try:
            problems = _problems(policy, make())
        except (StartError, PolicyError) as error:
            raise CellError(f"{policy.kind} in {title}: {error}") from None
        if problems:
            raise CellError(f"{policy.kind} in {title}: {'; '.join(problems)}")


def _problems(policy: PolicyChoice, world: World) -> list[str]:
    """Of its options."""
    start = policy_starts.start_of(policy.options, world)
    if start is None:
        return []
    _, trained_with = trained_in(start.kind, start.learnable)
    return start_problems(policy.kind, policy_starts.own(policy.options), trained_with)
