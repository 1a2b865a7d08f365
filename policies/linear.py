"""The linear bandit: exact Bayesian ridge regression of the reward on encoded features, and a choice of explorers.

In: lessons (to the learner) and requests (to a policy made from its snapshot). Out: snapshot bytes and distributions.
The same encoder makes the rows of both. Slots are filled one by one from one set of beliefs; what is not eligible
takes no part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from policies import explorers
from policies.base import Action, Context, Distribution, LearnReport, Lesson, Mask, PolicyError, Slot
from policies.beliefs import Believer, Beliefs, Draws
from policies.encoder import Encoder, is_plain
from policies.lessons import learn_each
from policies.linear_options import LinearOptions
from policies.priors import Priors
from policies.ridge import Array, Moments, Posterior

N_OWN_CELLS = 2**19
"""Numbers kept for actions' own weights at most; beyond, actions have none (model auto) or share (hybrid, disjoint)."""

_FORMAT = 1
_FIRST_TUNING = 32
_TUNING_GROWTH = 1.4
_LONGEST_TUNING = 4096


class LinearPolicy:
    """The serving side."""

    def __init__(self, options: LinearOptions, blob: bytes) -> None:
        """Load a snapshot.

        Raises:
            PolicyError: if the bytes are no snapshot of this kind.
        """
        self.options = options
        posterior, precision, own_index, encoder, (seed, n_learned) = _unpacked(blob)
        self.encoder = Encoder.from_bytes(encoder)
        if self.encoder.n_shared != len(posterior.mean):
            raise PolicyError("no linear snapshot: encoder and posterior differ")
        slots = self.encoder.slot_coordinates
        self.believer = Believer(posterior, own_index, precision, slot_at=slots)
        self._levels = options.width * explorers.optimism(options.draws)
        self._gamma = options.gamma_scale * max(n_learned, 1) ** options.gamma_exponent
        self._draws = None
        if options.explorer == "thompson":
            self._draws = Draws(posterior, n=options.draws, width=options.width, seed=[seed, n_learned])

    def prepare(self, context: Context, actions: Sequence[Action]) -> LinearPrepared:
        """Encode context and actions once."""
        return LinearPrepared(self, context, actions)


    def rounded(self, ids: Sequence[str], beliefs: Beliefs) -> _Rounded:
        """What this policy's explorer needs of beliefs."""
        values = None if self._draws is None else np.round(self._draws.values(ids, beliefs), explorers.DIGITS)
        digits = explorers.DIGITS
        return _Rounded(np.round(beliefs.expected, digits), np.round(beliefs.deviations, digits), values)

    def explore(self, beliefs: _Rounded, place: int, eligible: Mask) -> Array:
        """The probability of each eligible action.

        Args:
            beliefs: Of all actions.
            place: Column of ``deviations`` for this slot.
            eligible: At least one True.
        """
        options = self.options
        if beliefs.values is not None:
            return explorers.frequencies(beliefs.values[eligible])
        expected = beliefs.expected[eligible]
        if options.explorer == "randucb":
            width = beliefs.deviations[eligible, place]
            return explorers.frequencies(expected[:, None] + width[:, None] * self._levels)
        if options.explorer == "squarecb":
            return explorers.squarecb(expected, self._gamma)
        if options.explorer == "softmax":
            return explorers.softmax(expected, options.lambda_)
        return explorers.greedy(expected, options.epsilon)


class _Rounded(NamedTuple):
    """Beliefs, alike where they differ by rounding alone."""

    expected: Array
    deviations: Array
    values: Array | None


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
            place = min(number, policy.encoder.n_slots - 1)
            shares = policy.explore(self._plain, place, eligible)
        else:
            shares = policy.explore(self._beliefs(slot, number), -1, eligible)
        result = np.zeros(self.n_actions)
        result[eligible] = shares
        return result

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
        self._options = options
        self._least, self._greatest = _range(reward_range)
        try:
            version, self._seed, self._n, self._tune_at, precisions, ids, has_own, encoder, moments = _states.decode(
                state
            )
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(state)} bytes are no state of a linear bandit: {error}") from error
        if version != _FORMAT:
            raise PolicyError(f"a linear state of format {version}; this release reads format {_FORMAT}")
        self._priors, self._has_own = Priors(tuple(precisions)), has_own
        self._own_index = {id: place for place, id in enumerate(ids)}
        self._encoder, self._moments = Encoder.from_bytes(encoder), Moments.from_bytes(moments)

    @classmethod
    def fresh(cls, options: LinearOptions, *, reward_range: tuple[float, float], seed: int) -> LinearLearner:
        """A learner that knows nothing yet."""
        has_own = options.model != "shared"
        encoder, moments = Encoder(options.dimensions, ids_count=has_own), Moments(options.forgetting)
        moments.add(np.zeros((0, encoder.n_shared)), np.zeros(0))
        priors = Priors() if options.prior_weight is None else Priors.fixed(options.prior_weight)
        numbers = (_FORMAT, seed % 2**63, 0, _FIRST_TUNING, list(priors.precisions))
        state = _encoder.encode((*numbers, [], has_own, encoder.to_bytes(), moments.to_bytes()))
        return cls(options, state, reward_range=reward_range)

    @property
    def n_until_settled(self) -> int:
        """Always 0: the sums are the state."""
        return 0

    def learn(self, lessons: Sequence[Lesson]) -> LearnReport:
        """Learn from each valid lesson, in order; refuse and count the others."""
        return learn_each(lessons, self._learn)

    def state(self) -> bytes:
        """All that training needs to go on, exactly."""
        numbers = (_FORMAT, self._seed, self._n, self._tune_at, list(self._priors.precisions))
        parts = (self._encoder.to_bytes(), self._moments.to_bytes())
        return _encoder.encode((*numbers, list(self._own_index), self._has_own, *parts))

    def snapshot(self) -> bytes:
        """The posterior as it is now; changes nothing."""
        posterior = self._priors.posterior(self._moments, self._groups())
        return _packed(posterior, self._priors.precisions[-1], list(self._own_index), self._encoder, (self._seed, self._n))

    def trouble(self) -> Mapping[str, int]:
        """What could not be taken as it came, by reason."""
        return self._encoder.trouble()

    def _learn(self, lesson: Lesson) -> None:
        self._n += 1
        self._moments.age()
        z, x = self._encoder.observe(lesson)
        rewards = np.array([self._share(reward) for reward in lesson.rewards])
        if self._options.model == "disjoint":
            z[:, self._encoder.groups() > 0] = 0.0
        self._moments.add(z, rewards)
        if self._has_own:
            for number, index in enumerate(lesson.slate.chosen):
                self._learn_own(lesson.actions[index].id, x[number], z[number], float(rewards[number]))
        if self._options.prior_weight is None and self._n >= self._tune_at:
            self._priors = self._priors.improved(self._moments, self._groups())
            self._tune_at = min(int(self._tune_at * _TUNING_GROWTH), self._tune_at + _LONGEST_TUNING)

    def _learn_own(self, action_id: str, x: Array, z: Array, share: float) -> None:
        if not self._has_own:
            return
        place = self._own_index.setdefault(action_id, len(self._own_index))
        if (place + 1) * len(x) * (len(x) + len(z)) > N_OWN_CELLS:
            self._has_own = False
            self._own_index.clear()
            self._moments.drop_own()
            return
        self._moments.add_own(place, x, z, share)

    def _share(self, reward: float) -> float:
        clipped = min(max(reward, self._least), self._greatest)
        return (clipped - self._least) / (self._greatest - self._least)

    def _groups(self) -> Any:
        return self._encoder.groups()


def _packed(
    posterior: Posterior, precision: float, ids: list[str], encoder: Encoder, counts: tuple[int, int]
) -> bytes:
    arrays = (posterior.mean, posterior.root, posterior.own_mean, posterior.own_map, posterior.own_root)
    shape = posterior.own_map.shape
    numbers = (posterior.noise, posterior.evidence, precision)
    parts = [array.tobytes() for array in arrays]
    return _encoder.encode((_FORMAT, shape, numbers, parts, ids, encoder.to_bytes(), counts))


def _unpacked(blob: bytes) -> tuple[Posterior, float, dict[str, int], bytes, tuple[int, int]]:
    try:
        version, (m, d, k), (noise, evidence, precision), parts, ids, encoder, counts = _snapshots.decode(blob)
        if version != _FORMAT:
            raise PolicyError(f"a linear snapshot of format {version}; this release reads format {_FORMAT}")
        shapes = ((k,), (k, k), (m, d), (m, d, k), (m, d, d))
        arrays = [np.frombuffer(part, np.float64).reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
    except (msgspec.MsgspecError, ValueError) as error:
        raise error if isinstance(error, PolicyError) else PolicyError(
            f"{len(blob)} bytes are no linear snapshot: {error}"
        ) from error
    posterior = Posterior(arrays[0], arrays[1], arrays[2], arrays[3], arrays[4], noise=noise, evidence=evidence)
    return posterior, precision, {id: place for place, id in enumerate(ids)}, encoder, counts


def _range(reward_range: tuple[float, float]) -> tuple[float, float]:
    least, greatest = reward_range
    if not least < greatest:
        raise PolicyError(f"reward_range=({least}, {greatest}) must rise")
    return least, greatest


_encoder = msgspec.msgpack.Encoder()
_states = msgspec.msgpack.Decoder(tuple[int, int, int, int, list[float], list[str], bool, bytes, bytes])
_snapshots = msgspec.msgpack.Decoder(
    tuple[int, tuple[int, int, int], tuple[float, float, float], list[bytes], list[str], bytes, tuple[int, int]]
)
