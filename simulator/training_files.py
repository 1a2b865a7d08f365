"""What ``slateloop train`` writes for people once it is over: settings, page and curves.

In: what was asked for and what came of it. Out: files; and what couldn't be written, since a full disk is no reason to
show nobody what was measured.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from simulator import machine, training_plots
from simulator.results import ResultsError, unwritable
from simulator.results_page import write_section
from simulator.train_options import Request
from simulator.training_folder import TrainingFolder
from simulator.training_pieces import Piece
from simulator.training_run import Training


class Files(NamedTuple):
    """Where they are.

    Attributes:
        written: Settings, summary and the page.
        plots: PNGs.
        unwritten: Why others aren't there, each with a cure.
    """

    written: list[Path]
    plots: list[Path]
    unwritten: list[str]


def write_files(request: Request, pieces: Sequence[Piece], done: Training, page: str) -> Files:
    """Write what there is; the page of ``--write`` and the plots only once everything is finished.

    Args:
        request: What was asked for.
        pieces: All of them.
        done: What came of them.
        page: Markdown.
    """
    found, folder, to_page = Files([], [], []), TrainingFolder(request.out), request.write
    _try(found, found.written, lambda: [folder.write_text("settings.json", _settings(request, pieces, done))])
    _try(found, found.written, lambda: [folder.write_text("summary.md", page)])
    if to_page is not None and not done.failures and not done.interrupted:
        _try(found, found.written, lambda: [write_section(to_page, request.section, page)])
    if request.plots and not done.interrupted:
        _try(found, found.plots, lambda: training_plots.draw_all(pieces, done.results, request.out / "plots"))
    return found


def _try(found: Files, to: list[Path], write: Callable[[], list[Path]]) -> None:
    try:
        to += write()
    except ResultsError as error:
        found.unwritten.append(str(error))
    except OSError as error:
        found.unwritten.append(str(unwritable(error)))


def _settings(request: Request, pieces: Sequence[Piece], done: Training) -> str:
    found = {
        "command": list(request.command),
        "machine": machine.facts(),
        "pieces": [
            {"key": one.key, "code": done.results[one.key].code, **dataclasses.asdict(one)}
            for one in pieces
            if one.key in done.results
        ],
    }
    return json.dumps(found, indent=2, sort_keys=True) + "\n"
