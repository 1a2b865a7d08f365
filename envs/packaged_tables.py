"""Tables that come with packages, and one that is made: data to measure on without a download.

In: a name. Out: a ``Table``. scikit-learn is loaded when one of its tables is asked for, and not before.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from envs.tables import Table, TableError, rows_of

INSTALL = "pip install 'slateloop[experiments]'"
N_ROWS, N_TOPICS, N_WORDS, N_OWN_WORDS, LENGTH, SHARE_OWN = 1500, 8, 3000, 60, 12, 0.35


def table(name: str) -> Table:
    """A table of ``TABLES``.

    Raises:
        TableError: there is none of this name, or its package isn't installed.
    """
    if name not in TABLES:
        raise TableError(f"data={name!r}: no such table; choose one of {', '.join(TABLES)}, or give path and label")
    return TABLES[name]()


def _of_sklearn(name: str, loader: str, *, is_named: bool) -> Table:
    """Features under scikit-learn's names; labels are its names of the classes, or their numbers."""
    try:
        datasets: Any = importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise TableError(f"data={name!r} needs scikit-learn, which isn't installed: {INSTALL}") from error
    found = getattr(datasets, loader)()
    columns = dict(zip(map(str, found.feature_names), found.data.T.tolist(), strict=True))
    labels = [str(found.target_names[number]) if is_named else str(number) for number in found.target.tolist()]
    return Table(name, rows_of(columns, len(labels)), labels)


def _words() -> Table:
    """Made: short texts of many rare words, each with one of 8 topics; always the same 1,500.

    A word is one of its topic's own 60 with chance 0.35, else one of 3,000 that all topics share, the k-th most
    frequent with weight 1 / k.
    """
    dice = np.random.default_rng(20)
    weights = 1.0 / np.arange(1, N_WORDS + 1)
    topics = dice.integers(N_TOPICS, size=N_ROWS)
    shared = dice.choice(N_WORDS, size=(N_ROWS, LENGTH), p=weights / weights.sum())
    own = N_WORDS + topics[:, np.newaxis] * N_OWN_WORDS + dice.integers(N_OWN_WORDS, size=(N_ROWS, LENGTH))
    drawn = np.where(dice.random((N_ROWS, LENGTH)) < SHARE_OWN, own, shared).tolist()
    rows = [{"words": [f"w{word}" for word in dict.fromkeys(words)]} for words in drawn]
    return Table("words", rows, [f"topic-{topic}" for topic in topics.tolist()])


TABLES: Mapping[str, Callable[[], Table]] = {
    "digits": partial(_of_sklearn, "digits", "load_digits", is_named=False),
    "breast-cancer": partial(_of_sklearn, "breast-cancer", "load_breast_cancer", is_named=True),
    "wine": partial(_of_sklearn, "wine", "load_wine", is_named=True),
    "iris": partial(_of_sklearn, "iris", "load_iris", is_named=True),
    "words": _words,
}
"""Name → maker. Sources: scikit-learn's copies of UCI data sets (digits, breast cancer Wisconsin, wine, iris)."""
