"""Compute running means and window means of series with gaps, for training and prediction alike.

Means are differences of cumulative sums in float64, so that their cost does not depend on their
width. Windows shrink at the ends of a series, which is usually the residuals of one sensor in the
years y − 1, y and y + 1. Values of two sensors are never in one mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from glab.arrays import Floats, Indices
from glab.calendar import Days
from glab.errors import GlabError

Alignment = Literal["centred", "past", "future"]

SERIES_AT_ONCE = 256
"""Series whose cumulative sums are computed together: few enough for the processor's cache."""


@dataclass(frozen=True)
class RunningMeans:
    """Window values and running means of residuals, in their unit; NaN where missing.

    Attributes:
        value: the day's value or the window's mean, float32 (window, …).
        count: number of days with a value in the window, int16 (window, …).
        means: running means in the middle of the window, float32 (mean, window, …).
        shortened: which shorter mean replaces each mean because of too few values, int8 (mean,
            window, …): 0 none, 1 the next shorter (for the shortest, the window's value), and so
            on.
    """

    value: NDArray[np.float32]
    count: NDArray[np.int16]
    means: NDArray[np.float32]
    shortened: NDArray[np.int8]


def running_means(
    values: Floats,
    days: Days,
    starts: Days,
    *,
    window_days: int = 1,
    means_days: Sequence[int] = (91, 365),
    means_values_min: Sequence[int] = (5, 20),
    alignment: Alignment = "centred",
) -> RunningMeans:
    """Compute window values and running means of residuals for all wanted windows.

    Args:
        values: (time, …) daily residuals of one sensor, NaN where missing, usually of three years.
        days: the date of each, consecutive.
        starts: first day of each wanted window (`calendar.window_starts`), within `days`.
        window_days: length of a window; 1 for daily values.
        means_days: widths of the running means, ascending.
        means_values_min: values that each needs; with fewer the next shorter mean replaces it.
        alignment: `centred` on the window's middle day, or the days up to it (`past`), or from it
            on (`future`).

    Raises:
        GlabError: for days with gaps, windows outside of `days`, and widths in disorder.
    """
    _check(values, days, means_days, means_values_min)
    first = _index(days, starts)
    middle = first + window_days // 2
    lows, highs = [first], [first + window_days]
    for width in means_days:
        low, high = _interval(middle, width, alignment)
        lows.append(low)
        highs.append(high)
    mean, count = interval_means(values, np.concatenate(lows), np.concatenate(highs))
    shape = (1 + len(means_days), len(starts), *values.shape[1:])
    mean, count = mean.reshape(shape), count.reshape(shape)
    shortened = _fall_back(mean, count, means_values_min)
    return RunningMeans(mean[0], count[0], mean[1:], shortened)


def running_mean(
    values: Floats, width_days: int, values_min: int = 1, alignment: Alignment = "centred"
) -> NDArray[np.float32]:
    """Compute the running mean on every day of a series with gaps.

    An even centred window reaches one day further back than forward. The window shrinks at the
    ends of the series.

    Args:
        values: (time, …), one for each day, NaN where missing.
        width_days: number of days of the window.
        values_min: values a mean needs; NaN with fewer.
        alignment: centred, or the days up to each day (`past`), or from it on (`future`).
    """
    low, high = _interval(np.arange(len(values)), width_days, alignment)
    mean, count = interval_means(values, low, high)
    mean[count < values_min] = np.nan
    return mean


def window_mean(
    values: Floats, days: Days, starts: Days, window_days: int
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Return mean and number of the values in each window.

    A window that crosses the end of a year uses the following year if `values` contain it.

    Args:
        values: (time, …), NaN where missing.
        days: the date of each, consecutive.
        starts: first day of each window, within `days`.
        window_days: length of a window.
    """
    _check(values, days)
    first = _index(days, starts)
    return interval_means(values, first, first + window_days)


def interval_means(
    values: Floats, lows: Indices, highs: Indices
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Return mean and number of the values at positions low ≤ t < high, for many intervals.

    Args:
        values: (time, …), NaN where missing.
        lows: first position of each interval; positions outside of the series are missing.
        highs: position after the last of each interval.

    Returns:
        mean (NaN without values) and count, shape (interval, …).
    """
    steps = len(values)
    flat = np.ascontiguousarray(values).reshape(steps, -1)
    low, high = np.clip(lows, 0, steps), np.clip(highs, 0, steps)
    mean = np.empty((len(low), flat.shape[1]), np.float32)
    count = np.empty(mean.shape, np.int16)
    _interval_means(flat, low, high, mean, count)
    shape = (len(low), *values.shape[1:])
    return mean.reshape(shape), count.reshape(shape)


@njit(cache=True, nogil=True)
def _interval_means(
    values: Any, lows: Any, highs: Any, mean: Any, count: Any
) -> None:  # pragma: no cover - compiled
    """Fill `mean` and `count` (interval, series), some series at a time."""
    steps, width = values.shape
    sums = np.zeros((steps + 1, SERIES_AT_ONCE), np.float64)
    numbers = np.zeros((steps + 1, SERIES_AT_ONCE), np.int32)
    for left in range(0, width, SERIES_AT_ONCE):
        size = min(SERIES_AT_ONCE, width - left)
        # Time outside, series inside: neighbouring series are neighbours in memory.
        for t in range(steps):
            for s in range(size):
                value = values[t, left + s]
                finite = value == value  # False for NaN
                sums[t + 1, s] = sums[t, s] + (np.float64(value) if finite else 0.0)
                numbers[t + 1, s] = numbers[t, s] + finite
        for i in range(len(lows)):
            low, high = lows[i], max(lows[i], highs[i])
            for s in range(size):
                number = numbers[high, s] - numbers[low, s]
                total = sums[high, s] - sums[low, s]
                mean[i, left + s] = total / number if number > 0 else np.nan
                count[i, left + s] = number


def _interval(centre: Indices, width_days: int, alignment: Alignment) -> tuple[Indices, Indices]:
    """Return the first position, and the one after the last, of a window at each centre."""
    if width_days < 1:
        raise GlabError("a running mean needs a width of at least one day", found=width_days)
    before = {"centred": width_days // 2, "past": width_days - 1, "future": 0}[alignment]
    low = np.asarray(centre, np.int64) - before
    return low, low + width_days


def _fall_back(
    mean: NDArray[np.float32], count: NDArray[np.int16], values_min: Sequence[int]
) -> NDArray[np.int8]:
    """Replace means of too few values by the next shorter (in place); return by how many."""
    shortened = np.zeros((len(mean) - 1, *mean.shape[1:]), np.int8)
    # From short to long, so that a replaced mean can replace the next one.
    for number, least in enumerate(values_min):
        few = count[number + 1] < least
        np.copyto(mean[number + 1], mean[number], where=few)
        deeper = shortened[number - 1] + 1 if number else 1
        np.copyto(shortened[number], deeper, where=few)
    return shortened


def _index(days: Days, wanted: Days) -> Indices:
    """Return the position of each wanted day among consecutive days."""
    position = (np.asarray(wanted, "datetime64[D]") - np.asarray(days[0], "datetime64[D]")).astype(
        int
    )
    if len(position) and (position.min() < 0 or position.max() >= len(days)):
        raise GlabError(
            "a wanted day lies outside of the residuals",
            variable="time",
            found=f"{min(wanted)} … {max(wanted)}",
            expected=f"{days[0]} … {days[-1]}",
        )
    return position


def _check(
    values: Floats, days: Days, widths: Sequence[int] = (), values_min: Sequence[int] = ()
) -> None:
    """Raise a GlabError for days that are not consecutive, or means in disorder."""
    if len(days) != len(values) or len(days) == 0:
        raise GlabError(
            "every value needs a day", variable="time", found=len(days), expected=len(values)
        )
    gaps = np.diff(np.asarray(days, "datetime64[D]")) != np.timedelta64(1, "D")
    if gaps.any():
        raise GlabError(
            "the days of a series must be consecutive",
            variable="time",
            found=f"a gap after {days[:-1][gaps][0]}",
            remedy="give the residuals of consecutive years, in order",
        )
    if list(widths) != sorted(widths) or len(widths) != len(values_min):
        raise GlabError(
            "running means need ascending widths and a least number of values each",
            variable="features.means_days",
            found=f"{list(widths)} and {list(values_min)}",
        )
