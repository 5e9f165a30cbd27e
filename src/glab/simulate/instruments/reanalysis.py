"""A reanalysis of the simulated Earth: soil and air temperature and snow, with its own errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.config import Box
from glab.simulate.world.fields import add_memory, mixer, normal, stream
from glab.simulate.world.footprint import footprint
from glab.simulate.world.world import World

RESOLUTION_DEG = 0.5
FWHM_KM = 60.0
LOCAL_HOURS = (6.0, 18.0)
BIAS_K, ERROR_K, MEMORY_DAYS = 0.7, 0.8, 5.0
AIR_MINUS_SURFACE_K = {6.0: 1.0, 18.0: 0.5}


@dataclass(frozen=True)
class Reanalysis:
    """A year on a regular grid.

    Attributes:
        lat, lon: centres, from north, 0…360 degrees.
        time: UTC, datetime64[h], shape (time,).
        fields: `stl1`, `stl3`, `t2m` in K, `sd` in m of water, shape (time, lat, lon), NaN at sea.
    """

    lat: np.ndarray
    lon: np.ndarray
    time: np.ndarray
    fields: dict[str, np.ndarray]


def reanalysis(world: World) -> Reanalysis:
    """The reanalysis of a year at the full UTC hours nearest to 06:00 and 18:00 local time."""
    lat, lon = _regular(world.settings.box)
    lats, lons = (axis.ravel() for axis in np.meshgrid(lat, lon, indexing="ij"))
    foot = footprint(world.land, lats, lons, FWHM_KM)
    bias, error = _errors(world, lats, lons)
    daily, shape = world.daily, (len(lat), len(lon))
    snow = foot(daily["snow"]) * np.exp(0.2 * error[1] / ERROR_K) / 1000.0
    deep = foot(daily["t_deep"]) + 0.7 * bias[1] + 0.4 * error[1]
    hours = []
    for hour in LOCAL_HOURS:
        surface = foot(world.surface_k(hour)) + bias[0] + error[0]
        air = surface + AIR_MINUS_SURFACE_K[hour] + 0.5 * error[1]
        hours.append({"stl1": surface, "stl3": deep, "t2m": air, "sd": snow})
    centre = float(np.mean(world.land.lon))
    offsets = [round(hour - centre / 15.0) for hour in LOCAL_HOURS]
    time = world.days.astype("datetime64[h]")[:, None] + np.array(offsets, "timedelta64[h]")
    fields = {
        name: np.stack([h[name] for h in hours], axis=1).reshape(-1, *shape) for name in hours[0]
    }
    order = np.argsort(time.ravel(), kind="stable")
    inside = order[time.ravel()[order].astype("datetime64[Y]") == world.days[0].astype("M8[Y]")]
    return Reanalysis(
        lat, np.mod(lon, 360.0), time.ravel()[inside], {n: f[inside] for n, f in fields.items()}
    )


def _regular(box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Centres at multiples of the resolution that cover the box, from north and west."""
    step = RESOLUTION_DEG
    lat = np.arange(np.ceil(box.north / step), np.floor(box.south / step) - 1, -1.0) * step
    lon = np.arange(np.floor(box.west / step), np.ceil(box.east / step) + 1) * step
    return np.clip(lat, -90.0, 90.0), lon


def _errors(world: World, lat: np.ndarray, lon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bias that stays, shape (2, place), and error that passes, shape (2, day, place), in K."""
    near = mixer(lat / RESOLUTION_DEG, lon / RESOLUTION_DEG, 6.0)
    lasting = stream(world.settings.seed, "reanalysis")
    bias = BIAS_K * near(normal(lasting, 2, near.nodes))
    passing = stream(world.settings.seed, "reanalysis", world.year)
    noise = [add_memory(normal(passing, len(world.days), near.nodes), MEMORY_DAYS) for _ in "ab"]
    size = 0.0 if world.settings.matched_physics else 1.0
    return size * bias, np.stack([size * ERROR_K * near(part) for part in noise])
