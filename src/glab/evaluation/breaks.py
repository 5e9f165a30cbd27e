"""Measure breaks at sensor changes and drops at clearings.

A break is the difference between neighbouring segments, each with one set of sensors, over the same
calendar days of both, in product minus truth, so that natural variation cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from glab.arrays import Booleans, Floats, finite_mean
from glab.calendar import Days, day_of_year
from glab.climatology.running import window_mean
from glab.config import Evaluate, Period
from glab.evaluation.records import ProductAndTruth, record_days, select_masks
from glab.evaluation.statistics import gain

Row = dict[str, Any]
"""One row of a table, by column."""

BREAK_COLUMNS = [
    *("product", "variable", "truth", "cells", "date", "before", "after"),
    *("break", "placebo_p05", "placebo_p95", "placebos", "n"),
]

# Clearings change VOD far more than a change of sensors does: "uncleared" leaves them out.
IN_BREAKS = ("all", "trained", "held_out", "uncleared")

DAY = np.timedelta64(1, "D")
YEAR = np.timedelta64(365, "D")
"""Length of the stretches before and after a clearing: a whole year, so that seasons cancel."""


class Segment(NamedTuple):
    """A stretch of the record with one set of sensors; both days included."""

    name: str
    start: np.datetime64
    end: np.datetime64

    @property
    def length(self) -> np.timedelta64:
        """Days from the first to the last, both included."""
        return self.end - self.start + DAY


def find_segments(sensors: Mapping[str, Period], days: Days) -> list[Segment]:
    """Return the segments of a record in order, cut to its first and last day.

    Args:
        sensors: period of each set of sensors.
        days: dates of the record; segments without a day are left out.
    """
    first, last = days.min(), days.max()
    segments = [
        Segment(
            name,
            max(np.datetime64(period.start, "D"), first),
            last if period.end is None else min(np.datetime64(period.end, "D"), last),
        )
        for name, period in sensors.items()
    ]
    # Segments before or after the record end before they start, once they are cut.
    inside = [segment for segment in segments if segment.start <= segment.end]
    return sorted(inside, key=lambda segment: segment.start)


# --- breaks ---------------------------------------------------------------------------------------


def break_rows(
    pair: ProductAndTruth, kind: str, groups: Mapping[str, Booleans], settings: Evaluate
) -> list[Row]:
    """Compute the break at each change of sensors, and the range of breaks at placebo dates.

    Args:
        pair: daily values are averaged over windows first.
        kind: which of its truths.
        groups: cells; those in `IN_BREAKS` are computed.
        settings: segments, length of windows and distance of placebo dates.

    Returns:
        rows of `BREAK_COLUMNS`.
    """
    width = settings.break_window_days
    days, (difference,) = to_windows(pair.record, [pair.value - pair.truths[kind]], width)
    segments = find_segments(settings.sensors, days)
    rows: list[Row] = []
    for before, after in zip(segments, segments[1:]):
        by_cell = sensor_break(difference, days, before, after, width)
        placebos = placebo_breaks(
            *(difference, days, segments, before, after),
            every_days=settings.placebo_every_days,
            season_days=width,
        )
        row = {key: pair.record.attrs[key] for key in ("product", "variable")} | {"truth": kind}
        row |= {"date": str(after.start), "before": before.name, "after": after.name}
        for group, mask in select_masks(groups, IN_BREAKS).items():
            means = finite_mean(placebos[:, mask], -1)
            means = means[np.isfinite(means)]
            low, high = np.percentile(means, [5, 95]) if means.size else (np.nan, np.nan)
            values = {
                "break": float(finite_mean(by_cell[mask], -1)),
                "placebo_p05": float(low),
                "placebo_p95": float(high),
                "placebos": means.size,
                "n": int(np.isfinite(by_cell[mask]).sum()),
            }
            rows.append(row | {"cells": group} | values)
    return rows


def to_windows(
    record: xr.Dataset, layers: Sequence[Floats], window_days: int
) -> tuple[Days, list[Floats]]:
    """Average daily layers over consecutive windows from the record's first day on.

    Args:
        record: gives the days; the layers of a record that is in windows are returned unchanged.
        layers: shape (time, cell) each, NaN where missing.
        window_days: length of a window.

    Returns:
        first day of each window, and the layers on (window, cell), NaN without values.
    """
    days = record_days(record)
    if record.attrs["window_days"] > 1:
        return days, list(layers)
    # Windows count from the first day, so that a record of one year has whole windows too.
    every = np.arange(days[0], days[-1] + 1, dtype="datetime64[D]")
    starts, means = every[::window_days], []
    for layer in layers:
        daily = np.full((len(every), layer.shape[1]), np.nan, np.float32)
        daily[(days - days[0]).astype(int)] = layer
        means.append(window_mean(daily, every, starts, window_days)[0])
    return starts, means


def sensor_break(
    difference: Floats, days: Days, before: Segment, after: Segment, season_days: int = 18
) -> Floats:
    """Return the mean of a difference in one segment less that in another, on the same days.

    Args:
        difference: product minus truth, shape (time, cell), NaN where either is missing.
        days: dates, shape (time,).
        before, after: the two segments.
        season_days: length of the calendar classes; days of one class count as the same.

    Returns:
        shape (cell,); NaN where the segments have no calendar class in common.
    """
    seasons = (day_of_year(days) - 1) // season_days
    numbers = np.arange(int(366 // season_days) + 1)
    means = []
    for segment in (before, after):
        # Sums over calendar classes as a product of matrices: one pass over all cells.
        use = (days >= segment.start) & (days <= segment.end)
        classes = (seasons[use] == numbers[:, None]).astype(float)
        values = np.asarray(difference[use], float)
        present = np.isfinite(values)
        count = classes @ present
        total = classes @ np.where(present, values, 0.0)
        means.append(np.where(count > 0, total / np.maximum(count, 1), np.nan))
    # A class that one segment lacks is NaN in the difference, so that seasons cancel.
    return finite_mean(means[1] - means[0], 0)


def placebo_breaks(
    difference: Floats,
    days: Days,
    segments: Sequence[Segment],
    before: Segment,
    after: Segment,
    *,
    every_days: int = 36,
    side_days_min: int = 240,
    season_days: int = 18,
) -> Floats:
    """Return breaks at dates where no sensor changes: their spread is the chance level.

    Each date lies inside one segment. The two stretches next to it are as long as the segments of
    the real change, or shorter where their segment ends.

    Args:
        difference, days, season_days: see `sensor_break`.
        segments: all segments of the record.
        before, after: the segments of the real change.
        every_days: distance of the placebo dates.
        side_days_min: least length of a stretch (or of the real segment if that is shorter).

    Returns:
        shape (date, cell).
    """
    rows: list[Floats] = [np.empty((0, difference.shape[1]))]
    for segment in segments:
        dates: Days = np.arange(segment.start, segment.end, np.timedelta64(every_days, "D"))
        for date in dates:
            # As long as the real segments: the chance level grows as stretches get shorter.
            left = Segment("", max(segment.start, date - before.length), date - DAY)
            right = Segment("", date, min(segment.end, date + after.length - DAY))
            sides = ((left, before), (right, after))
            least = np.timedelta64(side_days_min, "D")
            if all(side.length >= min(real.length, least) for side, real in sides):
                rows.append(sensor_break(difference, days, left, right, season_days)[None])
    return np.concatenate(rows)


# --- clearings ------------------------------------------------------------------------------------


def clearing_rows(
    pair: ProductAndTruth, kind: str, groups: Mapping[str, Booleans], cleared: Days
) -> list[Row]:
    """Compute gain and early fraction of the drops at clearings.

    Args:
        pair: the product.
        kind: which of its truths.
        groups: cells; "all", "trained" and "held_out" are computed.
        cleared: day of clearing of each cell, NaT for none.
    """
    names = {"all": "cleared", "trained": "trained cleared", "held_out": "held_out cleared"}
    rows: list[Row] = []
    for group, mask in select_masks(groups, tuple(names)).items():
        inside = mask & ~np.isnat(cleared)
        if not inside.any():
            continue
        product, truth = pair.value[:, inside], pair.truths[kind][:, inside]
        args = (product, truth, pair.days, cleared[inside])
        row = {key: pair.record.attrs[key] for key in ("product", "variable")}
        row |= {"truth": kind, "period": "all", "cells": names[group], "signal": "full"}
        values = {
            "clearing_gain": gain(*clearing_drops(*args)),
            "early_fraction": early_fraction(*args),
        }
        n = int(inside.sum())
        rows += [row | {"metric": metric, "value": v, "n": n} for metric, v in values.items()]
    return rows


def mean_level(values: Floats, days: Days, start: Days, end: Days) -> Floats:
    """Return the mean of each cell from its own `start` to before its own `end`, shape (cell,)."""
    use = (days[:, None] >= start) & (days[:, None] < end)
    return finite_mean(np.where(use, values, np.nan), 0)


def clearing_drops(
    product: Floats, truth: Floats, days: Days, cleared: Days
) -> tuple[Floats, Floats]:
    """Return the drops at clearings: mean of the year before less that of the year after.

    Args:
        product, truth: shape (time, cell).
        days: dates, shape (time,).
        cleared: day of clearing of each cell, shape (cell,).

    Returns:
        drops of product and truth over dates where both exist, shape (cell,).
    """
    both = np.isfinite(product) & np.isfinite(truth)
    sides = (np.where(both, side, np.nan) for side in (product, truth))
    drops = [
        mean_level(side, days, cleared - YEAR, cleared)
        - mean_level(side, days, cleared, cleared + YEAR)
        for side in sides
    ]
    return drops[0], drops[1]


def early_fraction(
    product: Floats, truth: Floats, days: Days, cleared: Days, early_days: int = 36
) -> float:
    """Return the fraction of the drop that a product shows more than `early_days` too early.

    The two windows that end `early_days` before the clearing are compared with the same calendar
    days a year earlier. The change of the truth between them is subtracted, and the rest is
    regressed on the product's drop.

    Args:
        product, truth, days, cleared: see `clearing_drops`.
        early_days: two windows of 18 days: a window at the clearing itself contains a part of the
            drop, and so may its neighbour.
    """
    end = cleared - np.timedelta64(early_days, "D")
    start = end - np.timedelta64(36, "D")
    # Minus the truth: a drought before a clearing is a true change and not an early drop.
    difference = np.asarray(product - truth, float)
    year_before = mean_level(difference, days, start - YEAR, end - YEAR)
    fallen = year_before - mean_level(difference, days, start, end)
    drop, _ = clearing_drops(product, truth, days, cleared)
    return gain(fallen, np.where(np.isfinite(fallen), drop, np.nan))
