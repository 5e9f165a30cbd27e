"""Soil moisture of a product beside that of stations, in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from glab.arrays import Floats
from glab.calendar import Days
from glab.report.figures.maps import dates
from glab.report.figures.style import PRODUCT, QUANTITIES, TRUTH, nothing, quiet, styled

GAP_DAYS = 7
"""Longest stretch without a station's value that its line crosses."""


class Pair(NamedTuple):
    """A station and the product in its cell.

    Attributes:
        title: which station, and how they agree.
        station, product: shape (time,), NaN where missing.
    """

    title: str
    station: Floats
    product: Floats


@styled
def stations(pairs: Sequence[Pair], days: Days, name: str = "product") -> Figure:
    """Stations below each other: their values as a line, the product's retrievals as dots.

    Args:
        pairs: the stations.
        days: dates, shape (time,).
        name: of the product.
    """
    figure = Figure(figsize=(11.0, 1.55 * max(len(pairs), 1) + 0.8), layout="constrained")
    if not pairs:
        return nothing(figure)
    stack = figure.subplots(len(pairs), 1, sharex=True, squeeze=False)[:, 0]
    when = date2num(days)
    for axes, pair in zip(stack, pairs):
        axes.plot(*_unbroken(when, pair.station), color=TRUTH, lw=1.0, label="station")
        there = np.isfinite(pair.product)
        axes.plot(when[there], pair.product[there], ".", color=PRODUCT, ms=3.5, label=name)
        axes.set_title(pair.title)
        axes.set_ylim(bottom=0.0)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        quiet(axes)
    figure.supylabel(QUANTITIES["soil_moisture"].label(), fontsize=9.5)
    figure.legend(*stack[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    stack[0].set_xlim(when[0], when[-1])
    dates(stack[-1])
    return figure


def _unbroken(when: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Values with a break where more than `GAP_DAYS` days have none."""
    there = np.flatnonzero(np.isfinite(values))
    breaks = np.flatnonzero(np.diff(when[there]) > GAP_DAYS) + 1
    return np.insert(when[there], breaks, np.nan), np.insert(values[there], breaks, np.nan)
