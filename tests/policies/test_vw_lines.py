"""Requests as Vowpal Wabbit lines."""

from __future__ import annotations

import random

from policies import vw_lines
from policies.base import Action, Context, Slot
from policies.derived import completed
from policies.vw_lines import ActionTexts, context_text, loop_text, slot_text, taste_text
from policies.vw_options import VwOptions
from tests.policies.offers import action


class Texts(ActionTexts):
    """Asked for one action at a time."""

    def of(self, action: Action) -> str:
        return self.all([action])[0]


ALL = VwOptions()
PLAIN = VwOptions(item_id=False, item_rate=False)


def test_the_shared_line() -> None:
    assert context_text(Context({"hour": 21})) + slot_text(Slot("0"), 0) == "shared |c hour:21 |s n=0"


def test_a_slot_of_its_own_name_and_features() -> None:
    assert slot_text(Slot("side bar", {"wide": True}), 2) == " |s n=2 id=side%20bar wide=true"


def test_an_action_line() -> None:
    assert (
        Texts(PLAIN, reward_range=(0.0, 1.0)).of(Action("x", {"topic": "a b"}, derived=completed((0.5, 3.0))))
        == "|a topic=a%20b"
    )
    line = Texts(ALL, reward_range=(0.0, 1.0)).of(Action("x|y", {"topic": "news"}, derived=completed((0.5, 3.0))))
    assert line.startswith("|a topic=news |i id=x%7Cy |r ")


def test_an_action_without_features_is_described_by_its_id() -> None:
    assert Texts(ALL, reward_range=(0.0, 1.0)).of(Action("x")) == "|a id=x |i id=x"
    assert Texts(PLAIN, reward_range=(0.0, 1.0)).of(Action("x")) == "|a id=x"


def test_remembered_lines_equal_new_ones() -> None:
    texts, dice = Texts(ALL, reward_range=(0.0, 1.0)), random.Random(1)
    for _ in range(300):
        one = action(f"a{dice.randrange(4)}", dice)
        of_user = dice.choice([(), (0.5, 3.0, -0.25, 1.0), (0.5, 3.0, 0.75, 1.0)])
        derived = completed((dice.choice([0.25, 0.5]), 2.0, 1.0, 0.125, *of_user))
        one = Action(one.id, one.features, one.key, derived)
        assert texts.of(one) == Texts(ALL, reward_range=(0.0, 1.0)).of(one)
        assert texts.of(one) == texts.of(one)


def test_actions_without_a_key_are_never_remembered() -> None:
    texts = Texts(PLAIN, reward_range=(0.0, 1.0))
    assert texts.of(Action("x", {"n": 1})) == "|a n:1"
    assert texts.of(Action("x", {"n": 2})) == "|a n:2"


def test_memory_is_bounded() -> None:
    texts = Texts(ALL, reward_range=(0.0, 1.0))
    for number in range(45_000):
        texts.of(Action(str(number), {"n": 1}, number.to_bytes(12, "big")))
    assert len(texts._lines) <= 20_000
    assert len(vw_lines._row_texts) <= 20_000


def test_rates_are_shares_of_the_reward_range() -> None:
    def rates(value: float, rewards: tuple[float, float]) -> tuple[str, str]:
        rate, _, tags = loop_text((value, 7.0, 0.0, value), rewards).split()
        return rate, tags

    quarter = ("rate:0.25", "tags:0.25")
    assert rates(0.25, (0.0, 1.0)) == rates(-0.5, (-1.0, 1.0)) == rates(25.0, (0.0, 100.0)) == quarter
    assert rates(1e30, (0.0, 1.0)) == ("rate:1", "tags:1")
    assert rates(float("-inf"), (0.0, 1.0)) == ("rate:0", "tags:0")


def test_a_users_taste_is_a_share_of_the_reward_range_and_the_end_of_the_line() -> None:
    texts = Texts(ALL, reward_range=(-1.0, 1.0))
    unknown, known = completed((0.5, 3.0)), completed((0.5, 3.0, 0.0, 0.5, 0.25, 9.0, -0.5, 4.0))
    one, other = Action("x", {"n": 1}, b"k" * 12, unknown), Action("x", {"n": 1}, b"k" * 12, known)
    assert texts.of(other) == texts.of(one) + " taste:-0.25"
    assert " |r rate:0.75 " in texts.of(one)
    assert taste_text(9.0, (0.0, 1.0)) == " taste:1"
    plain = Texts(PLAIN, reward_range=(0.0, 1.0))
    assert plain.of(other) == plain.of(one) == "|a n:1"
