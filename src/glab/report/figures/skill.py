"""Product against truth: density, trends, breaks, coverage, spread, skill by period."""

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
from glab.report.figures.style import (
    CLOUD,
    GROUP_COLOURS,
    INK,
    MUTED,
    QUANTITIES,
    RULE,
    VERMILION,
    nothing,
    period_named,
    product_named,
    quiet,
    sensors_named,
    styled,
)

Pairs = Mapping[str, tuple[Floats, Floats]]

GAUSSIAN = {1: 0.6827, 2: 0.9545}
GROUP_NAMES = {"all": "all cells", "trained": "trained cells", "held_out": "held-out cells"}


@styled
def density(panels: Pairs, variable: str, kinds: Sequence[str] = ()) -> Figure:
    """Product against truth as numbers of pairs, one panel for each set of pairs.

    Args:
        panels: by title, product and truth of any one shape, NaN where missing.
        variable: a key of `QUANTITIES`.
        kinds: "value" or "residual" for each panel.
    """
    figure = Figure(figsize=(11.0, 11.0 / max(len(panels), 3) + 0.3), layout="constrained")
    if not panels:
        return nothing(figure)
    quantity = QUANTITIES[variable]
    row = figure.subplots(1, len(panels), squeeze=False)[0]
    for number, (axes, (title, (product, truth))) in enumerate(zip(row, panels.items())):
        kind = kinds[number] if number < len(kinds) else "value"
        present = np.isfinite(product) & np.isfinite(truth)
        p, t = product[present], truth[present]
        axes.set_title(title)
        if p.size:
            low, high = np.percentile(np.concatenate([p, t]), [0.1, 99.9])
            _cloud(axes, p, t, float(low), float(high))
            _tell(axes, p, t, quantity.unit)
        axes.set_xlabel(f"truth: {quantity.label(kind)}")
        axes.set_aspect("equal")
    row[0].set_ylabel("product")
    return figure


def _cloud(axes: Axes, p: Floats, t: Floats, low: float, high: float) -> None:
    span = [[low, high], [low, high]]
    axes.hist2d(t, p, bins=90, range=span, norm=LogNorm(), cmap=CLOUD, rasterized=True)
    axes.plot([low, high], [low, high], color=VERMILION, lw=0.9)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)


def _tell(axes: Axes, p: Floats, t: Floats, unit: str) -> None:
    sums = moments(p, t)
    digits = 2 if unit == "K" else 3
    text = (
        f"R {float(sums.r):.2f}\nRMSE {float(sums.rmse):.{digits}f} {unit}\n"
        f"bias {float(sums.bias):+.{digits}f} {unit}\nn {p.size:,}"
    )
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 2}
    axes.text(0.03, 0.97, text, transform=axes.transAxes, va="top", fontsize=8.5, bbox=box)


@styled
def trend_scatter(panels: Pairs, variable: str) -> Figure:
    """Trends of the product against the true ones, with the line of their gain.

    Args:
        panels: by title, trends of product and truth of cells, per year.
        variable: a key of `QUANTITIES`.
    """
    figure = Figure(figsize=(11.0, 11.0 / max(len(panels), 3) + 0.3), layout="constrained")
    row = figure.subplots(1, max(len(panels), 1), squeeze=False)[0]
    for axes, (title, (found, true)) in zip(row, panels.items()):
        present = np.isfinite(found) & np.isfinite(true)
        axes.set_title(title)
        axes.set_xlabel(f"true {QUANTITIES[variable].label('trend')}")
        if not present.any():
            continue
        both = np.concatenate([found[present], true[present]])
        top = float(np.percentile(np.abs(both), 99.5)) * 1.1 or 1.0
        gain, skill = statistics.gain(found, true), statistics.skill(found, true)
        axes.axhline(0, color=RULE, lw=0.8)
        axes.axvline(0, color=RULE, lw=0.8)
        axes.plot([-top, top], [-top, top], color=MUTED, lw=0.9, ls=(0, (3, 2)))
        axes.scatter(true[present], found[present], s=7, color=INK, alpha=0.35, lw=0)
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
    """Steps at changes of sensors beside what happens by chance at other dates.

    Args:
        breaks: rows of one variable and truth, see `consistency.STEP_COLUMNS`.
        variable: a key of `QUANTITIES`.
    """
    figure = Figure(figsize=(11.0, 3.2), layout="constrained")
    if breaks.empty:
        return nothing(figure, "the record has no change of sensors")
    axes = figure.subplots()
    dates = list(dict.fromkeys(breaks["date"]))
    groups = [g for g in GROUP_NAMES if g in set(breaks["cells"])]
    for number, group in enumerate(groups):
        own = breaks[breaks["cells"] == group].set_index("date").reindex(dates)
        x = np.arange(len(dates)) + 0.22 * (number - (len(groups) - 1) / 2)
        colour = GROUP_COLOURS[group]
        low, high = own["placebo_p05"], own["placebo_p95"]
        axes.vlines(x, low, high, color=colour, lw=8, alpha=0.18)
        axes.plot(x, own["break"], "o", color=colour, ms=6, label=GROUP_NAMES[group])
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
    quiet(axes)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@styled
def coverage(skill: pd.DataFrame) -> Figure:
    """Share of truths within ±1σ and ±2σ of the product, by period.

    Args:
        skill: rows `coverage_1` and `coverage_2` of one product's variable and truth.
    """
    figure = Figure(figsize=(11.0, 3.0), layout="constrained")
    rows = skill[skill["metric"].str.startswith("coverage_") & skill["value"].notna()]
    if rows.empty:
        return nothing(figure)
    axes = figure.subplots()
    periods = list(dict.fromkeys(rows["period"]))
    for width, share in GAUSSIAN.items():
        axes.axhline(share, color=MUTED, lw=0.9, ls=(0, (3, 2)))
        axes.text(len(periods) - 0.52, share, f"±{width}σ", va="bottom", ha="right", color=MUTED)
    for number, group in enumerate(("trained", "held_out")):
        own = rows[rows["cells"] == group]
        for width, marker in ((1, "o"), (2, "s")):
            part = own[own["metric"] == f"coverage_{width}"].set_index("period").reindex(periods)
            x = np.arange(len(periods)) + 0.16 * (number - 0.5)
            name = GROUP_NAMES[group] if width == 1 else "_"
            colour = GROUP_COLOURS[group]
            axes.plot(x, part["value"], marker, color=colour, ms=6, label=name)
    axes.set_xticks(np.arange(len(periods)), [period_named(p) for p in periods])
    axes.set_xlim(-0.5, len(periods) - 0.5)
    axes.set_ylim(0, 1.04)
    axes.set_ylabel("share of truths covered")
    quiet(axes)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def spread_error(panels: Mapping[str, tuple[Floats, Floats, Floats]], variable: str) -> Figure:
    """Stated spread against the error that was made, in classes of equal number.

    Args:
        panels: by title, product, truth and total spread.
        variable: a key of `QUANTITIES`.
    """
    figure = Figure(figsize=(11.0, 11.0 / max(len(panels), 3) + 0.3), layout="constrained")
    row = figure.subplots(1, max(len(panels), 1), squeeze=False)[0]
    unit = QUANTITIES[variable].label()
    for axes, (title, (product, truth, std)) in zip(row, panels.items()):
        spread, error, _ = statistics.spread_against_error(product, truth, std, 12)
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
        quiet(axes, "both")
    row[0].set_ylabel("root mean square error")
    return figure


@styled
def skill_by_period(skill: pd.DataFrame, metric: str, label: str) -> Figure:
    """One measure of the product and its controls, by period, trained and held-out cells apart.

    Args:
        skill: rows of one variable and truth.
        metric: which of its metrics (rows of one signal only).
        label: of the axis.
    """
    figure = Figure(figsize=(11.0, 5.0), layout="constrained")
    rows = skill[(skill["metric"] == metric) & skill["value"].notna()]
    if rows.empty:
        return nothing(figure)
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    periods = list(dict.fromkeys(rows["period"]))
    products = list(dict.fromkeys(rows["product"]))
    colours = [GROUP_COLOURS["trained"], MUTED, "#b3bcc6", VERMILION, INK]
    for axes, group in zip(panels, ("trained", "held_out")):
        own = rows[rows["cells"] == group]
        for number, product in enumerate(products):
            part = own[own["product"] == product].set_index("period").reindex(periods)
            x = np.arange(len(periods)) + 0.14 * (number - (len(products) - 1) / 2)
            colour, name = colours[number % 5], product_named(product)
            axes.plot(x, part["value"], "o", color=colour, ms=6, label=name)
        axes.set_title(GROUP_NAMES[group].capitalize())
        axes.axhline(0, color=MUTED, lw=0.8)
        quiet(axes)
    panels[1].set_xticks(np.arange(len(periods)), [period_named(p) for p in periods])
    figure.supylabel(label, fontsize=9.5)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure
