from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from simulator.records import Record, code_digest, from_text, meaning_of, measuring_files, to_text
from simulator.results import Folder, ResultsError
from tests.simulator.measured import SETTING, cell, cell_record, yardstick_record


def read(path: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pyarrow.parquet.read_table(path).to_pylist()
    return rows


def test_a_record_comes_back_as_it_was() -> None:
    for record in (cell_record("vw:bag,epsilon=0.1"), yardstick_record()):
        assert from_text(to_text(record)) == record


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "what": "cell"}', '{"format": 0}', "null"])
def test_a_broken_document_is_none(text: str) -> None:
    assert from_text(text) is None


def test_finished_work_is_found_by_its_settings(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "out")
    record = cell_record()
    assert folder.find(record.cell) is None
    folder.keep(record)
    assert Folder(tmp_path / "out").find(cell()) == record
    assert folder.find(cell(seed=1)) is None


def test_a_half_written_file_is_measured_anew(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.keep(cell_record())
    file = next((tmp_path / "finished").iterdir())
    file.write_text(file.read_text(encoding="utf-8")[:200], encoding="utf-8")
    assert folder.find(cell()) is None
    assert folder.records() == []


def test_a_file_under_a_wrong_name_is_not_believed(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    (tmp_path / "finished" / f"{cell(seed=1).key}.json").write_text(to_text(cell_record()), encoding="utf-8")
    assert folder.find(cell(seed=1)) is None


def test_the_table_has_a_row_per_cell_arm_and_block(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for seed in (0, 1):
        folder.keep(cell_record(seed=seed))
    results, propensities, shown, _ = folder.write_tables()
    rows = read(results)
    assert len(rows) == 2 * 40 * 2
    assert rows[0] == {
        "cell": cell().key,
        "code": code_digest(),
        "world": "news",
        "world_options": "{}",
        "n_candidates": 10,
        "slate_size": 3,
        "policy": "vw",
        "policy_kind": "vw",
        "policy_options": "{}",
        "seed": 0,
        "via": "process",
        "n_requests_in_cell": 400,
        "kpi": "click rate",
        "per": "slate",
        "arm": "learned",
        "block": 0,
        "first_request": 0,
        "last_request": 9,
        "n_requests": 10,
        "n_slates": 5,
        "n_episodes": 1,
        "n_slots": 15,
        "reward_sum": 2.0,
        "kpi_sum": 2.0,
        "ended_reward_sum": 4.0,
        "ended_kpi_sum": 4.0,
        "decide_s": 0.1,
        "learn_s": 0.2,
        "mean_propensity": 0.5,
    }
    assert len(read(propensities)) == 2 * 40 * 2
    first = read(propensities)[0]
    assert (first["above"], first["up_to"], first["n_slots"]) == (0.45, 0.5, 15)
    assert [(row["label"], row["n_slots"]) for row in read(shown)[:2]] == [("music", 5), ("sport", 10)]


def test_types_do_not_depend_on_what_was_measured(tmp_path: Path) -> None:
    empty, full = Folder(tmp_path / "empty"), Folder(tmp_path / "full")
    full.keep(cell_record())
    full.keep(yardstick_record())
    for one, other in zip(empty.write_tables(), full.write_tables(), strict=True):
        assert pyarrow.parquet.read_schema(one) == pyarrow.parquet.read_schema(other)


def test_references_have_a_table_of_their_own(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.keep(yardstick_record())
    rows = read(folder.write_tables()[3])
    assert {(row["world"], row["seed"]) for row in rows} == {(SETTING.preset, 0)}
    assert [row["chooser"] for row in rows[::40]] == ["random", "myopic", "informed"]
    assert rows[0]["reward_sum"] == pytest.approx(1.0)
    found = (rows[0]["yardstick"], rows[0]["n_requests_in_yardstick"], rows[0]["code"])
    assert found == (yardstick_record().yardstick.key, 400, code_digest())


def test_the_tables_hold_only_what_is_chosen(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for one in (cell_record(), cell_record(seed=1), yardstick_record()):
        folder.keep(one)
    chosen = [cell_record(seed=1)]
    results, *_, references = folder.write_tables(chosen)
    assert {row["seed"] for row in read(results)} == {1}
    assert read(references) == []
    settings = json.loads(folder.write_settings(["slateloop"], chosen).read_text(encoding="utf-8"))
    assert [one["seed"] for one in settings["cells"]] == [1]
    assert settings["yardsticks"] == []


def test_the_digest_is_of_all_that_measures_and_of_nothing_that_prints() -> None:
    root = Path(__file__).resolve().parents[2]
    found = {path.relative_to(root).as_posix() for path in measuring_files(root)}
    names = (
        "measuring",
        "memory_log",
        "offering",
        "service",
        "env_users",
        "in_process",
        "at_once",
        "traffic",
        "pacing",
    )
    assert found >= {f"simulator/{name}.py" for name in names}
    assert found >= {"envs/news.py", "policies/registry.py", "agent/arms.py"}
    assert not found & {f"simulator/{name}.py" for name in ("plots", "comparison_report", "simulate_command")}


def test_the_digest_is_not_of_what_only_words_errors() -> None:
    root = Path(__file__).resolve().parents[2]
    wording = {root / "envs" / "spelling.py", root / "policies" / "spelling.py"}
    assert all(path.exists() for path in wording)
    assert wording.isdisjoint(measuring_files(root))


def test_comments_docstrings_and_layout_are_not_measured() -> None:
    plain = "LIMIT = 3\n\ndef f(a: int) -> int:\n    return a + LIMIT\n"
    told = (
        '"""A module."""\n# why\nLIMIT = 3  # so many\n"""A constant."""\n\n\n'
        'def f(\n    a: int,\n) -> int:\n    """One more."""\n    return (a + LIMIT)\n'
    )
    assert meaning_of(told) == meaning_of(plain)
    assert meaning_of(plain.replace("3", "4")) != meaning_of(plain)
    assert meaning_of(plain.replace("a + LIMIT", "'a + LIMIT'")) != meaning_of(plain)


def test_the_tables_do_not_depend_on_who_finished_first(tmp_path: Path) -> None:
    records: list[Record] = [
        cell_record(seed=1),
        cell_record(),
        cell_record("uniform"),
        yardstick_record(1),
        yardstick_record(),
    ]
    one, other = Folder(tmp_path / "one"), Folder(tmp_path / "other")
    for record in records:
        one.keep(record)
    for record in reversed(records):
        other.keep(record)
    assert [read(path) for path in one.write_tables()] == [read(path) for path in other.write_tables()]


def test_the_settings_say_how_to_measure_it_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.keep(cell_record("vw:bag"))
    settings = json.loads(folder.write_settings(["slateloop", "simulate"]).read_text(encoding="utf-8"))
    assert settings["command"] == ["slateloop", "simulate"]
    assert settings["packages"]["numpy"]
    (found,) = settings["cells"]
    assert found["policy"] == {"name": "vw:bag", "kind": "vw", "options": {"explorer": "bag"}}
    assert (found["seed"], found["n_requests"], found["loop_settings"]) == (0, 400, {"floor": 0.02})


def test_a_folder_that_is_a_file_is_refused_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ResultsError, match="--out"):
        Folder(tmp_path / "file")
