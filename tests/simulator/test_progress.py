from __future__ import annotations

import dataclasses
import io

from rich.console import Console

from simulator.measuring import Failure
from simulator.progress import progress, summary
from tests.simulator.measured import cell, cell_record, yardstick_record


def run(console: Console) -> None:
    with progress(console) as screen:
        screen.begin(3, 1, 1, cell().title)
        screen.finished(cell(), cell_record())
        screen.finished(cell(seed=1), Failure(cell(seed=1), "WorldError: [red] ended"))


def test_a_pipe_gets_a_line_per_finished_piece() -> None:
    out = io.StringIO()
    run(Console(file=out, width=40))
    assert out.getvalue().splitlines() == [
        "3 pieces of work, 1 of them finished before, 1 measured again since other code measured it; "
        "beginning with news, vw, seed 0",
        "[2/3] news, vw, seed 0: click rate 0.4 in arm learned, 1.5 s",
        "[3/3] news, vw, seed 1: failed: WorldError: [red] ended",
    ]


def test_a_terminal_gets_a_bar_and_keeps_the_failures() -> None:
    out = io.StringIO()
    run(Console(file=out, width=100, force_terminal=True, color_system=None))
    assert "3/3" in out.getvalue()
    assert "failed: WorldError: [red] ended" in out.getvalue()


def test_what_a_piece_waits_for_is_a_line_or_stands_beside_the_bar() -> None:
    plain, terminal = io.StringIO(), io.StringIO()
    for out, is_terminal in ((plain, False), (terminal, True)):
        with progress(Console(file=out, width=120, force_terminal=is_terminal, color_system=None)) as screen:
            screen.doing("before the bar there is no place for it")
            screen.begin(3, 0, 0, cell().title)
            screen.doing("news: [waiting] for its agent")
    assert plain.getvalue().splitlines()[-1] == "news: [waiting] for its agent"
    assert "news: [waiting] for its agent" in terminal.getvalue()
    assert "before the bar" not in terminal.getvalue()


def test_a_run_in_which_no_episode_ended_says_what_to_do() -> None:
    found = cell_record(per="episode")
    ongoing = tuple(dataclasses.replace(one, n_episodes=0, ended_kpi_sum=0.0) for one in found.blocks)
    assert summary(cell(), dataclasses.replace(found, blocks=ongoing)) == (
        "news, vw, seed 0: no episode ended in the 200 requests of arm learned; ask for more (--requests)"
    )


def test_references_say_how_long_they_took() -> None:
    assert summary(yardstick_record().yardstick, yardstick_record()) == "news, references, seed 0: 0.5 s"
