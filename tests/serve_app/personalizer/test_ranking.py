from __future__ import annotations

from serve_app.personalizer.ranking import RankedAction, ranked


def told(*pairs: tuple[str, float]) -> list[RankedAction]:
    return [RankedAction(id, probability) for id, probability in pairs]


def test_the_published_example() -> None:
    """Three actions, the second excluded, the third drawn: the excluded one keeps its place in the request."""
    assert ranked(["tea", "soup", "cake"], [0.1, 0.0, 0.9], 2, {1}) == told(("cake", 0.9), ("soup", 0.0), ("tea", 0.1))


def test_an_explored_action_changes_places_with_the_best() -> None:
    assert ranked("abcd", [0.05, 0.85, 0.06, 0.04], 3, set()) == told(
        ("d", 0.04), ("c", 0.06), ("a", 0.05), ("b", 0.85)
    )


def test_equal_actions_keep_the_order_of_the_request() -> None:
    assert [one.id for one in ranked("abc", [1 / 3] * 3, 0, set())] == ["a", "b", "c"]


def test_the_first_that_is_not_excluded_is_the_chosen_one() -> None:
    found = ranked("abcde", [0.0, 0.2, 0.0, 0.5, 0.3], 1, {0, 2})
    assert [one.id for one in found] == ["a", "b", "c", "e", "d"]
    assert [one.probability for one in found] == [0.0, 0.2, 0.0, 0.3, 0.5]
