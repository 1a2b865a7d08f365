"""The agents with nets, by kind: the only list of them.

In: nothing; nothing heavy is loaded, so that a command's help may name them. Out: each kind and its learner's class, in
``policies/<kind>/learner.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LEARNERS: Mapping[str, str] = MappingProxyType({"slateq": "SlateQLearner", "gradient": "GradientLearner"})

KINDS = tuple(LEARNERS)
