"""Retrievals: SMOS-IC, SMAP-IB, SMOSMAP-IB and CASM, as truth at their footprint plus errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from glab.calendar import WINDOW_EPOCH
from glab.grids import M25, M36
from glab.simulate.instruments import orbits
from glab.simulate.instruments.missions import has_smos, works
from glab.simulate.instruments.smos import LOCAL_HOUR
from glab.simulate.world.box import SubGrid, subgrid_of
from glab.simulate.world.emission import lband_tb
from glab.simulate.world.fields import add_memory, mixer, normal, stream
from glab.simulate.world.footprint import footprint
from glab.simulate.world.truth import SMOS_FWHM_KM, scene_at
from glab.simulate.world.world import World

SMAP_FWHM_KM = 40.0
SMOS_NOISIER = 1.3
"""Errors of what SMOS alone tells, relative to those of SMAP."""
RESCALED_BIAS, RESCALED_GAIN = 0.005, 0.01
"""What is left of SMOS's lasting bias and gain after it was scaled to SMAP, standard deviations."""
SEEN_LAND_MIN = 0.4
IC_TB_NOISE_K = 1.8
CASM_STEP_DAYS = 3
CASM_FWHM_KM = 36.0


@dataclass(frozen=True)
class SmosRetrieval:
    """A day and overpass of SMOS-IC by native variable name, each of shape (cell,)."""

    day: int
    overpass: str
    fields: dict[str, np.ndarray]


@dataclass(frozen=True)
class YearOfRetrievals:
    """A year of a product on its window, shape (day, view); NaN where nothing was retrieved."""

    window: SubGrid
    vod: np.ndarray
    soil_moisture: np.ndarray


def retrieval_errors(
    world: World, name: str, lat: np.ndarray, lon: np.ndarray, vod: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Errors of retrieved VOD and soil moisture, correlated with each other, in space and time.

    Args:
        world: the world.
        name: product, for the random stream.
        lat, lon: places, degrees, shape (view,).
        vod: true VOD there, shape (day, view); errors grow with it.

    Returns:
        Errors of VOD and of soil moisture, m3 m-3, shape (day, view).
    """
    generator = stream(world.settings.seed, name, world.year)
    rows, columns = (90.0 - lat) * 4.0, lon * 4.0 * np.cos(np.deg2rad(lat))
    near = mixer(rows, columns, 2.5)
    days, places = vod.shape
    shared = near(add_memory(normal(generator, days, near.nodes), 4.0))
    alone, apart = normal(generator, days, places), normal(generator, days, places)
    size = 0.025 + 0.055 * vod
    vod_error = size * (0.6 * shared + 0.8 * alone)
    wet = 0.020 + 0.03 * np.minimum(vod, 1.0)
    return vod_error, wet * (0.5 * shared + 0.4 * alone + 0.7 * apart)


def lasting_errors(world: World, name: str, vod: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bias and gain of a retrieved VOD that stay, per view, from a stream without the year."""
    generator = stream(world.settings.seed, name, "lasting")
    views = vod.shape[-1]
    return 0.015 * normal(generator, views), 1.0 + 0.04 * normal(generator, views)


def smos_ic(world: World, overpass: str) -> Iterator[SmosRetrieval]:
    """SMOS-IC of a year, day by day; days without any observation are left out."""
    land, days = world.land, len(world.days)
    view = orbits.nearest_views(orbits.SMOS, overpass, world.year, days, land.lat, land.lon)
    seen = np.isfinite(view.away_km) & has_smos(world.days)[:, None]
    foot = footprint(land, land.lat, land.lon, SMOS_FWHM_KM)
    daily = world.daily
    surface = world.surface_k(LOCAL_HOUR[overpass])
    vod, wet, warm = (foot(field) for field in (daily["vod"], daily["soil_moisture"], surface))
    tb = foot(lband_tb(scene_at(daily, surface, overpass), world.patches, 40.0))
    vod_error, wet_error = retrieval_errors(world, f"smos_ic {overpass}", land.lat, land.lon, vod)
    bias, gain = lasting_errors(world, "smos_ic", vod)
    retrieved = gain * vod + bias + SMOS_NOISIER * vod_error
    generator = stream(world.settings.seed, "smos_ic tb", overpass, world.year)
    topography = np.array([0, 1, 2])[world.setting.topography]
    for day in np.flatnonzero(seen.any(axis=1)):
        blank = np.where(seen[day], 0.0, np.nan)
        noise = IC_TB_NOISE_K * normal(generator, 2, len(blank))
        rmse = 3.0 + 0.9 * abs(normal(generator, len(blank)))
        frozen = daily["frozen"][day] > 0
        yield SmosRetrieval(
            int(day),
            overpass,
            {
                "Soil_Moisture": np.clip(wet[day] + wet_error[day] * 1.2, 0, 1) + blank,
                "Soil_Moisture_StdError": 0.03 + 0.03 * vod[day] + blank,
                "Optical_Thickness_Nad": retrieved[day] + blank,
                "Optical_Thickness_Nad_StdError": 0.04 + 0.06 * vod[day] + blank,
                "RMSE": rmse + blank,
                "Soil_Temperature_Level1": warm[day] + blank,
                "BT_H_IC_Fitted": tb[0, day] + noise[0] + blank,
                "BT_V_IC_Fitted": tb[1, day] + noise[1] + blank,
                "Scene_Flags": topography
                + 8.0 * frozen
                + 4.0 * (daily["water_fraction"][day] > 0.1)
                + blank,
                "Processing_Flags": np.zeros(len(blank)) + blank,
            },
        )


def smap_ib(world: World) -> YearOfRetrievals:
    """SMAP-IB of a year on the 36 km grid, morning overpass."""
    window = subgrid_of(M36, world.settings.box, overlapping=True)
    seen = _days_of_smap(world, window)
    return _retrieved(world, "smap_ib", window, SMAP_FWHM_KM, np.where(seen, 1.0, np.nan))


def smosmap_ib(world: World) -> YearOfRetrievals:
    """SMOSMAP-IB of a year on the 25 km grid: SMOS scaled to SMAP, and both where both see.

    Where SMOS sees alone, before SMAP and in its gaps, noise is larger, and a little of its own
    lasting bias and gain is left.
    """
    window = subgrid_of(M25, world.settings.box)
    lat, lon = window.centres
    view = orbits.nearest_views(orbits.SMOS, "A", world.year, len(world.days), lat, lon)
    smos = np.isfinite(view.away_km) & has_smos(world.days)[:, None]
    smap = _days_of_smap(world, window)
    both = 1.0 / np.hypot(1.0, 1.0 / SMOS_NOISIER)
    noise = np.where(smap, np.where(smos, both, 1.0), np.where(smos, SMOS_NOISIER, np.nan))
    retrieval = _retrieved(world, "smosmap_ib", window, SMOS_FWHM_KM, noise)
    generator = stream(world.settings.seed, "smosmap_ib", "rescaled")
    bias = RESCALED_BIAS * normal(generator, len(lat))
    gain = 1.0 + RESCALED_GAIN * normal(generator, len(lat))
    alone = np.clip(gain * retrieval.vod + bias, 0.0, 2.0)
    return replace(retrieval, vod=np.where(smap, retrieval.vod, alone))


def _days_of_smap(world: World, window: SubGrid) -> np.ndarray:
    """Which days and views of a window SMAP sees in the morning, shape (day, view)."""
    lat, lon = window.centres
    view = orbits.nearest_views(orbits.SMAP, "D", world.year, len(world.days), lat, lon)
    return np.isfinite(view.away_km) & works("smap", world.days)[:, None]


def _retrieved(
    world: World, name: str, window: SubGrid, fwhm_km: float, noise: np.ndarray
) -> YearOfRetrievals:
    """A product of the SMAP-IB family: truth at a footprint, unfrozen, with its errors.

    Args:
        world: the world.
        name: product, for the random streams.
        window: part of its grid.
        fwhm_km: width of its footprint.
        noise: size of its errors relative to SMAP-IB's, shape (day, view); NaN where unseen.
    """
    lat, lon = window.centres
    foot = footprint(world.land, lat, lon, fwhm_km)
    seen = np.isfinite(noise) & (foot.seen_land >= SEEN_LAND_MIN)
    seen &= foot(world.daily["frozen"].astype(np.float32)) < 0.5
    vod, wet = foot(world.daily["vod"]), foot(world.daily["soil_moisture"])
    vod_error, wet_error = retrieval_errors(world, name, lat, lon, np.nan_to_num(vod))
    bias, gain = lasting_errors(world, name, vod)
    blank = np.where(seen, 0.0, np.nan)
    return YearOfRetrievals(
        window,
        np.clip(gain * vod + bias + noise * vod_error, 0.0, 2.0) + blank,
        np.clip(wet + noise * wet_error, 0.0, 1.0) + blank,
    )


@dataclass(frozen=True)
class CasmYear:
    """CASM's steps of a year, each field of shape (step, cell)."""

    days: np.ndarray
    soil_moisture: np.ndarray
    seasonal_cycle: np.ndarray
    structural: np.ndarray
    data: np.ndarray


def casm(world: World, cycle: np.ndarray, slow: np.ndarray) -> CasmYear:
    """CASM of a year: every third day, seasonal cycle right, slow anomalies damped.

    Args:
        world: the world.
        cycle: true mean seasonal cycle on the year's days, shape (day, cell).
        slow: true slow anomaly (running mean of a year, minus the cycle) on them.
    """
    land = world.land
    elapsed = (world.days - WINDOW_EPOCH).astype(int)
    steps = np.flatnonzero((elapsed % CASM_STEP_DAYS == 0) & works("casm", world.days))
    foot = footprint(land, land.lat, land.lon, CASM_FWHM_KM)
    generator = stream(world.settings.seed, "casm", world.year)
    near = mixer(land.row, land.col, 3.0)
    error = near(add_memory(normal(generator, len(world.days), near.nodes), 5.0))
    quick = world.daily["soil_moisture"] - cycle - slow
    value = foot(cycle + 0.35 * slow + 0.8 * quick) + 0.015 * error
    spread = 0.006 + 0.004 * abs(normal(generator, *value.shape))
    return CasmYear(
        days=world.days[steps],
        soil_moisture=np.clip(value, 0.0, 0.6)[steps],
        seasonal_cycle=foot(cycle)[steps],
        structural=spread[steps],
        data=(0.6 * spread)[steps],
    )


def slow_parts(moisture: np.ndarray, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Seasonal cycle (three harmonics) and slow anomaly of daily series, shape (day, cell)."""
    waves = [f(k * phase) for k in (1, 2, 3) for f in (np.cos, np.sin)]
    design = np.stack([np.ones_like(phase), *waves], axis=1).astype(np.float32)
    cycle = design @ np.linalg.lstsq(design, moisture, rcond=None)[0]
    half = 182
    total = np.cumsum(np.pad(moisture - cycle, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    first = np.maximum(np.arange(len(phase)) - half, 0)
    last = np.minimum(np.arange(len(phase)) + half + 1, len(phase))
    slow = (total[last] - total[first]) / (last - first)[:, None]
    return cycle, slow.astype(np.float32)
