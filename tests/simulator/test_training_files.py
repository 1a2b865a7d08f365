"""Files for people: which are written when, and that one that can't be keeps none of the others back."""

from __future__ import annotations

import json
from pathlib import Path

from simulator.train_options import Request
from simulator.training_files import Files, write_files
from simulator.training_pieces import Failed
from simulator.training_run import Training
from tests.simulator.training_results import piece, result

AGENTS = [piece("slateq", seed) for seed in range(2)]


def finished(n: int = 2) -> Training:
    return Training({one.key: result(one, 2.0, curve=(1.0, 2.0)) for one in AGENTS[:n]})


def written(tmp_path: Path, done: Training, page: Path | None = None) -> Files:
    request = Request(out=tmp_path / "out", write=page or tmp_path / "page.md", command=("slateloop", "train"))
    return write_files(request, AGENTS, done, "## Title\n")


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_finished_there_is_everything(tmp_path: Path) -> None:
    found = written(tmp_path, finished())
    assert names(found.written) == ["settings.json", "summary.md", "page.md"]
    assert names(found.plots) == ["somewhere-learning.png"]
    assert found.unwritten == []
    assert "<!-- train -->\n\n## Title\n" in (tmp_path / "page.md").read_text()
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert [(one["key"], one["seed"], one["code"]) for one in settings["pieces"]] == [
        (one.key, one.seed, "code") for one in AGENTS
    ]


def test_after_a_failure_the_page_stays_as_it_was_and_curves_are_drawn(tmp_path: Path) -> None:
    done = finished(1)
    done.failures.append(Failed(AGENTS[1].title, "ValueError: no"))
    found = written(tmp_path, done)
    assert (names(found.written), len(found.plots)) == (["settings.json", "summary.md"], 1)
    assert not (tmp_path / "page.md").exists()
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert [one["seed"] for one in settings["pieces"]] == [0]


def test_interrupted_there_are_no_curves_either(tmp_path: Path) -> None:
    done = finished(1)
    done.interrupted = True
    found = written(tmp_path, done)
    assert (names(found.written), found.plots) == (["settings.json", "summary.md"], [])


def test_a_page_that_can_not_be_written_keeps_nothing_else_back(tmp_path: Path) -> None:
    (tmp_path / "page.md").mkdir()
    found = written(tmp_path, finished())
    assert (names(found.written), len(found.plots)) == (["settings.json", "summary.md"], 1)
    (why,) = found.unwritten
    assert "page.md can't be written" in why
    assert "give another file with --write" in why
