"""SlateQ's nets learned by replay: a ring of arrays, n-step returns, a target net. What ``replay.py`` compares.

In: blocks of finished trajectories, as every learner with nets gets them. Out: better nets, of the same form and served
the same way as those of ``policies/slateq/trained.py``. A step is worth n rewards and then what the target net thinks
of the slate n steps on: of the best one, whoever served, or of the one that was shown.

Source: Mnih et al. 2015, "Human-level control through deep reinforcement learning" (replay, target net); Ie et al.
2019, "SlateQ" (items' values, the best slate ahead); Hessel et al. 2018, "Rainbow" (n-step returns, uncorrected).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from policies.neural.dense import DenseEncoder, Float32s
from policies.neural.nets import anneal, arrays_of, tensor
from policies.neural.padded import Padded
from policies.neural.sessions import LoggedTrajectory, histories_of
from policies.slateq import search
from policies.slateq.model import SlateQModel
from policies.slateq.options import SlateQOptions
from policies.slateq.steps import outcomes
from policies.slateq.trained import Trained

Rows = NDArray[np.intp]
NOTHING = -1
"""Where nothing is ahead: the session was over before."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """How to replay.

    Attributes:
        n_ahead: Rewards of a return, before values are trusted.
        bootstrap: Which slate is valued there.
        n_uses: How often a step is learned from, on average over those that come after it.
        batch: Steps of one update.
        capacity: Steps that the ring holds.
        first_learning_rate: Of Adam.
        last_learning_rate: Reached after ``n_annealed`` steps, and kept.
        n_annealed: Steps.
        follow: Share of the newest net in the target net, after each update.
    """

    n_ahead: int = 8
    bootstrap: Literal["best", "shown"] = "best"
    n_uses: float = 8.0
    batch: int = 512
    capacity: int = 400_000
    first_learning_rate: float = 1e-3
    last_learning_rate: float = 1e-4
    n_annealed: int = 200_000
    follow: float = 0.01


class Drawn(NamedTuple):
    """Steps of the ring, and what lay ahead of each.

    Attributes:
        contexts: (n, n_context).
        histories: (n, n_history).
        shown: (n, n_slots, n_action).
        outcome: (n, n_slots + 1): see ``policies.slateq.net.Step``.
        rewards: (n,): summed over the steps up to what lies ahead.
        ahead: (n,): its row, or ``NOTHING``.
    """

    contexts: Float32s
    histories: Float32s
    shown: Float32s
    outcome: Float32s
    rewards: Float32s
    ahead: Rows


class Moments(NamedTuple):
    """What lies ahead.

    Attributes:
        contexts: (n, n_context).
        histories: (n, n_history).
        candidates: (n, n_candidates, n_action).
        slates: (n, n_slots): the candidates that were shown.
    """

    contexts: Float32s
    histories: Float32s
    candidates: Float32s
    slates: Rows


class Ring:
    """The latest steps as arrays, one row each; a step offers as many candidates and slots as all others do.

    Each candidate's vector is kept once and never forgotten, as suits a catalogue. What lies ahead of a step came
    later, so it is overwritten later too.
    """

    def __init__(self, capacity: int, n_ahead: int) -> None:
        """Nothing is held yet."""
        self._capacity, self._n_ahead, self._n_added = capacity, n_ahead, 0
        self._columns: dict[str, NDArray[Any]] = {}
        self._places: dict[bytes, int] = {}
        self._vectors: Float32s = np.zeros((0, 0), dtype=np.float32)

    def __len__(self) -> int:
        """Rows that are held."""
        return min(self._n_added, self._capacity)

    def add(self, trajectory: LoggedTrajectory) -> None:
        """All steps of a trajectory; the one after a cut is looked ahead to, and never drawn."""
        known, n = trajectory.known, len(trajectory.steps)
        padded, numbers = Padded.of(known), np.arange(len(known))
        rows, until = (self._n_added + numbers) % self._capacity, np.minimum(numbers + self._n_ahead, n)
        earned = np.concatenate([[0.0], np.cumsum([step.rewards.sum() for step in trajectory.steps])])
        added: dict[str, NDArray[Any]] = {
            "contexts": np.stack([step.context for step in known]),
            "histories": histories_of(trajectory)[: len(known)],
            "candidates": self._placed(padded.candidates),
            "slates": padded.items.astype(np.int16),
            "outcome": outcomes(padded.clicks),
            "rewards": earned[until] - earned[numbers],
            "ahead": np.where(until < len(known), rows[np.minimum(until, len(known) - 1)], NOTHING),
            "is_drawn": numbers < n,
        }
        self._n_added += len(known)
        for name, column in added.items():
            self._column(name, column)[rows] = column

    def draw(self, n: int, dice: np.random.Generator) -> Drawn:
        """About n steps, each as likely as any other."""
        rows, held = dice.integers(len(self), size=n), self._columns
        rows = rows[held["is_drawn"][rows]]
        slates = held["slates"][rows].astype(np.intp)
        shown = np.take_along_axis(held["candidates"][rows], slates, axis=1)
        columns = (held[name][rows] for name in ("outcome", "rewards", "ahead"))
        return Drawn(held["contexts"][rows], held["histories"][rows], self._vectors[shown], *columns)

    def moments(self, rows: Rows) -> Moments:
        """What is held in these rows."""
        held = self._columns
        candidates, slates = self._vectors[held["candidates"][rows]], held["slates"][rows].astype(np.intp)
        return Moments(held["contexts"][rows], held["histories"][rows], candidates, slates)

    def _column(self, name: str, like: NDArray[Any]) -> NDArray[Any]:
        if name not in self._columns:
            kind = np.dtype(np.float32) if like.dtype.kind == "f" else like.dtype
            self._columns[name] = np.zeros((self._capacity, *like.shape[1:]), dtype=kind)
        return self._columns[name]

    def _placed(self, candidates: Float32s) -> NDArray[np.int32]:
        """(n, n_candidates): where each vector is kept."""
        flat = np.ascontiguousarray(candidates).reshape(-1, candidates.shape[-1])
        n_known = len(self._places)
        found = [self._places.setdefault(row.tobytes(), len(self._places)) for row in flat]
        if len(self._places) > n_known:
            kept = b"".join(self._places)
            self._vectors = np.frombuffer(kept, dtype=np.float32).reshape(len(self._places), -1)
        return np.array(found, dtype=np.int32).reshape(candidates.shape[:2])


class Replaying(Trained):
    """What learns by replay; it keeps no state but its nets, so it can't be resumed.

    Attributes:
        n_updates: So far.
    """

    def __init__(
        self, options: SlateQOptions, encoder: DenseEncoder, *, n_slots: int, seed: int, how: ReplayOptions
    ) -> None:
        """Nets that know nothing yet, the same as those of ``Trained``."""
        super().__init__(options, encoder, n_slots=n_slots, seed=seed)
        self._how, self._ring = how, Ring(how.capacity, how.n_ahead)
        self._target = copy.deepcopy(self._net)
        self._n_taken, self.n_updates = 0, 0

    def restore(self, parameters: bytes, served: bytes = b"", moments_: bytes = b"") -> None:
        """As of any nets that learn from blocks; the target net begins as these, and the ring stays as it is.

        Raises:
            PolicyError: if they are something else, or made with other options.
        """
        super().restore(parameters, served, moments_)
        self._target = copy.deepcopy(self._net)

    def _learn(self, block: Sequence[LoggedTrajectory], dice: np.random.Generator) -> None:
        for trajectory in block:
            self._ring.add(trajectory)
            self._n_taken += len(trajectory.steps)
        how = self._how
        progress = self._n_taken / how.n_annealed
        anneal(self._adam, first=how.first_learning_rate, last=how.last_learning_rate, progress=progress)
        while self.n_updates * how.batch < self._n_taken * how.n_uses:
            self._update(self._ring.draw(how.batch, dice))

    def _update(self, drawn: Drawn) -> None:
        targets = tensor(drawn.rewards + self._ahead(drawn.ahead))
        outcome = tensor(drawn.outcome)
        outlook = self._net.outlook(tensor(drawn.contexts), tensor(drawn.histories), tensor(drawn.shown))
        errors = outlook.values[:, None] + outlook.advantages - targets[:, None]
        worth = (outcome * errors.square()).sum(dim=1).mean() / self._options.value_scale
        choice = -(outcome * torch.log_softmax(outlook.log_weights, dim=1)).sum(dim=1).mean()
        self._adam.zero_grad()
        (worth + choice).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(self._net.parameters(), self._options.block_gradient_norm)
        self._adam.step()
        with torch.no_grad():
            for followed, newest in zip(self._target.parameters(), self._net.parameters(), strict=True):
                followed.lerp_(newest, self._how.follow)
        self.n_updates += 1

    def _ahead(self, rows: Rows) -> Float32s:
        """What the target net values the slates ahead at, (n,); 0 where there is none."""
        found, there = np.zeros(len(rows), dtype=np.float32), rows != NOTHING
        if there.any():
            found[there] = self.worth(self._ring.moments(rows[there]))
        return found

    def worth(self, moments: Moments) -> Float32s:
        """What the target net values the slates of moments at, scaled as rewards are; (n,)."""
        model = SlateQModel(arrays_of(self._target))
        weights, values, nothing = model.prospects(moments.contexts, moments.candidates)
        if self._how.bootstrap == "best":
            gains = search.best(weights, values, nothing, model.slots)[1]
        else:
            gains = search.worth(weights, values, nothing, slates=moments.slates, slots=model.slots)
        with torch.no_grad():
            levels: Float32s = self._target.values(tensor(moments.contexts), tensor(moments.histories)).numpy()
        return (levels + gains).astype(np.float32)
