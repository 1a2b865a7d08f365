"""A Vowpal Wabbit workspace with its traps closed: made from or turned into bytes, never used once it is closed.

In: arguments or a model's bytes, and texts. Out: parsed lines, distributions, bytes. Lines are parsed by the native
calls under the Python wrapper: 17 microseconds for three slots of ten actions where the wrapper takes 66.
"""

from __future__ import annotations

from typing import Any

import vowpalwabbit

from policies.base import PolicyError
from policies.model_folder import model_folder

_RELOAD = "--preserve_performance_counters --quiet"

Lines = list[Any]
"""Native examples; whoever parses them owes a ``finish``, or they leak about 30 KB each."""


class Workspace:
    """One model in memory; for one thread."""

    def __init__(self, native: vowpalwabbit.Workspace) -> None:
        self._native: Any = native

    @classmethod
    def make(cls, arguments: str) -> Workspace:
        """A model that knows nothing.

        Raises:
            PolicyError: if Vowpal Wabbit refuses the arguments.
        """
        try:
            return cls(vowpalwabbit.Workspace(f"{arguments} {_RELOAD}"))
        except RuntimeError as error:
            raise PolicyError(f"Vowpal Wabbit refuses {arguments!r}: {error}") from error

    @classmethod
    def load(cls, model: bytes) -> Workspace:
        """A saved model, with the arguments it was made with; others would change what it predicts or saves.

        Raises:
            PolicyError: if the bytes are no model.
        """
        with model_folder() as folder:
            path = folder / "model"
            path.write_bytes(model)
            try:
                return cls(vowpalwabbit.Workspace(arg_list=["-i", str(path), *_RELOAD.split()]))
            except RuntimeError as error:
                raise PolicyError(f"{len(model)} bytes are no Vowpal Wabbit model: {error}") from error

    @property
    def is_closed(self) -> bool:
        """True after ``close``."""
        return self._native is None

    def save(self) -> bytes:
        """The model, sparse: its size follows the features seen."""
        with model_folder() as folder:
            path = folder / "model"
            self._open().save(str(path))
            return path.read_bytes()

    def parse(self, text: str) -> Lines:
        """One example for each line of the text."""
        lines: Lines = self._open()._parse(text)
        return lines

    def predict(self, lines: Lines) -> list[float]:
        """Probabilities of the action lines, float32 values; the first line is the shared one."""
        self._open().predict_multi(lines)
        scores: list[float] = lines[0].get_action_scores()
        return scores

    def learn(self, lines: Lines) -> None:
        """One update; exactly one action line is labelled."""
        self._open().learn_multi(lines)

    def label(self, line: Any, *, cost: float, propensity: float) -> None:
        """Say what came of the action of this line."""
        native = self._open()
        line.set_label_string(native, f"0:{cost!r}:{propensity!r}", native.lContextualBandit)

    def finish(self, lines: Lines) -> None:
        """Give parsed lines back; after ``close`` they are gone already."""
        if lines and self._native is not None:
            self._native._finish_example_multi_ex(lines)

    def close(self) -> None:
        """Free the model; a closed native workspace would go on answering, so this one is let go."""
        if self._native is not None:
            self._native.finish()
            self._native = None

    def _open(self) -> Any:
        if self._native is None:
            raise PolicyError("this model is closed; load its bytes again")
        return self._native
