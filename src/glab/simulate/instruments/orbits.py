"""Where and when the satellites pass: sun-synchronous ground tracks and swaths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.calendar import days_of_year

EARTH_RADIUS_KM = 6371.0
HOURS_PER_DEGREE = 1.0 / 15.0
EPOCH = np.datetime64("2000-01-01", "D")
MARGIN_KM = 200.0


@dataclass(frozen=True)
class Orbit:
    """A sun-synchronous orbit and its swath.

    Attributes:
        orbits_per_day: revolutions in a solar day.
        inclination_deg: of the orbit's plane, above 90 (retrograde).
        node_hour: local solar time at the equator, by overpass (A ascending, D descending).
        half_swath_km: distance from the track to the edge of what is seen.
    """

    orbits_per_day: float
    inclination_deg: float
    node_hour: dict[str, float]
    half_swath_km: float


SMOS = Orbit(14.3889, 98.44, {"A": 6.0, "D": 18.0}, 530.0)
AQUA = Orbit(14.5625, 98.2, {"A": 13.5, "D": 1.5}, 725.0)
GCOM_W = Orbit(14.5625, 98.2, {"A": 13.5, "D": 1.5}, 725.0)
SMAP = Orbit(14.625, 98.12, {"A": 18.0, "D": 6.0}, 500.0)


@dataclass(frozen=True)
class Passes:
    """Overflights of a set of places in one year, in order of time.

    Attributes:
        number: revolution, counted from 2000-01-01, shape (pass,).
        day: day of the year from 0 on which the places are passed, shape (pass,).
        start_hour: UTC hour of that day at which the half orbit began, shape (pass,).
    """

    number: np.ndarray
    day: np.ndarray
    start_hour: np.ndarray


def track(orbit: Orbit, overpass: str, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ground track relative to its node: longitude, degrees, and time, hours, at latitudes.

    Beyond the orbit's highest latitude the values at that latitude stand.
    """
    tilt = np.deg2rad(orbit.inclination_deg)
    sine = np.clip(np.sin(np.deg2rad(lat)) / np.sin(tilt), -1.0, 1.0)
    along = np.arcsin(sine if overpass == "A" else -sine)
    inertial = np.arctan2(np.cos(tilt) * np.sin(along), np.cos(along))
    hours = along / (2.0 * np.pi) * 24.0 / orbit.orbits_per_day
    return np.rad2deg(inertial) - hours / HOURS_PER_DEGREE, hours


def distance_km(
    orbit: Orbit, overpass: str, node_lon: np.ndarray, lat: np.ndarray, lon: np.ndarray
) -> np.ndarray:
    """Signed distance of places from ground tracks, km, east positive; arguments broadcast."""
    offset, _ = track(orbit, overpass, lat)
    step = 0.05
    north, south = track(orbit, overpass, lat + step)[0], track(orbit, overpass, lat - step)[0]
    cosine = np.cos(np.deg2rad(lat))
    lean = cosine * (north - south) / (2.0 * step)
    away = np.mod(lon - node_lon - offset + 180.0, 360.0) - 180.0
    return np.deg2rad(away) * EARTH_RADIUS_KM * cosine / np.hypot(1.0, lean)


def node(orbit: Orbit, overpass: str, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude (degrees) and time (days since 2000-01-01) of equator crossings."""
    half = 0.0 if overpass == "A" else 0.5
    time_days = (np.asarray(number) + half) / orbit.orbits_per_day
    utc_hour = np.mod(time_days, 1.0) * 24.0
    lon = (orbit.node_hour[overpass] - utc_hour) / HOURS_PER_DEGREE
    return np.mod(lon + 180.0, 360.0) - 180.0, time_days


def passes(
    orbit: Orbit,
    overpass: str,
    year: int,
    lat: np.ndarray,
    lon: np.ndarray,
    *,
    by_start: bool = False,
) -> Passes:
    """Overflights in a year that may see any of the places (degrees, shape (place,)).

    A pass belongs to the UTC day on which it meets the places' mean latitude, or, if `by_start`,
    to the one on which its half orbit begins, as files of half orbits are named.
    """
    days = days_of_year(year)
    first = (days[0] - EPOCH).astype(int)
    last = first + len(days)
    number = np.arange(
        int((first - 1) * orbit.orbits_per_day), int((last + 1) * orbit.orbits_per_day)
    )
    node_lon, node_time = node(orbit, overpass, number)
    quarter_days = 0.25 / orbit.orbits_per_day
    later = (
        -quarter_days if by_start else track(orbit, overpass, lat.mean(keepdims=True))[1][0] / 24
    )
    day = np.floor(node_time + later).astype(int) - first
    near = _nearest(orbit, overpass, node_lon, lat, lon) < orbit.half_swath_km + MARGIN_KM
    keep = near & (day >= 0) & (day < len(days))
    start_hour = (node_time - quarter_days - first - day) * 24.0
    return Passes(number[keep], day[keep], start_hour[keep])


def _nearest(
    orbit: Orbit, overpass: str, node_lon: np.ndarray, lat: np.ndarray, lon: np.ndarray
) -> np.ndarray:
    """Least distance of each track from a sample of places, km, shape of `node_lon`."""
    sample = np.linspace(0, len(lat) - 1, min(len(lat), 40)).astype(int)
    nearest = np.full(len(node_lon), np.inf)
    for place in sample:
        at = np.full(len(node_lon), lat[place])
        away = distance_km(orbit, overpass, node_lon, at, lon[place])
        nearest = np.minimum(nearest, abs(away))
    return nearest


@dataclass(frozen=True)
class View:
    """Geometry of the nearest pass over each cell.

    Attributes:
        away_km: distance from the track, inf where no pass, shape (day, cell).
        number: revolution. hour: UTC hour; both of that shape.
    """

    away_km: np.ndarray
    number: np.ndarray
    hour: np.ndarray


def nearest_views(
    orbit: Orbit, overpass: str, year: int, days: int, lat: np.ndarray, lon: np.ndarray
) -> View:
    """For each day and place the pass that comes nearest."""
    away = np.full((days, len(lat)), np.inf, np.float32)
    number, hour = np.zeros(away.shape, np.int32), np.zeros(away.shape, np.float32)
    found = passes(orbit, overpass, year, lat, lon)
    node_lon, _ = node(orbit, overpass, found.number)
    since_start = track(orbit, overpass, lat)[1] + 6.0 / orbit.orbits_per_day
    for n, day, lon0, start in zip(found.number, found.day, node_lon, found.start_hour):
        distance = abs(distance_km(orbit, overpass, lon0, lat, lon))
        nearer = (distance < orbit.half_swath_km) & (distance < away[day])
        away[day, nearer] = distance[nearer]
        number[day, nearer] = n
        hour[day, nearer] = start + since_start[nearer]
    return View(away, number, hour)
