"""The contextual bandits on Vowpal Wabbit: one ``--cb_explore_adf`` model fills the slots of a slate in order.

In: lessons (to the learner) and requests (to a policy made from its snapshot). Out: model bytes and distributions.
Action lines are parsed once for a request; from slot to slot only the shared line changes, and actions taken before are
left out, in training as in serving. Where one answer tells all others, serving asks once (``policies/vw_prepared.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

from policies import vw_options
from policies.base import Action, Context, LearnReport, Lesson, PolicyError
from policies.lessons import learn_each
from policies.vw_lines import ActionTexts, context_text, slot_text
from policies.vw_options import VwOptions
from policies.vw_prepared import AskedOnce, SlotBySlot
from policies.vw_workspace import Lines, Workspace


class VwPolicy:
    """The serving side: a model that is asked and never taught."""

    def __init__(self, options: VwOptions, blob: bytes, *, reward_range: tuple[float, float]) -> None:
        """Load a snapshot.

        Raises:
            PolicyError: if the bytes are no snapshot of this kind.
        """
        self._lines = ActionTexts(options, reward_range=reward_range).all
        self._workspace = Workspace.load(blob)
        is_slot_crossed = any("s" in crossed for crossed in options.interactions)
        self._ask = AskedOnce if options.explorer == "squarecb" and not is_slot_crossed else SlotBySlot

    def prepare(self, context: Context, actions: Sequence[Action]) -> AskedOnce | SlotBySlot:
        """Parse context and actions once."""
        return self._ask(self._workspace, context_text(context), self._lines(actions))

    def close(self) -> None:
        """Free the model; what is asked afterwards is an error."""
        self._workspace.close()


class VwLearner:
    """The training side.

    The engine keeps some of what it knows only in memory. So after every ``settle_every`` learned lessons it is saved
    and loaded from what was saved; these bytes are the state, and a learner resumed from them goes on exactly alike.

    Attributes:
        options: As given.
    """

    def __init__(self, options: VwOptions, state: bytes, *, reward_range: tuple[float, float]) -> None:
        """Resume from a state.

        Raises:
            PolicyError: if the bytes are no state of this kind, or the range is empty.
        """
        self.options, self._costs = options, Costs(*reward_range)
        self._texts = ActionTexts(options, reward_range=reward_range)
        self._state, self._n_since = state, 0
        self._workspace = Workspace.load(state)

    @classmethod
    def fresh(cls, options: VwOptions, *, reward_range: tuple[float, float], seed: int) -> VwLearner:
        """A learner that knows nothing yet."""
        arguments = vw_options.arguments(options, cost_range=Costs(*reward_range).range, seed=seed)
        empty = Workspace.make(arguments)
        try:
            return cls(options, empty.save(), reward_range=reward_range)
        finally:
            empty.close()

    @property
    def n_until_settled(self) -> int:
        """Lessons still to learn before ``state`` is exact; 0 when it is now."""
        return self.options.settle_every - self._n_since if self._n_since else 0

    def learn(self, lessons: Sequence[Lesson]) -> LearnReport:
        """Learn from each valid lesson, in order; refuse and count the others."""
        return learn_each(lessons, self._learn)

    def state(self) -> bytes:
        """The bytes it last reloaded itself from.

        Raises:
            PolicyError: between two of these moments.
        """
        if self._n_since:
            raise PolicyError(f"the state is exact only after {self.n_until_settled} more lessons")
        return self._state

    def snapshot(self) -> bytes:
        """The model as it is now."""
        return self._workspace.save()

    def close(self) -> None:
        """Free the model."""
        self._workspace.close()

    def _learn(self, lesson: Lesson) -> None:
        """Learn one lesson, or refuse it; the engine counts what it read, so refusals are steps to settling too."""
        text = self._text(lesson)
        lines = self._workspace.parse("\n".join(text))
        try:
            if len(lines) != len(text):
                raise PolicyError("text: not one line for each slot and action")
            self._learn_slots(lesson, lines)
        except RuntimeError as error:
            raise PolicyError("lesson: refused by Vowpal Wabbit") from error
        finally:
            self._workspace.finish(lines)
            self._n_since += 1
            if self._n_since == self.options.settle_every:
                self._settle()

    def _text(self, lesson: Lesson) -> list[str]:
        """A line for each slot, then one for each action."""
        shared = context_text(lesson.context)
        text = [shared + slot_text(slot, number) for number, slot in enumerate(lesson.slots)]
        return text + self._texts.all(lesson.actions)

    def _learn_slots(self, lesson: Lesson, lines: Lines) -> None:
        """Each chosen action is labelled once and left out of the slots after."""
        n_slots = len(lesson.slots)
        left = list(range(len(lesson.actions)))
        for number, index in enumerate(lesson.slate.chosen):
            cost = self._costs.of(lesson.rewards[number])
            self._workspace.label(lines[n_slots + index], cost=cost, propensity=lesson.slate.propensities[number])
            mask = lesson.eligible[number] if lesson.eligible is not None else None
            offered = left if mask is None else [other for other in left if mask[other]]
            self._workspace.learn([lines[number], *(lines[n_slots + other] for other in offered)])
            left.remove(index)

    def _settle(self) -> None:
        """Go on from what was saved.

        Raises:
            RuntimeError: if that fails; the learner is of no more use, whatever the lesson.
        """
        try:
            self._state, self._n_since = self._workspace.save(), 0
            self._workspace.close()
            self._workspace = Workspace.load(self._state)
        except PolicyError as error:
            raise RuntimeError(f"the model could not be loaded from what it saved: {error}") from error


class Costs:
    """Rewards as costs: negated, scaled so that the range spans 1, and 0 for the reward nearest 0.

    So explorers mean the same whatever unit the rewards have, and a model that predicts 0 predicts "nothing happened".
    """

    def __init__(self, least: float, greatest: float) -> None:
        if not least < greatest:
            raise PolicyError(f"reward_range=({least}, {greatest}) must rise")
        self._least, self._greatest = least, greatest
        self._zero, self._span = min(max(0.0, least), greatest), greatest - least

    @property
    def range(self) -> tuple[float, float]:
        """Least and greatest cost."""
        return self.of(self._greatest), self.of(self._least)

    def of(self, reward: float) -> float:
        """The cost of one reward, clipped into the range."""
        clipped = min(max(reward, self._least), self._greatest)
        return (self._zero - clipped) / self._span
