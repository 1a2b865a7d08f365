"""Kind → constructor: the only list of policies.

In: a kind and its options from a loop's settings, and bytes from a snapshot or a checkpoint. Out: a policy that serves
or a learner that trains.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from policies import baselines, linear_options, vw_options
from policies.agents import LEARNERS
from policies.base import Learner, Policy, PolicyError
from policies.gradient import options as gradient_options
from policies.gradient import shapes as gradient_shapes
from policies.gradient.policy import GradientPolicy
from policies.linear import LinearLearner, LinearPolicy
from policies.neural import arrays
from policies.neural.dense import DenseEncoder
from policies.neural.learnable import Learnable
from policies.neural.shapes import ArraysByName, NetSizes
from policies.slateq import options as slateq_options
from policies.slateq import shapes as slateq_shapes
from policies.slateq.policy import SlateQPolicy
from policies.spelling import meant
from policies.vw import VwLearner, VwPolicy

Options = Mapping[str, Any]
"""As in the loop's settings; anything left out has its default."""


def kinds() -> tuple[str, ...]:
    """Every kind a loop may name."""
    return (*baselines.STATIC, *_PROBLEMS)


def is_static(kind: str) -> bool:
    """True where the policy learns nothing and so needs no snapshot."""
    return kind in baselines.STATIC


def problems(kind: str, options: Options) -> list[str]:
    """Everything wrong with a policy's settings, each with its cure; empty where nothing is."""
    if kind not in kinds():
        return [f"kind={kind!r}: no such policy; choose one of {', '.join(kinds())}{meant(kind, kinds())}"]
    if is_static(kind):
        return [f"options.{name}: {kind} has no options; remove it" for name in options]
    return _PROBLEMS[kind](options)


def make_policy(kind: str, options: Options, blob: bytes, *, reward_range: tuple[float, float]) -> Policy:
    """The serving side, from a snapshot's bytes (ignored by a static kind).

    Raises:
        PolicyError: if kind or options are wrong, or the bytes are no snapshot of this kind.
    """
    _refuse(kind, options)
    if is_static(kind):
        return baselines.STATIC[kind]()
    if kind == "linear":
        return LinearPolicy(linear_options.parse(options), blob)
    if kind == "gradient":
        return GradientPolicy(gradient_options.parse(options), blob)
    if kind == "slateq":
        return SlateQPolicy(slateq_options.parse(options), blob)
    return VwPolicy(vw_options.parse(options), blob, reward_range=reward_range)


def make_learner(kind: str, options: Options, *, reward_range: tuple[float, float], seed: int) -> Learner:
    """A learner that knows nothing yet.

    Args:
        kind: Which policy.
        options: Its options.
        reward_range: Least and greatest reward; rewards are clipped into it.
        seed: Of whatever chance its training needs.

    Raises:
        PolicyError: if kind or options are wrong.
    """
    _refuse(kind, options)
    if is_static(kind):
        return baselines.make_static_learner()
    if kind == "linear":
        return LinearLearner.fresh(linear_options.parse(options), reward_range=reward_range, seed=seed)
    if kind in _WITH_NETS:
        learner, parse = _with_nets(kind)
        fresh: Learner = learner.fresh(parse(options), reward_range=reward_range, seed=seed)
        return fresh
    return VwLearner.fresh(vw_options.parse(options), reward_range=reward_range, seed=seed)


def resume_learner(kind: str, options: Options, state: bytes, *, reward_range: tuple[float, float]) -> Learner:
    """A learner that goes on from the state another one gave.

    Raises:
        PolicyError: if kind or options are wrong, or the bytes are no state of this kind.
    """
    _refuse(kind, options)
    if is_static(kind):
        return baselines.make_static_learner(state)
    if kind == "linear":
        return LinearLearner(linear_options.parse(options), state, reward_range=reward_range)
    if kind in _WITH_NETS:
        learner, parse = _with_nets(kind)
        resumed: Learner = learner(parse(options), state, reward_range=reward_range)
        return resumed
    return VwLearner(vw_options.parse(options), state, reward_range=reward_range)


def start_learner(
    kind: str, options: Options, trained: bytes, *, reward_range: tuple[float, float], seed: int
) -> Learner:
    """A learner that goes on from what was trained in a world.

    Args:
        kind: Which policy.
        options: Its options; those that ``trained_in`` tells as they were in training.
        trained: ``TrainedAgent.learnable``, of ``simulator/train.py``.
        reward_range: Least and greatest reward; rewards are clipped into it.
        seed: Of whatever chance its training needs.

    Raises:
        PolicyError: if kind or options are wrong, the kind isn't trained in worlds, or the bytes are no such agent.
    """
    _refuse(kind, options)
    if unfit := start_problems(kind, options, trained_in(kind, trained)[1]):
        raise PolicyError("; ".join(unfit))
    learner, parse = _with_nets(kind)
    started: Learner = learner.from_trained(parse(options), trained, reward_range=reward_range, seed=seed)
    return started


def trained_in(kind: str, trained: bytes) -> tuple[DenseEncoder, Options]:
    """What a trained agent sees, and the options that whoever learns on must have; without what it learns with.

    Args:
        kind: Of the agent.
        trained: As for ``start_learner``.

    Raises:
        PolicyError: if no learner of this release can go on from these bytes, whatever its options.
    """
    _refuse_untrained(kind)
    found = Learnable.from_bytes(trained, kind)
    encoder = DenseEncoder.from_bytes(found.encoder)
    sizes = _BUILT[kind](arrays.from_bytes(found.parameters), encoder)
    trained_with = {**sizes._asdict(), **_told(kind, found.fixed)}
    if wrong := problems(kind, trained_with):
        raise PolicyError(f"trained with options that no loop can have: {'; '.join(wrong)}")
    return encoder, trained_with


def start_problems(kind: str, options: Options, trained_with: Options) -> list[str]:
    """Every option that what was trained with others can't learn on with, each with its cure.

    Args:
        kind: Of the agent.
        options: Right by themselves.
        trained_with: From ``trained_in``.
    """
    wanted = _PARSES[kind](options)
    return [
        f"options.{name}={_plain(getattr(wanted, name))}: the agent was trained with {_plain(known)}; set it to that"
        for name, known in trained_with.items()
        if getattr(wanted, name) != known
    ]


def _told(kind: str, fixed: Mapping[str, float]) -> dict[str, float]:
    """Of ``Learnable.fixed`` what are options; what is none must be as it is in this release."""
    defaults, known = _PARSES[kind]({}), {**_UNTOLD[kind], **fixed}
    if unknown := known.keys() - defaults.fixed.keys():
        raise PolicyError(f"trained with {', '.join(sorted(unknown))}, which {kind} of this release doesn't know")
    told = {name: value for name, value in known.items() if hasattr(defaults, name)}
    for name in known.keys() - told.keys():
        if known[name] != defaults.fixed[name]:
            here = f"{kind} of this release has {defaults.fixed[name]}; train the agent again"
            raise PolicyError(f"trained with {name}={known[name]}: {here}")
    return told


_PARSES: Mapping[str, Callable[[Options], Any]] = {
    "gradient": gradient_options.parse,
    "slateq": slateq_options.parse,
}

_WITH_NETS: Mapping[str, tuple[str, Callable[[Options], Any]]] = {
    kind: (learner, _PARSES[kind]) for kind, learner in LEARNERS.items()
}
"""Kind of an agent with nets → its learner's name, and what reads its options."""

_BUILT: Mapping[str, Callable[[ArraysByName, DenseEncoder], NetSizes]] = {
    "gradient": gradient_shapes.built,
    "slateq": slateq_shapes.built,
}
"""The same kinds → what their parameters were made with."""

_UNTOLD: Mapping[str, Mapping[str, float]] = {"gradient": gradient_options.UNTOLD, "slateq": slateq_options.UNTOLD}
"""The same kinds → ``Learnable.fixed`` where it isn't told."""


def _with_nets(kind: str) -> tuple[Any, Callable[[Options], Any]]:
    """A learner that needs torch, loaded when one is made: nothing that serves may load it."""
    name, parse = _WITH_NETS[kind]
    try:
        return getattr(importlib.import_module(f"policies.{kind}.learner"), name), parse
    except ModuleNotFoundError as error:
        cure = "`make agents`, or pip install 'slateloop[rl]', for the Python that learns: a service's, or this one"
        raise PolicyError(f"kind={kind!r} learns with {error.name}, which isn't installed: {cure}") from error


_PROBLEMS: Mapping[str, Callable[[Options], list[str]]] = {
    "vw": vw_options.problems,
    "linear": linear_options.problems,
    "gradient": gradient_options.problems,
    "slateq": slateq_options.problems,
}
"""Kind of a policy that learns → everything wrong with its options."""


def _refuse_untrained(kind: str) -> None:
    if kind not in _WITH_NETS:
        raise PolicyError(f"kind={kind!r} is not trained in a world; choose one of {', '.join(_WITH_NETS)}")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _refuse(kind: str, options: Options) -> None:
    found = problems(kind, options)
    if found:
        raise PolicyError("; ".join(found))
