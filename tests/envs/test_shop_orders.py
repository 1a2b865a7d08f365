import numpy as np

from envs.shop_orders import Arrived, UnderWay

CART, PURCHASE = 1, 2


def rows(arrived: Arrived) -> list[tuple[int, ...]]:
    return sorted(zip(*(column.tolist() for column in arrived), strict=True))


def flags(*pairs: tuple[int, int]) -> np.ndarray:
    found = np.zeros((2, 3), dtype=np.bool_)
    for user, slot in pairs:
        found[user, slot] = True
    return found


def test_events_show_on_their_page_and_name_the_page_they_belong_to() -> None:
    under_way, nobody = UnderWay(2), np.zeros(2, dtype=np.bool_)
    later = np.array([[0, 2, 0], [0, 0, 1]])
    under_way.add(CART, flags((0, 0), (0, 1), (1, 2)), later)
    assert rows(under_way.arrive(nobody)) == [(0, 0, 0, CART)]
    under_way.add(PURCHASE, flags((0, 2)), later)
    assert rows(under_way.arrive(nobody)) == [(0, 0, 2, PURCHASE), (1, 1, 2, CART)]
    assert rows(under_way.arrive(nobody)) == [(0, 2, 1, CART)]
    assert len(under_way) == 0


def test_the_end_of_a_visit_brings_all_of_it_and_nobody_elses() -> None:
    under_way = UnderWay(2)
    under_way.add(PURCHASE, flags((0, 1), (1, 1)), np.full((2, 3), 9))
    assert rows(under_way.arrive(np.array([True, False]))) == [(0, 0, 1, PURCHASE)]
    assert len(under_way) == 1


def test_a_new_shopper_inherits_nothing_and_begins_on_page_0() -> None:
    under_way, nobody = UnderWay(2), np.zeros(2, dtype=np.bool_)
    under_way.add(CART, flags((0, 0), (1, 0)), np.full((2, 3), 2))
    under_way.arrive(nobody)
    under_way.begin(np.array([True, False]))
    under_way.add(CART, flags((0, 1)), np.full((2, 3), 1))
    assert rows(under_way.arrive(nobody)) == []
    assert rows(under_way.arrive(nobody)) == [(0, 1, 1, CART), (1, 2, 0, CART)]


def test_what_shows_at_once_and_what_is_late_are_told_apart() -> None:
    arrived = Arrived(np.array([0, 1, 1]), np.array([0, 2, 0]), np.array([2, 1, 0]), np.array([CART, CART, PURCHASE]))
    assert arrived.now(CART, (2, 3)).tolist() == [[0, 0, 1], [0, 0, 0]]
    assert arrived.now(PURCHASE, (2, 3)).tolist() == [[0, 0, 0], [1, 0, 0]]
    late = arrived.late()
    assert late is not None
    assert [column.tolist() for column in late] == [[1], [2], [1], [CART], [1.0]]
    assert Arrived(*(column[[0]] for column in arrived)).late() is None
