"""The linear bandit: exact Bayesian ridge regression of the reward on encoded features, and a choice of explorers.

In: lessons (to the learner) and requests (to a policy made from its snapshot). Out: snapshot bytes and distributions.
The same encoder makes the rows of both. Slots are filled one by one from one set of beliefs; what is not eligible
takes no part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from policies import explorers
from policies.base import Action, Context, Distribution, LearnReport, Lesson, Mask, PolicyError, Slot
from policies.beginning import N_FIRST, Beginning
from policies.beliefs import Beliefs, Believer, Draws
from policies.encoder import GROUPS, Encoder
from policies.lessons import learn_each
from policies.linear_bytes import Snapshot, State
from policies.linear_options import LinearOptions
from policies.own_index import OwnIndex
from policies.priors import Priors
from policies.ridge import Array, Moments
from policies.slot_views import is_plain

N_OWN_CELLS = 2**19
"""Numbers kept for actions' own weights. Beyond, actions have none (model auto), or share those there are, which then
weigh only what contexts had held until then (hybrid, disjoint)."""

_FIRST_TUNING, _TUNING_GROWTH, _LONGEST_TUNING = 32, 1.4, 4096


class _Rounded(NamedTuple):
    """Beliefs, alike where they differ by rounding alone."""

    expected: Array
    deviations: Array
    values: Array | None


class LinearPolicy:
    """The serving side.

    Attributes:
        encoder: Of requests; read only.
    """

    def __init__(self, options: LinearOptions, blob: bytes) -> None:
        """Load a snapshot.

        Raises:
            PolicyError: if the bytes are no snapshot of this kind.
        """
        found = Snapshot.from_bytes(blob)
        posterior = found.posterior
        self._options, self.encoder = options, Encoder.from_bytes(found.encoder)
        if self.encoder.n_shared != len(posterior.mean):
            raise PolicyError("no linear snapshot: its encoder and its posterior differ")
        slots = self.encoder.slot_coordinates
        self.believer = Believer(posterior, found.own, found.own_precision, slot_at=slots)
        self._levels = options.width * explorers.optimism(options.draws)
        self._gamma = options.gamma_scale * max(found.n_learned, 1) ** options.gamma_exponent
        self._draws = None
        if options.explorer == "thompson":
            seed = [found.seed, found.n_learned]
            self._draws = Draws(posterior, n=options.draws, width=options.width, seed=seed)

    def prepare(self, context: Context, actions: Sequence[Action]) -> LinearPrepared:
        """Encode context and actions once."""
        return LinearPrepared(self, context, actions)

    def rounded(self, ids: Sequence[str], beliefs: Beliefs) -> _Rounded:
        """What this policy's explorer needs of beliefs."""
        digits = explorers.DIGITS
        values = None if self._draws is None else self._draws.values(ids, beliefs).round(digits)
        return _Rounded(beliefs.expected.round(digits), beliefs.deviations.round(digits), values)

    def explore(self, beliefs: _Rounded, place: int, eligible: Mask) -> Array:
        """The probability of each action, 0 where it is not eligible.

        Args:
            beliefs: Of all actions.
            place: Column of ``deviations`` for this slot.
            eligible: At least one True.
        """
        if beliefs.values is not None:
            return explorers.frequencies(np.where(eligible[:, None], beliefs.values, -np.inf))
        if self._options.explorer == "randucb":
            expected, width = np.where(eligible, beliefs.expected, -np.inf), beliefs.deviations[:, place]
            return explorers.frequencies(expected[:, None] + width[:, None] * self._levels)
        shares = np.zeros(len(eligible))
        shares[eligible] = self._by_expected(beliefs.expected[eligible])
        return shares

    def _by_expected(self, expected: Array) -> Array:
        options = self._options
        if options.explorer == "squarecb":
            return explorers.squarecb(expected, self._gamma)
        if options.explorer == "softmax":
            return explorers.softmax(expected, options.lambda_)
        return explorers.greedy(expected, options.epsilon)


class LinearPrepared:
    """One request."""

    def __init__(self, policy: LinearPolicy, context: Context, actions: Sequence[Action]) -> None:
        self.n_actions = len(actions)
        self._policy, self._context, self._actions = policy, context, actions
        self._plain = self._beliefs(None, 0)

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        """Compares the eligible actions alone."""
        number, policy = len(chosen), self._policy
        if is_plain(slot, number):
            return policy.explore(self._plain, min(number, policy.encoder.n_slots - 1), eligible)
        return policy.explore(self._beliefs(slot, number), -1, eligible)

    def _beliefs(self, slot: Slot | None, number: int) -> _Rounded:
        policy = self._policy
        z, x = policy.encoder.encode(self._context, self._actions, slot=slot, number=number)
        ids = [action.id for action in self._actions]
        return policy.rounded(ids, policy.believer.of(ids, z, x))


class LinearLearner:
    """The training side: sums that grow, and priors that follow the evidence at fixed counts of lessons."""

    def __init__(self, options: LinearOptions, state: bytes, *, reward_range: tuple[float, float]) -> None:
        """Resume from a state.

        Raises:
            PolicyError: if the bytes are no state of this kind, or the range is empty.
        """
        self._least, self._greatest = reward_range
        if not self._least < self._greatest:
            raise PolicyError(f"reward_range={reward_range} must rise")
        found = State.from_bytes(state)
        self._options, self._seed = options, found.seed
        self._n, self._tune_at = found.n_learned, found.tune_at
        self._priors, self._has_own, self._own = Priors(found.precisions), found.has_own, found.own
        self._encoder, self._moments = Encoder.from_bytes(found.encoder), Moments.from_bytes(found.moments)
        self._beginning = found.beginning

    @classmethod
    def fresh(cls, options: LinearOptions, *, reward_range: tuple[float, float], seed: int) -> LinearLearner:
        """A learner that knows nothing yet."""
        has_own = options.model != "shared"
        groups = GROUPS[:1] if options.model == "disjoint" else GROUPS
        encoder, moments = Encoder(options.dimensions, ids_count=has_own, groups=groups), Moments(options.forgetting)
        moments.add(np.zeros((0, encoder.n_shared)), np.zeros(0))
        priors = Priors() if options.prior_weight is None else Priors.fixed(options.prior_weight)
        state = State(
            seed=seed % 2**63,
            n_learned=0,
            tune_at=_FIRST_TUNING,
            precisions=priors.precisions,
            has_own=has_own,
            own=OwnIndex(),
            encoder=encoder.to_bytes(),
            moments=moments.to_bytes(),
            beginning=Beginning(),
        )
        return cls(options, state.to_bytes(), reward_range=reward_range)

    @property
    def n_until_settled(self) -> int:
        """Always 0: the sums are the state."""
        return 0

    def learn(self, lessons: Sequence[Lesson]) -> LearnReport:
        """Learn from each valid lesson, in order; refuse and count the others."""
        return learn_each(lessons, self._learn)

    def state(self) -> bytes:
        """All that training needs to go on, exactly."""
        return State(
            seed=self._seed,
            n_learned=self._n,
            tune_at=self._tune_at,
            precisions=self._priors.precisions,
            has_own=self._has_own,
            own=self._own,
            encoder=self._encoder.to_bytes(),
            moments=self._moments.to_bytes(),
            beginning=self._beginning,
        ).to_bytes()

    def snapshot(self) -> bytes:
        """The posterior as it is now; changes nothing."""
        return Snapshot(
            seed=self._seed,
            n_learned=self._n,
            posterior=self._priors.posterior(self._moments, self._encoder.groups()),
            own_precision=self._priors.own,
            own=self._own,
            encoder=self._encoder.to_bytes(),
        ).to_bytes()

    def trouble(self) -> Mapping[str, int]:
        """What could not be taken as it came, by reason, for the loop's status."""
        found = dict(self._encoder.trouble())
        if len(self._own):
            found["new: an action that was never seen before"] = len(self._own)
        if self._options.model != "shared" and not self._has_own:
            found["actions: too many to keep weights of their own; they share all weights"] = 1
        if self._own.is_full:
            found["actions: too many to keep weights of their own; some share them"] = 1
        return found

    def _learn(self, lesson: Lesson) -> None:
        self._n += 1
        lesson = self._within_range(lesson)
        z, x = self._encoder.observe(lesson)
        if self._n <= N_FIRST:
            self._beginning.add(lesson)
        if self._n <= N_FIRST and self._encoder.was_refreshed:
            self._begin_again()
        else:
            self._take(lesson, z, x)
        if self._n == N_FIRST:
            self._beginning.end()
        if self._options.prior_weight is None and self._n >= self._tune_at:
            self._priors = self._priors.improved(self._moments, self._encoder.groups())
            self._tune_at = min(int(self._tune_at * _TUNING_GROWTH), self._tune_at + _LONGEST_TUNING)

    def _within_range(self, lesson: Lesson) -> Lesson:
        least, greatest, rewards = self._least, self._greatest, lesson.rewards
        if least <= min(rewards) and max(rewards) <= greatest:
            return lesson
        return replace(lesson, rewards=[min(max(reward, least), greatest) for reward in rewards])

    def _begin_again(self) -> None:
        """Learn the first lessons anew, as they are encoded by what is known now."""
        n_own, self._moments = self._moments.n_own, Moments(self._options.forgetting)
        if self._own.is_full:
            self._moments.n_own = n_own
        for lesson in self._beginning.lessons:
            self._take(lesson, *self._encoder.encode_chosen(lesson))

    def _take(self, lesson: Lesson, z: Array, x: Array) -> None:
        self._moments.age()
        least, span = self._least, self._greatest - self._least
        rewards = [(reward - least) / span for reward in lesson.rewards]
        self._moments.add(z, np.array(rewards))
        for number, index in enumerate(lesson.slate.chosen):
            if self._has_own:
                self._learn_own(lesson.actions[index].id, x[number], z[number], rewards[number])

    def _learn_own(self, action_id: str, x: Array, z: Array, reward: float) -> None:
        place = self._own.place(action_id)
        if max(place + 1, len(self._own)) * len(x) * (len(x) + len(z)) > N_OWN_CELLS:
            if self._options.model == "auto":
                self._has_own = False
                self._own.clear()
                self._moments.drop_own()
                return
            self._own.is_full = len(self._own) > 0
            place = self._own.place(action_id)
        self._own.add(action_id)
        seen = x[: self._moments.n_own] if self._own.is_full else x
        self._moments.add_own(place, seen, z, reward)
