"""Times of native files: TAI93 seconds, CF time axes, and whether they agree with the name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from glab.arrays import Float32s
from glab.errors import GlabError

if TYPE_CHECKING:
    import netCDF4

Times = NDArray[np.datetime64]

TAI93_EPOCH = np.datetime64("1993-01-01", "s")
LEAP_DAYS = np.array(
    ["1993-07-01", "1994-07-01", "1996-01-01", "1997-07-01", "1999-01-01"]
    + ["2006-01-01", "2009-01-01", "2012-07-01", "2015-07-01", "2017-01-01"],
    "datetime64[s]",
)
"""Days that a leap second came before, since 1993 (IERS Bulletin C)."""

LEAPS_TAI93 = (LEAP_DAYS - TAI93_EPOCH).astype(float) + np.arange(LEAP_DAYS.size) + 1.0


def hours_from_tai93(seconds: NDArray[Any], date: np.datetime64) -> Float32s:
    """Hours after 00:00 UTC of `date`, float32, from seconds since 1993-01-01 with leap seconds.

    Args:
        seconds: TAI93, any shape; NaN stays NaN.
        date: the UTC day that counts as zero; results below 0 or from 24 on are other days.
    """
    leaps = np.searchsorted(LEAPS_TAI93, seconds, side="right")
    start = (date.astype("datetime64[s]") - TAI93_EPOCH).astype(float)
    return np.asarray((seconds - leaps - start) / 3600.0, np.float32)


def check_hours(hours: Float32s, low: float, high: float, path: Path, variable: str) -> None:
    """Raise where the observations' times contradict the date of the name, which else wins.

    Args:
        hours: after 00:00 UTC of the date in the name, NaN where missing.
        low, high: the range the middle of the observations must lie in.
        path: the file.
        variable: the time variable.
    """
    known = hours[np.isfinite(hours)]
    if known.size == 0:
        return
    middle = float(np.median(known[:: max(1, known.size // 1000)]))
    if not low <= middle <= high:
        raise GlabError(
            "name and contents are of different days",
            path=path,
            variable=variable,
            found=f"observed {middle:.1f} h after 00:00 UTC of the day in the name",
            expected=f"{low:g} to {high:g} h",
            remedy="find out which day it is, and name the file by it",
        )


def axis_times(variable: netCDF4.Variable, path: Path) -> Times:
    """Times of a CF time axis, or of one of dates (20100601, "2010-06-01"), datetime64[s]."""
    raw = np.asarray(variable[...])
    try:
        if raw.dtype.kind in "SUO":
            return _from_text(raw)
        units = str(getattr(variable, "units", ""))
        if " since " in units:
            return _from_units(raw, units, str(getattr(variable, "calendar", "standard")))
        if raw.dtype.kind in "iuf" and np.all((raw > 19000000) & (raw < 22000000)):
            return _from_text(raw.astype(np.int64).astype(str))
    except (ValueError, OverflowError, TypeError) as error:
        raise _no_times(variable, path, str(error)) from error
    raise _no_times(variable, path, f"{raw.ravel()[:3]} {units}".strip())


def _from_units(raw: NDArray[Any], units: str, calendar: str) -> Times:
    import cftime

    dates = cftime.num2date(
        raw, units, calendar, only_use_cftime_datetimes=False, only_use_python_datetimes=True
    )
    return np.asarray(dates, "datetime64[s]").ravel()


def _from_text(raw: NDArray[Any]) -> Times:
    if raw.ndim == 2 and raw.dtype.itemsize == 1:
        raw = np.asarray([b"".join(row) for row in raw])
    texts = [t.decode() if isinstance(t, bytes) else str(t) for t in raw.ravel().tolist()]
    days = [t if "-" in t else f"{t[:4]}-{t[4:6]}-{t[6:8]}" for t in texts]
    return np.asarray(days, "datetime64[s]")


def _no_times(variable: netCDF4.Variable, path: Path, found: str) -> GlabError:
    return GlabError(
        "the time axis cannot be understood",
        path=path,
        variable=variable.name,
        found=found,
        expected="numbers with units such as 'days since 2000-01-01', or dates",
        remedy="fetch the file again, or mend its time axis",
    )


def check_day(found: np.datetime64, named: np.datetime64, path: Path, variable: str) -> None:
    """Raise unless the day inside a file is that of its name."""
    if found.astype("datetime64[D]") != named.astype("datetime64[D]"):
        raise GlabError(
            "name and contents are of different days",
            path=path,
            variable=variable,
            found=str(found.astype("datetime64[D]")),
            expected=f"{named.astype('datetime64[D]')}, as in the name",
            remedy="find out which day it is, and name the file by it",
        )
