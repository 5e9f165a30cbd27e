"""Days, day of year, and the fixed windows of all products (docs/science.md, section 7).

All dates are UTC days, as ``datetime64[D]``.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
from numpy.typing import NDArray

WINDOW_EPOCH = np.datetime64("2002-06-19", "D")
"""First day of the first window: the first day of AMSR-E, and of the 3-day steps of CASM."""

WINDOW_DAYS = 18
"""Length of a window in days: of VOD and its evaluation by default. The published method has 18-day
means of VOD (docs/science.md, section 2.1), and 18 is a multiple of the 3-day steps of CASM."""

DAYS_PER_YEAR = 365.2425
"""Mean length of the Gregorian year in days; the fixed period of the seasonal cycle."""

SMOS_LOCAL_HOUR = {"ascending": 6.0, "descending": 18.0}
"""Local solar time of the overpasses of SMOS at the equator, h."""

Days = NDArray[np.datetime64]


def days_of_year(year: int) -> Days:
    """Return every calendar day of a year, shape (365,) or (366,)."""
    return np.arange(f"{year:04d}-01-01", f"{year + 1:04d}-01-01", dtype="datetime64[D]")


def days_between(first: dt.date | str, last: dt.date | str) -> Days:
    """Return every day from `first` to `last`, both included."""
    start, stop = np.datetime64(first, "D"), np.datetime64(last, "D")
    return np.arange(start, stop + np.timedelta64(1, "D"), dtype="datetime64[D]")


def days_within(days: Days, first: dt.date, last: dt.date | None = None) -> NDArray[np.bool_]:
    """Return whether each day lies between `first` and `last`, both included.

    Args:
        days: shape (time,).
        first, last: None for `last`: no end.
    """
    inside = days >= np.datetime64(first, "D")
    return inside if last is None else inside & (days <= np.datetime64(last, "D"))


def year_of(days: Days) -> NDArray[np.int64]:
    """Return the calendar year of each day."""
    return np.asarray(days, "datetime64[Y]").astype(np.int64) + 1970


def month_of(days: Days) -> NDArray[np.int64]:
    """Return the calendar month 1…12 of each day."""
    return np.asarray(days, "datetime64[M]").astype(np.int64) % 12 + 1


def day_of_year(days: Days) -> NDArray[np.int64]:
    """Return the day of the year, 1…366; 29 February is day 60 of leap years."""
    dates = np.asarray(days, "datetime64[D]")
    return (dates - dates.astype("datetime64[Y]")).astype(np.int64) + 1


def annual_phase(days: Days) -> NDArray[np.float64]:
    """Return the phase of the annual cycle in radians, a continuous function of the date.

    The period is `DAYS_PER_YEAR`. So harmonics do not jump at the turn of a year, and every date,
    29 February included, has its own value.
    """
    elapsed = (np.asarray(days, "datetime64[D]") - np.datetime64("2000-01-01", "D")).astype(float)
    return 2.0 * np.pi * np.mod(elapsed / DAYS_PER_YEAR, 1.0)


def window_starts(year: int, window_days: int) -> Days:
    """Return the first days of the windows of a year, those whose first day lies in it.

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
    """Return the number of the window of each day, from `WINDOW_EPOCH` on (negative before it)."""
    elapsed = (np.asarray(days, "datetime64[D]") - WINDOW_EPOCH).astype(np.int64)
    return elapsed // window_days


def time_blocks(days: Days, length: int = 31) -> list[slice]:
    """Return consecutive slices of at most `length` days, in which work files are streamed."""
    return [slice(start, min(start + length, len(days))) for start in range(0, len(days), length)]
