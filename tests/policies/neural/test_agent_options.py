"""What all agents' options share."""

from __future__ import annotations

import pytest

from policies.base import PolicyError
from policies.gradient.options import GradientOptions
from policies.neural.agent_options import FROM_A_LOG, IN_A_WORLD, parsed
from policies.neural.block_learner import BlockOptions
from policies.slateq.options import SlateQOptions


@pytest.mark.parametrize("made", [SlateQOptions, GradientOptions])
def test_every_agent_has_them_and_its_defaults_fit(made: type) -> None:
    options = made()
    for name, check in {**IN_A_WORLD, **FROM_A_LOG}.items():
        assert check.fits(getattr(options, name)), name


def test_what_learning_in_blocks_needs_is_among_them() -> None:
    needed = {name for name in vars(BlockOptions) if not name.startswith("_")}
    assert len(needed) > 3
    assert needed - FROM_A_LOG.keys() == {"replay_steps", "replay_ratio"}, "slateq's own; gradient replays nothing"
    assert GradientOptions().replay_steps == GradientOptions().replay_ratio == 0


def test_options_are_laid_over_the_defaults_or_refused_with_all_that_is_wrong() -> None:
    assert parsed(SlateQOptions, {"hidden": [8, 4], "gamma": 0.5}, []) == SlateQOptions(hidden=(8, 4), gamma=0.5)
    with pytest.raises(PolicyError, match="this; that"):
        parsed(SlateQOptions, {}, ["this", "that"])
