from __future__ import annotations

from pathlib import Path

import pytest

from simulator.cells import CellError
from simulator.measuring import settled
from simulator.world_options import arranged, data_digest


def test_sizes_are_taken_out_of_the_options() -> None:
    given = {"num_candidates": 20, "drift": 0.0}
    assert arranged(given, n_candidates=None, n_slots=3) == (20, 3, {"drift": 0.0})
    assert given == {"num_candidates": 20, "drift": 0.0}


def test_a_size_given_twice_is_refused() -> None:
    with pytest.raises(CellError, match="slate_size=2 and --slots 3: give one"):
        arranged({"slate_size": 2}, n_candidates=None, n_slots=3)


def test_a_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert arranged({"path": "data"}, n_candidates=None, n_slots=None).options == {"path": str(tmp_path / "data")}


def test_the_digest_is_of_what_is_in_the_files(tmp_path: Path) -> None:
    for name in ("movies.csv", "ratings.csv"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    options = {"path": str(tmp_path)}
    found = [data_digest(options)]
    for name in ("movies.csv", "ratings.csv"):
        (tmp_path / name).write_text("other", encoding="utf-8")
        found.append(data_digest(options))
    assert len({*found, data_digest({}), data_digest({"path": str(tmp_path / "movies.csv")})}) == 5
    assert data_digest(options) == found[-1]


def test_other_data_at_the_same_path_is_another_setting(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    options = {"path": str(file), "label": "y"}
    file.write_text("x,y\n1,a\n2,b\n", encoding="utf-8")
    one = settled("table", n_candidates=None, n_slots=None, options=options)
    file.write_text("x,y\n1,b\n2,a\n", encoding="utf-8")
    other = settled("table", n_candidates=None, n_slots=None, options=options)
    assert one.options == other.options
    assert one != other
