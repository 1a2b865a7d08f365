from __future__ import annotations

from envs.presets import PRESETS
from envs.spelling import meant
from policies import spelling


def test_worlds_and_policies_guess_alike() -> None:
    for word in ("newz", "interest-evolutoin", "long-term-satisfaction-0.4", "nowhere", ""):
        assert meant(word, PRESETS) == spelling.meant(word, PRESETS)
    assert meant("newz", PRESETS) == " (did you mean news?)"
