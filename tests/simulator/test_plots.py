from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator.cells import Setting
from simulator.extras import MissingExtraError, load
from simulator.plot_style import COLOURS, spread
from simulator.plots import draw_all, figures, file_name
from simulator.records import CellRecord, YardstickRecord
from tests.simulator.measured import cell_record, yardstick_record


def measured() -> tuple[list[CellRecord], list[YardstickRecord]]:
    cells = [cell_record(name, seed, reward=0.3 + 0.1 * seed) for name in ("vw", "uniform") for seed in (0, 1)]
    return cells, [yardstick_record(0), yardstick_record(1)]


def texts(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_every_world_gets_four_images_that_are_not_blank(tmp_path: Path) -> None:
    image = load("matplotlib.image", "tests")
    paths = draw_all(*measured(), tmp_path / "plots")
    assert [path.name for path in paths] == [
        f"news-{name}.png" for name in ("reward", "regret", "shown", "propensities")
    ]
    for path in paths:
        pixels = image.imread(path)
        assert pixels.shape[0] > 300
        assert pixels[..., :3].std() > 0.02


def test_reward_is_labelled_with_units_and_lines_with_their_names() -> None:
    figure = figures(*measured())["reward"]
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("requests to the loop", "reward per slate")
    assert sorted(texts(axes)) == sorted(["vw", "uniform", "popularity, beside vw", "random", "myopic", "informed"])
    title = figure.get_suptitle()
    assert "news" in title
    assert "2 seeds" in title


def test_a_line_and_its_name_have_one_colour_and_popularity_that_of_its_neighbour() -> None:
    (axes,) = figures(*measured())["reward"].axes
    names = {text.get_text(): text.get_color() for text in axes.texts}
    assert (names["vw"], names["uniform"]) == COLOURS[:2]
    assert names["popularity, beside vw"] == names["vw"]


def test_the_kpi_has_axes_of_its_own_only_where_it_is_something_else() -> None:
    cells, yardsticks = measured()
    for block in cells[0].blocks:
        block.kpi_sum = 60 * block.reward_sum
    assert len(figures(cells[:1], yardsticks)["reward"].axes) == 1, "another unit is not another thing"
    cells[0].blocks[3].kpi_sum = 0.0
    figure = figures(cells[:1], yardsticks)["reward"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["reward per slate", "click rate"]


def test_regret_is_in_slates_of_the_arm_or_in_episodes() -> None:
    cells, yardsticks = measured()
    assert figures(cells, yardsticks)["regret"].axes[0].get_xlabel() == "slates shown by the arm"
    by_episode = [dataclasses.replace(one, per="episode") for one in cells]
    assert figures(by_episode, yardsticks)["regret"].axes[0].get_xlabel() == "episodes ended in the arm"


def test_one_seed_and_no_references_can_be_drawn() -> None:
    drawn = figures([cell_record()], [])
    assert list(drawn) == ["reward", "shown", "propensities"]
    assert drawn["reward"].get_suptitle().endswith(" requests, 1 seed")
    assert not drawn["reward"].axes[0].collections, "no band is drawn"


def test_shares_are_in_percent_by_policy_and_arm() -> None:
    axes = figures(*measured())["shown"].axes
    assert [one.get_title() for one in axes[:2]] == ["vw (arm learned)", "uniform"]
    assert [one.get_ylabel() for one in axes[::2]] == ["share of slots shown (%)", "share of slates (%)"]
    assert sorted(texts(axes[2])) == ["learned", "popularity"]


def test_propensities_are_between_0_and_1() -> None:
    figure = figures(*measured())["propensities"]
    assert [axes.get_xlim() for axes in figure.axes] == [(0.0, 1.0)] * 2
    assert figure.axes[0].get_xlabel() == "propensity of what was shown"


def test_files_are_named_by_world_and_options() -> None:
    record = cell_record()
    setting = Setting("news", 10, 3, {"drift": 0.5, "path": "a/b"})
    assert file_name(record) == "news"
    other = dataclasses.replace(record, cell=dataclasses.replace(record.cell, setting=setting))
    assert file_name(other) == "news-drift-0.5-path-b"


def test_labels_are_pushed_apart_as_little_as_needed() -> None:
    assert spread([0.1, 0.5], 0.2) == pytest.approx([0.1, 0.5])
    assert spread([0.5, 0.5], 0.2) == pytest.approx([0.4, 0.6])
    assert spread([0.1, 0.45, 0.5, 0.55], 0.2) == pytest.approx([0.1, 0.3, 0.5, 0.7])
    assert spread([], 0.2) == []


def test_drawing_touches_no_global_state() -> None:
    code = "import sys, simulator.plots; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_missing_package_is_told_with_its_cure() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'slateloop\[experiments\]'"):
        load("matplotlib_is_not_here", "drawing plots")


def test_a_run_in_which_nobody_left_yet_can_be_drawn(tmp_path: Path) -> None:
    record, gauge = cell_record(per="episode"), dataclasses.replace(yardstick_record(), per="episode")
    for block in (*record.blocks, *gauge.blocks):
        block.n_episodes, block.ended_reward_sum, block.ended_kpi_sum = 0, 0.0, 0.0
    for path in draw_all([record], [gauge], tmp_path):
        assert path.stat().st_size > 0
