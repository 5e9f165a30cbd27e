"""Draw time series: example cells, stations, origin of values, and training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from glab.arrays import Floats
from glab.calendar import Days
from glab.evaluation.breaks import Segment
from glab.report.content import origin_name, sensors_named
from glab.report.figures.maps import dates
from glab.report.figures.style import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PRODUCT,
    PURPLE,
    QUANTITIES,
    RULE,
    SKY,
    TRUTH,
    VERMILION,
    empty_figure,
    light_grid,
    origin_colours,
    styled,
)

MEMBER_COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, INK)

NAME_FRACTION_MIN = 0.06
"""Shortest segment, as a fraction of the record, that is wide enough for its name."""

GAP_DAYS = 7
"""Longest gap in the values of a station that its line crosses."""


class Example(NamedTuple):
    """The time series of one cell.

    Attributes:
        title: description of the cell.
        value, std, truth: shape (time,); `std` and `truth` may be None.
        event: day marked by a line (a clearing), NaT for none.
    """

    title: str
    value: Floats
    std: Floats | None
    truth: Floats | None
    event: np.datetime64 = np.datetime64("NaT")


class Pair(NamedTuple):
    """A station, and the product in its cell.

    Attributes:
        title: name of the station and scores.
        station, product: shape (time,), NaN where missing.
    """

    title: str
    station: Floats
    product: Floats


@styled
def time_series(
    examples: Sequence[Example],
    days: Days,
    variable: str,
    segments: Sequence[Segment] = (),
    held_out_years: Sequence[int] = (),
) -> Figure:
    """Draw cells below each other: product with ±1σ and ±2σ, truth, sensors, held-out years.

    Args:
        examples: the cells.
        days: dates, shape (time,).
        variable: a key of `QUANTITIES`.
        segments: stretches with one set of sensors each; every second one is shaded.
        held_out_years: years outside training, marked by a bar at the bottom.
    """
    figure = Figure(figsize=(11.0, 1.75 * max(len(examples), 1) + 0.8), layout="constrained")
    if not examples:
        return empty_figure(figure)
    ratios = [0.16, *[1.0] * len(examples)]
    head, *stack = figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios)
    _name_sensors(head, segments)
    for axes, example in zip(stack, examples):
        for number, segment in enumerate(segments):
            left, right = date2num(segment.start), date2num(segment.end)
            if number % 2:
                axes.axvspan(left, right, color="#f4f6f8", lw=0, zorder=0)
            if number:
                axes.axvline(left, color=RULE, lw=0.8, zorder=0.5)
        _draw_example(axes, example, days)
        for year in held_out_years:
            left, right = (date2num(np.datetime64(f"{y}-01-01")) for y in (year, year + 1))
            axes.axvspan(left, right, ymax=0.035, color=ORANGE, lw=0, label="held-out year")
        axes.set_title(example.title)
        axes.yaxis.set_major_locator(MaxNLocator(4))
    figure.supylabel(QUANTITIES[variable].label(), fontsize=9.5)
    handles = {
        name: handle for axes in stack for handle, name in zip(*axes.get_legend_handles_labels())
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles))
    stack[0].set_xlim(date2num(days[0]), date2num(days[-1]))
    dates(stack[-1])
    return figure


def _name_sensors(axes: Axes, segments: Sequence[Segment]) -> None:
    """Draw a band with the names of the sensors, where a segment is long enough for its name."""
    whole = (date2num(segments[0].start), date2num(segments[-1].end)) if segments else (0, 1)
    for number, segment in enumerate(segments):
        left, right = date2num(segment.start), date2num(segment.end)
        colour = "#dfe6ec" if number % 2 else "#eef2f5"
        axes.axvspan(left, right, color=colour, lw=0)
        if right - left < NAME_FRACTION_MIN * (whole[1] - whole[0]):
            continue
        name = sensors_named(segment.name)
        axes.text((left + right) / 2, 0.5, name, ha="center", va="center", fontsize=7.5)
    axes.set_ylim(0, 1)
    axes.axis("off")


def _draw_example(axes: Axes, example: Example, days: Days) -> None:
    """Draw one cell: uncertainty as bands, product, truth and event as lines."""
    when = date2num(days)
    if example.std is not None:
        for width, alpha in ((2, 0.14), (1, 0.24)):
            low, high = (example.value + s * width * example.std for s in (-1, 1))
            name = f"±{width}σ"
            axes.fill_between(when, low, high, color=PRODUCT, alpha=alpha, lw=0, label=name)
    axes.plot(when, example.value, color=PRODUCT, lw=1.2, label="product")
    if example.truth is not None:
        axes.plot(when, example.truth, color=TRUTH, lw=1.0, ls=(0, (3, 1.2)), label="truth")
    if not np.isnat(example.event):
        axes.axvline(date2num(example.event), color=VERMILION, lw=1.2, label="clearing")
    light_grid(axes)


@styled
def stations(pairs: Sequence[Pair], days: Days, name: str = "product") -> Figure:
    """Draw stations below each other: their values as a line, retrievals of the product as dots.

    Args:
        pairs: the stations.
        days: dates, shape (time,).
        name: of the product.
    """
    figure = Figure(figsize=(11.0, 1.55 * max(len(pairs), 1) + 0.8), layout="constrained")
    if not pairs:
        return empty_figure(figure)
    stack = figure.subplots(len(pairs), 1, sharex=True, squeeze=False)[:, 0]
    when = date2num(days)
    for axes, pair in zip(stack, pairs):
        # NaN breaks the line where a gap is longer than a week.
        finite = np.flatnonzero(np.isfinite(pair.station))
        gaps = np.flatnonzero(np.diff(when[finite]) > GAP_DAYS) + 1
        line = (np.insert(values[finite], gaps, np.nan) for values in (when, pair.station))
        axes.plot(*line, color=TRUTH, lw=1.0, label="station")
        finite = np.flatnonzero(np.isfinite(pair.product))
        axes.plot(when[finite], pair.product[finite], ".", color=PRODUCT, ms=3.5, label=name)
        axes.set_title(pair.title)
        axes.set_ylim(bottom=0.0)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        light_grid(axes)
    figure.supylabel(QUANTITIES["soil_moisture"].label(), fontsize=9.5)
    figure.legend(*stack[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    stack[0].set_xlim(when[0], when[-1])
    dates(stack[-1])
    return figure


@styled
def origin_fraction(time: Days, fraction: Floats, flags: Sequence[str], every: int = 7) -> Figure:
    """Draw the origin of values in time, as fractions of the cells, averaged over some days.

    Args:
        time: dates, shape (time,).
        fraction: shape (time, flag), summing to 1.
        flags: meanings of `origin`, as the file states them; those without a value are left out.
        every: number of days that are averaged.
    """
    figure = Figure(figsize=(11.0, 2.9), layout="constrained")
    axes = figure.subplots()
    whole = len(time) // every * every
    if not whole:
        return empty_figure(figure)
    means = fraction[:whole].reshape(-1, every, fraction.shape[1]).mean(axis=1)
    present = [i for i in range(len(flags)) if means[:, i].any()]
    order = sorted(present, key=lambda i: (flags[i] == "none", i))
    colours = origin_colours(flags)
    axes.stackplot(
        date2num(time[:whole:every]),
        [100 * means[:, i] for i in order],
        colors=[colours[flags[i]] for i in order],
        labels=[origin_name(flags[i]) for i in order],
        lw=0,
    )
    axes.set_ylabel("cells (%)")
    axes.set_ylim(0, 100)
    axes.margins(x=0)
    figure.legend(loc="outside lower center", ncols=3)
    dates(axes)
    return figure


@styled
def training_curves(curves: Mapping[str, Sequence[pd.DataFrame]]) -> Figure:
    """Draw the loss of every member of every link, of training and validation samples.

    Args:
        curves: by link, a table for each member with `epoch`, `train_loss`, `validation_loss`.
    """
    figure = Figure(figsize=(11.0, 2.9), layout="constrained")
    if not curves:
        return empty_figure(figure)
    row = figure.subplots(1, len(curves), squeeze=False)[0]
    for axes, (link, members) in zip(row, curves.items()):
        for number, table in enumerate(members):
            colour = MEMBER_COLOURS[number % len(MEMBER_COLOURS)]
            epochs = table["epoch"] + 1
            axes.plot(epochs, table["train_loss"], color=colour, lw=1.0, alpha=0.45)
            axes.plot(epochs, table["validation_loss"], color=colour, label=f"member {number}")
        axes.set_title(link)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_yscale("log")
        light_grid(axes)
    row[0].set_ylabel("loss (scaled units)")
    if max(map(len, curves.values())) <= len(MEMBER_COLOURS):
        row[-1].legend()
    return figure
