"""Learning curves of trained agents: one PNG per world and budget, the mean over seeds; of several with its interval.

In: pieces and their results. Out: files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.counted import counted
from simulator.comparison import mean_over_seeds
from simulator.plot_style import COLOURS, GREY, Label, annotate_right, dress, finish, focus, panels
from simulator.training_pieces import Piece
from simulator.training_rows import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 130
_HOW = "return of an episode of validation users"
_BAND = "; band: 95 % interval, as far as all seeds went"


def draw_all(pieces: Sequence[Piece], results: Results, folder: Path) -> list[Path]:
    """A PNG for each world in which an agent was trained, and one of its own for the budget where steps are dear.

    Raises:
        MissingExtraError: matplotlib isn't installed.
    """
    done = [one for one in pieces if one.key in results]
    drawn = dict.fromkeys((one.scene.title, one.is_frugal) for one in done if one.sort == "agent")
    paths = []
    for title, is_frugal in drawn:
        folder.mkdir(parents=True, exist_ok=True)
        own = [one for one in done if one.scene.title == title and _is_drawn(one, frugal=is_frugal)]
        path = folder / f"{file_name(title)}{'-frugal' if is_frugal else ''}-learning.png"
        figure(own, results).savefig(path, dpi=DPI)
        paths.append(path)
    return paths


def file_name(title: str) -> str:
    """Of a world: its words, a dash between two."""
    return re.sub(r"[^\w.=+-]+", "-", title).strip("-")


def _is_drawn(piece: Piece, *, frugal: bool) -> bool:
    return piece.sort == "reference" or (piece.sort == "agent" and piece.is_frugal == frugal)


def figure(pieces: Sequence[Piece], results: Results) -> Figure:
    """The curves of one world, and its references as lines."""
    made, axes = panels(1, 1, width=9.5, height=5.0)
    ax, labels, heights = axes[0][0], list[Label](), list[float]()
    names = list(dict.fromkeys(one.who for one in pieces if one.sort == "agent"))
    n_most, n_seeds = 1.0, list[int]()
    for name, colour in zip(names, (*COLOURS, *[GREY] * len(names)), strict=False):
        curves = [results[one.key].curve for one in pieces if one.sort == "agent" and one.who == name]
        n_seeds.append(len(curves))
        looks = list(zip(*curves, strict=False))
        steps = [float(each[0].n_steps) for each in looks]
        over = [mean_over_seeds([one.mean for one in each]) for each in looks]
        means = [one.value for one in over]
        if len(curves) > 1:
            lows, highs = [one.low for one in over], [one.high for one in over]
            ax.fill_between(steps, lows, highs, color=colour, alpha=0.15, linewidth=0)
        ax.plot(steps, means, color=colour, linewidth=2.2, marker="o", markersize=3)
        labels.append(Label(steps[-1], means[-1], name, colour))
        heights += means
        n_most = max(n_most, steps[-1])
    for one in pieces:
        if one.sort == "reference":
            value = results[one.key].mean
            ax.axhline(value, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
            labels.append(Label(n_most, value, one.name, GREY))
            heights.append(value)
    ax.set_xlim(0, n_most)
    focus(ax, heights, room=0.08)
    dress(ax, x="user-steps", y="return of an episode")
    annotate_right(ax, labels)
    return finish(made, f"{pieces[0].scene.title}: learning", _caption(n_seeds))


def _caption(n_seeds: Sequence[int]) -> str:
    """How to read the curves, of so many seeds each."""
    least, most = min(n_seeds), max(n_seeds)
    of = counted(most, "seed") if least == most else f"{least} to {most} seeds"
    return f"{_HOW}, {'mean over ' if most > 1 else ''}{of}" + _BAND * (most > 1)
