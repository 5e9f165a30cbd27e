"""Compute tables of skill and breaks and fields of cells; without a truth, summarise products.

Every function takes plain datasets and arrays, so that a user can evaluate other product files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from glab.arrays import Booleans, Float32s, Floats, finite_mean
from glab.calendar import Days, time_blocks, year_of
from glab.config import Evaluate
from glab.evaluation import statistics
from glab.evaluation.breaks import BREAK_COLUMNS, Row, break_rows, clearing_rows
from glab.evaluation.records import (
    ProductAndTruth,
    cell_groups,
    clearing_days,
    pair_with_truth,
    periods,
    record_days,
    select_masks,
)
from glab.evaluation.statistics import Moments, moments
from glab.grids.cells import select_cells
from glab.products.attributes import PRODUCTS

COLUMNS = ["product", "variable", "truth", "period", "cells", "signal", "metric", "value", "n"]

IN_EVERY_PERIOD = ("all", "trained", "held_out", "cleared", "uncleared")
"""Groups of cells that are computed for every period; the whole record has all groups."""

WIDTHS = (1, 2)
"""Standard deviations for which coverage is computed."""

YEARS_MIN = 5
"""Fewest annual means of a trend without a truth."""


def evaluate_records(
    records: Sequence[xr.Dataset], truth: xr.Dataset, cells: xr.Dataset, settings: Evaluate
) -> tuple[pd.DataFrame, pd.DataFrame, xr.Dataset]:
    """Compare records and their controls with the truth.

    Args:
        records: from `glab.evaluation.records`, on the cells of `cells`.
        truth: the simulated Earth, daily.
        cells: from `groups.evaluation_cells`.
        settings: periods, segments, footprint, fractions of valid values.

    Returns:
        skill (`COLUMNS`), breaks (`BREAK_COLUMNS`), and fields `<variable>_<metric>` on (product,
        truth, cell).
    """
    groups = cell_groups(cells, truth, settings)
    cleared = clearing_days(truth.sel(cell=cells["cell"].values))
    skill: list[Row] = []
    breaks: list[Row] = []
    fields: list[xr.Dataset] = []
    for record in records:
        pair = pair_with_truth(record, truth, settings)
        for kind, true in pair.truths.items():
            for each in [record, *climatology_controls(record, true)]:
                one = ProductAndTruth(each, {kind: true})
                rows, field = evaluate_record(one, kind, groups, settings)
                skill += rows
                fields.append(field)
            skill += clearing_rows(pair, kind, groups, cleared)
            breaks += break_rows(pair, kind, groups, settings)
    # Records differ in products, truths and variables: combinations that do not exist are NaN.
    merged = xr.merge(fields, compat="no_conflicts", join="outer")
    return pd.DataFrame(skill, columns=COLUMNS), pd.DataFrame(breaks, columns=BREAK_COLUMNS), merged


def climatology_controls(record: xr.Dataset, truth: Floats) -> list[xr.Dataset]:
    """Return controls: the record's climatology alone and, in windows, last year's truth.

    Args:
        record: a record without a climatology has no controls.
        truth: at the record's times and cells, shape (time, cell).
    """
    if "climatology" not in record:
        return []
    controls = {"climatology": record["climatology"]}
    if record.attrs["window_days"] > 1:
        last_year = _last_year(truth, record_days(record))
        controls["persistence"] = record["value"].copy(data=last_year)
    rest = record.drop_vars(["std"], errors="ignore")
    product = record.attrs["product"]
    return [
        rest.assign(value=value).assign_attrs(product=f"{product}: {name}")
        for name, value in controls.items()
    ]


def _last_year(truth: Floats, days: Days) -> Floats:
    """Return the truth of the window nearest to 365 days earlier, NaN where there is none."""
    width = np.median(np.diff(days).astype(int)) if len(days) > 1 else 1
    wanted = days - np.timedelta64(365, "D")
    # The first window that begins at most half a window before that day.
    position = np.searchsorted(days, wanted - np.timedelta64(int(width // 2), "D"))
    position = np.minimum(position, len(days) - 1)
    close = np.abs((days[position] - wanted).astype(int)) <= width / 2
    return np.where(close[:, None], truth[position], np.nan)


def evaluate_record(
    pair: ProductAndTruth, kind: str, groups: Mapping[str, Booleans], settings: Evaluate
) -> tuple[list[Row], xr.Dataset]:
    """Compute every measure of one record, by period, group of cells and signal.

    Args:
        pair: the record and its truths.
        kind: which of the truths.
        groups: groups of cells.
        settings: periods, and the fraction of the record that a trend needs.

    Returns:
        rows of `COLUMNS`, and fields of the whole record; `r` is that of anomalies.
    """
    true, rows = pair.truths[kind], list[Row]()
    fields: dict[str, Floats] = {}
    signals = _signals(pair, true)
    for period, times in periods(pair.days, settings).items():
        chosen = dict(groups) if period == "all" else select_masks(groups, IN_EVERY_PERIOD)
        sums = {name: moments(p[times], t[times]) for name, (p, t) in signals.items()}
        spread = _spread(pair.record.isel(time=np.flatnonzero(times)), true[times])
        measured = [*_pair_rows(sums, chosen), *_spread_rows(spread, chosen)]
        if period == "all":
            slopes = statistics.trends(
                pair.value, true, pair.days, fraction_min=settings.trend_fraction_min
            )
            measured += _trend_rows(*slopes, chosen)
            fields = {name: getattr(sums["full"], name) for name in ("rmse", "bias")}
            # The seasonal cycle dominates the R of values, so maps show the R of anomalies.
            fields = {"r": sums["deseasonalised"].r, **fields}
            fields |= dict(zip(("trend", "truth_trend"), slopes))
            fields |= {"coverage": spread["coverage_1"]} if "n" in spread else {}
        rows += [{"period": period, **row} for row in measured]
    names = {key: pair.record.attrs[key] for key in ("product", "variable")} | {"truth": kind}
    layers = {
        f"{names['variable']}_{name}": (
            ("product", "truth", "cell"),
            values[None, None].astype(np.float32),
        )
        for name, values in fields.items()
    }
    coords = {
        "product": [names["product"]],
        "truth": [kind],
        "cell": pair.record["cell"].values,
    }
    return [names | row for row in rows], xr.Dataset(layers, coords)


def _signals(pair: ProductAndTruth, true: Floats) -> dict[str, tuple[Floats, Floats]]:
    """Return product and truth as they are, deseasonalised, and minus the product's climatology.

    Seasonal cycles are fitted to each side over the whole record, so that periods of a few months
    have anomalies too.
    """
    product, truth = statistics.keep_pairs(pair.value, true)
    anomalies = [statistics.deseasonalise(side, pair.days) for side in (product, truth)]
    signals: dict[str, tuple[Floats, Floats]] = {"full": (product, truth)}
    signals["deseasonalised"] = (anomalies[0], anomalies[1])
    if "climatology" in pair.record:
        signals["residual"] = (product - pair.cycle, truth - pair.cycle)
    return signals


def _spread(record: xr.Dataset, true: Floats) -> dict[str, Floats]:
    """Return the noise of each cell, and number, squared uncertainty and coverage of its pairs."""
    value = record["value"].values
    spread: dict[str, Floats] = {"noise": statistics.noise(value)}
    if "std" in record:
        std = record["std"].values
        present = np.isfinite(value) & np.isfinite(true) & np.isfinite(std)
        spread["n"] = present.sum(axis=0).astype(float)
        spread["square"] = (np.where(present, std, 0.0) ** 2).sum(axis=0)
        for width in WIDTHS:
            spread[f"coverage_{width}"] = statistics.coverage(value, true, std, width)
    return spread


def _pair_rows(sums: Mapping[str, Moments], groups: Mapping[str, Booleans]) -> Iterator[Row]:
    """Compute R, errors and slope of all pairs of a group, and medians over its cells."""
    for signal, each in sums.items():
        full = signal == "full"
        names = ("r", "slope", "ubrmse")[: 3 if full else 1]
        by_cell = {name: getattr(each, name) for name in names}
        for group, mask in groups.items():
            pooled, row = each.pooled(mask), {"cells": group, "signal": signal}
            for metric in ("r", "rmse", "slope", "bias", "ubrmse")[: 5 if full else 3]:
                value = float(getattr(pooled, metric))
                yield row | {"metric": metric, "value": value, "n": int(pooled.n)}
            for metric, values in by_cell.items():
                yield row | _quantile_row(f"{metric}_cell_median", values[mask], 0.5)
            if full:
                yield row | _quantile_row("ubrmse_cell_p90", each.ubrmse[mask], 0.9)


def _quantile_row(metric: str, values: Floats, fraction: float) -> Row:
    """Return a quantile of the finite values."""
    finite = values[np.isfinite(values)]
    quantile = float(np.quantile(finite, fraction)) if finite.size else float("nan")
    return {"metric": metric, "value": quantile, "n": finite.size}


def _spread_rows(spread: Mapping[str, Floats], groups: Mapping[str, Booleans]) -> Iterator[Row]:
    """Compute noise, coverage of the truth and mean uncertainty of groups of cells."""
    for group, mask in groups.items():
        row = {"cells": group, "signal": "full"}
        yield row | _quantile_row("noise_cell_median", spread["noise"][mask], 0.5)
        if "n" not in spread:
            continue
        # Weighted by pairs, so that a pooled coverage counts every pair once.
        n = spread["n"][mask]
        number, safe = int(n.sum()), max(n.sum(), 1.0)
        totals = {f"coverage_{w}": np.nansum(spread[f"coverage_{w}"][mask] * n) for w in WIDTHS}
        totals |= {"spread": spread["square"][mask].sum()}
        for metric, total in totals.items():
            value = float(total / safe) if number else float("nan")
            value = value**0.5 if metric == "spread" else value
            yield row | {"metric": metric, "value": value, "n": number}


def _trend_rows(estimated: Floats, true: Floats, groups: Mapping[str, Booleans]) -> Iterator[Row]:
    """Compute gain, skill, R and error of trends of groups of cells."""
    for group, mask in groups.items():
        trends = estimated[mask], true[mask]
        number = int(np.isfinite(trends[0]).sum())
        values = {
            "trend_gain": statistics.gain(*trends),
            "trend_skill": statistics.skill(*trends),
            "trend_r": float(moments(*trends).r),
            "trend_error": statistics.false_trend(*trends),
        }
        for metric, value in values.items():
            row = {"cells": group, "signal": "full", "metric": metric}
            yield row | {"value": value, "n": number}


# --- without a truth ------------------------------------------------------------------------------


def summarise_products(
    years: Sequence[xr.Dataset], cells: xr.Dataset
) -> tuple[pd.DataFrame, pd.DataFrame, xr.Dataset]:
    """Summarise products whose truth is not known: presence and mean by year, and trends.

    Args:
        years: product files of any products, opened lazily.
        cells: `row` and `col` of the cells.

    Returns:
        as `evaluate_records`; the column `truth` is "none", and there are no breaks.
    """
    rows: list[Row] = []
    fields: list[xr.Dataset] = []
    for product in sorted({str(year.attrs["product"]) for year in years}):
        files = [year for year in years if year.attrs["product"] == product]
        files.sort(key=lambda year: year["time"].values[0])
        summaries = [summarise_year(year, PRODUCTS[product].main) for year in files]
        for variable in PRODUCTS[product].main:
            for year in summaries:
                row = {"product": product, "variable": variable, "truth": "none", "cells": "all"}
                row |= {"period": str(int(year["year"])), "signal": "full"}
                rows += [row | values for values in _presence(year, variable)]
            trend = xr.DataArray(annual_trend(summaries, variable), dims=("y", "x"))
            name = f"{variable}_trend"
            on_grid = summaries[0][["lat", "lon"]].assign({name: trend})
            on_cells = select_cells(on_grid, cells["row"].values, cells["col"].values)[name]
            fields.append(
                on_cells.reset_coords(drop=True)
                .expand_dims(product=[product], truth=["none"])
                .assign_coords(cell=cells["cell"].values)
                .to_dataset()
            )
    merged = xr.merge(fields, compat="no_conflicts", join="outer")
    return pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(columns=BREAK_COLUMNS), merged


def _presence(year: xr.Dataset, variable: str) -> Iterator[Row]:
    """Return fraction of present values and mean value, of cells with at least one value."""
    fraction, mean = (year[f"{variable}_{key}"].values for key in ("present", "mean"))
    ever = fraction > 0
    for metric, values in (("present", fraction[ever]), ("mean", mean[ever])):
        value = float(values.mean()) if values.size else float("nan")
        yield {"metric": metric, "value": value, "n": int(ever.sum())}


def summarise_year(year: xr.Dataset, variables: Sequence[str]) -> xr.Dataset:
    """Average one product year over time and over longitude, and count present values.

    Args:
        year: a product file, opened lazily; a month is read at a time.
        variables: names of fields (time, y, x); those that it lacks are left out.

    Returns:
        `<name>_mean(y, x)`, `<name>_present(y, x)` (fraction of times), `<name>_zonal(time, y)`;
        `origin_fraction(time, flag)` among the cells with any value if it has `origin`; and `year`.
        Float32.
    """
    names = [name for name in variables if name in year]
    steps, shape = year.sizes["time"], (year.sizes["y"], year.sizes["x"])
    total = {name: np.zeros(shape) for name in names}
    count = {name: np.zeros(shape) for name in names}
    zonal = {name: np.full((steps, shape[0]), np.nan, np.float32) for name in names}
    # A global year of daily TB takes 1.2 GB for each layer.
    for month in time_blocks(year["time"].values):
        for name in names:
            values = year[name].isel(time=month).values
            present = np.isfinite(values)
            total[name] += np.where(present, values, 0.0).sum(axis=0)
            count[name] += present.sum(axis=0)
            zonal[name][month] = finite_mean(values, 2)
    summary = xr.Dataset(coords={key: year[key] for key in ("time", "y", "x", "lat", "lon")})
    for name in names:
        mean = np.where(count[name] > 0, total[name] / np.maximum(count[name], 1), np.nan)
        summary[f"{name}_mean"] = ("y", "x"), mean.astype(np.float32)
        summary[f"{name}_present"] = ("y", "x"), (count[name] / steps).astype(np.float32)
        summary[f"{name}_zonal"] = ("time", "y"), zonal[name]
    if "origin" in year:
        summary["origin_fraction"] = ("time", "flag"), _origin_fractions(year["origin"])
        summary["flag"] = str(year["origin"].attrs["flag_meanings"]).split()
    return summary.assign_coords(year=int(year_of(year["time"].values[:1])[0]))


def _origin_fractions(origin: xr.DataArray) -> Float32s:
    """Return the fraction of each flag at each time, among cells with a value in the year.

    Flags come from the file: `flag_values`, in which 0 is "none".
    """
    values = np.atleast_1d(origin.attrs["flag_values"])
    counts = np.zeros((origin.sizes["time"], len(values)))
    ever = np.zeros(origin.shape[1:], bool)
    for month in time_blocks(origin["time"].values):
        flags = origin.isel(time=month).values
        ever |= (flags > 0).any(axis=0)
        for column, value in enumerate(values):
            counts[month, column] = (flags == value).sum(axis=(1, 2))
    cells = max(int(ever.sum()), 1)
    present = values != 0
    counts[:, ~present] = cells - counts[:, present].sum(axis=1, keepdims=True)
    return (counts / cells).astype(np.float32)


def annual_trend(years: Sequence[xr.Dataset], variable: str) -> Float32s:
    """Return the slope of the annual means of each cell, per year, shape (y, x).

    Args:
        years: from `summarise_year`, in order.
        variable: one of their variables; cells with fewer than `YEARS_MIN` means are NaN.
    """
    means = np.stack([year[f"{variable}_mean"].values for year in years])
    # Any one date serves: only the distances between years enter a slope.
    middle = np.array([np.datetime64(f"{int(year['year'])}-07-02", "D") for year in years])
    flat = means.reshape(len(years), -1)
    enough = np.isfinite(flat).sum(axis=0) >= YEARS_MIN
    trend = np.where(enough, statistics.slopes(flat, middle), np.nan)
    return trend.reshape(means.shape[1:]).astype(np.float32)
