"""Draw agreement with the truth or a validation set: density, trends, breaks, coverage, skill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from glab.arrays import Floats
from glab.evaluation import statistics
from glab.evaluation.statistics import moments
from glab.report.content import GROUP_NAMES, period_named, product_named, sensors_named
from glab.report.figures.style import (
    CLOUD,
    GROUP_COLOURS,
    INK,
    MUTED,
    QUANTITIES,
    RULE,
    VERMILION,
    empty_figure,
    light_grid,
    styled,
)

GAUSSIAN = {1: 0.6827, 2: 0.9545}
"""Fraction of a Gaussian within 1 and 2 standard deviations."""

CLASSES = 12
"""Classes of equal number in the figure of uncertainty and error."""


@styled
def density(
    panels: Mapping[str, tuple[Floats, Floats]], variable: str, kinds: Sequence[str] = ()
) -> Figure:
    """Draw product against truth as numbers of pairs, one panel for each set of pairs.

    Args:
        panels: by title, product and truth of equal shape, NaN where missing.
        variable: a key of `QUANTITIES`.
        kinds: "value" or "residual" for each panel.
    """
    figure = Figure(figsize=(11.0, 11.0 / max(len(panels), 3) + 0.3), layout="constrained")
    if not panels:
        return empty_figure(figure)
    quantity = QUANTITIES[variable]
    row = figure.subplots(1, len(panels), squeeze=False)[0]
    for number, (axes, (title, (product, truth))) in enumerate(zip(row, panels.items())):
        kind = kinds[number] if number < len(kinds) else "value"
        present = np.isfinite(product) & np.isfinite(truth)
        p, t = product[present], truth[present]
        axes.set_title(title)
        if p.size:
            low, high = _limits(np.concatenate([p, t]))
            sums, digits = moments(p, t), 2 if quantity.unit == "K" else 3
            text = (
                f"R {float(sums.r):.2f}\nRMSE {float(sums.rmse):.{digits}f} {quantity.unit}\n"
                f"bias {float(sums.bias):+.{digits}f} {quantity.unit}\nn {p.size:,}"
            )
            _draw_pairs(axes, t, p, [(low, high)] * 2, text, bins=90)
            axes.plot([low, high], [low, high], color=VERMILION, lw=0.9)
        axes.set_xlabel(f"truth: {quantity.label(kind)}")
        axes.set_aspect("equal")
    row[0].set_ylabel("product")
    return figure


@styled
def set_density(panels: Mapping[str, tuple[Floats, Floats]], labels: tuple[str, str]) -> Figure:
    """Draw a product against a validation set of another unit, one panel for each set of pairs.

    Args:
        panels: by title, product and set of equal shape, NaN where missing.
        labels: names and units of product (y axis) and set (x axis).
    """
    figure = Figure(figsize=(11.0, 11.0 / max(len(panels), 3) + 0.3), layout="constrained")
    row = figure.subplots(1, max(len(panels), 1), squeeze=False)[0]
    for axes, (title, (product, reference)) in zip(row, panels.items()):
        present = np.isfinite(product) & np.isfinite(reference)
        p, r = product[present], reference[present]
        axes.set_title(title)
        if p.size > 1:
            spans = [_limits(r), _limits(p)]
            rank = statistics.rank_correlation(p, r)
            text = f"R {float(moments(p, r).r):.2f}\nrank R {rank:.2f}\nn {p.size:,}"
            _draw_pairs(axes, r, p, spans, text, bins=45)
        axes.set_xlabel(labels[1])
    row[0].set_ylabel(labels[0])
    return figure


def _limits(values: Floats) -> tuple[float, float]:
    """Return limits of an axis that leave out one value in 500."""
    low, high = np.percentile(values, [0.1, 99.9])
    return float(low), float(high)


def _draw_pairs(
    axes: Axes, x: Floats, y: Floats, spans: list[tuple[float, float]], text: str, bins: int
) -> None:
    """Draw numbers of pairs within the spans of x and y, and the scores as a text."""
    spans = [(low, high) if high > low else (low - 0.5, low + 0.5) for low, high in spans]
    axes.hist2d(x, y, bins=bins, range=spans, norm=LogNorm(), cmap=CLOUD, rasterized=True)
    axes.set_xlim(*spans[0])
    axes.set_ylim(*spans[1])
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 2}
    axes.text(0.03, 0.97, text, transform=axes.transAxes, va="top", fontsize=8.5, bbox=box)


@styled
def trend_scatter(panels: Mapping[str, tuple[Floats, Floats]], variable: str) -> Figure:
    """Draw trends of the product against the true ones, with the line of their gain.

    Args:
        panels: by title, trends of product and truth of cells, per year.
        variable: a key of `QUANTITIES`.
    """
    figure = Figure(figsize=(11.0, 11.0 / max(len(panels), 3) + 0.3), layout="constrained")
    row = figure.subplots(1, max(len(panels), 1), squeeze=False)[0]
    for axes, (title, (estimated, true)) in zip(row, panels.items()):
        present = np.isfinite(estimated) & np.isfinite(true)
        axes.set_title(title)
        axes.set_xlabel(f"true {QUANTITIES[variable].label('trend')}")
        if not present.any():
            continue
        both = np.concatenate([estimated[present], true[present]])
        # A few extreme cells must not determine the scale.
        top = float(np.percentile(np.abs(both), 99.5)) * 1.1 or 1.0
        gain, skill = statistics.gain(estimated, true), statistics.skill(estimated, true)
        axes.axhline(0, color=RULE, lw=0.8)
        axes.axvline(0, color=RULE, lw=0.8)
        axes.plot([-top, top], [-top, top], color=MUTED, lw=0.9, ls=(0, (3, 2)))
        axes.scatter(true[present], estimated[present], s=7, color=INK, alpha=0.35, lw=0)
        axes.plot([-top, top], [-gain * top, gain * top], color=VERMILION, lw=1.4)
        text = f"gain {gain:.2f}\nskill {skill:.2f}\ncells {int(present.sum()):,}"
        axes.text(0.04, 0.96, text, transform=axes.transAxes, va="top", fontsize=8.5)
        axes.set_xlim(-top, top)
        axes.set_ylim(-top, top)
        axes.set_aspect("equal")
    row[0].set_ylabel("product's trend")
    return figure


@styled
def sensor_breaks(breaks: pd.DataFrame, variable: str) -> Figure:
    """Draw breaks at changes of sensors, and the range of breaks at placebo dates.

    Args:
        breaks: rows of one variable and truth, see `breaks.BREAK_COLUMNS`.
        variable: a key of `QUANTITIES`.
    """
    figure = Figure(figsize=(11.0, 3.2), layout="constrained")
    if breaks.empty:
        return empty_figure(figure, "no change of sensors in the record")
    axes = figure.subplots()
    dates = list(dict.fromkeys(breaks["date"]))
    groups = [g for g in GROUP_NAMES if g in set(breaks["cells"])]
    for number, group in enumerate(groups):
        rows = breaks[breaks["cells"] == group].set_index("date").reindex(dates)
        x = np.arange(len(dates)) + 0.22 * (number - (len(groups) - 1) / 2)
        colour = GROUP_COLOURS[group]
        low, high = rows["placebo_p05"], rows["placebo_p95"]
        axes.vlines(x, low, high, color=colour, lw=8, alpha=0.18)
        axes.plot(x, rows["break"], "o", color=colour, ms=6, label=GROUP_NAMES[group])
    axes.axhline(0, color=MUTED, lw=0.8)
    first = breaks.drop_duplicates("date").set_index("date")
    axes.set_xticks(
        np.arange(len(dates)),
        [
            f"{d}\n{sensors_named(first.at[d, 'before'])} →\n{sensors_named(first.at[d, 'after'])}"
            for d in dates
        ],
    )
    axes.set_ylabel(f"break of product − truth\n{QUANTITIES[variable].label()}")
    light_grid(axes)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@styled
def coverage(skill: pd.DataFrame) -> Figure:
    """Draw the fraction of truths within ±1σ and ±2σ of the product, by period.

    Args:
        skill: rows `coverage_1` and `coverage_2` of one product's variable and truth.
    """
    figure = Figure(figsize=(11.0, 3.0), layout="constrained")
    rows = skill[skill["metric"].str.startswith("coverage_") & skill["value"].notna()]
    if rows.empty:
        return empty_figure(figure)
    axes = figure.subplots()
    periods = list(dict.fromkeys(rows["period"]))
    for width, fraction in GAUSSIAN.items():
        axes.axhline(fraction, color=MUTED, lw=0.9, ls=(0, (3, 2)))
        axes.text(len(periods) - 0.52, fraction, f"±{width}σ", va="bottom", ha="right", color=MUTED)
    for number, group in enumerate(("trained", "held_out")):
        of_group = rows[rows["cells"] == group]
        for width, marker in ((1, "o"), (2, "s")):
            values = of_group[of_group["metric"] == f"coverage_{width}"].set_index("period")[
                "value"
            ]
            values = values.reindex(periods)
            x = np.arange(len(periods)) + 0.16 * (number - 0.5)
            name = GROUP_NAMES[group] if width == 1 else "_"
            colour = GROUP_COLOURS[group]
            axes.plot(x, values, marker, color=colour, ms=6, label=name)
    axes.set_xticks(np.arange(len(periods)), [period_named(p) for p in periods])
    axes.set_xlim(-0.5, len(periods) - 0.5)
    axes.set_ylim(0, 1.04)
    axes.set_ylabel("fraction of truths covered")
    light_grid(axes)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def spread_error(panels: Mapping[str, tuple[Floats, Floats, Floats]], variable: str) -> Figure:
    """Draw stated uncertainty against error, in classes of equal number.

    Args:
        panels: by title, product, truth and total uncertainty.
        variable: a key of `QUANTITIES`.
    """
    figure = Figure(figsize=(11.0, 11.0 / max(len(panels), 3) + 0.3), layout="constrained")
    row = figure.subplots(1, max(len(panels), 1), squeeze=False)[0]
    unit = QUANTITIES[variable].label()
    for axes, (title, (product, truth, std)) in zip(row, panels.items()):
        spread, error, _ = statistics.spread_against_error(product, truth, std, CLASSES)
        axes.set_title(title)
        axes.set_xlabel(f"stated σ, {unit}")
        if not spread.size:
            continue
        top = float(max(spread.max(), error.max())) * 1.1
        axes.plot([0, top], [0, top], color=MUTED, lw=0.9, ls=(0, (3, 2)))
        axes.plot(spread, error, "o-", color=GROUP_COLOURS["trained"], ms=5)
        axes.locator_params(nbins=5)
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_aspect("equal")
        light_grid(axes, "both")
    row[0].set_ylabel("root mean square error")
    return figure


@styled
def skill_by_period(skill: pd.DataFrame, metric: str, label: str) -> Figure:
    """Draw one metric of the product and its controls by period, for trained and held-out cells.

    Args:
        skill: rows of one variable, truth and signal.
        metric: which metric.
        label: of the axis.
    """
    figure = Figure(figsize=(11.0, 5.0), layout="constrained")
    rows = skill[(skill["metric"] == metric) & skill["value"].notna()]
    if rows.empty:
        return empty_figure(figure)
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    periods = list(dict.fromkeys(rows["period"]))
    products = list(dict.fromkeys(rows["product"]))
    colours = [GROUP_COLOURS["trained"], MUTED, "#b3bcc6", VERMILION, INK]
    for axes, group in zip(panels, ("trained", "held_out")):
        of_group = rows[rows["cells"] == group]
        for number, product in enumerate(products):
            values = of_group[of_group["product"] == product].set_index("period")["value"]
            values = values.reindex(periods)
            x = np.arange(len(periods)) + 0.14 * (number - (len(products) - 1) / 2)
            colour, name = colours[number % 5], product_named(product)
            axes.plot(x, values, "o", color=colour, ms=6, label=name)
        axes.set_title(GROUP_NAMES[group].capitalize())
        axes.axhline(0, color=MUTED, lw=0.8)
        light_grid(axes)
    panels[1].set_xticks(np.arange(len(periods)), [period_named(p) for p in periods])
    figure.supylabel(label, fontsize=9.5)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure
