"""Names and times of native files: the day of a granule, and whether its contents agree with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from glab.arrays import Array, Float32s
from glab.errors import GlabError

if TYPE_CHECKING:
    import netCDF4

Times = NDArray[np.datetime64]

DATE = r"(?<!\d)(?P<date>(?:19|20)\d{6}|(?:19|20)\d\d-\d\d-\d\d)(?!\d)"
"""Pattern of a date anywhere in a name: 20100601 or 2010-06-01, not a part of a longer number."""

PASSES = {"A": "ascending", "D": "descending"}
"""Overpass of the letter that most names contain."""

DATE_FORMS = {4: "{}-01-01", 6: "{}-{}-01", 8: "{}-{}-{}"}
"""ISO form of a date of 4 (year), 6 (year, month) or 8 digits."""

TAI93_EPOCH = np.datetime64("1993-01-01", "s")
LEAP_DAYS = np.array(
    ["1993-07-01", "1994-07-01", "1996-01-01", "1997-07-01", "1999-01-01"]
    + ["2006-01-01", "2009-01-01", "2012-07-01", "2015-07-01", "2017-01-01"],
    "datetime64[s]",
)
"""Days that follow a leap second, since 1993 (IERS Bulletin C)."""

# Each leap second shifts all later ones, and its own second belongs to the day before.
LEAPS_TAI93 = (LEAP_DAYS - TAI93_EPOCH).astype(float) + np.arange(LEAP_DAYS.size) + 1.0


# --- names -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Naming:
    """Naming scheme of the files of one format.

    Attributes:
        pattern: regular expression of a whole name; upper and lower case are equal. The group
            `date` is the first day (YYYYMMDD, YYYY-MM-DD, YYYYDDD, YYYYMM or YYYY), `overpass`
            the pass, and `version` the processing version. Two files that agree in all groups
            except `version` are versions of one granule.
        example: a name of this format, for error messages.
        passes: overpass by the upper-case text of the group `overpass`.
        general: whether the pattern also matches names of other formats. A format without it
            takes precedence where both match.
    """

    pattern: str
    example: str
    passes: Mapping[str, str] = field(default_factory=lambda: PASSES)
    general: bool = False

    def matches(self, filename: str) -> bool:
        """Return whether a name is of this format and its date exists."""
        match = self._match(filename)
        return match is not None and _parse_date(match["date"]) is not None

    def groups(self, filename: str) -> dict[str, str]:
        """Return the text of each group of the pattern that occurs in a name.

        Raises:
            GlabError: for a name of another format.
        """
        match = self._match(filename)
        if match is None:
            raise GlabError(
                "not the name of a file of this format",
                path=filename,
                expected=self.example,
                remedy="move the file to the archive of its format, or name its reader",
            )
        return {name: text for name, text in match.groupdict().items() if text}

    def date(self, filename: str) -> np.datetime64:
        """Return the first UTC day of a granule.

        Raises:
            GlabError: for a name of another format, or a date that does not exist.
        """
        text = self.groups(filename)["date"]
        day = _parse_date(text)
        if day is None:
            raise GlabError(
                "the date does not exist",
                path=filename,
                found=text,
                expected="a day of the calendar",
                remedy="check the file's name",
            )
        return day

    def period(self, filename: str) -> np.datetime64:
        """Return the day, month or year that a granule covers, in that unit."""
        digits = re.sub(r"\D", "", self.groups(filename)["date"])
        unit = {4: "Y", 6: "M"}.get(len(digits), "D")
        return self.date(filename).astype(f"datetime64[{unit}]")

    def identity(self, filename: str) -> tuple[str, ...]:
        """Return the observation of a granule: its day and all groups except the version."""
        groups = self.groups(filename)
        # Mirrors differ in upper and lower case, so case is no part of the identity.
        kept = sorted((k, v.lower()) for k, v in groups.items() if k not in ("date", "version"))
        return (str(self.date(filename)), *(f"{key}={value}" for key, value in kept))

    def overpass(self, filename: str) -> str:
        """Return the overpass of a granule."""
        return self.passes[self.groups(filename)["overpass"].upper()]

    def _match(self, filename: str) -> re.Match[str] | None:
        # `re` caches compiled patterns, so a plain text costs nothing here.
        return re.fullmatch(self.pattern, Path(filename).name, re.IGNORECASE)


def _parse_date(text: str) -> np.datetime64 | None:
    """Return the day of a year, year and month, day of year, or date; None if it does not exist."""
    digits = re.sub(r"\D", "", text)
    try:
        if len(digits) != 7:
            form = DATE_FORMS[len(digits)]
            return np.datetime64(form.format(digits[:4], digits[4:6], digits[6:]), "D")
        day = np.datetime64(f"{digits[:4]}-01-01", "D") + (int(digits[4:]) - 1)
        # Day 000, and day 366 of a common year, lie in another year.
        return day if str(day)[:4] == digits[:4] else None
    except ValueError:
        return None


# --- times -----------------------------------------------------------------------------------


def hours_from_tai93(seconds: Array, date: np.datetime64) -> Float32s:
    """Convert seconds since 1993-01-01, leap seconds included, to hours after 00:00 UTC of a day.

    Args:
        seconds: TAI93, any shape; NaN stays NaN.
        date: the UTC day.

    Returns:
        float32, same shape; negative, or 24 and more, on other days.
    """
    leaps = np.searchsorted(LEAPS_TAI93, seconds, side="right")
    start = (date.astype("datetime64[s]") - TAI93_EPOCH).astype(float)
    return np.asarray((seconds - leaps - start) / 3600.0, np.float32)


def axis_times(variable: netCDF4.Variable, path: Path) -> Times:
    """Return the times of a CF time axis, or of one of dates (20100601, "2010-06-01").

    Returns:
        datetime64[s], shape (time,).

    Raises:
        GlabError: for numbers without a known unit.
    """
    raw = np.asarray(variable[...])
    units = str(getattr(variable, "units", ""))
    calendar = str(getattr(variable, "calendar", "standard"))
    try:
        if raw.dtype.kind in "SUO":
            return _times_from_text(raw)
        if " since " in units:
            return _times_from_units(raw, units, calendar)
        # Dates without a unit, such as 20100601. Days since any epoch are far smaller.
        if raw.dtype.kind in "iuf" and np.all((raw > 19000000) & (raw < 22000000)):
            return _times_from_text(raw.astype(np.int64).astype(str))
        cause = f"{raw.ravel()[:3]} {units}".strip()
    except (ValueError, OverflowError, TypeError) as error:
        cause = str(error)
    raise GlabError(
        "the unit of the time axis is not known",
        path=path,
        variable=variable.name,
        found=cause,
        expected="numbers with units such as 'days since 2000-01-01', or dates",
        remedy="fetch the file again, or correct its time axis",
    )


def _times_from_units(raw: Array, units: str, calendar: str) -> Times:
    import cftime

    # Python datetimes alone: a calendar without leap days raises instead of shifting days.
    dates = cftime.num2date(
        raw, units, calendar, only_use_cftime_datetimes=False, only_use_python_datetimes=True
    )
    return np.asarray(dates, "datetime64[s]").ravel()


def _times_from_text(raw: Array) -> Times:
    if raw.ndim == 2 and raw.dtype.itemsize == 1:  # characters along a dimension of their own
        raw = np.asarray([b"".join(row) for row in raw])
    texts = [t.decode() if isinstance(t, bytes) else str(t) for t in raw.ravel().tolist()]
    days = [t if "-" in t else f"{t[:4]}-{t[4:6]}-{t[6:8]}" for t in texts]
    return np.asarray(days, "datetime64[s]")


def check_times(times: Times, period: np.datetime64, path: Path, variable: str) -> None:
    """Raise unless there are times and all lie in the day, month or year that the name gives.

    Args:
        times: from the file, shape (time,).
        period: from `Naming.period` or `Naming.date`.
        path: the file.
        variable: the time variable.
    """
    if times.size == 0 or (times.astype(period.dtype) != period).any():
        raise GlabError(
            "name and contents are of different times",
            path=path,
            variable=variable,
            found=f"{times[0]} to {times[-1]}" if times.size else "no times",
            expected=f"times in {period}, as in the name",
            remedy="find out which time is right, and name the file by it",
        )


def check_hours(hours: Float32s, low: float, high: float, path: Path, variable: str) -> None:
    """Raise where the observation times contradict the date in the name.

    Args:
        hours: after 00:00 UTC of the date in the name, NaN where missing.
        low, high: range of the median of the observations, hours. It is wider than a day where a
            file by local day contains hours of the UTC days before and after.
        path: the file.
        variable: the time variable.
    """
    known = hours[np.isfinite(hours)]
    if known.size == 0:
        return
    # About a thousand values give the median to minutes, which is enough and fast.
    middle = float(np.median(known[:: max(1, known.size // 1000)]))
    if not low <= middle <= high:
        raise GlabError(
            "name and contents are of different times",
            path=path,
            variable=variable,
            found=f"observed {middle:.1f} h after 00:00 UTC of the day in the name",
            expected=f"{low:g} to {high:g} h",
            remedy="find out which day is right, and name the file by it",
        )
