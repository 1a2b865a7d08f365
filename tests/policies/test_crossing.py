"""Products, matches, and who holds what."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from policies.base import Action
from policies.crossing import N_MATCHES, Holders, Matches, Pairs
from policies.entries import Entries, entries
from policies.scales import Array
from policies.vocabulary import Vocabulary


def vocabulary(*rows: Entries) -> Vocabulary:
    found = Vocabulary(64)
    found.meet(rows, Counter())
    return found


def test_products_of_the_pairs_that_have_a_coordinate() -> None:
    pairs = Pairs()
    context, rows = np.array([2.0, 0.0, -1.0]), np.array([[0.0, 3.0], [5.0, 7.0]])
    assert pairs.unseen(context, rows[0]) == [(0, 1), (2, 1)]
    pairs.add((0, 1), 3)
    pairs.add((2, 0), 1)
    assert pairs.unseen(context, rows[0]) == [(2, 1)]
    for each in (pairs, Pairs.from_parts(pairs.to_parts())):
        assert_array_equal(each.table(), [[0, 2], [1, 0], [3, 1]])


def test_pairs_cover_rows_when_none_is_left_unseen() -> None:
    """Context and actions grow; each time the pairs are asked, and told of one that was unseen."""
    dice, pairs = np.random.default_rng(6), Pairs()
    for number in range(300):
        n_left, n_right = 1 + number // 40, 1 + number // 15
        context = (dice.random(n_left) < 0.4) * dice.normal(size=n_left)
        rows = (dice.random((3, n_right)) < 0.1).astype(np.float64)
        unseen = [pair for row in rows for pair in pairs.unseen(context, row)]
        for each in (pairs, Pairs.from_parts(pairs.to_parts())):
            assert each.covers(context, rows) == (not unseen)
        for pair in unseen[:1]:
            pairs.add(pair, 5 + number)


def matched(context: dict[str, object], actions: list[dict[str, object]]) -> Array:
    """The matches' columns of actions after they were observed, in units of their spread."""
    told = [entries(action) for action in actions]
    words, moment, matches = vocabulary(*told), entries(context), Matches()
    words.measure(told)
    words.refresh()
    rows = np.array([words.vector(row) for row in told])
    matches.attach(words)
    matches.observe([moment] * len(rows), rows)
    matches.at = list(range(matches.n_without_place))
    matches.refresh()
    again = Matches.from_parts(matches.to_parts())
    again.attach(words)
    found = []
    for each in (matches, again):
        each.freeze()
        z = np.zeros((len(rows), len(each)))
        each.fill(z, moment, rows)
        found.append(z)
    assert_array_equal(found[0], found[1])
    return found[0]


def test_a_taste_for_words_that_actions_hold() -> None:
    """Sums 0.5, 0.3 and -0.2 of a taste, centred and in units of their spread."""
    actions: list[dict[str, object]] = [
        {"genres": ["drama", "war"]},
        {"genres": ["war"]},
        {"genres": ["comedy"], "x": 1.0},
    ]
    found = matched({"taste": {"drama": 0.2, "war": 0.3, "comedy": -0.2, "crime": 9.0}}, actions)
    sums = np.array([0.5, 0.3, -0.2])
    assert_allclose(found[:, 0], (sums - sums.mean()) / sums.std())
    assert found.shape == (3, 1)


def test_a_word_that_both_hold() -> None:
    found = matched(
        {"language": "en", "user": {"likes": ["sport"]}}, [{"lang": "en"}, {"lang": "de", "topic": "sport"}]
    )
    assert found.shape == (2, 2)
    assert_array_equal(found[:, 0] > 0, [True, False])
    assert_array_equal(found[:, 1] > 0, [False, True])


def test_null_matches_nothing() -> None:
    assert matched({"a": None}, [{"b": None}, {"b": "x", "c": 1.0}]).shape == (2, 0)


def test_matches_are_bounded() -> None:
    actions: list[dict[str, object]] = [{f"name {number}": "w"} for number in range(3 * N_MATCHES)]
    assert matched({"c": "w"}, actions).shape[1] == N_MATCHES


def test_what_one_action_alone_holds_is_not_common() -> None:
    a, b, rows = Action("a"), Action("b"), np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 2.0]])
    holders = Holders(ids_count=True)
    for _ in range(3):
        holders.observe([a, b], rows)
    assert_array_equal(holders.common, [True, False, False])
    holders = Holders.from_parts(holders.to_parts())
    holders.observe([b], np.array([[0.0, 1.0, 0.0, 1.0]]))
    assert_array_equal(holders.common, [True, True, False, False])


def test_where_ids_do_not_count_all_is_common() -> None:
    holders = Holders(ids_count=False)
    holders.observe([Action("a")], np.ones((1, 3)))
    assert_array_equal(holders.common, [True] * 3)
