from __future__ import annotations

from serve_app.memo import Memo


def test_what_is_asked_for_stays_and_what_is_not_goes() -> None:
    memo: Memo[int, str] = Memo(100)
    for number in range(1000):
        memo.put(number, str(number), 10)
        assert memo.get(0) == "0" or number == 0
        assert len(memo) <= 20
    assert memo.get(999) == "999"
    assert memo.get(500) is None


def test_what_is_larger_than_the_limit_is_not_kept() -> None:
    memo: Memo[str, str] = Memo(100)
    memo.put("a", "x", 101)
    assert memo.get("a") is None
    memo.put("b", "x", 100)
    assert memo.get("b") == "x"
