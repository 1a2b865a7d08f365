"""Target policies: those an evaluation asks about, as importance weights of what was logged.

In: a logged decision as a lesson. Out: one weight for each slot, or None where the log can't tell: the policy that made
the decision might not have done what the target would. A weight holds for the slots up to its own, so each slot's
reward is weighed by what led to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from agent.arms import BASELINE
from agent.records import Decision
from policies import sampling
from policies.base import Action, Context, Lesson, Mask, Policy, SessionLearner, Slate, Slot
from policies.baselines import Uniform
from policies.registry import make_learner, make_policy

N_BETWEEN_SNAPSHOTS = 200
"""A candidate predicts with what it had learned at most so many lessons before."""

_ONE_CHOICE = frozenset({"order", BASELINE})
"""Policies that, without a floor, could have done only one thing."""


class Target(Protocol):
    """A policy that is asked about."""

    needs_features: bool

    def weights(self, decision: Decision, lesson: Lesson) -> Sequence[float] | None:
        """Cumulative weight for each slot, or None where the log can't tell."""
        ...

    def learn(self, lesson: Lesson) -> None:
        """Take the lesson in, after its weights were asked for."""
        ...

    def end(self, trajectory: str, at_ms: int) -> None:
        """A session has ended, as in ``Lesson.trajectory``."""
        ...


class _Fixed:
    """A target that learns nothing."""

    needs_features = False

    def learn(self, lesson: Lesson) -> None:
        return None

    def end(self, trajectory: str, at_ms: int) -> None:
        return None


class AsLogged(_Fixed):
    """What was done, as it was done."""

    def weights(self, decision: Decision, lesson: Lesson) -> Sequence[float]:
        """All one."""
        return [1.0] * len(decision.slots)


class OfVariant(_Fixed):
    """What one variant did, as it did it."""

    def __init__(self, variant: str) -> None:
        self._variant = variant

    def weights(self, decision: Decision, lesson: Lesson) -> Sequence[float] | None:
        """All one on the variant's decisions; of others nothing is known."""
        return [1.0] * len(decision.slots) if decision.variant == self._variant else None


class Baseline(_Fixed):
    """What the application would have shown by itself."""

    def weights(self, decision: Decision, lesson: Lesson) -> Sequence[float] | None:
        """Nonzero where the baseline was what was served."""
        would = decision.baseline or _in_order(lesson)
        likely = [float(index == chosen) for index, chosen in zip(would, decision.chosen, strict=True)]
        is_sure = decision.policy in _ONE_CHOICE and not decision.floor and tuple(would) == decision.chosen
        return _cumulative(likely, decision.propensities) if is_sure or may_be_anything(decision) else None


class Chance(_Fixed):
    """Every eligible action as likely as any other."""

    def weights(self, decision: Decision, lesson: Lesson) -> Sequence[float] | None:
        """Number eligible, inverted, over the propensity."""
        if not may_be_anything(decision):
            return None
        likely = _propensities(Uniform(), lesson, 0.0)
        return _cumulative(likely.tolist(), decision.propensities)


class Candidate:
    """A policy that learns from the log as it would have learned, and is asked before it is told.

    Args:
        kind: Its kind.
        options: Its options.
        reward_range: Least and greatest reward.
        floor: Share of uniform choice mixed in.
    """

    needs_features = True

    def __init__(
        self, kind: str, options: Mapping[str, Any], *, reward_range: tuple[float, float], floor: float
    ) -> None:
        self._kind, self._options, self._reward_range = kind, options, reward_range
        self._learner = make_learner(kind, options, reward_range=reward_range, seed=0)
        self._floor, self._n_since = floor, 0
        self._policy = self._as_learned()

    def weights(self, decision: Decision, lesson: Lesson) -> Sequence[float] | None:
        """How likely it was, as learned so far, over the logged propensity."""
        if not may_be_anything(decision):
            return None
        likely = _propensities(self._policy, lesson, self._floor)
        return _cumulative(likely.tolist(), decision.propensities)

    def end(self, trajectory: str, at_ms: int) -> None:
        """Tell the learner, if it learns from whole sessions."""
        if isinstance(self._learner, SessionLearner):
            self._learner.end(trajectory, at_ms)

    def learn(self, lesson: Lesson) -> None:
        """Learn, and from time to time predict with what was learned."""
        self._learner.learn([lesson])
        self._n_since += 1
        if self._n_since == N_BETWEEN_SNAPSHOTS:
            before, self._n_since = self._policy, 0
            self._policy = self._as_learned()
            close = getattr(before, "close", None)
            if close is not None:
                close()

    def _as_learned(self) -> Policy:
        blob = self._learner.snapshot()
        return make_policy(self._kind, self._options, blob, reward_range=self._reward_range)


def may_be_anything(decision: Decision) -> bool:
    """Whether every eligible action had a chance in every slot, as far as the log tells."""
    if decision.floor > 0.0 or decision.policy == "uniform":
        return True
    if not decision.likely or len(decision.slots) > 1:
        return False
    excluded = set(decision.slots[0].excluded)
    likely = np.frombuffer(decision.likely, "<f4")
    return all(value > 0.0 for index, value in enumerate(likely) if index not in excluded)


def bare(decision: Decision) -> Lesson:
    """The decision as a lesson without features, for targets that need none."""
    n_actions = len(decision.action_ids)
    masks: list[Mask] | None = None
    if any(slot.excluded for slot in decision.slots):
        masks = [np.ones(n_actions, dtype=np.bool_) for _ in decision.slots]
        for mask, slot in zip(masks, decision.slots, strict=True):
            mask[list(slot.excluded)] = False
    return Lesson(
        context=Context(),
        actions=[Action(id) for id in decision.action_ids],
        slots=[Slot(slot.id) for slot in decision.slots],
        slate=Slate(decision.chosen, decision.propensities),
        rewards=[],
        eligible=masks,
    )


def _propensities(policy: Policy, lesson: Lesson, floor: float) -> Any:
    prepared = policy.prepare(lesson.context, lesson.actions)
    rules = sampling.Rules(floor, lesson.eligible)
    return sampling.propensities(prepared, lesson.slots, lesson.slate.chosen, rules)


def _in_order(lesson: Lesson) -> tuple[int, ...]:
    """The first action still eligible, slot by slot; -1 where none is left."""
    taken: list[int] = []
    for number in range(len(lesson.slots)):
        mask = None if lesson.eligible is None else lesson.eligible[number]
        left = (i for i in range(len(lesson.actions)) if i not in taken and (mask is None or mask[i]))
        taken.append(next(left, -1))
    return tuple(taken)


def _cumulative(likely: Sequence[float], logged: Sequence[float]) -> list[float]:
    weights, weight = [], 1.0
    for mine, theirs in zip(likely, logged, strict=True):
        weight *= mine / theirs
        weights.append(weight)
    return weights
