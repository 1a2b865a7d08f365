"""The body of ``slateloop replay movielens``: recorded users through a running service, and the page of their rewards.

In: a ``Request`` and a client of the service. Out: the ``Run``; it may fill a section of a page. It knows no HTTP; the
command line hands the client in.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.loops import PolicySettings
from simulator import machine, replay_page
from simulator.cells import CellError, parse_policy
from simulator.datasets import DatasetError, load_movielens, tens
from simulator.replay import course
from simulator.replay_options import Request
from simulator.results import ResultsError
from simulator.results_page import require_page, write_section
from simulator.run import Course, Drive, Run
from simulator.typed import shown

SECTION = "replay"
EXPLAINED = (DatasetError, CellError, ResultsError)
"""Errors whose message names value and cure."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything settled."""

    course: Course
    drive: Drive


def plan_of(request: Request) -> Plan:
    """Everything settled, so that mistakes are told before anyone is called.

    Raises:
        DatasetError: the data can't be read.
        CellError: the policy is written wrongly.
        ResultsError: the page can't be written.
    """
    policy = _policy(request.policy)
    if request.write is not None:
        require_page(request.write, SECTION)
    found = tens(load_movielens(request.path), request.seed)
    n_wanted = min(request.limit or len(found), len(found))
    drive = Drive(rate=request.rate, max_lag=request.max_lag, n_wanted=n_wanted)
    return Plan(course(request.loop, found, policy=policy), drive)


def publish(request: Request, run: Run) -> str:
    """Fill the section of the page, if one is wanted.

    Returns:
        What someone must know: why the page wasn't written; empty where nothing is amiss.

    Raises:
        ResultsError: the page can't be written.
    """
    if request.write is None:
        return ""
    if run.tally.n != run.drive.n_wanted:
        return f"{request.write} was not written: only {run.tally.n:,} of {run.drive.n_wanted:,} requests were sent"
    if run.gate.n_at_start:
        return f"{request.write} was not written: the loop had learned before; another loop name starts afresh"
    text = replay_page.markdown(run, command=shown(request.command), seed=request.seed, machine=machine.sentence())
    write_section(request.write, SECTION, text)
    return ""


def _policy(text: str) -> PolicySettings:
    if not text:
        return PolicySettings()
    choice = parse_policy(text)
    if choice.is_static:
        raise CellError(f"policy {text!r} learns nothing, so it can't be the learned arm; give one that learns")
    return PolicySettings(kind=choice.kind, options=dict(choice.options))
