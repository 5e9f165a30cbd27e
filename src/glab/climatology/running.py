"""Running means and window means over gaps: one function for training and prediction.

Means come from differences of cumulative sums in float64, so that their cost does not depend on
their width. The record is what is handed over, usually the residuals of the years y − 1, y and
y + 1 of one sensor: windows shrink at its edges, and two sensors never share a mean.
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
"""Series whose cumulative sums stand in memory together: few enough for the processor's cache."""


@dataclass(frozen=True)
class RunningMeans:
    """What a sample knows of its residuals; missing means are NaN, all in the values' unit.

    Attributes:
        value: the day's value or the window's mean, float32 (window, …).
        count: number of days with a value in the window, int16 (window, …).
        means: running means in the middle of the window, float32 (mean, window, …).
        shortened: by how many steps each mean fell back to a shorter one for want of values,
            int8 (mean, window, …): 0 its own width, 1 the next shorter (for the shortest, the
            window's own value), and so on.
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
    """Window values and running means of residuals, for every wanted window.

    Args:
        values: (time, …) daily residuals of one sensor, NaN where missing, usually of three years.
        days: the date of each, consecutive.
        starts: first day of each wanted window (`calendar.window_starts`), within `days`.
        window_days: length of a window; 1 for daily values.
        means_days: widths of the running means, ascending.
        means_values_min: values each needs, else the next shorter mean stands in and is flagged.
        alignment: `centred` on the window's middle day, or the days up to it (`past`), or from it
            on (`future`).
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
    """Running mean at every step of a record with gaps.

    An even centred window reaches one day further back than forward. The window shrinks at the
    record's edges.

    Args:
        values: (time, …), one step a day, NaN where missing.
        width_days: number of days of the window.
        values_min: values a mean needs; NaN with fewer.
        alignment: centred, or the days up to and with (`past`), or from each day on (`future`).
    """
    low, high = _interval(np.arange(len(values)), width_days, alignment)
    mean, count = interval_means(values, low, high)
    mean[count < values_min] = np.nan
    return mean


def window_mean(
    values: Floats, days: Days, starts: Days, window_days: int
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Mean and number of the values in each window of `window_days` from its first day on.

    A window that crosses the year's end reads the following year, where `values` hold it.

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
    """Mean and number of the values in time steps low ≤ t < high, for many intervals at once.

    Args:
        values: (time, …), NaN where missing.
        lows: first step of each interval; steps before the record count as missing.
        highs: step after the last of each interval.

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
        for t in range(steps):
            for s in range(size):
                value = values[t, left + s]
                there = value == value
                sums[t + 1, s] = sums[t, s] + (np.float64(value) if there else 0.0)
                numbers[t + 1, s] = numbers[t, s] + there
        for i in range(len(lows)):
            low, high = lows[i], max(lows[i], highs[i])
            for s in range(size):
                number = numbers[high, s] - numbers[low, s]
                total = sums[high, s] - sums[low, s]
                mean[i, left + s] = total / number if number > 0 else np.nan
                count[i, left + s] = number


def _interval(centre: Indices, width_days: int, alignment: Alignment) -> tuple[Indices, Indices]:
    """First step, and step after the last, of a window of `width_days` at each centre."""
    if width_days < 1:
        raise GlabError("a running mean needs a width of at least one day", found=width_days)
    before = {"centred": width_days // 2, "past": width_days - 1, "future": 0}[alignment]
    low = np.asarray(centre, np.int64) - before
    return low, low + width_days


def _fall_back(
    mean: NDArray[np.float32], count: NDArray[np.int16], values_min: Sequence[int]
) -> NDArray[np.int8]:
    """Put the next shorter mean where one has too few values (in place); by how many steps."""
    shortened = np.zeros((len(mean) - 1, *mean.shape[1:]), np.int8)
    for number, least in enumerate(values_min):
        few = count[number + 1] < least
        np.copyto(mean[number + 1], mean[number], where=few)
        deeper = shortened[number - 1] + 1 if number else 1
        np.copyto(shortened[number], deeper, where=few)
    return shortened


def _index(days: Days, wanted: Days) -> Indices:
    """Step of each wanted day in the record."""
    place = (np.asarray(wanted, "datetime64[D]") - np.asarray(days[0], "datetime64[D]")).astype(int)
    if len(place) and (place.min() < 0 or place.max() >= len(days)):
        raise GlabError(
            "a wanted day lies outside of the residuals",
            variable="time",
            found=f"{min(wanted)} … {max(wanted)}",
            expected=f"{days[0]} … {days[-1]}",
        )
    return place


def _check(
    values: Floats, days: Days, widths: Sequence[int] = (), values_min: Sequence[int] = ()
) -> None:
    """Raise for days that do not follow one another, or means in disorder."""
    if len(days) != len(values) or len(days) == 0:
        raise GlabError(
            "each value needs its day", variable="time", found=len(days), expected=len(values)
        )
    gaps = np.diff(np.asarray(days, "datetime64[D]")) != np.timedelta64(1, "D")
    if gaps.any():
        raise GlabError(
            "the days of a record must follow one another",
            variable="time",
            found=f"a jump after {days[:-1][gaps][0]}",
            remedy="give the residuals of consecutive years, in order",
        )
    if list(widths) != sorted(widths) or len(widths) != len(values_min):
        raise GlabError(
            "running means need ascending widths and a least number of values each",
            variable="features.means_days",
            found=f"{list(widths)} and {list(values_min)}",
        )
