"""What every policy is offered, and what the log keeps of it."""

from __future__ import annotations

from agent.offering import Offered, offer_to, offered
from policies.base import DERIVED, N_LOOP_DERIVED
from policies.derived import unpacked
from policies.features import address, canonical
from policies.rates import ItemRates
from policies.tags import tags_of
from policies.user_rates import UserRates


def made(topic: str, rates: ItemRates) -> Offered:
    features = {"topic": topic}
    row = canonical(features)
    return offered(f"about {topic}", features, row, key=address(row), rates=rates)


def known() -> ItemRates:
    rates = ItemRates()
    rates.observe("about sport", 1.0)
    return rates


def test_an_action_has_its_address_its_tags_and_its_rates() -> None:
    one = made("sport", known())
    assert (one.action.id, one.action.key, one.row) == ("about sport", address(one.row), b'{"topic":"sport"}')
    assert one.tags == tags_of({"topic": "sport"})
    assert one.action.derived == known().derive("about sport", one.tags)
    assert one.of_loop == unpacked(one.derived) == one.action.derived[:N_LOOP_DERIVED]


def test_a_users_columns_are_filled_in_and_logged() -> None:
    plain = [made("sport", known()), made("music", known())]
    user = UserRates()
    user.observe(plain[0].tags, 0.5)
    offer = offer_to(user, plain)
    own = user.derive([one.tags for one in plain])
    for seen, one, columns in zip(offer.actions, plain, own, strict=True):
        assert seen.derived == one.of_loop + columns
        assert (seen.id, seen.key, seen.features) == (one.action.id, one.action.key, one.action.features)
    assert unpacked(offer.derived[: 4 * len(DERIVED)]) == offer.actions[0].derived
    assert offer.derived[4 * len(DERIVED) :] != offer.derived[: 4 * len(DERIVED)]
    assert own[0] != own[1]


def test_for_an_unknown_user_the_loops_columns_alone_are_logged() -> None:
    plain = [made("sport", known()), made("music", known())]
    offer = offer_to(None, plain)
    assert list(offer.actions) == [one.action for one in plain]
    assert unpacked(offer.derived) == plain[0].of_loop + plain[1].of_loop


def test_where_nothing_is_known_of_items_nothing_is_of_users() -> None:
    offer = offer_to(UserRates(n=3, excess=1.0), [made("sport", ItemRates())])
    assert (offer.actions[0].derived, offer.derived) == ((), b"")
