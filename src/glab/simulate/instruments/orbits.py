"""When the instruments worked, and where and when their satellites pass.

The satellites fly in sun-synchronous orbits with circular ground tracks and a constant swath.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.arrays import Array, Booleans, Floats, Indices
from glab.calendar import SMOS_LOCAL_HOUR, Days, days_of_year
from glab.grids import EARTH_RADIUS_KM

# --- missions (docs/science.md, section 7) ------------------------------------------------------

PERIODS = {
    "smos": ("2010-01-12", "2099-12-31"),
    "amsre": ("2002-06-19", "2011-10-03"),
    "amsr2": ("2012-07-02", "2099-12-31"),
    "smap": ("2015-03-31", "2099-12-31"),
    "casm": ("2002-06-19", "2020-08-31"),
}
"""First and last day with data; instruments that still work end in 2099."""

GAPS = {
    "smos": [("2010-04-20", "2010-04-26"), ("2010-12-25", "2011-01-02")],
    "smap": [("2019-06-19", "2019-07-23")],
}
"""First and last day without data."""

COMMISSIONING_END = np.datetime64("2010-05-31")
"""Last day of the commissioning phase of SMOS."""


def is_working(instrument: str, days: Days) -> Booleans:
    """Return on which days an instrument delivers data, shape of `days`."""
    first, last = (np.datetime64(day) for day in PERIODS[instrument])
    working = (days >= first) & (days <= last)
    for start, end in GAPS.get(instrument, []):
        working &= (days < np.datetime64(start)) | (days > np.datetime64(end))
    return working


# --- orbits -------------------------------------------------------------------------------------

HOURS_PER_DEGREE = 1.0 / 15.0

EPOCH = np.datetime64("2000-01-01", "D")
"""Day on which the count of revolutions begins."""

MARGIN_KM = 200.0
"""Added to the swath when passes are selected by a sample of the cells."""


@dataclass(frozen=True)
class Orbit:
    """A sun-synchronous orbit and its swath.

    Attributes:
        orbits_per_day: revolutions per solar day.
        inclination_deg: of the orbital plane, above 90 (retrograde).
        local_hour: local solar time at the equator by overpass (A ascending, D descending).
        half_swath_km: distance from the track to the edge of the swath.
    """

    orbits_per_day: float
    inclination_deg: float
    local_hour: dict[str, float]
    half_swath_km: float


# Revolutions per repeat cycle: SMOS 259 in 18 days (sub-cycle), Aqua and GCOM-W 233 in 16,
# SMAP 117 in 8.
SMOS = Orbit(
    14.3889, 98.44, {name[0].upper(): hour for name, hour in SMOS_LOCAL_HOUR.items()}, 530.0
)
AQUA = Orbit(14.5625, 98.2, {"A": 13.5, "D": 1.5}, 725.0)
GCOM_W = Orbit(14.5625, 98.2, {"A": 13.5, "D": 1.5}, 725.0)
SMAP = Orbit(14.625, 98.12, {"A": 18.0, "D": 6.0}, 500.0)


@dataclass(frozen=True)
class Passes:
    """Passes over a set of cells in one year, in order of time.

    Attributes:
        number: revolution, counted from 2000-01-01, shape (pass,).
        day: day of the year, from 0, of the pass, shape (pass,).
        start_hour: UTC hour of that day at which the half orbit began, shape (pass,).
    """

    number: Indices
    day: Indices
    start_hour: Floats


def track(orbit: Orbit, overpass: str, lat: Floats) -> tuple[Floats, Floats]:
    """Return the ground track relative to its equator crossing.

    Args:
        orbit: the orbit.
        overpass: "A" or "D".
        lat: degrees, any shape. Beyond the highest latitude of the orbit, its values there apply.

    Returns:
        Longitude, degrees, and time, hours, of that shape.
    """
    tilt = np.deg2rad(orbit.inclination_deg)
    sine = np.clip(np.sin(np.deg2rad(lat)) / np.sin(tilt), -1.0, 1.0)
    along = np.arcsin(sine if overpass == "A" else -sine)
    inertial = np.arctan2(np.cos(tilt) * np.sin(along), np.cos(along))
    hours = along / (2.0 * np.pi) * 24.0 / orbit.orbits_per_day
    return np.rad2deg(inertial) - hours / HOURS_PER_DEGREE, hours


def distance_km(orbit: Orbit, overpass: str, node_lon: Floats, lat: Floats, lon: Floats) -> Floats:
    """Return the signed distance of points from ground tracks, km, positive in the east.

    Args:
        orbit: the orbit.
        overpass: "A" or "D".
        node_lon: longitude of the equator crossings, degrees.
        lat, lon: of the points, degrees; all three broadcast.
    """
    offset, _ = track(orbit, overpass, lat)
    step = 0.05
    north, south = track(orbit, overpass, lat + step)[0], track(orbit, overpass, lat - step)[0]
    cosine = np.cos(np.deg2rad(lat))
    # Distance along the parallel, reduced because the track is inclined to the meridian.
    lean = cosine * (north - south) / (2.0 * step)
    away = np.mod(lon - node_lon - offset + 180.0, 360.0) - 180.0
    return np.deg2rad(away) * EARTH_RADIUS_KM * cosine / np.hypot(1.0, lean)


def node(orbit: Orbit, overpass: str, number: Indices) -> tuple[Floats, Floats]:
    """Return longitude (degrees) and time (days since 2000-01-01) of equator crossings.

    Args:
        orbit: the orbit.
        overpass: "A" or "D"; the descending node is half a revolution later.
        number: revolutions, any shape.
    """
    half = 0.0 if overpass == "A" else 0.5
    time_days = (np.asarray(number) + half) / orbit.orbits_per_day
    utc_hour = np.mod(time_days, 1.0) * 24.0
    lon = (orbit.local_hour[overpass] - utc_hour) / HOURS_PER_DEGREE
    return np.mod(lon + 180.0, 360.0) - 180.0, time_days


def passes(
    orbit: Orbit, overpass: str, year: int, lat: Floats, lon: Floats, *, by_start: bool = False
) -> Passes:
    """Return the passes of a year that may see any of the cells.

    Args:
        orbit: the orbit.
        overpass: "A" or "D".
        year: calendar year.
        lat, lon: of the cells, degrees, shape (cell,).
        by_start: date a pass by the UTC day on which its half orbit begins, as files of half
            orbits are named; otherwise by that on which it meets the mean latitude of the cells.
    """
    days = days_of_year(year)
    first = (days[0] - EPOCH).astype(int)
    last = first + len(days)
    number = np.arange(
        int((first - 1) * orbit.orbits_per_day), int((last + 1) * orbit.orbits_per_day)
    )
    node_lon, node_time = node(orbit, overpass, number)
    quarter_days = 0.25 / orbit.orbits_per_day  # a half orbit begins a quarter before its node
    later = (
        -quarter_days if by_start else track(orbit, overpass, lat.mean(keepdims=True))[1][0] / 24
    )
    day = np.floor(node_time + later).astype(int) - first
    near = _nearest_km(orbit, overpass, node_lon, lat, lon) < orbit.half_swath_km + MARGIN_KM
    keep = near & (day >= 0) & (day < len(days))
    start_hour = (node_time - quarter_days - first - day) * 24.0
    return Passes(number[keep], day[keep], start_hour[keep])


def _nearest_km(orbit: Orbit, overpass: str, node_lon: Floats, lat: Floats, lon: Floats) -> Floats:
    """Return the least distance of each track from 40 of the cells, km, shape of `node_lon`."""
    sample = np.linspace(0, len(lat) - 1, min(len(lat), 40)).astype(int)
    nearest = np.full(len(node_lon), np.inf)
    for cell in sample:
        at = np.full(len(node_lon), lat[cell])
        away = distance_km(orbit, overpass, node_lon, at, lon[cell])
        nearest = np.minimum(nearest, abs(away))
    return nearest


@dataclass(frozen=True)
class NearestPasses:
    """The nearest pass over each cell on each day, arrays of shape (day, cell).

    Attributes:
        away_km: distance from the track, inf where no pass sees the cell.
        number: revolution; 0 where none.
        hour: UTC hour of the day; 0 where none.
    """

    away_km: Floats
    number: Array
    hour: Floats


def nearest_passes(
    orbit: Orbit, overpass: str, year: int, days: int, lat: Floats, lon: Floats
) -> NearestPasses:
    """Find the nearest pass over each cell on each day of a year.

    Args:
        orbit: the orbit.
        overpass: "A" or "D".
        year: calendar year.
        days: number of its days.
        lat, lon: of the cells, degrees, shape (cell,).
    """
    away = np.full((days, len(lat)), np.inf, np.float32)
    number, hour = np.zeros(away.shape, np.int32), np.zeros(away.shape, np.float32)
    candidates = passes(orbit, overpass, year, lat, lon)
    node_lon, _ = node(orbit, overpass, candidates.number)
    since_start = track(orbit, overpass, lat)[1] + 6.0 / orbit.orbits_per_day
    for revolution, day, lon0, start in zip(
        candidates.number, candidates.day, node_lon, candidates.start_hour
    ):
        distance = abs(distance_km(orbit, overpass, lon0, lat, lon))
        nearer = (distance < orbit.half_swath_km) & (distance < away[day])
        away[day, nearer] = distance[nearer]
        number[day, nearer] = revolution
        hour[day, nearer] = start + since_start[nearer]
    return NearestPasses(away, number, hour)
