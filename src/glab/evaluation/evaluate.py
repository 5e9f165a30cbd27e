"""Skill of records against a truth: tidy tables, fields of cells, breaks at sensor changes.

Every function takes plain datasets and arrays, so that a user's own product files can be judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from glab.arrays import Booleans, Floats
from glab.calendar import Days
from glab.config import Evaluate
from glab.evaluation import statistics
from glab.evaluation.breaks import BREAK_COLUMNS, Row, break_rows, clearing_rows
from glab.evaluation.records import cell_groups, climatology_controls, periods, select_masks, truths
from glab.evaluation.statistics import Moments, keep_pairs, moments

COLUMNS = ["product", "variable", "truth", "period", "cells", "signal", "metric", "value", "n"]

IN_EVERY_PERIOD = ("all", "trained", "held_out", "cleared", "uncleared")
"""Groups of cells that skill is told for in every period; all groups for the whole record."""

WIDTHS = (1, 2)
"""Standard deviations whose coverage is told."""


def evaluate_records(
    records: Sequence[xr.Dataset], truth: xr.Dataset, cells: xr.Dataset, settings: Evaluate
) -> tuple[pd.DataFrame, pd.DataFrame, xr.Dataset]:
    """Tables of skill and breaks, and fields of cells, of records and their controls.

    Args:
        records: from `comparison.record`, on the same cells.
        truth: the simulated Earth, daily.
        cells: from `comparison.judged_cells`.
        settings: periods, segments, footprint, shares.

    Returns:
        skill (`COLUMNS`), breaks (`BREAK_COLUMNS`), and fields `<variable>_<metric>(product, truth,
        cell)`.
    """
    masks = cell_groups(cells, truth, settings)
    skill: list[Row] = []
    breaks: list[Row] = []
    fields: list[xr.Dataset] = []
    for judged in records:
        for kind, true in truths(truth, judged, settings).items():
            for each in [judged, *climatology_controls(judged, true)]:
                rows, field = evaluate_record(each, true, kind, masks, settings)
                skill += rows
                fields.append(field)
            skill += clearing_rows(judged, true, kind, masks, _clearing_days(truth, cells))
            breaks += break_rows(judged, true, kind, masks, settings)
    joined = xr.merge(fields, compat="no_conflicts", join="outer")
    return pd.DataFrame(skill, columns=COLUMNS), pd.DataFrame(breaks, columns=BREAK_COLUMNS), joined


def _clearing_days(truth: xr.Dataset, cells: xr.Dataset) -> Days:
    """Day of clearing of each cell, NaT for never."""
    if "clearing_day" not in truth:
        return np.full(cells.sizes["cell"], np.datetime64("NaT"), "datetime64[D]")
    day = truth["clearing_day"].sel(cell=cells["cell"].values).values
    epoch = np.datetime64("2000-01-01", "D")
    if day.dtype.kind != "M":
        day = epoch + day.astype("timedelta64[D]")
    day = day.astype("datetime64[D]")
    return np.where(day >= epoch, day, np.datetime64("NaT"))


# --- skill ------------------------------------------------------------------------------------


def evaluate_record(
    judged: xr.Dataset, true: Floats, kind: str, masks: Mapping[str, Booleans], settings: Evaluate
) -> tuple[list[Row], xr.Dataset]:
    """Rows of `COLUMNS` for every period and group of cells, and fields of cells, of one record.

    Args:
        judged: `value`, and `std`, `climatology` if there, (time, cell).
        true: truth, (time, cell).
        kind: name of that truth.
        masks: groups of cells.
        settings: periods and the share of the record that trends need.
    """
    days = judged["time"].values.astype("datetime64[D]")
    rows: list[Row] = []
    fields: dict[str, Floats] = {}
    signals = _signals(judged, true, days)
    for period, times in periods(days, settings).items():
        chosen = dict(masks) if period == "all" else select_masks(masks, IN_EVERY_PERIOD)
        part, seen = judged.isel(time=np.flatnonzero(times)), true[times]
        sums = {name: moments(p[times], t[times]) for name, (p, t) in signals.items()}
        spread = _spread(part, seen)
        found = [*_pair_rows(sums, chosen), *_spread_rows(spread, chosen)]
        rows += [{"period": period, **row} for row in found]
        if period == "all":
            slopes = statistics.trends(
                judged["value"].values, true, days, fraction_min=settings.trend_fraction_min
            )
            rows += [{"period": period, **row} for row in _trend_rows(*slopes, chosen)]
            fields = _fields(sums, spread, *slopes)
    named = {key: judged.attrs[key] for key in ("product", "variable")} | {"truth": kind}
    dims = ("product", "truth", "cell")
    laid = {
        f"{named['variable']}_{name}": (dims, values[None, None].astype(np.float32))
        for name, values in fields.items()
    }
    place = {"product": [named["product"]], "truth": [kind], "cell": judged["cell"].values}
    return [named | row for row in rows], xr.Dataset(laid, place)


def _signals(judged: xr.Dataset, true: Floats, days: Days) -> dict[str, tuple[Floats, Floats]]:
    """Product and truth: as they are, deseasonalised, and beyond the product's climatology.

    Seasons are fitted over the whole record, each side by its own, so that a period of some
    months is judged by its anomalies too.
    """
    product, seen = keep_pairs(judged["value"].values, true)
    anomalies = [statistics.deseasonalise(side, days) for side in (product, seen)]
    found: dict[str, tuple[Floats, Floats]] = {"full": (product, seen)}
    found["deseasonalised"] = (anomalies[0], anomalies[1])
    if "climatology" in judged:
        cycle = judged["climatology"].values
        found["residual"] = (product - cycle, seen - cycle)
    return found


def _spread(part: xr.Dataset, true: Floats) -> dict[str, Floats]:
    """Noise of each cell, and number, squared spread and covered truths of its pairs."""
    value = part["value"].values
    found: dict[str, Floats] = {"noise": statistics.noise(value)}
    if "std" in part:
        std = part["std"].values
        present = np.isfinite(value) & np.isfinite(true) & np.isfinite(std)
        found["n"] = present.sum(axis=0).astype(float)
        found["square"] = (np.where(present, std, 0.0) ** 2).sum(axis=0)
        for width in WIDTHS:
            found[f"coverage_{width}"] = statistics.coverage(value, true, std, width)
    return found


def _pair_rows(sums: Mapping[str, Moments], masks: Mapping[str, Booleans]) -> Iterator[Row]:
    """R, errors and slope of all pairs of a group together, and medians over its cells."""
    for signal, each in sums.items():
        full = signal == "full"
        names = ("r", "slope", "ubrmse")[: 3 if full else 1]
        by_cell = {name: getattr(each, name) for name in names}
        for group, mask in masks.items():
            pooled, row = each.pooled(mask), {"cells": group, "signal": signal}
            for metric in ("r", "rmse", "slope", "bias", "ubrmse")[: 5 if full else 3]:
                value = float(getattr(pooled, metric))
                yield row | {"metric": metric, "value": value, "n": int(pooled.n)}
            for metric, values in by_cell.items():
                yield row | _quantile_row(f"{metric}_cell_median", values[mask], 0.5)
            if full:
                yield row | _quantile_row("ubrmse_cell_p90", each.ubrmse[mask], 0.9)


def _quantile_row(metric: str, values: Floats, share: float) -> Row:
    """A quantile of the finite values."""
    there = values[np.isfinite(values)]
    found = float(np.quantile(there, share)) if there.size else float("nan")
    return {"metric": metric, "value": found, "n": there.size}


def _spread_rows(spread: Mapping[str, Floats], masks: Mapping[str, Booleans]) -> Iterator[Row]:
    """Noise, coverage of the truth and mean spread of groups of cells."""
    for group, mask in masks.items():
        row = {"cells": group, "signal": "full"}
        yield row | _quantile_row("noise_cell_median", spread["noise"][mask], 0.5)
        if "n" not in spread:
            continue
        n = spread["n"][mask]
        number, safe = int(n.sum()), max(n.sum(), 1.0)
        told = {f"coverage_{w}": np.nansum(spread[f"coverage_{w}"][mask] * n) for w in WIDTHS}
        told |= {"spread": spread["square"][mask].sum()}
        for metric, total in told.items():
            value = float(total / safe) if number else float("nan")
            value = value**0.5 if metric == "spread" else value
            yield row | {"metric": metric, "value": value, "n": number}


def _trend_rows(found: Floats, true: Floats, masks: Mapping[str, Booleans]) -> Iterator[Row]:
    """Gain and skill of trends, by group of cells."""
    for group, mask in masks.items():
        pair = found[mask], true[mask]
        number = int(np.isfinite(pair[0]).sum())
        told = {
            "trend_gain": statistics.gain(*pair),
            "trend_skill": statistics.skill(*pair),
            "trend_r": float(moments(*pair).r),
            "trend_error": statistics.false_trend(*pair),
        }
        for metric, value in told.items():
            row = {"cells": group, "signal": "full", "metric": metric}
            yield row | {"value": value, "n": number}


def _fields(
    sums: Mapping[str, Moments], spread: Mapping[str, Floats], found: Floats, true: Floats
) -> dict[str, Floats]:
    """Measures of each cell over the whole record; R is that of deseasonalised series."""
    full = sums["full"]
    fields: dict[str, Floats] = {
        "r": sums["deseasonalised"].r,
        "rmse": full.rmse,
        "bias": full.bias,
    }
    fields |= {"trend": found, "truth_trend": true}
    return fields | ({"coverage": spread["coverage_1"]} if "n" in spread else {})
