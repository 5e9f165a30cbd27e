"""Static maps as a user of the simulated Earth has them: the truth, imperfectly known."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from glab.config import Simulate
from glab.simulate.world.box import Land
from glab.simulate.world.climate import Setting
from glab.simulate.world.fields import Weather


def static_maps(settings: Simulate, land: Land, setting: Setting) -> xr.Dataset:
    """Clay, land cover, topography, water, urban and ice fractions on the box's window.

    Returns:
        Dataset on (y, x) with coordinates lat and lon, `igbp_fraction` on (igbp, y, x); NaN at
        sea, and class numbers 1…16 on `igbp`.
    """
    weather = Weather(settings.seed, land.row, land.col, 1)

    size = 0.0 if settings.matched_physics else 1.0

    def known(name: str, truth: np.ndarray, error: float) -> np.ndarray:
        return np.clip(
            truth * np.exp(size * error * weather.map(f"map {name}", length_cells=3)), 0.0, 1.0
        )

    igbp = setting.igbp * np.exp(size * 0.25 * _noise(weather, setting.igbp.shape[1]))
    igbp /= igbp.sum(axis=1, keepdims=True)
    maps = {
        "clay": known("clay", setting.clay, 0.2),
        "water_fraction": known("water", setting.water, 0.1),
        "urban_fraction": known("urban", setting.urban, 0.1),
        "ice_fraction": setting.ice,
        "altitude": setting.altitude_m,
    }
    variables: dict[str, Any] = {
        n: (("y", "x"), land.on_window(v.astype(np.float32))) for n, v in maps.items()
    }
    variables["topography"] = (("y", "x"), land.on_window(setting.topography, 0))
    on_map = land.on_window(igbp.T.astype(np.float32))
    variables["igbp_fraction"] = (("igbp", "y", "x"), on_map)
    coords = {
        "lat": ("y", land.window.lat),
        "lon": ("x", land.window.lon),
        "igbp": np.arange(1, igbp.shape[1] + 1, dtype=np.int32),
    }
    return xr.Dataset(variables, coords=coords)


def _noise(weather: Weather, classes: int) -> np.ndarray:
    names = [f"map class {number}" for number in range(classes)]
    return np.stack([weather.map(name, length_cells=3) for name in names], axis=1)
