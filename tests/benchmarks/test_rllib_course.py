"""A tiny training by RLlib is scored as its own evaluation and ``slateloop train`` would, and kept as these are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ray.rllib.utils.metrics import EPISODE_RETURN_MEAN

from agent.starts import checked, unpack
from benchmarks.rllib_course import CONFIGS, attempt, built, code_of, config_of, files_of, looks, score, shown_by
from policies.base import PolicyError
from policies.gradient import snapshot as gradient
from policies.slateq import snapshot as slateq
from simulator import encoded_world, train
from simulator.rllib.world_config import WorldConfig
from simulator.rllib.world_runner import EVALUATION_SEED
from simulator.train import TEST_SEED, Budget
from simulator.trainees import make_trainee
from simulator.training import Task
from simulator.training_code import code_of as plain_code_of
from simulator.training_diary import points_of
from simulator.training_pieces import Failed, Piece, Result, Scene
from tests.local_ray import local_ray

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]
both = pytest.mark.parametrize("kind", CONFIGS)

N_EACH = 32 * 4
BUDGET = Budget(5 * N_EACH - 1, 32, 2, 4, n_validations=2, n_validation_users=20, patience=None, n_test_users=20)
SCENE = Scene("there", "long-term-satisfaction-0.3", {"num_candidates": 5, "slate_size": 2})
READ: dict[str, Callable[[bytes], Any]] = {
    "slateq": slateq.Snapshot.from_bytes,
    "gradient": gradient.Snapshot.from_bytes,
}
OPTIONS = {"hidden": [8], "minibatch": 32, "epochs": 1}


def piece(kind: str) -> Piece:
    return Piece("agent", kind, SCENE, 3, OPTIONS, kind, BUDGET, n_test_users=30)


@pytest.fixture(scope="module", autouse=True)
def _local_ray() -> Iterator[None]:
    with local_ray("test-rllib-course", n_cpus=1):
        yield


@pytest.fixture(autouse=True)
def _few_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_world, "N_STEPS", 300)


@both
def test_all_but_the_asked_for_is_the_default(kind: str) -> None:
    found = config_of(replace(piece(kind), options={}, budget=Budget()))
    usual: WorldConfig = CONFIGS[kind]()
    assert type(found) is type(usual)
    assert {name: value for name, value in found.to_dict().items() if value != usual.to_dict().get(name)}.keys() == {
        "env",
        "env_config",
        "seed",
    }
    assert found.env_config == {"sensitivity": 0.3, **SCENE.options}
    world = found.world(1)
    assert (world.n_candidates, world.n_slots) == (5, 2)


@both
def test_it_is_scored_as_rllibs_evaluation_and_our_trainer_would(kind: str) -> None:
    """Of 20 users each; nets are computed in 64 bits here, in 32 there, so a tie may fall otherwise."""
    one = piece(kind)
    made = config_of(one)
    made.evaluation(evaluation_duration=20, evaluation_interval=100)
    with built(made) as algorithm:
        assert list(looks(algorithm, BUDGET)) == [3 * N_EACH, 5 * N_EACH]
        packed = algorithm.to_start()
        seen = score(algorithm, packed, n_users=20, seed=EVALUATION_SEED)
        tested = score(algorithm, packed, n_users=20, seed=TEST_SEED)
        evaluated = algorithm.evaluate()["env_runners"][EPISODE_RETURN_MEAN]
        encoding = algorithm.config.encoding
        nets = algorithm.get_module().arrays()
        folder = Path(algorithm.logdir)
    assert not folder.exists()
    assert seen.mean == pytest.approx(evaluated, rel=1e-3)
    assert seen.mean != pytest.approx(tested.mean, rel=1e-3), "other users"
    trainee = make_trainee(kind, OPTIONS, encoding.encoder, n_slots=2, seed=0)
    trainee.load(nets)
    ours = train.score(one.course, encoding, trainee, n_users=20, seed=TEST_SEED)
    assert tested.mean == pytest.approx(ours.mean, rel=1e-3)
    assert tested.n == ours.n == 20
    encoder = READ[kind](unpack(packed).snapshot).encoder
    assert encoder.to_bytes() == encoding.encoder.to_bytes(), "what a replica sees is what it was trained and scored on"


@both
def test_a_piece_is_its_last_agent_and_a_curve(kind: str, tmp_path: Path) -> None:
    one = piece(kind)
    found = attempt(Task(one, str(tmp_path)))
    assert isinstance(found, Result)
    assert (found.key, found.code, found.n) == (one.key, code_of("agent", kind), 30)
    assert [look.n_steps for look in found.curve] == [3 * N_EACH, 5 * N_EACH]
    assert found.kept == 1
    assert found.seconds > 0.0 < found.busy_s
    assert [point["mean"] for point in points_of(tmp_path)[one.stem]] == [look.mean for look in found.curve]
    assert checked(found.start).kind == kind
    again = attempt(Task(one))
    assert isinstance(again, Result)
    assert (again.start, again.mean) == (found.start, found.mean), "all follows from the seed"


def test_what_goes_wrong_is_told() -> None:
    found = attempt(Task(replace(piece("slateq"), options={"hidden": [0]})))
    assert isinstance(found, Failed)
    assert "hidden" in found.error


def test_references_are_measured_as_ever() -> None:
    reference = Piece("reference", "random", SCENE, n_test_users=20)
    found = attempt(Task(reference))
    assert isinstance(found, Result)
    assert found.code == code_of("reference", "") == plain_code_of("reference", "")
    assert found.n == 20


def test_a_snapshot_that_knows_nothing_is_refused() -> None:
    with pytest.raises(PolicyError, match="knows nothing yet"):
        shown_by("gradient", gradient.to_bytes(None, {}), n_slots=2)


def test_code_that_decides_is_counted_and_other_code_is_not() -> None:
    root = Path(__file__).resolve().parents[2]
    found = {path.relative_to(root).as_posix() for path in files_of(root, "gradient")}
    assert {
        "benchmarks/rllib_course.py",
        "simulator/rllib/gradient.py",
        "simulator/rllib/world_runner.py",
        "policies/gradient/objective.py",
        "envs/interest_evolution.py",
        "simulator/train.py",
    } <= found
    assert not [name for name in found if name.startswith(("agent/", "policies/slateq/", "serve_app/"))]
    assert code_of("agent", "gradient") != code_of("agent", "slateq")
