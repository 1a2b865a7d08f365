from __future__ import annotations

import dataclasses
from pathlib import Path

from simulator.train import FRUGAL
from simulator.training_plots import draw_all, figure, file_name
from tests.simulator.training_results import log, log_result, piece, result


def test_each_budget_has_a_picture_of_its_own_beside_the_references(tmp_path: Path) -> None:
    agents = [piece("slateq", seed) for seed in range(2)]
    frugal = dataclasses.replace(piece("slateq"), budget=FRUGAL)
    random, logged = piece("random", sort="reference"), log("slateq")
    pieces = [random, *agents, frugal, logged]
    results = {one.key: result(one, 2.0, curve=(1.0, 2.0)) for one in (random, *agents, frugal)}
    results[logged.key] = log_result(logged, 1.0, 2.0)
    paths = draw_all(pieces, results, tmp_path)
    assert [path.name for path in paths] == ["somewhere-learning.png", "somewhere-frugal-learning.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    drawn = figure([random, *agents], results)
    (ax,) = drawn.axes
    assert len(ax.collections) == 1, "a band over two seeds"
    assert {text.get_text() for text in ax.texts} >= {"slateq", "random"}
    assert "users, mean over 2 seeds; band: 95 % interval" in drawn.get_suptitle()
    assert draw_all([random, logged], results, tmp_path / "none") == []
    assert file_name("shop (10 candidates, 2 slots, x=-1.5)") == "shop-10-candidates-2-slots-x=-1.5"


def test_one_seed_has_no_band_and_no_words_of_one() -> None:
    alone = piece("slateq")
    drawn = figure([alone], {alone.key: result(alone, 2.0, curve=(1.0, 2.0))})
    assert not drawn.axes[0].collections
    assert drawn.get_suptitle().endswith("\nreturn of an episode of validation users, 1 seed")
