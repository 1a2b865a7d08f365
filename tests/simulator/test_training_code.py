"""The digest of a training's code: everything that really runs is in it, and nothing of other agents."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from policies.agents import KINDS
from simulator.imports import ROOMS, reached
from simulator.training_code import code_of, files_of

ROOT = Path(__file__).resolve().parents[2]

AGENT = """
from simulator import encoded_world
from simulator.train import Budget, Course, train

encoded_world.N_STEPS = 300
budget = Budget(128, n_users=8, n_worlds=1, n_segment=8, n_validations=1, n_validation_users=4, n_test_users=4)
train(Course({kind!r}, "long-term-satisfaction-0.3", {{"num_candidates": 5}}, {{"hidden": [4]}}, budget), seed=0)
"""
BANDIT = """
from envs.presets import make_world
from simulator.cells import PolicyChoice
from simulator.frozen import score_frozen

def world(n_users):
    return make_world("long-term-satisfaction-0.3", num_envs=n_users, num_candidates=5)

score_frozen(PolicyChoice({kind!r}, {kind!r}, {{}}), world, seed=0, n_requests=20, n_users=2)
"""
LOG = """
from envs.presets import make_world
from simulator.from_log import LogCourse, learn_from_log

def world(n_users):
    return make_world("long-term-satisfaction-0.3", num_envs=n_users, num_candidates=5)

options = {{"hidden": [4], "fit_on": 8, "block": 16, "block_minibatch": 8}}
learn_from_log(LogCourse({kind!r}, world, 300, 10, 2, options), seed=0)
"""
TELL = """
import json, sys

for program in json.loads(sys.argv[1]):
    for name in [name for name in sys.modules if name.split(".")[0] in ("agent", "policies", "simulator")]:
        del sys.modules[name]
    exec(program, {})
    print(json.dumps([file for one in list(sys.modules.values()) if (file := getattr(one, "__file__", None))]))
"""
"""Runs each as if it were the first, but for worlds, which all count, and for torch, which is slow to load."""


def names(sort: str, kind: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in files_of(ROOT, sort, kind)}


@pytest.fixture(scope="module")
def loaded() -> dict[tuple[str, str], set[str]]:
    """Our files that a fresh process loads for a piece, by its sort and kind."""
    programs = {("bandit", "linear"): BANDIT}
    programs |= {(sort, kind): code for kind in KINDS for sort, code in (("agent", AGENT), ("log", LOG))}
    told = json.dumps([program.format(kind=kind) for (_, kind), program in programs.items()])
    done = subprocess.run([sys.executable, "-c", TELL, told], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return {piece: ours(json.loads(line)) for piece, line in zip(programs, done.stdout.splitlines(), strict=True)}


WORDING = {"envs/spelling.py", "policies/spelling.py"}


def ours(files: list[str]) -> set[str]:
    """But for what only words errors."""
    found = {Path(file).relative_to(ROOT).as_posix() for file in files if Path(file).is_relative_to(ROOT)}
    return {name for name in found if name.split("/")[0] in ROOMS} - WORDING


@pytest.mark.parametrize(("kind", "other"), [("slateq", "gradient"), ("gradient", "slateq")])
def test_all_that_trains_an_agent_counts_and_nothing_of_the_other(
    kind: str, other: str, loaded: dict[tuple[str, str], set[str]]
) -> None:
    ran = loaded["agent", kind]
    assert ran > {"simulator/rollout.py", "policies/overflow.py", f"policies/{kind}/snapshot.py", "envs/presets.py"}
    assert ran - names("agent", kind) == set()
    assert not [name for name in names("agent", kind) if name.startswith(f"policies/{other}/")]


def test_all_that_runs_a_bandit_counts_but_for_the_agents_nets(loaded: dict[tuple[str, str], set[str]]) -> None:
    ran = loaded["bandit", "linear"]
    assert ran > {"simulator/traffic.py", "agent/join.py", "policies/ridge.py"}
    missed = ran - names("bandit", "linear")
    assert {name.split("/")[1] for name in missed} <= {"slateq", "gradient", "neural"}


@pytest.mark.parametrize(("kind", "other"), [("slateq", "gradient"), ("gradient", "slateq")])
def test_all_that_learns_from_a_log_counts_but_for_the_other_agent(
    kind: str, other: str, loaded: dict[tuple[str, str], set[str]]
) -> None:
    ran = loaded["log", kind]
    assert ran > {"agent/join.py", f"policies/{kind}/blocks.py", "policies/trajectories.py"}
    missed = {ROOT / name for name in ran - names("log", kind)}
    assert missed <= reached(ROOT, (ROOT / "policies" / other).glob("*.py"))
    assert {path.relative_to(ROOT / "policies").parts[0] for path in missed} <= {other, "neural"}


def test_an_agent_that_serves_beside_counts_with_its_learner() -> None:
    assert names("bandit", "slateq") > {"policies/slateq/learner.py", "policies/neural/block_learner.py"}


def test_a_sort_that_nobody_told_of_counts_whatever_any_piece_runs() -> None:
    assert names("another", "slateq") > names("agent", "slateq") | names("bandit", "slateq") | names("log", "slateq")


def test_what_only_prints_does_not_count() -> None:
    assert not [name for name in names("agent", "slateq") | names("bandit", "vw") if "plots" in name or "page" in name]


@pytest.mark.parametrize("sort", ["agent", "log", "bandit", "reference", "another"])
def test_what_only_words_errors_does_not_count(sort: str) -> None:
    assert all((ROOT / name).exists() for name in WORDING)
    assert names(sort, "slateq").isdisjoint(WORDING)


def test_code_of_one_agent_is_not_that_of_another() -> None:
    assert len({code_of("agent", "slateq"), code_of("agent", "gradient"), code_of("reference", "")}) == 3
