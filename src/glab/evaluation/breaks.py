"""Measure breaks at sensor changes and drops at clearings.

A break is the difference between neighbouring segments, each seen by one set of sensors, on the
same calendar days of both, in product minus truth, so that natural variation cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Booleans, Floats
from glab.calendar import Days, day_of_year
from glab.climatology.running import window_mean
from glab.config import Evaluate, Period
from glab.evaluation.records import select_masks
from glab.evaluation.statistics import gain

DAY = np.timedelta64(1, "D")
YEAR = np.timedelta64(365, "D")


class Segment(NamedTuple):
    """A stretch of the record seen by one set of sensors; both days included."""

    name: str
    start: np.datetime64
    end: np.datetime64

    @property
    def length(self) -> np.timedelta64:
        """Days from the first to the last, both included."""
        return self.end - self.start + DAY


def clip_segments(segments: Sequence[Segment], days: Days) -> list[Segment]:
    """Segments as far as a record reaches; those it does not touch are left out."""
    first, last = days.min(), days.max()
    inside = [Segment(s.name, max(s.start, first), min(s.end, last)) for s in segments]
    return [segment for segment in inside if segment.start <= segment.end]


def sensor_break(
    difference: Floats, days: Days, before: Segment, after: Segment, season_days: int = 18
) -> Floats:
    """Mean of a difference in one segment less that in another, on the same calendar days.

    Args:
        difference: product minus truth, shape (time, cell), NaN where either is missing.
        days: dates, shape (time,).
        before, after: the two segments.
        season_days: length of the calendar classes within which days count as the same.

    Returns:
        shape (cell,); NaN where the segments share no calendar class.
    """
    seasons = (day_of_year(days) - 1) // season_days
    number = int(366 // season_days) + 1
    later, earlier = (
        _seasonal_means(difference, (days >= s.start) & (days <= s.end), seasons, number)
        for s in (after, before)
    )
    change = later - earlier
    shared = np.isfinite(change).sum(axis=0)
    return np.where(shared > 0, np.nansum(change, axis=0) / np.maximum(shared, 1), np.nan)


def _seasonal_means(
    values: Floats, use: NDArray[np.bool_], seasons: NDArray[np.int64], number: int
) -> Floats:
    """Mean of each calendar class, shape (class, cell); NaN where it is empty."""
    classes = (seasons[use] == np.arange(number)[:, None]).astype(float)
    part = np.asarray(values[use], float)
    present = np.isfinite(part)
    count = classes @ present
    total = classes @ np.where(present, part, 0.0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mean_break(cells: Floats) -> Floats:
    """Mean over cells, the last axis; NaN without any."""
    present = np.isfinite(cells)
    count = present.sum(axis=-1)
    total = np.where(present, cells, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


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
    """Steps at dates where no sensor changes: what a record does by chance.

    Each date lies inside one segment; the stretches on its two sides are as long as those of the
    real change, as far as the segment reaches.

    Args:
        difference, days, season_days: see `sensor_break`.
        segments: all segments of the record.
        before, after: the segments of the real change.
        every_days: distance of the placebo dates.
        side_days_min: least length of a side (or the real side's, where that is shorter).

    Returns:
        shape (date, cell).
    """
    found: list[Floats] = [np.empty((0, difference.shape[1]))]
    for segment in segments:
        dates: Days = np.arange(segment.start, segment.end, np.timedelta64(every_days, "D"))
        for date in dates:
            left = Segment("", max(segment.start, date - before.length), date - DAY)
            right = Segment("", date, min(segment.end, date + after.length - DAY))
            if _long_enough(left, before, side_days_min) and _long_enough(
                right, after, side_days_min
            ):
                found.append(sensor_break(difference, days, left, right, season_days)[None])
    return np.concatenate(found)


def _long_enough(side: Segment, real: Segment, days_min: int) -> bool:
    return bool(side.length >= min(real.length, np.timedelta64(days_min, "D")))


def level(values: Floats, days: Days, start: Days, end: Days) -> Floats:
    """Mean of each cell from its own `start` to before its own `end`, shape (cell,)."""
    use = (days[:, None] >= start) & (days[:, None] < end) & np.isfinite(values)
    count = use.sum(axis=0)
    return np.where(
        count > 0, np.where(use, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan
    )


def clearing_drops(
    product: Floats, truth: Floats, days: Days, cleared: Days
) -> tuple[Floats, Floats]:
    """Drop of product and truth where forest is cleared: the year before less the year after.

    Args:
        product, truth: shape (time, cell).
        days: dates, shape (time,).
        cleared: day of each cell's clearing, shape (cell,).

    Returns:
        drops of product and truth, shape (cell,).
    """
    both = np.isfinite(product) & np.isfinite(truth)
    parts = (np.where(both, part, np.nan) for part in (product, truth))
    drops = [
        level(part, days, cleared - YEAR, cleared) - level(part, days, cleared, cleared + YEAR)
        for part in parts
    ]
    return drops[0], drops[1]


def clearing_gain(product: Floats, truth: Floats, days: Days, cleared: Days) -> float:
    """Regression of the product's drops on the true ones, through zero."""
    return gain(*clearing_drops(product, truth, days, cleared))


def early_fraction(
    product: Floats, truth: Floats, days: Days, cleared: Days, early_days: int = 36
) -> float:
    """Share of the drop that the product shows more than `early_days` before it happens.

    The two windows that end `early_days` before the clearing are compared with the same calendar
    days a year earlier; what the truth does there is taken off, and the rest is regressed on the
    product's drop.

    Args:
        product, truth, days, cleared: see `clearing_drops`.
        early_days: how early is too early.
    """
    end = cleared - np.timedelta64(early_days, "D")
    start = end - np.timedelta64(36, "D")
    difference = np.asarray(product - truth, float)
    year_before = level(difference, days, start - YEAR, end - YEAR)
    fallen = year_before - level(difference, days, start, end)
    drop, _ = clearing_drops(product, truth, days, cleared)
    return gain(fallen, np.where(np.isfinite(fallen), drop, np.nan))


Row = dict[str, Any]

BREAK_COLUMNS = [
    *("product", "variable", "truth", "cells", "date", "before", "after"),
    *("break", "placebo_p05", "placebo_p95", "placebos", "n"),
]

IN_BREAKS = ("all", "trained", "held_out", "uncleared")
WINDOW_DAYS = 18
"""Daily records are averaged to windows of this length before breaks are taken."""


def segments_of(sensors: Mapping[str, Period], days: Days) -> list[Segment]:
    """Stretches of a record with one set of sensors each, in order."""
    last = np.datetime64("2100-01-01", "D")
    made = [
        Segment(name, np.datetime64(p.start, "D"), np.datetime64(p.end, "D") if p.end else last)
        for name, p in sensors.items()
    ]
    return clip_segments(sorted(made, key=lambda segment: segment.start), days)


def break_rows(
    judged: xr.Dataset, true: Floats, kind: str, masks: Mapping[str, Booleans], settings: Evaluate
) -> list[Row]:
    """Steps of product minus truth at each change of sensors, beside placebo dates."""
    days, difference = _in_windows(judged, judged["value"].values - true)
    segments = segments_of(settings.sensors, days)
    rows: list[Row] = []
    for before, after in zip(segments, segments[1:]):
        each = sensor_break(difference, days, before, after)
        chance = placebo_breaks(
            difference, days, segments, before, after, every_days=settings.placebo_every_days
        )
        row = {key: judged.attrs[key] for key in ("product", "variable")} | {"truth": kind}
        row |= {"date": str(after.start), "before": before.name, "after": after.name}
        rows += [
            row | {"cells": group} | _beside_chance(each[mask], chance[:, mask])
            for group, mask in select_masks(masks, IN_BREAKS).items()
        ]
    return rows


def _beside_chance(each: Floats, chance: Floats) -> Row:
    """Mean step over cells, and the 5th and 95th percentile of the placebo dates' mean breaks."""
    means = mean_break(chance)
    means = means[np.isfinite(means)]
    low, high = np.percentile(means, [5, 95]) if means.size else (np.nan, np.nan)
    return {
        "break": float(mean_break(each)),
        "placebo_p05": float(low),
        "placebo_p95": float(high),
        "placebos": means.size,
        "n": int(np.isfinite(each).sum()),
    }


def _in_windows(judged: xr.Dataset, difference: Floats) -> tuple[Days, Floats]:
    """A daily record's difference as means over windows; longer windows as they are."""
    days = judged["time"].values.astype("datetime64[D]")
    if judged.attrs["window_days"] > 1:
        return days, difference
    every = np.arange(days[0], days[-1] + 1, dtype="datetime64[D]")
    daily = np.full((len(every), difference.shape[1]), np.nan, np.float32)
    daily[(days - days[0]).astype(int)] = difference
    starts = every[::WINDOW_DAYS]
    return starts, window_mean(daily, every, starts, WINDOW_DAYS)[0]


def clearing_rows(
    judged: xr.Dataset, true: Floats, kind: str, masks: Mapping[str, Booleans], cleared: Days
) -> list[Row]:
    """How much of the drop at clearings a record shows, and how much of it too early."""
    days = judged["time"].values.astype("datetime64[D]")
    rows: list[Row] = []
    for group, mask in select_masks(masks, ("all", "trained", "held_out")).items():
        inside = mask & ~np.isnat(cleared)
        if not inside.any():
            continue
        args = (judged["value"].values[:, inside], true[:, inside], days, cleared[inside])
        name = {"all": "cleared", "held_out": "held_out cleared", "trained": "trained cleared"}
        told = {
            "clearing_gain": clearing_gain(*args),
            "early_fraction": early_fraction(*args),
        }
        row = {key: judged.attrs[key] for key in ("product", "variable")}
        row |= {"truth": kind, "period": "all", "cells": name[group], "signal": "full"}
        rows += [
            row | {"metric": metric, "value": value, "n": int(inside.sum())}
            for metric, value in told.items()
        ]
    return rows
