from __future__ import annotations

import pytest

from simulator import replay_page
from simulator.replay_page import bar, markdown
from simulator.run import Run
from tests.simulator.fakes import FakeClock, FakeService
from tests.simulator.test_replay import replayed, ten


def run() -> Run:
    """Learned serves tens 1 and 3: 2/3 and 1/3 a slot, where uniform gets .2 and .1; popularity ten 2: 1 and .6."""
    clock = FakeClock()
    return replayed(FakeService(clock), clock, ten("u", 0, 2), ten("u", 100, 6), ten("u", 200, 1))


def test_the_page_has_arms_leads_settings_and_machine() -> None:
    text = markdown(run(), command="slateloop replay movielens", seed=7, machine="cores 2")
    for part in (
        "```\nslateloop replay movielens\n```",
        "3 requests in",
        "seed 7: 3 of ten films that the user rated",
        "learned 50 %, popularity 50 % of the requests",
        "| arm | requests | reward per slot | uniform gets | lift |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| learned | 2 | 0.500 ± ",
        "| popularity | 1 | 1.000 ± ",
        "over popularity",
        "Lift of the learned arm in each 1,000 requests, by where they end: 3: +233.3%.",
        "Measured on: cores 2.",
    ):
        assert part in text
    assert text.index("| learned") < text.index("| popularity")


@pytest.mark.parametrize(("least", "outcome"), [(2.3, "passed with +233.3%"), (2.4, "FAILED with +233.3%")])
def test_the_bar_is_judged_at_its_number_of_requests(
    monkeypatch: pytest.MonkeyPatch, least: float, outcome: str
) -> None:
    assert bar(run()).endswith("in 6,000 requests: not judged, this run has 3.")
    assert "at least +21.0% over uniform (aim +24.0%)" in bar(run())
    monkeypatch.setattr(replay_page, "N_BAR", 3)
    monkeypatch.setattr(replay_page, "BAR", least)
    assert bar(run()).endswith(f"in 3 requests: {outcome}.")
