"""Only what happens often is explained, each reason with a cure."""

from __future__ import annotations

from agent.unmet import Unmet
from policies.base import Action, Context
from policies.neural.dense import DenseEncoder
from serve_app.troubles import CURES, explained, is_told

VALUE = "value: not a finite number, or of no known type"


def test_what_is_rare_or_ordinary_is_counted_and_not_explained() -> None:
    assert explained({VALUE: 10}, 100) == []
    assert explained({VALUE: 100}, 10_000) == []
    assert explained({"new: an action that was never seen before": 10_000}, 10_000) == []


def test_what_is_frequent_is_explained_with_count_and_cure() -> None:
    (sentence,) = explained({VALUE: 1_101}, 110_000)
    assert sentence == f"Features: {VALUE} (1,101 times in 110,000 lessons); {CURES['value']}."


def test_a_condition_is_explained_from_the_first_time_on() -> None:
    (sentence,) = explained({"actions: too many to keep weights of their own; some share them": 1}, 10**6)
    assert "times" not in sentence
    assert sentence.endswith(f"{CURES['actions']}.")


def test_sessions_and_nets_are_no_features() -> None:
    room, nets = "room: too many sessions were open", "nets: a number in them was not finite"
    assert explained({room: 100, nets: 1}, 1_000) == [
        f"Learning: {nets} (1 time in 1,000 lessons); {CURES['nets']}.",
        f"Sessions: {room} (100 times in 1,000 lessons); {CURES['room']}.",
    ]
    assert explained({room: 10}, 1_000) == []


def test_that_no_block_was_full_for_long_is_told_once_it_holds() -> None:
    late = "block: steps wait, and for long no block of finished ones was full"
    assert explained({late: 3}, 10**6) == [f"Learning: {late}; {CURES['block']}."]


def test_features_that_are_not_met_are_told_with_the_cure() -> None:
    encoder = DenseEncoder.fitted([(Context({"hour": 3.0}), [Action("a", {"price": 2.0})])])
    told = Unmet(encoder).troubles(300)
    said = "Features: unmet: no lesson has 2 of the 2 features that the agent was trained with: hour, price"
    assert explained(told, 300) == [f"{said}; {CURES['unmet']}."]


def test_features_that_are_left_out_are_named_where_they_are_known() -> None:
    late = {"vocabulary: features that came after the encoder was fitted are left out": 40, VALUE: 40}
    _, told = explained(late, 100, left_out=["stars", "topic='opera'"])
    assert "are left out, such as stars, topic='opera' (40 times in 100 lessons); " in told
    assert not any("such as" in sentence for sentence in explained(late, 100))
    assert is_told("vocabulary", late, 100)
    assert not is_told("vocabulary", late, 10_000)
    assert not is_told("room", late, 100)
