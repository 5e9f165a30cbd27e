"""Steps that a record makes where its sensors change, and drops where forest is cleared.

A step is taken between neighbouring segments, each seen by one set of sensors, on the same
calendar days of both, from product minus truth: what is left of nature cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glab.calendar import Days, day_of_year
from glab.metrics import gain
from glab.moments import FloatArray, Floats

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


def clipped(segments: Sequence[Segment], days: Days) -> list[Segment]:
    """Segments as far as a record reaches; those it does not touch are left out."""
    first, last = days.min(), days.max()
    inside = [Segment(s.name, max(s.start, first), min(s.end, last)) for s in segments]
    return [segment for segment in inside if segment.start <= segment.end]


def step(
    difference: FloatArray, days: Days, before: Segment, after: Segment, season_days: int = 18
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
    values: FloatArray, use: NDArray[np.bool_], seasons: NDArray[np.int64], number: int
) -> Floats:
    """Mean of each calendar class, shape (class, cell); NaN where it is empty."""
    classes = (seasons[use] == np.arange(number)[:, None]).astype(float)
    part = np.asarray(values[use], float)
    present = np.isfinite(part)
    count = classes @ present
    total = classes @ np.where(present, part, 0.0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mean_step(cells: FloatArray) -> Floats:
    """Mean over cells, the last axis; NaN without any."""
    present = np.isfinite(cells)
    count = present.sum(axis=-1)
    total = np.where(present, cells, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def placebo_steps(
    difference: FloatArray,
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
        difference, days, season_days: see `step`.
        segments: all segments of the record.
        before, after: the segments of the real change.
        every_days: distance of the placebo dates.
        side_days_min: least length of a side (or the real side's, where that is shorter).

    Returns:
        shape (date, cell).
    """
    found = [np.empty((0, difference.shape[1]))]
    for segment in segments:
        dates: Days = np.arange(segment.start, segment.end, np.timedelta64(every_days, "D"))
        for date in dates:
            left = Segment("", max(segment.start, date - before.length), date - DAY)
            right = Segment("", date, min(segment.end, date + after.length - DAY))
            if _long_enough(left, before, side_days_min) and _long_enough(
                right, after, side_days_min
            ):
                found.append(step(difference, days, left, right, season_days)[None])
    return np.concatenate(found)


def _long_enough(side: Segment, real: Segment, days_min: int) -> bool:
    return bool(side.length >= min(real.length, np.timedelta64(days_min, "D")))


def level(values: FloatArray, days: Days, start: Days, end: Days) -> Floats:
    """Mean of each cell from its own `start` to before its own `end`, shape (cell,)."""
    use = (days[:, None] >= start) & (days[:, None] < end) & np.isfinite(values)
    count = use.sum(axis=0)
    return np.where(
        count > 0, np.where(use, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan
    )


def clearing_drops(
    product: FloatArray, truth: FloatArray, days: Days, cleared: Days
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


def clearing_gain(product: FloatArray, truth: FloatArray, days: Days, cleared: Days) -> float:
    """Regression of the product's drops on the true ones, through zero."""
    return gain(*clearing_drops(product, truth, days, cleared))


def early_share(
    product: FloatArray, truth: FloatArray, days: Days, cleared: Days, early_days: int = 36
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
