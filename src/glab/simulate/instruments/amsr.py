"""AMSR-E and AMSR2: footprints by channel, calibration by sensor and channel, swaths, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.grids import EASE1_ML
from glab.simulate.instruments import orbits
from glab.simulate.instruments.microwave import BANDS, CHANNELS, at_the_top, atmosphere, ground_tb
from glab.simulate.instruments.missions import works
from glab.simulate.world.box import SubGrid, subgrid_of
from glab.simulate.world.fields import normal, stream
from glab.simulate.world.footprint import Footprint, footprint
from glab.simulate.world.world import World

FWHM_KM = (46.0, 32.0, 26.0)
"""By frequency: the antenna's footprint widened by the gathering in 25 km cells."""
LOCAL_HOUR = {"A": 13.5, "D": 1.5}
CANOPY_WARMER_K = {"A": -1.5, "D": 0.3}
NOISE_K = (0.6, 0.6, 0.7)
PASS_NOISE_K = 0.25
OFFSET_K, GAIN, PIVOT_K = 1.8, 0.012, 265.0
SEEN_LAND_MIN = 0.3
ORBITS = {"amsre": orbits.AQUA, "amsr2": orbits.GCOM_W}
DRIFT_SIGN = np.array([1.0, 1.0, -1.0, -1.0, 0.5, 0.5])
DAYS_AT_ONCE = 60


@dataclass(frozen=True)
class Sensor:
    """One AMSR over one world and year.

    Attributes:
        name: "amsre" or "amsr2".
        window: part of the EASE-Grid 1 that is seen.
        land: which of its cells hold land that is seen, shape (view,).
    """

    name: str
    world: World
    window: SubGrid
    feet: tuple[Footprint, ...]

    @property
    def land(self) -> np.ndarray:
        """Cells of the window that hold enough of the box's land, shape (view,)."""
        return np.asarray(self.feet[0].seen_land >= SEEN_LAND_MIN)


def sensor_of(name: str, world: World) -> Sensor:
    """Set up a sensor."""
    window = subgrid_of(EASE1_ML, world.settings.box, overlapping=True)
    lat, lon = window.centres
    return Sensor(name, world, window, tuple(footprint(world.land, lat, lon, f) for f in FWHM_KM))


def clean_tb(sensor: Sensor, overpass: str) -> np.ndarray:
    """TB at the top of the atmosphere without errors, shape (day, channel, view), float32."""
    world = sensor.world
    surface = world.surface_k(LOCAL_HOUR[overpass])
    humidity = world.daily["humidity"]
    rain = _rain_at_the_hour(sensor, overpass)
    blocks = []
    for first in range(0, len(world.days), DAYS_AT_ONCE):
        block = slice(first, first + DAYS_AT_ONCE)
        channels = []
        for band, foot in zip(BANDS, sensor.feet):
            ground = ground_tb(band, world, block, surface[block], CANOPY_WARMER_K[overpass])
            air = atmosphere(band, world.daily["t_air"][block], humidity[block], rain[block])
            channels.append(foot(at_the_top(ground, surface[block], air).astype(np.float32)))
        blocks.append(np.moveaxis(np.concatenate(channels), 0, 1))
    return np.concatenate(blocks)


def _rain_at_the_hour(sensor: Sensor, overpass: str) -> np.ndarray:
    """It rains at the overpass on a third of the rainy days, three times the daily mean."""
    world = sensor.world
    generator = stream(world.settings.seed, "rain hour", sensor.name, overpass, world.year)
    raining = generator.random(world.daily["rain"].shape, dtype=np.float32) < 1.0 / 3.0
    return np.where(raining, 3.0 * world.daily["rain"], 0.0).astype(np.float32)


def calibrated(sensor: Sensor, tb_k: np.ndarray) -> np.ndarray:
    """What a sensor's calibration makes of TB, shape (day, channel, view).

    Offset and gain by channel stay over the mission; the drift grows from its first day.
    """
    settings = sensor.world.settings
    generator = stream(settings.seed, "calibration", sensor.name)
    offset = OFFSET_K * normal(generator, len(CHANNELS))
    gain = 1.0 + GAIN * normal(generator, len(CHANNELS))
    start = {"amsre": 2002.5, "amsr2": 2012.5}[sensor.name]
    decades = (sensor.world.year - start + np.arange(len(tb_k)) / 365.25) / 10.0
    drift = settings.calibration_drift_k_per_decade * decades[:, None] * DRIFT_SIGN
    changed = PIVOT_K + gain[:, None] * (tb_k - PIVOT_K) + offset[:, None]
    return (changed + drift[:, :, None]).astype(np.float32)


def noise(generator: np.random.Generator, views: int) -> np.ndarray:
    """Errors of one day and overpass, K, shape (channel, view)."""
    single = np.repeat(NOISE_K, 2)[:, None] * normal(generator, len(CHANNELS), views)
    return single + PASS_NOISE_K * normal(generator, len(CHANNELS), 1)


def working_days(sensor: Sensor) -> np.ndarray:
    """On which days of the year the sensor delivered data."""
    return works(sensor.name, sensor.world.days)
