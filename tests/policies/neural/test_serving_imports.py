"""A process that serves an agent loads no training framework: not when it loads, nor when it chooses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from policies.gradient.learner import GradientLearner
from policies.gradient.options import parse as gradient_options
from tests.policies.offers import lessons
from tests.policies.slateq.trained import blob

SERVE = """
import sys
from agent.arms import Arm, probe
from policies.base import Action, Context, Slot
from policies.registry import make_policy

policy = make_policy(sys.argv[1], {}, open(sys.argv[2], "rb").read(), reward_range=(0.0, 1.0))
probe(policy)
actions = [Action(str(number), {"topic": "sport", "price": number / 3}, str(number).encode()) for number in range(5)]
for seed in range(20):
    slate = Arm(policy, sys.argv[1], floor=0.02).choose(
        Context({"device": "tv", "hour": 3}), actions, [Slot("0"), Slot("1"), Slot("2")], seed, None
    )
    assert len(set(slate.chosen)) == 3, slate
assert policy.encoder is not None
print([name for name in ("torch", "ray", "ray.rllib", "gymnasium", "tensorboard", "scipy") if name in sys.modules])
"""


def snapshot_of(kind: str) -> bytes:
    if kind == "slateq":
        return blob()
    options = gradient_options({"fit_on": 10, "block": 16, "block_minibatch": 8})
    learner = GradientLearner.fresh(options, reward_range=(0.0, 1.0), seed=3)
    learner.learn(lessons(60))
    return learner.snapshot()


@pytest.mark.parametrize("kind", ["slateq", "gradient"])
def test_serving_loads_no_training_framework(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "snapshot"
    file.write_bytes(snapshot_of(kind))
    done = subprocess.run([sys.executable, "-c", SERVE, kind, str(file)], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
