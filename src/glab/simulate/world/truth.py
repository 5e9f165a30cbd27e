"""The true state of a world day by day, its maps as a user has them, and one year of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from glab.arrays import Array, Floats
from glab.calendar import Days, annual_phase, days_between, days_of_year
from glab.config import Simulate
from glab.errors import GlabError
from glab.simulate.world import vegetation, weather
from glab.simulate.world.emission import Patches, draw_patches, lband_tb, scene_at
from glab.simulate.world.fields import RandomFields
from glab.simulate.world.geometry import Land, footprint, land_from, land_of
from glab.simulate.world.maps import TrueMaps, draw_maps

SMOS_FWHM_KM = 43.0
"""Mean footprint of SMOS over its angles; the true TB is averaged to it."""

BLOCK_DAYS = 200
"""Days of TB in memory at once."""


def simulate_truth(settings: Simulate) -> tuple[xr.Dataset, xr.Dataset]:
    """Draw a world: its truth, and the static maps that a user has.

    Args:
        settings: box, years, seed, and whether anything changes in the long run.

    Returns:
        Dataset on (time, cell): vod, vod_wood, vod_leaf, soil_moisture, temperatures, rain, snow,
        frozen, water_fraction, tb(time, cell, channel [h, v]) at 40°, 06:00, in the footprint of
        SMOS, without noise and atmosphere; and static maps on (cell). No NaN. The second Dataset
        is that of `known_maps`.

    Raises:
        GlabError: for a box without land.
    """
    land = land_of(settings.box)
    days = days_between(f"{settings.first_year}-01-01", f"{settings.last_year}-12-31")
    random = RandomFields(settings.seed, land.row, land.col, len(days))
    maps = draw_maps(random, land.lat, land.fraction)
    patches = draw_patches(random, maps, matched=settings.matched_physics)
    daily, change = _daily_fields(random, maps, days, settings.long_term_change)
    daily["tb"] = _true_tb(daily, patches, land)
    truth = _dataset(days, land, maps, patches, change, daily)
    return truth, known_maps(settings, land, maps)


def _daily_fields(
    random: RandomFields, maps: TrueMaps, days: Days, changing: bool
) -> tuple[dict[str, Array], vegetation.LongTermChange]:
    """Return the daily fields, each of shape (time, cell), and the long-term change in them."""
    phase = annual_phase(days)
    mean = vegetation.mean_vod(random, maps)
    change = (
        vegetation.draw_change(random, days, mean.wood + mean.leaf)
        if changing
        else vegetation.no_change(len(maps.lat))
    )
    slow = vegetation.slow_anomalies(random, change, len(days))
    rain = weather.rainfall(random, maps, phase, slow)
    heat = weather.temperatures(random, maps, phase, slow, rain)
    snow = weather.snow_cover(rain, heat.air)
    factors = vegetation.change_factors(change, len(days))
    wood, leaf = vegetation.daily_vod(random, maps, mean, phase, slow, factors)
    moisture = weather.soil_moisture(random, maps, phase, slow, rain)
    daily = {
        "vod": wood + leaf,
        "vod_wood": wood,
        "vod_leaf": leaf,
        "soil_moisture": moisture,
        "skin_moisture": weather.skin_moisture(random, maps, moisture, rain),
        "canopy_opacity": weather.canopy_opacity(random),
        "humidity": weather.humidity(random, maps),
        "t_air": heat.air,
        "t_deep": heat.deep,
        "t_surface_0130": heat.surface_0130,
        "t_surface_0600": heat.surface_0600,
        "t_surface_1330": heat.surface_1330,
        "rain": rain,
        "snow": snow,
        "water_fraction": weather.open_water(random, maps, phase),
        "frozen": weather.is_frozen(heat.surface_0600, snow).astype(np.int16),
    }
    return {k: v if k == "frozen" else v.astype(np.float32) for k, v in daily.items()}, change


def _true_tb(daily: dict[str, Array], patches: Patches, land: Land) -> Floats:
    """Return the 40° TB at 06:00 in the footprint of SMOS, K, shape (time, cell, 2)."""
    average = footprint(land, land.lat, land.lon, SMOS_FWHM_KM)
    blocks = []
    for start in range(0, len(daily["vod"]), BLOCK_DAYS):
        block = {name: field[start : start + BLOCK_DAYS] for name, field in daily.items()}
        tb = lband_tb(scene_at(block, block["t_surface_0600"]), patches, 40.0)
        blocks.append(np.moveaxis(average(tb), 0, -1))
    return np.concatenate(blocks)


def _dataset(
    days: Days,
    land: Land,
    maps: TrueMaps,
    patches: Patches,
    change: vegetation.LongTermChange,
    daily: dict[str, Array],
) -> xr.Dataset:
    """Return all that is known of the world as one dataset."""
    first = int((days[0] - np.datetime64("2000-01-01")).astype(int))
    clearing = np.where(change.clearing_day >= 0, change.clearing_day + first, -1)
    static = {
        "lat": land.lat,
        "lon": land.lon,
        "land_fraction": land.fraction,
        "biome": maps.biome,
        "altitude": maps.altitude_m,
        "topography": maps.topography,
        "clay": maps.clay,
        "urban_fraction": maps.urban,
        "ice_fraction": maps.ice,
        "omega": patches.mean("omega_h") / 2 + patches.mean("omega_v") / 2,
        "h_r": patches.mean("h_r"),
        "change_kind": change.kind,
        "vod_trend": change.trend_per_year,
        "clearing_day": clearing.astype(np.int32),
        "clearing_drop": change.clearing_drop,
    }
    variables: dict[str, Any] = {
        name: (("time", "cell"), field) for name, field in daily.items() if name != "tb"
    }
    variables["tb"] = (("time", "cell", "channel"), daily["tb"])
    variables |= {name: (("cell",), values) for name, values in static.items()}
    variables["igbp_fraction"] = (("cell", "igbp"), maps.igbp)
    coords = {"time": days, "cell": land.index, "channel": ["h", "v"], "igbp": np.arange(1, 17)}
    return xr.Dataset(variables, coords=coords)


def known_maps(settings: Simulate, land: Land, maps: TrueMaps) -> xr.Dataset:
    """Return the static maps that a user has: the true ones with errors of 10 to 25 per cent.

    Args:
        settings: of the simulated Earth; `matched_physics` gives maps without errors.
        land: the cells.
        maps: the true maps.

    Returns:
        Dataset on (y, x) with coordinates lat and lon: `clay`, `water_fraction`,
        `urban_fraction`, `ice_fraction`, `altitude` (m), `topography`, and `igbp_fraction` on
        (igbp, y, x) with class numbers 1…16 on `igbp`. NaN at sea (topography: 0).
    """
    random = RandomFields(settings.seed, land.row, land.col, 1)
    size = 0.0 if settings.matched_physics else 1.0

    def disturbed(name: str, true: Floats, error: float) -> Floats:
        factor = np.exp(size * error * random.map(f"map {name}", length_cells=3))
        return np.clip(true * factor, 0.0, 1.0)

    classes = range(maps.igbp.shape[1])
    noise = [random.map(f"map class {number}", length_cells=3) for number in classes]
    igbp = maps.igbp * np.exp(size * 0.25 * np.stack(noise, axis=1))
    igbp /= igbp.sum(axis=1, keepdims=True)
    fields: dict[str, Floats] = {
        "clay": disturbed("clay", maps.clay, 0.2),
        "water_fraction": disturbed("water", maps.water, 0.1),
        "urban_fraction": disturbed("urban", maps.urban, 0.1),
        "ice_fraction": maps.ice,
        "altitude": maps.altitude_m,
    }
    variables: dict[str, Any] = {
        name: (("y", "x"), land.on_window(field.astype(np.float32)))
        for name, field in fields.items()
    }
    variables["topography"] = (("y", "x"), land.on_window(maps.topography, 0))
    classes_on_map = land.on_window(igbp.T.astype(np.float32))
    variables["igbp_fraction"] = (("igbp", "y", "x"), classes_on_map)
    coords = {
        "lat": ("y", land.window.lat),
        "lon": ("x", land.window.lon),
        "igbp": np.arange(1, igbp.shape[1] + 1, dtype=np.int32),
    }
    return xr.Dataset(variables, coords=coords)


# --- one year for the instruments ---------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """One year of the true state, and the truth it is taken from.

    Attributes:
        settings: of the simulated Earth.
        year: calendar year.
        land: the cells.
        daily: daily fields, each of shape (day of the year, cell), float32 (`frozen`: int16).
        truth: all years, lazily.
    """

    settings: Simulate
    year: int
    land: Land
    daily: dict[str, Array]
    truth: xr.Dataset

    @cached_property
    def days(self) -> Days:
        """The days of the year, datetime64."""
        return days_of_year(self.year)

    @cached_property
    def random(self) -> RandomFields:
        """Random fields on the cells of the world."""
        return RandomFields(self.settings.seed, self.land.row, self.land.col, len(self.days))

    @cached_property
    def maps(self) -> TrueMaps:
        """Static maps, drawn again from the seed of the world."""
        return draw_maps(self.random, self.land.lat, self.land.fraction)

    @cached_property
    def patches(self) -> Patches:
        """True parameters within cells, drawn again from the seed of the world."""
        return draw_patches(self.random, self.maps, matched=self.settings.matched_physics)

    def surface_k(self, local_hour: float) -> Floats:
        """Return the surface temperature at a local solar hour, K, shape (day, cell).

        Args:
            local_hour: 1.5, 6, 13.5, or 18, when half of the daytime warming is left.
        """
        cool, warm = self.daily["t_surface_0600"], self.daily["t_surface_1330"]
        if local_hour == 1.5:
            return self.daily["t_surface_0130"]
        if local_hour == 13.5:
            return warm
        warmth = {6.0: 0.0, 18.0: 0.5}[local_hour]
        return cool + np.float32(warmth) * (warm - cool)


def world_of(truth: xr.Dataset, settings: Simulate, year: int) -> World:
    """Take one year of the truth.

    Raises:
        GlabError: for a year that the truth does not contain.
    """
    days = days_of_year(year)
    inside = np.isin(truth["time"].values.astype("datetime64[D]"), days)
    if inside.sum() != len(days):
        raise GlabError(
            "the truth does not contain this year",
            variable="simulate.first_year, last_year",
            found=year,
            expected=f"{truth['time'].values[0]} … {truth['time'].values[-1]}",
        )
    days_of_truth = truth.isel(time=np.flatnonzero(inside))
    daily = {
        str(name): field.values
        for name, field in days_of_truth.data_vars.items()
        if "time" in field.dims
    }
    land = land_from(settings.box, truth["cell"].values, truth["land_fraction"].values)
    return World(settings, year, land, daily, truth)
