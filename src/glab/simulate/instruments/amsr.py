"""AMSR-E and AMSR2: footprints by channel, calibration by sensor and channel, swaths, noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glab.arrays import Booleans, Float32s, Floats, Indices
from glab.grids import EASE1_ML
from glab.simulate.instruments import orbits
from glab.simulate.instruments.microwave import (
    BANDS,
    CHANNELS,
    atmosphere,
    ground_tb,
    top_of_atmosphere_tb,
)
from glab.simulate.world import Footprint, SubGrid, World, footprint, normal, stream, subgrid_of

FWHM_KM = (46.0, 32.0, 26.0)
"""Footprint by frequency: that of the antenna, widened by the gathering in 25 km cells."""

ORBITS = {"amsre": orbits.AQUA, "amsr2": orbits.GCOM_W}

CANOPY_WARMER_K = {"A": -1.5, "D": 0.3}
"""Canopy minus surface temperature: cooler than the soil at noon."""

NOISE_K = (0.6, 0.6, 0.7)
"""Radiometric noise of a cell by frequency."""

PASS_NOISE_K = 0.25
"""Error that all cells of a pass have in common."""

OFFSET_K, GAIN, PIVOT_K = 1.8, 0.012, 265.0
"""Calibration errors that last: standard deviation of the offset, of the gain, and the TB at which
the gain has no effect."""

MISSION_START = {"amsre": 2002.5, "amsr2": 2012.5}
"""Year at which the drift of the calibration is zero."""

DRIFT_SIGN = np.array([1.0, 1.0, -1.0, -1.0, 0.5, 0.5])
"""Drift of each channel relative to `calibration_drift_k_per_decade`."""

SEEN_LAND_MIN = 0.3
"""Least fraction of the footprint on land of the box."""

AMSRE_BAD_FRACTION = 0.003
"""Fraction of the cells of an AMSR-E swath without a valid value."""

DAYS_AT_ONCE = 60
"""Days of TB in memory at once."""


@dataclass(frozen=True)
class AmsrSensor:
    """One AMSR that observes one year of a world.

    Attributes:
        name: "amsre" or "amsr2".
        world: the year.
        window: the box on EASE-Grid 1, the cells of which are the views.
        feet: footprints of the views by frequency.
    """

    name: str
    world: World
    window: SubGrid
    feet: tuple[Footprint, ...]

    @property
    def land(self) -> Booleans:
        """Views with enough land of the box, shape (view,)."""
        return np.asarray(self.feet[0].seen_land >= SEEN_LAND_MIN)

    @property
    def working(self) -> Booleans:
        """Days of the year with data, shape (day,)."""
        return orbits.is_working(self.name, self.world.days)


def sensor_of(name: str, world: World) -> AmsrSensor:
    """Set up a sensor."""
    window = subgrid_of(EASE1_ML, world.settings.box, overlapping=True)
    lat, lon = window.centres
    feet = tuple(footprint(world.land, lat, lon, fwhm) for fwhm in FWHM_KM)
    return AmsrSensor(name, world, window, feet)


def clean_tb(sensor: AmsrSensor, overpass: str) -> Floats:
    """Return the TB above the atmosphere without errors, K, shape (day, channel, view), float32."""
    world = sensor.world
    surface = world.surface_k(ORBITS[sensor.name].local_hour[overpass])
    humidity = world.daily["humidity"]
    # It rains at the overpass on a third of the rainy days, at three times the daily mean.
    generator = stream(world.settings.seed, "rain hour", sensor.name, overpass, world.year)
    raining = generator.random(world.daily["rain"].shape, dtype=np.float32) < 1.0 / 3.0
    rain = np.where(raining, 3.0 * world.daily["rain"], 0.0).astype(np.float32)
    blocks = []
    for first in range(0, len(world.days), DAYS_AT_ONCE):
        block = slice(first, first + DAYS_AT_ONCE)
        channels = []
        for band, foot in zip(BANDS, sensor.feet):
            ground = ground_tb(band, world, block, surface[block], CANOPY_WARMER_K[overpass])
            air = atmosphere(band, world.daily["t_air"][block], humidity[block], rain[block])
            tb = top_of_atmosphere_tb(ground, surface[block], air)
            channels.append(foot(tb.astype(np.float32)))
        blocks.append(np.moveaxis(np.concatenate(channels), 0, 1))
    return np.concatenate(blocks)


def calibrated(sensor: AmsrSensor, tb_k: Floats) -> Float32s:
    """Add the calibration errors of a sensor to TB, shape (day, channel, view).

    Offset and gain of a channel are the same over the mission; the drift grows from its first day.
    """
    settings = sensor.world.settings
    generator = stream(settings.seed, "calibration", sensor.name)
    offset = OFFSET_K * normal(generator, len(CHANNELS))
    gain = 1.0 + GAIN * normal(generator, len(CHANNELS))
    start = MISSION_START[sensor.name]
    decades = (sensor.world.year - start + np.arange(len(tb_k)) / 365.25) / 10.0
    drift = settings.calibration_drift_k_per_decade * decades[:, None] * DRIFT_SIGN
    changed = PIVOT_K + gain[:, None] * (tb_k - PIVOT_K) + offset[:, None]
    return (changed + drift[:, :, None]).astype(np.float32)


def noise(generator: np.random.Generator, views: int) -> Floats:
    """Draw the errors of one day and overpass, K, shape (channel, view)."""
    single = np.repeat(NOISE_K, 2)[:, None] * normal(generator, len(CHANNELS), views)
    return single + PASS_NOISE_K * normal(generator, len(CHANNELS), 1)


# --- observations -------------------------------------------------------------------------------


@dataclass(frozen=True)
class SwathGrid:
    """The window as one overpass of a day observes it.

    Attributes:
        tb_k: K, shape (channel, rows, columns), NaN where missing.
        swath: where the swath passed, shape (rows, columns).
        hour: UTC hour of the day, of that shape; 0 outside of the swath.
    """

    tb_k: Floats
    swath: Booleans
    hour: Floats


def daily_grids(sensor: AmsrSensor) -> Iterator[tuple[np.datetime64, dict[str, SwathGrid]]]:
    """Observe the window day by day, as AMSR-E does; days without a swath are left out.

    Yields:
        The day, and the grids of overpasses "A" and "D".
    """
    world, shape = sensor.world, sensor.window.shape
    lat, lon = sensor.window.centres
    orbit, days = ORBITS[sensor.name], len(world.days)
    overpasses = tuple(orbit.local_hour)
    tb = {o: calibrated(sensor, clean_tb(sensor, o)) for o in overpasses}
    nearest = {o: orbits.nearest_passes(orbit, o, world.year, days, lat, lon) for o in overpasses}
    for day in np.flatnonzero(sensor.working):
        grids = {}
        for overpass in overpasses:
            swath = np.isfinite(nearest[overpass].away_km[day])
            purpose = (sensor.name, overpass, str(world.days[day]))
            generator = stream(world.settings.seed, *purpose)
            good = generator.random(len(lat)) >= AMSRE_BAD_FRACTION
            blank = np.where(swath & sensor.land & good, 0.0, np.nan)
            observed = tb[overpass][day] + noise(generator, len(lat)) + blank
            grids[overpass] = SwathGrid(
                tb_k=observed.reshape(-1, *shape),
                swath=swath.reshape(shape),
                hour=nearest[overpass].hour[day].reshape(shape),
            )
        if any(grid.swath.any() for grid in grids.values()):
            yield world.days[day], grids


@dataclass(frozen=True)
class HalfOrbit:
    """The land of the box as one half orbit observes it, arrays of shape (record,) unless stated.

    Attributes:
        date: UTC day on which the half orbit begins.
        overpass: "A" or "D".
        start_hour: UTC hour of that day at which it begins.
        hour: UTC hour of that day of each record; it may be above 24.
        lat, lon: cell centres, degrees.
        row, col: on EASE-Grid 1, from 0.
        tb_k: K, shape (channel, record).
    """

    date: np.datetime64
    overpass: str
    start_hour: float
    hour: Floats
    lat: Floats
    lon: Floats
    row: Indices
    col: Indices
    tb_k: Floats


def half_orbits(sensor: AmsrSensor) -> Iterator[HalfOrbit]:
    """Observe the box by half orbits, as AMSR2 does; those that see no land are left out."""
    world, orbit = sensor.world, ORBITS[sensor.name]
    lat, lon = (axis[sensor.land] for axis in sensor.window.centres)
    views = np.flatnonzero(sensor.land)
    row, col = np.divmod(views, sensor.window.shape[1])
    row, col = row + sensor.window.row0, col + sensor.window.col0
    working = sensor.working
    quarter = 6.0 / orbit.orbits_per_day
    for overpass in orbit.local_hour:
        tb = calibrated(sensor, clean_tb(sensor, overpass))[:, :, views]
        candidates = orbits.passes(orbit, overpass, world.year, lat, lon, by_start=True)
        node_lon, _ = orbits.node(orbit, overpass, candidates.number)
        since = orbits.track(orbit, overpass, lat)[1] + quarter
        for number, day, lon0, start in zip(
            candidates.number, candidates.day, node_lon, candidates.start_hour
        ):
            away = abs(orbits.distance_km(orbit, overpass, lon0, lat, lon))
            seen = np.flatnonzero(away < orbit.half_swath_km)
            if not working[day] or not seen.size:
                continue
            generator = stream(world.settings.seed, sensor.name, overpass, int(number))
            yield HalfOrbit(
                date=world.days[day],
                overpass=overpass,
                start_hour=start,
                hour=start + since[seen],
                lat=lat[seen],
                lon=lon[seen],
                row=row[seen],
                col=col[seen],
                tb_k=tb[day][:, seen] + noise(generator, seen.size),
            )
