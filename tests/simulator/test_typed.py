from __future__ import annotations

from pathlib import Path

import pytest

from simulator.typed import shown, typed

HERE = Path("/home/me/project")


@pytest.mark.parametrize(
    ("word", "seen"),
    [
        ("/home/me/project/docs/results.md", "docs/results.md"),
        ("/data/secret/ml-latest-small", "ml-latest-small"),
        ("--path=/data/ml-latest-small", "--path=ml-latest-small"),
        ("--option=path=/data/ml", "--option=path=ml"),
        ("docs/results.md", "docs/results.md"),
        ("vw:epsilon,epsilon=0.05", "vw:epsilon,epsilon=0.05"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("a b", "'a b'"),
    ],
)
def test_a_page_shows_no_folder_of_this_machine(word: str, seen: str) -> None:
    assert shown(("slateloop", word), HERE) == f"slateloop {seen}"


def test_the_command_is_what_the_process_was_called_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [".venv/bin/slateloop", "bakeoff", "--seeds", "2"])
    assert typed() == ("slateloop", "bakeoff", "--seeds", "2")


@pytest.mark.parametrize("key", [["--key", "sl-secret"], ["--key=sl-secret"]])
def test_a_key_is_not_kept(monkeypatch: pytest.MonkeyPatch, key: list[str]) -> None:
    monkeypatch.setattr("sys.argv", ["slateloop", "train", *key, "--publish", "shop"])
    assert typed() == ("slateloop", "train", "--publish", "shop")


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("http://user:pw@host:8000/a", "http://host:8000/a"),
        ("--url=https://user:p@w@host", "--url=https://host"),
        ("redis://:pw@host", "redis://host"),
        ("http://host/a@b?c=d@e", "http://host/a@b?c=d@e"),
        ("a@b", "a@b"),
    ],
)
def test_the_user_of_an_address_is_not_kept(monkeypatch: pytest.MonkeyPatch, word: str, kept: str) -> None:
    monkeypatch.setattr("sys.argv", ["slateloop", "simulate", "--live", word])
    assert typed() == ("slateloop", "simulate", "--live", kept)


def test_a_key_that_is_missing_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["slateloop", "train", "--key"])
    assert typed() == ("slateloop", "train")
