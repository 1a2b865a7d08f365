"""What one loop learns: its policy, its running rates, and how its variants fare; pure, no clock, no storage.

In: experiences in log order, and the feature rows they name. Out: training state (for checkpoints) and snapshots.
The same experiences in the same order give the same bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import msgspec

from agent.apprentice import ApprenticeSums, in_imitation, matches
from agent.lessons import FeatureRows, LessonError, lesson, of_session
from agent.loops import LoopSettings
from agent.records import Decision, Ending, Experience, Imitation, StreamId
from agent.snapshots import LoopSnapshot, version_of
from agent.starts import Start, encoder_of
from agent.unmet import Unmet
from agent.user_rates import Showing
from agent.variant_stats import VariantSums
from policies import registry
from policies.backlog import Backlog
from policies.base import Learner, Lesson, PolicyError, SessionLearner
from policies.neural.dense import Sides
from policies.rates import ItemRates
from policies.registry import make_learner, resume_learner
from policies.tags import tags_of

N_RECENT = 20
"""Lessons kept to try a new snapshot on."""


class _State(msgspec.Struct, frozen=True):
    """``unmet`` stands there only where learning began with a trained agent, and then always."""

    policy: bytes
    rates: bytes
    n_learned: int
    refused: dict[str, int]
    variants: dict[str, VariantSums]
    apprentice: ApprenticeSums = msgspec.field(default_factory=ApprenticeSums)
    unmet: Sides | msgspec.UnsetType = msgspec.UNSET


class LoopLearner:
    """The learner of one lineage of a loop.

    Attributes:
        n_learned: Experiences learned since the log began.
        refused: Experiences that could not be learned, by reason.
        variants: Variant → how its decisions fared, by the rewards as learned.
        apprentice: How the policy's own choices fared where the baseline was served in their stead; its own alone, so
            nothing before its first snapshot.
        recent: The latest lessons learned in this process.
    """

    def __init__(self, settings: LoopSettings, state: bytes | None = None, *, start: Start | None = None) -> None:
        """Begin, or go on from a state.

        Args:
            settings: The lineage's.
            state: None to begin.
            start: What the settings' ``policy.start`` names.

        Raises:
            policies.base.PolicyError: if the settings' policy is wrong, or the state isn't one of its own, or is of an
                earlier release that kept less.
            msgspec.MsgspecError: if the state isn't one at all.
        """
        self._settings = settings
        known = _State(b"", b"", 0, {}, {}) if state is None else _decoder.decode(state)
        if state is not None and start is not None and known.unmet is msgspec.UNSET:
            raise PolicyError("it doesn't say what the agent that learning began with has met so far")
        kind, options, range_ = settings.policy.kind, settings.policy.options, self._reward_range
        if state is None:
            self._policy = self._begun(start)
        else:
            self._policy = resume_learner(kind, options, known.policy, reward_range=range_)
        self._unmet = None if start is None else Unmet(encoder_of(start), known.unmet or None)
        self._rates = ItemRates.from_bytes(known.rates)
        self.n_learned = known.n_learned
        self.refused = known.refused
        self.variants = known.variants
        self.apprentice = known.apprentice
        self.recent: deque[Lesson] = deque(maxlen=N_RECENT)

    @property
    def n_until_settled(self) -> int:
        """Experiences still to learn before ``state`` may be taken; 0 when it may be now."""
        return self._policy.n_until_settled

    def learn(self, experience: Experience, rows: FeatureRows) -> list[Showing]:
        """Learn one experience, or refuse and count it; its variant is credited with its reward either way.

        Returns:
            What each slot tells of the decision's user; nothing where the experience was refused, or is older than what
            the settings have it learn from.
        """
        if experience.id.ms < self._settings.learn_since_ms:
            return []
        self._credit(experience)
        try:
            told = lesson(experience, rows, self._settings.reward)
        except LessonError as error:
            self._refuse(str(error))
            return []
        report = self._policy.learn([self._taught(told, experience.decision)])
        for reason in report.refused:
            self._refuse(reason)
        return self._observe(told, experience.id) if report.n_learned else []

    def troubles(self) -> Mapping[str, int]:
        """What of the features could not be taken as it came, by reason; nothing where the policy takes anything."""
        told = getattr(self._policy, "trouble", None)
        unmet = {} if self._unmet is None else self._unmet.troubles(self.n_learned)
        return {**({} if told is None else told()), **unmet}

    def backlog(self) -> Backlog | None:
        """What has come and has changed no net yet; None where the policy learns each lesson at once."""
        told = getattr(self._policy, "backlog", None)
        return None if told is None else told()

    def end(self, ending: Ending) -> None:
        """Pass a session's end on, where the policy learns from whole sessions."""
        if isinstance(self._policy, SessionLearner):
            self._policy.end(of_session(ending.session), ending.id.ms)

    def state(self) -> bytes:
        """All that training needs to go on, exactly.

        Raises:
            policies.base.PolicyError: unless ``n_until_settled`` is 0.
        """
        known = _State(
            policy=self._policy.state(),
            rates=self._rates.to_bytes(),
            n_learned=self.n_learned,
            refused=self.refused,
            variants=self.variants,
            apprentice=self.apprentice,
            unmet=msgspec.UNSET if self._unmet is None else self._unmet.left,
        )
        return _encoder.encode(known)

    def snapshot(self, learned_to: StreamId) -> LoopSnapshot:
        """All that serving needs, as learned up to a place in the log; changes nothing."""
        policy, rates = self._policy.snapshot(), self._rates.to_bytes()
        lineage = self._settings.learning_hash
        return LoopSnapshot(
            kind=self._settings.policy.kind,
            options=dict(self._settings.policy.options),
            reward_min=self._settings.reward.min,
            reward_max=self._settings.reward.max,
            policy=policy,
            rates=rates,
            n_learned=self.n_learned,
            learned_to=str(learned_to),
            lineage=lineage,
            version=version_of(lineage, self.n_learned, policy, rates),
        )

    def close(self) -> None:
        """Free what the policy's engine holds outside Python's reach."""
        free = getattr(self._policy, "close", None)
        if free is not None:
            free()

    def _begun(self, start: Start | None) -> Learner:
        policy, range_ = self._settings.policy, self._reward_range
        seed = int(self._settings.learning_hash[:8], 16)
        if not policy.start:
            return make_learner(policy.kind, policy.options, reward_range=range_, seed=seed)
        if start is None or start.kind != policy.kind:
            found = "nothing" if start is None else f"an agent of kind {start.kind}"
            raise PolicyError(f"policy.start={policy.start}: {policy.kind} can't begin with {found}; publish it again")
        return registry.start_learner(policy.kind, policy.options, start.learnable, reward_range=range_, seed=seed)

    @property
    def _reward_range(self) -> tuple[float, float]:
        return self._settings.reward.min, self._settings.reward.max

    def _credit(self, experience: Experience) -> None:
        sums = self.variants.setdefault(experience.decision.variant, VariantSums())
        low, high = self._reward_range
        reward = sum(max(low, min(high, reward)) for reward in experience.rewards)
        sums.add(reward, len(experience.rewards))
        own = experience.decision.imitation
        if own is not None and self._is_mine(own):
            is_match = matches(experience.decision, own)
            self.apprentice.add(experience.id.ms, is_match=is_match, reward=reward)

    def _is_mine(self, own: Imitation) -> bool:
        """Whether this lineage's policy chose; before its first snapshot another, or the baseline itself, stood in."""
        return own.version.startswith(f"{self._settings.learning_hash}-")

    def _taught(self, told: Lesson, decision: Decision) -> Lesson:
        """What the policy is told: of an apprentice's decision, how well it imitates."""
        own = decision.imitation
        return told if own is None else in_imitation(told, own, self._settings.reward)

    def _observe(self, told: Lesson, id: StreamId) -> list[Showing]:
        """Keep the rates, and say how much more than the rate it was chosen by each item has brought."""
        self.n_learned += 1
        self.recent.append(told)
        if self._unmet is not None:
            self._unmet.look(told)
        before, showings = self._rates.mean, []
        for index, reward in zip(told.slate.chosen, told.rewards, strict=True):
            action = told.actions[index]
            tags = tags_of(action.features, action.key)
            promised = action.derived[0] if action.derived else reward if before is None else before
            showings.append(Showing(tags, reward - promised))
            self._rates.observe(action.id, reward, tags, id.ms)
        return showings

    def _refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(_State)
