"""Fields on the 25 km grid: maps, strips along a meridian, and latitude against time."""

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
from numpy.typing import NDArray

from glab.report.figures.style import GAP, MUTED, QUANTITIES, styled

STRIP_RATIO = 3.0
"""Height over width from which on a field is drawn as a strip, lying on its side."""

LAT_STEPS = (1, 2, 5, 10, 20, 30)


class Panel(NamedTuple):
    """One field of a figure.

    Attributes:
        title: what is seen.
        values: (y, x) or, in `hovmoller`, (time, y); NaN where missing.
        variable: a key of `QUANTITIES`.
        kind: "value", "difference", "residual" or "trend": which colours.
    """

    title: str
    values: NDArray[np.floating]
    variable: str
    kind: str = "value"


@styled
def maps(panels: Sequence[Panel], place: xr.Dataset) -> Figure:
    """Fields beside each other; narrow ones as strips below each other, south to the left.

    Args:
        panels: the fields.
        place: coordinates `y`, `x` in metres and `lat` on y, `lon` on x.
    """
    rows, cols = place.sizes["y"], place.sizes["x"]
    if rows / cols >= STRIP_RATIO:
        return _strips(panels, place)
    across = min(max(len(panels), 2), 3 if cols / rows < 1.6 else 2)
    down = -(-len(panels) // across)
    width = 11.0
    height = (width / across - 1.35) * rows / cols + 0.7
    figure = Figure(figsize=(width, height * down), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False)
    for axes in grid.ravel()[len(panels) :]:
        axes.remove()
    extent = (*_extent(place["x"].values), *_extent(place["y"].values))
    for axes, panel in zip(grid.ravel(), panels):
        field = panel.values if place["y"].values[0] > place["y"].values[-1] else panel.values[::-1]
        shown = _show(axes, field, panel, extent, "equal")
        few = 4 if cols < rows else 7
        _degrees(axes, "x", place["x"].values, place["lon"].values, ("E", "W"), most=few)
        _degrees(axes, "y", place["y"].values, place["lat"].values, ("N", "S"), most=7)
        _bar(figure, shown, axes, panel)
    return figure


def _strips(panels: Sequence[Panel], place: xr.Dataset) -> Figure:
    """Fields of a meridional strip below each other, latitude to the right."""
    figure = Figure(figsize=(11.0, 0.95 * len(panels) + 0.55), layout="constrained")
    stack = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    extent = (*_extent(place["y"].values), *_extent(place["x"].values))
    north_first = place["y"].values[0] > place["y"].values[-1]
    for axes, panel in zip(stack, panels):
        field = panel.values[::-1] if north_first else panel.values
        shown = _show(axes, field.T[::-1], panel, extent, "auto")
        _degrees(axes, "y", place["x"].values, place["lon"].values, ("E", "W"), most=2)
        _bar(figure, shown, axes, panel)
    _degrees(stack[-1], "x", place["y"].values, place["lat"].values, ("N", "S"))
    return figure


@styled
def hovmoller(panels: Sequence[Panel], place: xr.Dataset) -> Figure:
    """Latitude against time, one panel below the other; values are (time, y).

    Args:
        panels: the fields.
        place: `time` and `y` in metres with `lat`.
    """
    figure = Figure(figsize=(11.0, 2.5 * len(panels) + 0.4), layout="constrained")
    stack = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    when = date2num(place["time"].values)
    step = float(np.median(np.diff(when))) if len(when) > 1 else 1.0
    extent = (float(when[0]), float(when[-1]) + step, *_extent(place["y"].values))
    north_first = place["y"].values[0] > place["y"].values[-1]
    for axes, panel in zip(stack, panels):
        field = panel.values.T if north_first else panel.values.T[::-1]
        shown = _show(axes, field, panel, extent, "auto")
        _degrees(axes, "y", place["y"].values, place["lat"].values, ("N", "S"))
        _bar(figure, shown, axes, panel)
    dates(stack[-1])
    return figure


def dates(axes: Axes) -> None:
    """Dates along x, as short as they can be."""
    locator = AutoDateLocator(minticks=4, maxticks=12)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))


def _show(
    axes: Axes,
    field: NDArray[np.floating],
    panel: Panel,
    extent: tuple[float, float, float, float],
    aspect: Literal["equal", "auto"],
) -> AxesImage:
    """A field with the colours of its quantity; what is missing is grey."""
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
        extent=extent,
        aspect=aspect,
        interpolation="nearest",
    )


def _bar(figure: Figure, shown: AxesImage, axes: Axes, panel: Panel) -> None:
    tall = axes.get_aspect() != "auto"
    bar = figure.colorbar(
        shown,
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


def _extent(centres: NDArray[np.floating]) -> tuple[float, float]:
    """Outer edges of evenly spaced cells, ascending."""
    half = abs(float(centres[1] - centres[0])) / 2 if len(centres) > 1 else 12_500.0
    return float(centres.min()) - half, float(centres.max()) + half


def _degrees(
    axes: Axes,
    along: str,
    metres: NDArray[np.floating],
    degrees: NDArray[np.floating],
    letters: tuple[str, str],
    most: int = 9,
) -> None:
    """Label an axis in metres of the projection with round degrees."""
    order = np.argsort(degrees)
    low, high = float(degrees.min()), float(degrees.max())
    steps = [0.5, *LAT_STEPS] if high - low < 3 else LAT_STEPS
    step = next((s for s in steps if (high - low) / s <= most), 60)
    ticks = np.arange(np.ceil(low / step) * step, high + 1e-9, step)
    places = np.interp(ticks, degrees[order], metres[order])
    plus, minus = letters
    names = [f"{abs(t):g}°{plus if t > 0 else minus if t < 0 else ''}" for t in ticks]
    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_ticks(list(places), names)
    axis.set_tick_params(length=2, color=MUTED)
