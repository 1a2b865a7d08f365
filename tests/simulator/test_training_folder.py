from __future__ import annotations

import json
from pathlib import Path

from simulator.training_folder import TrainingFolder, agent_file, finished_in
from tests.simulator.training_results import piece, result


def test_what_is_kept_says_what_it_came_of(tmp_path: Path) -> None:
    pieces = [piece("slateq", 0), piece("linear", 1, sort="bandit"), piece("random", sort="reference")]
    folder = TrainingFolder(tmp_path)
    for number, one in enumerate(pieces):
        folder.keep(one, result(one, float(number), curve=(1.0,), start=b"an agent" if number == 0 else b""))
    found = {one.key: (one, kept.mean) for one, kept in finished_in(tmp_path)}
    assert found == {one.key: (one, float(number)) for number, one in enumerate(pieces)}
    assert agent_file(tmp_path, pieces[0]).read_bytes() == b"an agent"


def test_what_is_broken_or_says_nothing_or_something_else_is_left_out(tmp_path: Path) -> None:
    folder, one, other = TrainingFolder(tmp_path), piece("slateq", 0), piece("slateq", 1)
    for each in (one, other):
        folder.keep(each, result(each, 1.0, start=b"an agent"))
    file = tmp_path / "finished" / f"{one.key}.json"
    whole = json.loads(file.read_text())
    for wrong in ({"piece": None}, {"key": other.key}, {"piece": {**whole["piece"], "seed": 7}}, {"mean": "much"}):
        file.write_text(json.dumps(whole | wrong))
        assert [found.seed for found, _ in finished_in(tmp_path)] == [1], wrong
    file.write_text(json.dumps(whole))
    assert len(list(finished_in(tmp_path))) == 2


def test_looking_makes_no_folder(tmp_path: Path) -> None:
    assert list(finished_in(tmp_path / "nowhere")) == []
    assert list(tmp_path.iterdir()) == []
