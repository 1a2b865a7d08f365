"""The traps of a Vowpal Wabbit workspace, each closed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from policies.base import PolicyError
from policies.vw_workspace import Workspace

ARGUMENTS = "--cb_explore_adf --epsilon 0.2"
TEXT = "shared |c x\n|a one\n|a two"


def test_saved_bytes_load_again() -> None:
    workspace = Workspace.make(ARGUMENTS)
    lines = workspace.parse(TEXT)
    workspace.label(lines[2], cost=-1.0, propensity=0.5)
    workspace.learn(lines)
    workspace.finish(lines)
    loaded = Workspace.load(workspace.save())
    lines = loaded.parse(TEXT)
    assert loaded.predict(lines) == pytest.approx([0.1, 0.9])
    loaded.finish(lines)
    assert loaded.save() == Workspace.load(loaded.save()).save()


@pytest.mark.parametrize("model", [b"", b"no model", bytes(range(256))])
def test_other_bytes_are_refused(model: bytes) -> None:
    with pytest.raises(PolicyError, match=f"{len(model)} bytes are no Vowpal Wabbit model"):
        Workspace.load(model)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(PolicyError, match="refuses '--no-such'"):
        Workspace.make("--no-such")


def test_a_closed_workspace_refuses_everything_but_a_second_close() -> None:
    workspace = Workspace.make(ARGUMENTS)
    lines = workspace.parse(TEXT)
    workspace.close()
    workspace.close()
    assert workspace.is_closed
    for use in (workspace.save, lambda: workspace.parse(TEXT), lambda: workspace.predict(lines)):
        with pytest.raises(PolicyError, match="closed"):
            use()
    workspace.finish(lines)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads resident memory from /proc")
def test_finished_lines_do_not_leak() -> None:
    workspace = Workspace.make(ARGUMENTS)
    text = TEXT + "\n|a three" * 8

    def use(times: int) -> None:
        for _ in range(times):
            workspace.finish(workspace.parse(text))

    use(200)
    before = resident_bytes()
    use(2000)  # Unfinished, these would keep about 600 MB.
    assert resident_bytes() - before < 20_000_000
