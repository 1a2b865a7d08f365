from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from envs.tables import MOST_CLASSES, MOST_COLUMNS, N_WORDS, Table, TableError, read_csv

GOOD = "age,city,note,plan\n41,Bonn,,gold\n, Köln ,seen,basic\n 3.5,Bonn,nan,gold\n"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "people.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_numbers_are_numbers_words_are_words_and_empty_is_missing(tmp_path: Path) -> None:
    table = read_csv(written(tmp_path, GOOD), "plan")
    assert table.rows == [{"age": 41.0, "city": "Bonn"}, {"city": "Köln", "note": "seen"}, {"age": 3.5, "city": "Bonn"}]
    assert table.labels == ["gold", "basic", "gold"]
    assert table.classes == ("basic", "gold")
    assert table.truth.tolist() == [1, 0, 1]


def test_one_word_makes_a_column_words(tmp_path: Path) -> None:
    table = read_csv(written(tmp_path, "code,y\n1,a\ninf,b\n"), "y")
    assert [row["code"] for row in table.rows] == ["1", "inf"]


def test_vectors_hold_numbers_and_a_column_for_each_word() -> None:
    rows: list[dict[str, Any]] = [{"n": 2.0, "w": "b"}, {"w": "a"}, {"n": 1.0, "w": "b"}]
    assert Table("t", rows, ["x", "y", "x"]).vectors.tolist() == [[2.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]


def test_lists_of_words_are_told_apart_word_by_word_up_to_a_limit() -> None:
    rows = [{"w": ["x", f"w{number}"]} for number in range(50)]
    vectors = Table("t", rows, ["a", "b"] * 25).vectors
    assert vectors.shape == (50, N_WORDS)
    assert vectors[:, 0].tolist() == [1.0] * 50


@pytest.mark.parametrize(
    ("text", "label", "says"),
    [
        (GOOD, "tier", r"people\.csv: has no column 'tier' \(label\); its columns are age, city, note, plan"),
        ("a,y\n1,x\n2\n", "y", r"line 3: 1 values for 2 columns"),
        ("a,y\n1,x\n2,\n", "y", r"line 3: column 'y' \(label\) is empty"),
        ("a,a,y\n1,2,x\n", "y", "column name 'a' is empty or there twice"),
        ("a,y\n", "y", "holds no rows"),
        ("", "y", "has no column 'y'"),
        ("a,y\n1,x\n2,x\n", "y", "every row has the label 'x'"),
        ("y\nx\nz\n", "y", f"0 columns beside 'y'; give 1 to {MOST_COLUMNS}"),
        (b"a,y\n\xff\xfe,x\n", "y", "not a CSV file in UTF-8"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(tmp_path: Path, text: str | bytes, label: str, says: str) -> None:
    with pytest.raises(TableError, match=says):
        read_csv(written(tmp_path, text), label)


def test_a_number_is_no_label(tmp_path: Path) -> None:
    text = "a,y\n" + "".join(f"1,{number}.5\n" for number in range(MOST_CLASSES + 1))
    with pytest.raises(TableError, match=f"{MOST_CLASSES + 1} different labels .* more than {MOST_CLASSES}"):
        read_csv(written(tmp_path, text), "y")


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"no\.csv: No such file"):
        read_csv(tmp_path / "no.csv", "y")


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    table = read_csv(written(tmp_path, "\ufeffa,y\n1,x\n\n2,z\n"), "y")
    assert table.rows == [{"a": 1.0}, {"a": 2.0}]
