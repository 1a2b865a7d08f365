from __future__ import annotations

from envs import presets
from policies import registry
from simulator import listing


def test_every_world_and_policy_is_listed() -> None:
    found = listing.worlds()
    assert tuple(one.preset for one in found) == presets.names()
    assert all(one.about and one.kpi for one in found)
    assert listing.policies() == list(registry.kinds())


def test_options_are_those_the_world_takes_with_the_preset_s_values() -> None:
    found = {one.preset: one.options for one in listing.worlds()}
    assert found["interest-evolution"]["visible_budget"] is False
    assert found["interest-evolution-visible-budget"]["visible_budget"] is True
    for preset in ("news", "shop", "streaming", "interest-evolution"):
        plain = {name: value for name, value in found[preset].items() if value is not None}
        presets.make_world(preset, **plain)
