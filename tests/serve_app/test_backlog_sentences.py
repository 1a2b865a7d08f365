"""What an agent waits for is said in one sentence, with numbers and a cure."""

from __future__ import annotations

from policies.backlog import Backlog
from serve_app.backlog_sentences import is_waiting, told_of


def test_nothing_is_said_where_nothing_waits() -> None:
    for backlog in (None, Backlog(n_block=256, n_blocks=3, gap_s=1800.0)):
        assert (told_of(backlog), is_waiting(backlog)) == ([], False)


def test_steps_sessions_block_and_cures_are_named() -> None:
    (sentence,) = told_of(Backlog(n_sessions=1, n_open=1120, n_finished=7, n_block=256, n_blocks=2, gap_s=1800.0))
    assert sentence == (
        "1,120 steps wait in 1 open session, beside 7 of the 256 finished ones that the next block needs; "
        "nets change only when a block is full (2 so far): "
        "end sessions with POST /v1/sessions/{session}/end (and this loop's name), "
        "else a session is over after 1,800 s without a decision (options.gap_s) once later ones come."
    )


def test_finished_steps_alone_wait_too() -> None:
    (sentence,) = told_of(Backlog(n_finished=7, n_block=256))
    assert sentence == (
        "7 of the 256 finished steps that the next block needs have come, and no session is open; "
        "nets change only when a block is full (0 so far): more sessions must end."
    )


def test_one_is_one() -> None:
    (one,) = told_of(Backlog(n_finished=1, n_block=256))
    assert one.startswith("1 of the 256 finished steps that the next block needs has come")
    (one,) = told_of(Backlog(n_sessions=1, n_open=1, n_block=256))
    assert one.startswith("1 step waits in 1 open session, beside ")


def test_before_there_is_an_encoder_lessons_wait_for_it() -> None:
    (sentence,) = told_of(Backlog(n_early=20, n_fit=256, n_block=256))
    assert sentence.startswith("20 of the first 256 lessons have come, which the features are fitted on; ")
