"""How plots look: a palette that colour-blind readers can tell apart, a light grid, names beside the lines.

In: axes of matplotlib. Out: the same axes, dressed. matplotlib is loaded only when something is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from simulator import extras

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#444444")
"""Source: Okabe and Ito, Color Universal Design, without its yellow, which is lost on white."""

GREY = "#8A8A8A"
_GAP = 0.055


def panels(
    n_rows: int,
    n_columns: int,
    *,
    width: float,
    height: float,
    heights: Sequence[float] | None = None,
    share_y: bool = False,
) -> tuple[Figure, list[list[Axes]]]:
    """A figure of a grid of axes, without any global state.

    Args:
        n_rows: Of the grid.
        n_columns: Of the grid.
        width: Of one column, in inches.
        height: Of the figure, in inches.
        heights: Relative heights of the rows.
        share_y: One y axis for a row.

    Raises:
        MissingExtraError: matplotlib isn't installed.
    """
    module = extras.load("matplotlib.figure", "drawing plots")
    figure = module.Figure(figsize=(width * n_columns, height), layout="constrained")
    axes = figure.subplots(
        n_rows, n_columns, squeeze=False, height_ratios=heights, sharey="row" if share_y else False, sharex=False
    )
    return figure, axes.tolist()


def dress(ax: Axes, *, x: str, y: str) -> None:
    """Axis labels, a light grid, no box."""
    ticker = extras.load("matplotlib.ticker", "drawing plots")
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.grid(visible=True, color="#E4E4E4", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9)
    if ax.get_xlim()[1] >= 1000:
        ax.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: thousands(value)))
    if ax.get_ylim()[1] >= 1000:
        ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: thousands(value)))


class Label(NamedTuple):
    """A name for a line that ends at this point, in data."""

    x: float
    y: float
    name: str
    colour: str


def annotate_right(ax: Axes, labels: Sequence[Label]) -> None:
    """Names right of the axes, joined to where their lines end, pushed apart where they would overlap.

    The limits of the axes must be settled.
    """
    low, high = ax.get_ylim()
    wanted = sorted(labels, key=lambda label: label.y)
    places = spread([(label.y - low) / (high - low) for label in wanted])
    for label, place in zip(wanted, places, strict=True):
        ax.annotate(
            label.name,
            xy=(label.x, label.y),
            xytext=(1.03, place),
            xycoords="data",
            textcoords="axes fraction",
            va="center",
            fontsize=9,
            color=label.colour,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": label.colour,
                "linewidth": 0.7,
                "alpha": 0.7,
                "shrinkA": 1,
                "shrinkB": 0,
                "relpos": (0.0, 0.5),
            },
        )


def focus(ax: Axes, heights: Sequence[float], *, room: float = 0.3) -> None:
    """Limit the y axis to these heights and a share of room, so that wide bands can't flatten the lines."""
    known = [height for height in heights if not math.isnan(height)]
    if not known:
        return
    least, most = min(known), max(known)
    margin = room * (most - least) or 0.1 * abs(most) or 1.0
    ax.set_ylim(least - margin, most + margin)


def spread(heights: Sequence[float], gap: float = _GAP) -> list[float]:
    """Sorted heights moved as little as needed so that each is at least a gap above the one before.

    Groups that touch are centred on the mean of where their members wanted to be.
    """
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _bottom(groups[-1], gap) - _top(groups[-2], gap) < gap:
            last = groups.pop()
            groups[-1] += last
    return [_bottom(group, gap) + number * gap for group in groups for number in range(len(group))]


def finish(figure: Figure, title: str, subtitle: str) -> Figure:
    """The title, and below it how to read the figure."""
    figure.suptitle(f"{title}\n{subtitle}", fontsize=11, x=0.02, ha="left")
    return figure


def thousands(value: float) -> str:
    """1,000 for 1000."""
    return f"{value:,.0f}"


def _bottom(group: Sequence[float], gap: float) -> float:
    return sum(group) / len(group) - gap * (len(group) - 1) / 2


def _top(group: Sequence[float], gap: float) -> float:
    return _bottom(group, gap) + gap * (len(group) - 1)
