"""Days, day of year, and the fixed windows of the record (SCIENCE: one epoch for every product).

All dates are UTC days held as ``datetime64[D]``.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
from numpy.typing import NDArray

WINDOW_EPOCH = np.datetime64("2002-06-19", "D")
"""First day of the first window, the first day of AMSR-E; CASM's 3-day steps share it."""

DAYS_PER_YEAR = 365.2425
"""Mean length of the Gregorian year; the fixed period of the seasonal cycle."""

Days = NDArray[np.datetime64]


def days_of_year(year: int) -> Days:
    """Every calendar day of a year, shape (365,) or (366,)."""
    return np.arange(f"{year:04d}-01-01", f"{year + 1:04d}-01-01", dtype="datetime64[D]")


def days_between(first: dt.date | str, last: dt.date | str) -> Days:
    """Every day from `first` to `last`, both included."""
    start, stop = np.datetime64(first, "D"), np.datetime64(last, "D")
    return np.arange(start, stop + np.timedelta64(1, "D"), dtype="datetime64[D]")


def days_within(days: Days, first: dt.date, last: dt.date | None = None) -> NDArray[np.bool_]:
    """Return True for days from `first` to `last`, both included; without `last` to the end."""
    inside = days >= np.datetime64(first, "D")
    return inside if last is None else inside & (days <= np.datetime64(last, "D"))


def year_of(days: Days) -> NDArray[np.int64]:
    """Calendar year of each day."""
    return np.asarray(days, "datetime64[Y]").astype(np.int64) + 1970


def month_of(days: Days) -> NDArray[np.int64]:
    """Calendar month 1…12 of each day."""
    return np.asarray(days, "datetime64[M]").astype(np.int64) % 12 + 1


def day_of_year(days: Days) -> NDArray[np.int64]:
    """Day of the year, 1…366; 29 February is day 60 of leap years."""
    dates = np.asarray(days, "datetime64[D]")
    return (dates - dates.astype("datetime64[Y]")).astype(np.int64) + 1


def annual_phase(days: Days) -> NDArray[np.float64]:
    """Phase of the annual cycle in radians, a continuous function of the date.

    The period is `DAYS_PER_YEAR`, so that harmonics never jump at a turn of the year and every
    date, 29 February included, has its own value.
    """
    elapsed = (np.asarray(days, "datetime64[D]") - np.datetime64("2000-01-01", "D")).astype(float)
    return 2.0 * np.pi * np.mod(elapsed / DAYS_PER_YEAR, 1.0)


def window_starts(year: int, window_days: int) -> Days:
    """First days of the windows that belong to `year` (those whose first day lies in it).

    Args:
        year: calendar year.
        window_days: length of a window in days; 1 gives every day of the year.
    """
    if window_days == 1:
        return days_of_year(year)
    first = (np.datetime64(f"{year:04d}-01-01", "D") - WINDOW_EPOCH).astype(int)
    last = (np.datetime64(f"{year + 1:04d}-01-01", "D") - WINDOW_EPOCH).astype(int)
    numbers = np.arange(-(-first // window_days), -(-last // window_days))
    return WINDOW_EPOCH + (numbers * window_days).astype("timedelta64[D]")


def window_number(days: Days, window_days: int) -> NDArray[np.int64]:
    """Number of the window each day lies in, counted from `WINDOW_EPOCH` (negative before it)."""
    elapsed = (np.asarray(days, "datetime64[D]") - WINDOW_EPOCH).astype(np.int64)
    return elapsed // window_days


def time_blocks(days: Days, length: int = 31) -> list[slice]:
    """Consecutive slices of at most `length` days: the pace at which work files are streamed."""
    return [slice(start, min(start + length, len(days))) for start in range(0, len(days), length)]
