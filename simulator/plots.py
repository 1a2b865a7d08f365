"""Plots of an experiment, one PNG each: reward curves, regret, what was shown, propensities.

In: records of cells and yardsticks. Out: figures of matplotlib, made without its global state, and files of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator import extras
from simulator.blocks import N_BINS
from simulator.comparison import Quantity, reference_values
from simulator.curves import (
    OTHER,
    WIDTH,
    Curve,
    Series,
    label_shares,
    labels_of,
    learning_curve,
    propensity_shares,
    regret_curves,
    series_of,
    variant_shares,
)
from simulator.plot_style import (
    COLOURS,
    GREY,
    Label,
    annotate_right,
    dress,
    finish,
    focus,
    panels,
    thousands,
)
from simulator.records import CellRecord, YardstickRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 130
MOST_BANDS = 5
"""Of more curves than this no bands are drawn: they would cover each other."""


KINDS = ("reward", "regret", "shown", "propensities")


def draw_all(
    cells: Sequence[CellRecord],
    yardsticks: Sequence[YardstickRecord],
    folder: Path,
    *,
    kinds: Sequence[str] = KINDS,
) -> list[Path]:
    """PNGs of these kinds for each world; earlier ones of the same names are replaced.

    Raises:
        MissingExtraError: matplotlib isn't installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for title in dict.fromkeys(one.cell.setting.title for one in cells):
        own = [one for one in cells if one.cell.setting.title == title]
        gauges = [one for one in yardsticks if one.yardstick.setting.title == title]
        for name, figure in figures(own, gauges, kinds=kinds).items():
            path = folder / f"{file_name(own[0])}-{name}.png"
            figure.savefig(path, dpi=DPI)
            paths.append(path)
    return paths


def figures(
    cells: Sequence[CellRecord], yardsticks: Sequence[YardstickRecord], *, kinds: Sequence[str] = KINDS
) -> dict[str, Figure]:
    """The figures of one world by name; regret only where references are known."""
    makers: dict[str, Callable[[], Figure]] = {
        "reward": lambda: reward_figure(cells, yardsticks),
        "regret": lambda: regret_figure(cells, yardsticks),
        "shown": lambda: shown_figure(cells),
        "propensities": lambda: propensity_figure(cells),
    }
    return {name: makers[name]() for name in kinds if yardsticks or name != "regret"}


def file_name(one: CellRecord) -> str:
    """The preset, with its options where it has any; of a path its last part."""
    setting = one.cell.setting
    told = {key: Path(str(value)).name if key == "path" else value for key, value in setting.options.items()}
    words = [setting.preset, *(f"{key}-{value}" for key, value in sorted(told.items()))]
    return "".join(mark if mark.isalnum() or mark in "-._" else "-" for mark in "-".join(words))


def reward_figure(cells: Sequence[CellRecord], yardsticks: Sequence[YardstickRecord]) -> Figure:
    """Reward per slate or episode over the run; beside it the KPI, where that is something else."""
    series = series_of(cells)
    quantities: list[Quantity] = ["reward", "kpi"] if _differ(cells) else ["reward"]
    figure, axes = panels(1, len(quantities), width=9.5 if len(quantities) == 1 else 7.0, height=5.0)
    for ax, quantity in zip(axes[0], quantities, strict=True):
        curves = [learning_curve(one, quantity) for one in series]
        _draw(ax, curves)
        reached = reference_values(yardsticks, cells[0].cell.setting, quantity)
        references = {name: value for name, value in reached.items() if not np.isnan(value)}
        for value in references.values():
            ax.axhline(value, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        n_requests = cells[0].cell.n_requests
        ax.set_xlim(0, n_requests)
        focus(ax, [*_heights(curves), *references.values()])
        dress(ax, x="requests to the loop", y=_y_label(cells[0], quantity))
        lines = [Label(n_requests, value, name, GREY) for name, value in references.items()]
        annotate_right(ax, _labels(curves) + lines)
    what = "reward" if len(quantities) == 1 else f"reward and {cells[0].kpi_name}"
    return finish(figure, _title(cells, f"{what} per {cells[0].per} while learning"), _moving(cells))


def regret_figure(cells: Sequence[CellRecord], yardsticks: Sequence[YardstickRecord]) -> Figure:
    """Cumulative regret of each arm against the informed reference; flat is as good as it."""
    curves = regret_curves(series_of(cells), yardsticks)
    figure, axes = panels(1, 1, width=9.5, height=5.0)
    ax = axes[0][0]
    _draw(ax, curves)
    ax.axhline(0.0, color=GREY, linewidth=1.0)
    unit = "slates shown by the arm" if cells[0].per == "slate" else "episodes ended in the arm"
    ax.set_xlim(0, max([1.0, *(curve.x[-1] for curve in curves)]))
    focus(ax, [0.0, *_heights(curves)], room=0.1)
    dress(ax, x=unit, y="cumulative regret (reward missed)")
    annotate_right(ax, _labels(curves))
    return finish(figure, _title(cells, "regret against the informed reference"), _band(cells))


def shown_figure(cells: Sequence[CellRecord]) -> Figure:
    """What each policy's arm showed over time, above which arm chose."""
    series = [one for one in series_of(cells) if not one.is_base]
    labels = labels_of(cells)
    figure, axes = panels(2, len(series), width=max(3.4, 7.0 / len(series)), height=5.6, heights=(3.0, 1.0))
    for column, one in enumerate(series):
        x, shares = label_shares(one, labels)
        colours = [*COLOURS[: len(labels)], GREY]
        _stack(axes[0][column], x, shares, colours)
        axes[0][column].set_title(_heading(one), fontsize=10)
        x, arms, variants = variant_shares(one)
        _stack(axes[1][column], x, variants, [_ARM_COLOURS.get(arm, "#999999") for arm in arms])
        _name_bands(axes[1][column], x, arms, variants)
        dress(axes[0][column], x="", y="share of slots shown (%)" if not column else "")
        dress(axes[1][column], x="requests to the loop", y="share of slates (%)" if not column else "")
    _legend(figure, labels, has_rest=any(label_shares(one, labels)[1][-1].any() for one in series))
    return finish(figure, _title(cells, "what was shown, and by which arm"), _pooled(cells))


def propensity_figure(cells: Sequence[CellRecord]) -> Figure:
    """With which probability what was shown was chosen: first against last quarter of the run."""
    series = [one for one in series_of(cells) if not one.is_base]
    figure, axes = panels(1, len(series), width=max(3.4, 7.0 / len(series)), height=3.8, share_y=True)
    edges = np.linspace(0.0, 1.0, N_BINS + 1)
    for column, one in enumerate(series):
        ax = axes[0][column]
        first, last = propensity_shares(one, since=0.0, until=0.25), propensity_shares(one, since=0.75, until=1.01)
        ax.stairs(100 * first, edges, color=COLOURS[1], linewidth=1.8, label="first quarter")
        ax.stairs(100 * last, edges, color=COLOURS[0], fill=True, alpha=0.55, label="last quarter")
        ax.set_title(_heading(one), fontsize=10)
        ax.set_xlim(0, 1)
        dress(ax, x="propensity of what was shown", y="share of slots (%)" if not column else "")
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", frameon=False, fontsize=9)
    return finish(figure, _title(cells, "propensities"), _pooled(cells))


_ARM_COLOURS = {"learned": COLOURS[0], "popularity": COLOURS[1], "uniform": "#999999", "order": COLOURS[4]}


def _draw(ax: Any, curves: Sequence[Curve]) -> None:
    for curve, (colour, dashes) in zip(curves, _styles(curves), strict=True):
        if not curve.is_base and _n_policies(curves) <= MOST_BANDS and not np.isnan(curve.low).all():
            ax.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0)
        ax.plot(curve.x, curve.mean, color=colour, linewidth=1.4 if curve.is_base else 2.2, linestyle=dashes)


def _n_policies(curves: Sequence[Curve]) -> int:
    return sum(not curve.is_base for curve in curves)


def _styles(curves: Sequence[Curve]) -> list[tuple[str, Any]]:
    """A colour per policy; the popularity arm beside it has the same, dashed."""
    learning = iter([number for number, curve in enumerate(curves) if f", beside {curve.name}" in _bases(curves)])
    styles: list[tuple[str, Any]] = []
    for number, curve in enumerate(curves):
        own = next(learning, 0) if curve.is_base else number
        dashes: Any = (0, (3, 2)) if curve.is_base else "-" if number < len(COLOURS) else (0, (1, 1))
        styles.append((COLOURS[own % len(COLOURS)], dashes))
    return styles


def _bases(curves: Sequence[Curve]) -> str:
    return "\n".join(curve.name for curve in curves if curve.is_base)


def _labels(curves: Sequence[Curve]) -> list[Label]:
    """Where each curve ends, its name and colour."""
    found = []
    for curve, (colour, _) in zip(curves, _styles(curves), strict=True):
        known = np.flatnonzero(~np.isnan(curve.mean))
        if len(known):
            found.append(Label(float(curve.x[known[-1]]), float(curve.mean[known[-1]]), curve.name, colour))
    return found


def _heights(curves: Sequence[Curve]) -> list[float]:
    return [float(value) for curve in curves for value in curve.mean]


def _stack(ax: Any, x: Any, shares: Any, colours: Sequence[str]) -> None:
    ax.stackplot(x, 100 * shares, colors=colours, edgecolor="white", linewidth=0.4)
    ax.set_xlim(x[0], max(x[-1], x[0] + 1))
    ax.set_ylim(0, 100)


def _name_bands(ax: Any, x: Any, names: Sequence[str], shares: Any) -> None:
    """Each band's name where the band is thickest, away from the edges."""
    inner = slice(len(x) // 4, max(len(x) // 4 + 1, 3 * len(x) // 4))
    tops = np.cumsum(shares, axis=0)
    for row, name in enumerate(names):
        at = inner.start + int(shares[row, inner].argmax())
        middle = 100 * (tops[row, at] - shares[row, at] / 2)
        ax.text(x[at], middle, name, ha="center", va="center", fontsize=8, color="white")


def _legend(figure: Figure, labels: Sequence[str], *, has_rest: bool) -> None:
    patch = extras.load("matplotlib.patches", "drawing plots").Patch
    shown = [patch(color=colour, label=label) for label, colour in zip(labels, COLOURS, strict=False)]
    shown += [patch(color=GREY, label=OTHER)] if has_rest else []
    figure.legend(handles=shown[::-1], loc="outside right center", frameon=False, fontsize=9, title="shown")


def _differ(cells: Sequence[CellRecord]) -> bool:
    """Whether the KPI is more than the reward in another unit."""
    pairs = [(block.reward_sum, block.kpi_sum) for one in cells for block in one.blocks]
    most = max((abs(reward) for reward, _ in pairs), default=0.0)
    scale = max(abs(kpi) for _, kpi in pairs) / most if most else 0.0
    return any(abs(scale * reward - kpi) > 1e-6 * max(1.0, abs(kpi)) for reward, kpi in pairs)


def _y_label(one: CellRecord, quantity: Quantity) -> str:
    if quantity == "reward":
        return f"reward per {one.per}"
    return one.kpi_name if one.per == "slate" else f"{one.kpi_name} per episode"


def _heading(series: Series) -> str:
    """The policy, and its arm where that has another name."""
    return series.name if series.name == series.arm else f"{series.name} (arm {series.arm})"


def _title(cells: Sequence[CellRecord], what: str) -> str:
    return f"{cells[0].cell.setting.title}: {what}"


def _n_seeds(cells: Sequence[CellRecord]) -> int:
    return len({one.cell.seed for one in cells})


def _band(cells: Sequence[CellRecord]) -> str:
    n = _n_seeds(cells)
    if n == 1:
        return "1 seed"
    is_crowded = len({one.cell.policy.name for one in cells}) > MOST_BANDS
    return f"mean of {n} seeds" + ("" if is_crowded else "; bands: 95 % intervals over seeds, cut at the plot's edge")


def _moving(cells: Sequence[CellRecord]) -> str:
    first = cells[0]
    width = min((WIDTH[first.per] + 1) * first.cell.block, first.cell.n_requests)
    return f"moving mean over {thousands(width)} requests, {_band(cells)}"


def _pooled(cells: Sequence[CellRecord]) -> str:
    n = _n_seeds(cells)
    return f"{n} seed{'s' if n > 1 else ''} together; {thousands(cells[0].cell.n_requests)} requests each"
