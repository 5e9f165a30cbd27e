"""The true state of the simulated Earth, day by day."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from glab.calendar import annual_phase, days_between
from glab.config import Simulate
from glab.simulate.world.box import Land, land_of
from glab.simulate.world.change import Change, draw_change, droughts, lasting_factors, no_change
from glab.simulate.world.climate import Setting, setting_of
from glab.simulate.world.emission import TrueScene, lband_tb
from glab.simulate.world.fields import Weather, detrend
from glab.simulate.world.footprint import footprint
from glab.simulate.world.static import static_maps
from glab.simulate.world.surface import Patches, patches_of
from glab.simulate.world.vegetation import leaf_and_wood, stand_of
from glab.simulate.world.weather import (
    Slow,
    canopy_opacity,
    humidity,
    is_frozen,
    open_water,
    rainfall,
    skin_moisture,
    snow_cover,
    soil_moisture,
    temperatures,
)

SMOS_FWHM_KM = 43.0
BLOCK_DAYS = 200


def simulate_truth(settings: Simulate) -> tuple[xr.Dataset, xr.Dataset]:
    """Draw a world: the truth, and its static maps as a user has them.

    Args:
        settings: box, years, seed, and whether anything changes in the long run.

    Returns:
        Dataset on (time, cell): vod, vod_wood, vod_leaf, soil_moisture, temperatures, rain, snow,
        frozen, water_fraction, tb(time, cell, channel [h, v]) at 40°, 06:00, SMOS's footprint,
        without noise and atmosphere; and static maps on (cell). No NaN.

    Raises:
        GlabError: for a box without land.
    """
    land = land_of(settings.box)
    days = days_between(f"{settings.first_year}-01-01", f"{settings.last_year}-12-31")
    weather = Weather(settings.seed, land.row, land.col, len(days))
    setting = setting_of(weather, land.lat, land.fraction)
    patches = patches_of(weather, setting, matched=settings.matched_physics)
    daily, change = _daily(weather, setting, days, settings.long_term_change)
    daily["tb"] = _true_tb(daily, patches, land)
    truth = _dataset(days, land, setting, patches, change, daily)
    return truth, static_maps(settings, land, setting)


def _daily(
    weather: Weather, setting: Setting, days: np.ndarray, changing: bool
) -> tuple[dict[str, np.ndarray], Change]:
    """Daily fields, each of shape (time, cell)."""
    phase = annual_phase(days)
    stand = stand_of(weather, setting)
    vod_mean = stand.wood + stand.leaf
    change = (
        draw_change(weather, setting, days, vod_mean) if changing else no_change(len(setting.lat))
    )
    slow = _slow(weather, change, len(days))
    rain = rainfall(weather, setting, phase, slow)
    heat = temperatures(weather, setting, phase, slow, rain)
    snow = snow_cover(rain, heat.air)
    lasting = lasting_factors(change, len(days))
    wood, leaf = leaf_and_wood(weather, setting, stand, phase, slow, lasting)
    moisture = soil_moisture(weather, setting, phase, slow, rain)
    daily = {
        "vod": wood + leaf,
        "vod_wood": wood,
        "vod_leaf": leaf,
        "soil_moisture": moisture,
        "skin_moisture": skin_moisture(weather, setting, moisture, rain),
        "canopy_opacity": canopy_opacity(weather),
        "humidity": humidity(weather, setting),
        "t_air": heat.air,
        "t_deep": heat.deep,
        "t_surface_0130": heat.surface_0130,
        "t_surface_0600": heat.surface_0600,
        "t_surface_1330": heat.surface_1330,
        "rain": rain,
        "snow": snow,
        "water_fraction": open_water(weather, setting, phase),
        "frozen": is_frozen(heat.surface_0600, snow).astype(np.int16),
    }
    return {k: v if k == "frozen" else v.astype(np.float32) for k, v in daily.items()}, change


def _slow(weather: Weather, change: Change, days: int) -> Slow:
    years = (np.arange(days, dtype=np.float32) - days / 2)[:, None] / np.float32(365.2425)
    return Slow(
        common=detrend(weather.series("slow", length_cells=7, memory_days=220)),
        drought=droughts(weather, days),
        trend=years * change.trend_per_year.astype(np.float32),
        warming_k=years * change.warming_k_per_year.astype(np.float32),
    )


def _true_tb(daily: dict[str, np.ndarray], patches: Patches, land: Land) -> np.ndarray:
    """40° TB at 06:00, averaged over SMOS's footprint, shape (time, cell, 2)."""
    seen = footprint(land, land.lat, land.lon, SMOS_FWHM_KM)
    blocks = []
    for start in range(0, len(daily["vod"]), BLOCK_DAYS):
        part = {name: field[start : start + BLOCK_DAYS] for name, field in daily.items()}
        tb = lband_tb(scene_at(part, part["t_surface_0600"]), patches, 40.0)
        blocks.append(np.moveaxis(seen(tb), 0, -1))
    return np.concatenate(blocks)


def scene_at(
    daily: dict[str, np.ndarray], t_surface_k: np.ndarray, overpass: str = "A"
) -> TrueScene:
    """The scene of an overpass from daily fields and the surface temperature of that hour."""
    return TrueScene(
        vod=daily["vod"],
        soil_moisture=daily["soil_moisture"],
        t_surface_k=t_surface_k,
        t_deep_k=daily["t_deep"],
        water=daily["water_fraction"],
        overpass=overpass,
    )


def _dataset(
    days: np.ndarray,
    land: Land,
    setting: Setting,
    patches: Patches,
    change: Change,
    daily: dict[str, np.ndarray],
) -> xr.Dataset:
    """Everything that is known of the world, as one dataset."""
    first = int((days[0] - np.datetime64("2000-01-01")).astype(int))
    clearing = np.where(change.clearing_day >= 0, change.clearing_day + first, -1)
    static = {
        "lat": land.lat,
        "lon": land.lon,
        "land_fraction": land.fraction,
        "biome": setting.biome,
        "altitude": setting.altitude_m,
        "topography": setting.topography,
        "clay": setting.clay,
        "urban_fraction": setting.urban,
        "ice_fraction": setting.ice,
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
    variables["igbp_fraction"] = (("cell", "igbp"), setting.igbp)
    coords = {"time": days, "cell": land.index, "channel": ["h", "v"], "igbp": np.arange(1, 17)}
    return xr.Dataset(variables, coords=coords)
