"""The policy gradient as it serves: scores as torch computes them, a softmax among what is left, checked snapshots."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from msgspec.structs import replace as changed
from numpy.testing import assert_allclose

from policies.base import Action, Context, PolicyError, Slot
from policies.gradient import snapshot
from policies.gradient.forward import ForwardScorer
from policies.gradient.nets import Agent, Scorer, arrays_of_scorer
from policies.gradient.options import parse
from policies.gradient.policy import GradientPolicy, GradientPrepared
from policies.neural.arrays import Arrays
from policies.neural.dense import DenseEncoder
from policies.neural.nets import arrays_of
from policies.sampling import propensities

OFFERED = [Action(f"a{number}", {"topic": f"t{number}", "n": number / 3}) for number in range(5)]
KEYED = [changed(action, key=action.id.encode()) for action in OFFERED]
CONTEXT = Context({"hour": 7, "device": "tv"})
ENCODER = DenseEncoder.fitted([(CONTEXT, OFFERED), (Context({"hour": 9}), OFFERED)])
EVERYTHING = np.ones(5, dtype=np.bool_)


def scorer(item_units: int = 0, *, n_context: int = ENCODER.n_context, hidden: tuple[int, ...] = (8, 8)) -> Arrays:
    """Parameters that are not 0."""
    dice = np.random.default_rng(2)
    made = arrays_of(Scorer(n_context, ENCODER.n_action, hidden=hidden, item_units=item_units))
    return {name: dice.normal(0.0, 0.4, array.shape).astype(np.float32) for name, array in made.items()}


@pytest.mark.parametrize("item_units", [0, 3])
@pytest.mark.parametrize("hidden", [(), (8,), (8, 4)])
def test_numpy_scores_as_torch_does(item_units: int, hidden: tuple[int, ...]) -> None:
    net = Scorer(ENCODER.n_context, ENCODER.n_action, hidden=hidden, item_units=item_units)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(0.0, 0.4, generator=torch.Generator().manual_seed(3))
    dice = np.random.default_rng(1)
    contexts = dice.normal(size=(6, ENCODER.n_context)).astype(np.float32)
    candidates = dice.normal(size=(6, 5, ENCODER.n_action)).astype(np.float32)
    expected = net(torch.from_numpy(contexts), torch.from_numpy(candidates)).detach().numpy()
    made = ForwardScorer(arrays_of(net))
    assert_allclose(made(contexts, candidates), expected, atol=1e-4)
    assert_allclose(made(contexts[0], candidates[0]), expected[0], atol=1e-4)


def test_it_serves_the_softmax_of_scores_among_what_is_left() -> None:
    blob = snapshot.to_bytes(ENCODER, scorer())
    scores = ForwardScorer(scorer())(ENCODER.context(CONTEXT), ENCODER.actions(OFFERED)).astype(np.float64)
    for temperature in (1.0, 0.25):
        request = GradientPolicy(parse({"temperature": temperature}), blob).prepare(CONTEXT, OFFERED)
        raised = np.exp(scores / temperature)
        expected = raised[3] / raised.sum() * raised[0] / (raised.sum() - raised[3])
        found = propensities(request, [Slot("0"), Slot("1")], (3, 0))
        assert_allclose(found.prod(), expected, rtol=1e-3)


def test_a_cold_temperature_is_greedy() -> None:
    request = GradientPolicy(parse({"temperature": 0.001}), snapshot.to_bytes(ENCODER, scorer()))
    found = request.prepare(CONTEXT, OFFERED).distribution(Slot("0"), (), EVERYTHING)
    assert found.max() > 0.999


def test_the_first_nets_make_every_slate_equally_likely() -> None:
    first = arrays_of_scorer(arrays_of(Agent((ENCODER.n_context, ENCODER.n_action, 3), hidden=(8,), item_units=2)))
    request = GradientPolicy(parse({}), snapshot.to_bytes(ENCODER, first)).prepare(CONTEXT, OFFERED)
    assert request.distribution(Slot("0"), (), EVERYTHING).tolist() == [0.2] * 5


def test_a_seed_decides_the_first_nets_and_leaves_torchs_own_dice_alone() -> None:
    before = torch.random.get_rng_state()
    one, same, other = (arrays_of(Agent((4, 3, 2), hidden=(8,), seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no snapshot"),
        (b"nonsense", "no snapshot"),
        (msgspec.msgpack.encode((1, "slateq", b"", b"")), "kind 'slateq'"),
        (msgspec.msgpack.encode((9, "gradient", b"", b"")), "format 9"),
        (msgspec.msgpack.encode((1, "gradient", b"x", b"")), "encoder"),
        (snapshot.to_bytes(ENCODER, scorer(n_context=ENCODER.n_context + 1)), "lengths"),
    ],
)
def test_what_is_no_snapshot_of_ours_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(PolicyError, match=reason):
        GradientPolicy(parse({}), data)


def test_nets_that_broke_down_are_never_published() -> None:
    broken = scorer()
    broken["context.direct.weight"][0, 0] = np.nan
    with pytest.raises(PolicyError, match="not finite"):
        snapshot.to_bytes(ENCODER, broken)


def test_scores_that_are_nearly_alike_are_told_apart() -> None:
    """By more than nine decimals; here by seven, at a temperature that shows them."""
    request = GradientPrepared(np.array([0.5, 0.5 + 1e-7]) / 0.001)
    first, second = request.distribution(Slot("0"), (), np.ones(2, dtype=np.bool_))
    assert_allclose(second / first, np.exp(1e-4), rtol=1e-9)


def test_scores_keep_nine_decimals() -> None:
    made = {name: array.astype(np.float64) for name, array in scorer().items()}
    scores = ForwardScorer(made)(ENCODER.context(CONTEXT).astype(np.float64), ENCODER.actions(OFFERED))
    request = GradientPolicy(parse({}), snapshot.to_bytes(ENCODER, scorer())).prepare(CONTEXT, OFFERED)
    found = request.distribution(Slot("0"), (), EVERYTHING)
    assert_allclose(np.log(found) - np.log(found[0]), scores - scores[0], atol=3e-9)


@pytest.mark.parametrize("gap", [800.0, 1e6])
def test_what_is_left_when_the_likeliest_is_gone(gap: float) -> None:
    """Odds beside the likeliest action would all be 0, or nearly so."""
    request = GradientPrepared(np.array([gap, 1.0, 0.0]))
    found = request.distribution(Slot("1"), (0,), np.array([False, True, True]))
    assert_allclose(found, [0.0, *(np.exp([1.0, 0.0]) / np.exp([1.0, 0.0]).sum())])
    assert request.distribution(Slot("0"), (), np.ones(3, dtype=np.bool_))[0] == 1.0


def test_what_was_served_before_changes_nothing() -> None:
    """A replica keeps rows of actions between requests."""
    blob = snapshot.to_bytes(ENCODER, scorer(item_units=3))
    fresh, used = GradientPolicy(parse({}), blob), GradientPolicy(parse({}), blob)
    for n in range(1, 5):
        used.prepare(CONTEXT, KEYED[n:])
    for actions in (KEYED, KEYED[::-1], KEYED[2:]):
        mask = np.ones(len(actions), dtype=np.bool_)
        found, expected = (
            policy.prepare(CONTEXT, actions).distribution(Slot("0"), (), mask) for policy in (used, fresh)
        )
        assert found.tolist() == expected.tolist()
