"""Draw maps on the 25 km grid, strips along a meridian, and latitude against time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from glab.arrays import Floats
from glab.report.figures.style import GAP, MUTED, QUANTITIES, styled

STRIP_RATIO = 3.0
"""Height over width above which a map is drawn as a horizontal strip."""

LAT_STEPS = (1, 2, 5, 10, 20, 30)
"""Distances of axis labels, degrees."""


class Panel(NamedTuple):
    """One panel of a figure.

    Attributes:
        title: heading of the panel.
        values: (y, x) or, in `hovmoller`, (time, y); NaN where missing.
        variable: a key of `QUANTITIES`.
        kind: "value", "difference", "residual" or "trend"; decides the colours.
    """

    title: str
    values: Floats
    variable: str
    kind: str = "value"


@styled
def maps(panels: Sequence[Panel], grid: xr.Dataset) -> Figure:
    """Draw maps next to each other; maps of a narrow extent as strips with south on the left.

    Args:
        panels: the maps.
        grid: coordinates `y`, `x` in metres and `lat` on y, `lon` on x.
    """
    rows, cols = grid.sizes["y"], grid.sizes["x"]
    if rows / cols >= STRIP_RATIO:
        return _strips(panels, grid)
    # Wide maps are readable in two columns, square ones in three.
    across = min(max(len(panels), 2), 3 if cols / rows < 1.6 else 2)
    down = -(-len(panels) // across)
    width = 11.0
    height = (width / across - 1.35) * rows / cols + 0.7
    figure = Figure(figsize=(width, height * down), layout="constrained")
    panes = figure.subplots(down, across, squeeze=False)
    for axes in panes.ravel()[len(panels) :]:
        axes.remove()
    edges = (*_edges(grid["x"].values), *_edges(grid["y"].values))
    for axes, panel in zip(panes.ravel(), panels):
        field = panel.values if grid["y"].values[0] > grid["y"].values[-1] else panel.values[::-1]
        image = _draw_field(axes, field, panel, edges, "equal")
        few = 4 if cols < rows else 7
        _degrees(axes, "x", grid["x"].values, grid["lon"].values, ("E", "W"), most=few)
        _degrees(axes, "y", grid["y"].values, grid["lat"].values, ("N", "S"), most=7)
        _colour_bar(figure, image, axes, panel)
    return figure


def _strips(panels: Sequence[Panel], grid: xr.Dataset) -> Figure:
    """Draw maps of a meridional strip below each other, latitude along x."""
    figure = Figure(figsize=(11.0, 0.95 * len(panels) + 0.55), layout="constrained")
    stack = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    edges = (*_edges(grid["y"].values), *_edges(grid["x"].values))
    north_first = grid["y"].values[0] > grid["y"].values[-1]
    for axes, panel in zip(stack, panels):
        field = panel.values[::-1] if north_first else panel.values
        image = _draw_field(axes, field.T[::-1], panel, edges, "auto")
        _degrees(axes, "y", grid["x"].values, grid["lon"].values, ("E", "W"), most=2)
        _colour_bar(figure, image, axes, panel)
    _degrees(stack[-1], "x", grid["y"].values, grid["lat"].values, ("N", "S"))
    return figure


@styled
def hovmoller(panels: Sequence[Panel], grid: xr.Dataset) -> Figure:
    """Draw latitude against time, panels below each other.

    Args:
        panels: values (time, y).
        grid: coordinates `time` and `y` in metres with `lat`.
    """
    figure = Figure(figsize=(11.0, 2.5 * len(panels) + 0.4), layout="constrained")
    stack = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    when = date2num(grid["time"].values)
    step = float(np.median(np.diff(when))) if len(when) > 1 else 1.0
    edges = (float(when[0]), float(when[-1]) + step, *_edges(grid["y"].values))
    north_first = grid["y"].values[0] > grid["y"].values[-1]
    for axes, panel in zip(stack, panels):
        field = panel.values.T if north_first else panel.values.T[::-1]
        image = _draw_field(axes, field, panel, edges, "auto")
        _degrees(axes, "y", grid["y"].values, grid["lat"].values, ("N", "S"))
        _colour_bar(figure, image, axes, panel)
    dates(stack[-1])
    return figure


def dates(axes: Axes) -> None:
    """Label the x axis with short dates."""
    locator = AutoDateLocator(minticks=4, maxticks=12)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))


def _draw_field(
    axes: Axes,
    field: Floats,
    panel: Panel,
    edges: tuple[float, float, float, float],
    aspect: Literal["equal", "auto"],
) -> AxesImage:
    """Draw a field in the colours of its quantity; missing values are grey."""
    quantity = QUANTITIES[panel.variable]
    if panel.kind == "value":
        name, (low, high) = quantity.cmap, quantity.limits
    else:
        top = quantity.trend if panel.kind == "trend" else quantity.difference
        name, low, high = quantity.difference_cmap, -top, top
    colours = mpl.colormaps[name].with_extremes(bad=GAP)
    axes.set_title(panel.title)
    axes.set_facecolor(GAP)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes.imshow(
        np.ma.masked_invalid(field),
        cmap=colours,
        vmin=low,
        vmax=high,
        extent=edges,
        aspect=aspect,
        interpolation="nearest",
    )


def _colour_bar(figure: Figure, image: AxesImage, axes: Axes, panel: Panel) -> None:
    """Draw a colour bar; its label is only the unit where the panel is low."""
    tall = axes.get_aspect() != "auto"
    bar = figure.colorbar(
        image,
        ax=axes,
        pad=0.015,
        fraction=0.04,
        extend="both",
        aspect=22 if tall else 14,
        shrink=0.92 if tall else 1.0,
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=2, labelsize=8)
    quantity = QUANTITIES[panel.variable]
    name = quantity.label(panel.kind) if axes.get_window_extent().height > 90 else ""
    bar.set_label(name or quantity.unit_of(panel.kind), fontsize=8)


def _edges(centres: Floats) -> tuple[float, float]:
    """Return the outer edges of evenly spaced cells, ascending."""
    half = abs(float(centres[1] - centres[0])) / 2 if len(centres) > 1 else 12_500.0
    return float(centres.min()) - half, float(centres.max()) + half


def _degrees(
    axes: Axes,
    along: str,
    metres: Floats,
    degrees: Floats,
    letters: tuple[str, str],
    most: int = 9,
) -> None:
    """Label an axis in metres of the projection with round degrees."""
    order = np.argsort(degrees)
    low, high = float(degrees.min()), float(degrees.max())
    steps = [0.5, *LAT_STEPS] if high - low < 3 else LAT_STEPS
    step = next((s for s in steps if (high - low) / s <= most), 60)
    # Ticks at round degrees, placed by the metres of the projection.
    ticks = np.arange(np.ceil(low / step) * step, high + 1e-9, step)
    metres_at = np.interp(ticks, degrees[order], metres[order])
    plus, minus = letters
    names = [f"{abs(t):g}°{plus if t > 0 else minus if t < 0 else ''}" for t in ticks]
    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_ticks(list(metres_at), names)
    axis.set_tick_params(length=2, color=MUTED)
