from __future__ import annotations

import sys

import pytest

from envs.packaged_tables import TABLES, table
from envs.tables import TableError


@pytest.mark.parametrize(
    ("name", "n_rows", "n_features", "classes"),
    [
        ("digits", 1797, 64, tuple("0123456789")),
        ("breast-cancer", 569, 30, ("benign", "malignant")),
        ("wine", 178, 13, ("class_0", "class_1", "class_2")),
        ("iris", 150, 4, ("setosa", "versicolor", "virginica")),
        ("words", 1500, 1, tuple(f"topic-{number}" for number in range(8))),
    ],
)
def test_packaged_tables(name: str, n_rows: int, n_features: int, classes: tuple[str, ...]) -> None:
    found = table(name)
    assert (len(found.rows), {len(row) for row in found.rows}, found.classes) == (n_rows, {n_features}, classes)


def test_features_are_raw_under_their_names() -> None:
    row = table("breast-cancer").rows[0]
    assert (row["mean radius"], row["worst area"]) == (17.99, 2019.0)


def test_words_are_many_and_rare_and_always_the_same() -> None:
    rows = table("words").rows
    words = {word for row in rows for word in row["words"]}
    assert len(words) > 2000
    assert max(len(row["words"]) for row in rows) == 12
    assert rows == table("words").rows


def test_every_table_is_a_preset() -> None:
    from envs.presets import PRESETS

    named = {name for name, preset in PRESETS.items() if preset.options.get("data")}
    assert named == set(TABLES)


def test_an_unknown_table_names_those_there_are() -> None:
    with pytest.raises(TableError, match=r"data='nonsense': no such table; choose one of digits, .*path and label"):
        table("nonsense")


def test_without_scikit_learn_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(TableError, match=r"data='iris' needs scikit-learn.*pip install 'slateloop\[experiments\]'"):
        table("iris")
    assert table("words").rows
