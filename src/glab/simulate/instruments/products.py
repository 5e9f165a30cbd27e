"""Products of other teams: the truth in the footprint of each product, plus its errors.

Retrievals are SMOS-IC, SMAP-IB, SMOSMAP-IB and CASM; the reanalysis gives temperatures and snow.
No retrieval is run: the sizes of the errors are reasoned guesses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from glab.arrays import Array, Floats
from glab.calendar import WINDOW_EPOCH, Days, annual_phase
from glab.grids import M25
from glab.simulate.instruments import orbits
from glab.simulate.instruments.smap import (
    SEEN_LAND_MIN,
    SMAP_FWHM_KM,
    smap_passes,
    smap_window,
)
from glab.simulate.world import (
    SMOS_FWHM_KM,
    SubGrid,
    World,
    add_memory,
    footprint,
    lband_tb,
    mixer,
    normal,
    scene_at,
    stream,
    subgrid_of,
)

SMOS_NOISIER = 1.3
"""Errors of retrievals from SMOS alone, relative to those from SMAP."""

RESCALED_BIAS, RESCALED_GAIN = 0.005, 0.01
"""Standard deviations of the lasting bias and gain that SMOS keeps after it was scaled to SMAP."""

IC_TB_NOISE_K = 1.8
"""Noise of the fitted TB of SMOS-IC."""


# --- errors of retrievals -----------------------------------------------------------------------


def retrieval_errors(
    world: World, name: str, lat: Floats, lon: Floats, vod: Floats
) -> tuple[Floats, Floats]:
    """Draw errors of retrieved VOD and soil moisture.

    They are correlated with each other, and in part in space and time. VOD errors have a standard
    deviation of 0.025 + 0.055 VOD, because a dense canopy hides the soil.

    Args:
        world: a year of the truth.
        name: product, for the random stream.
        lat, lon: of the views, degrees, shape (view,).
        vod: true VOD there, shape (day, view).

    Returns:
        Errors of VOD and of soil moisture, m³ m⁻³, shape (day, view).
    """
    generator = stream(world.settings.seed, name, world.year)
    rows, columns = (90.0 - lat) * 4.0, lon * 4.0 * np.cos(np.deg2rad(lat))  # quarter degrees
    near = mixer(rows, columns, 2.5)
    days, views = vod.shape
    common = near(add_memory(normal(generator, days, near.nodes), 4.0))
    alone, alone_wet = normal(generator, days, views), normal(generator, days, views)
    size = 0.025 + 0.055 * vod
    vod_error = size * (0.6 * common + 0.8 * alone)
    wet_size = 0.020 + 0.03 * np.minimum(vod, 1.0)
    return vod_error, wet_size * (0.5 * common + 0.4 * alone + 0.7 * alone_wet)


def lasting_errors(world: World, name: str, vod: Floats) -> tuple[Floats, Floats]:
    """Draw the bias and gain of a retrieved VOD that last for all years, each of shape (view,)."""
    generator = stream(world.settings.seed, name, "lasting")
    views = vod.shape[-1]
    return 0.015 * normal(generator, views), 1.0 + 0.04 * normal(generator, views)


# --- SMOS-IC ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SmosRetrieval:
    """One day and overpass of SMOS-IC.

    Attributes:
        day: day of the year, from 0.
        overpass: "A" or "D".
        fields: by native variable name, each of shape (cell,); NaN where not seen.
    """

    day: int
    overpass: str
    fields: dict[str, Floats]


def smos_ic(world: World, overpass: str) -> Iterator[SmosRetrieval]:
    """Return the SMOS-IC of a year day by day; days on which no cell is seen are left out."""
    land, days = world.land, len(world.days)
    nearest = orbits.nearest_passes(orbits.SMOS, overpass, world.year, days, land.lat, land.lon)
    seen = np.isfinite(nearest.away_km) & orbits.is_working("smos", world.days)[:, None]
    foot = footprint(land, land.lat, land.lon, SMOS_FWHM_KM)
    daily = world.daily
    surface = world.surface_k(orbits.SMOS.local_hour[overpass])
    vod, wet, warm = (foot(field) for field in (daily["vod"], daily["soil_moisture"], surface))
    tb = foot(lband_tb(scene_at(daily, surface, overpass), world.patches, 40.0))
    vod_error, wet_error = retrieval_errors(world, f"smos_ic {overpass}", land.lat, land.lon, vod)
    bias, gain = lasting_errors(world, "smos_ic", vod)
    retrieved = gain * vod + bias + SMOS_NOISIER * vod_error
    generator = stream(world.settings.seed, "smos_ic tb", overpass, world.year)
    for day in np.flatnonzero(seen.any(axis=1)):
        blank = np.where(seen[day], 0.0, np.nan)
        noise = IC_TB_NOISE_K * normal(generator, 2, len(blank))
        rmse = 3.0 + 0.9 * abs(normal(generator, len(blank)))
        # Bits of `Scene_Flags`: 1 and 2 topography, 4 open water, 8 frozen ground.
        scene_flags = (
            world.maps.topography
            + 8.0 * (daily["frozen"][day] > 0)
            + 4.0 * (daily["water_fraction"][day] > 0.1)
        )
        fields = {
            "Soil_Moisture": np.clip(wet[day] + wet_error[day] * 1.2, 0, 1),
            "Soil_Moisture_StdError": 0.03 + 0.03 * vod[day],
            "Optical_Thickness_Nad": retrieved[day],
            "Optical_Thickness_Nad_StdError": 0.04 + 0.06 * vod[day],
            "RMSE": rmse,
            "Soil_Temperature_Level1": warm[day],
            "BT_H_IC_Fitted": tb[0, day] + noise[0],
            "BT_V_IC_Fitted": tb[1, day] + noise[1],
            "Scene_Flags": scene_flags,
            "Processing_Flags": np.zeros(len(blank)),
        }
        masked = {name: values + blank for name, values in fields.items()}
        yield SmosRetrieval(int(day), overpass, masked)


# --- SMAP-IB and SMOSMAP-IB ---------------------------------------------------------------------


@dataclass(frozen=True)
class RetrievalYear:
    """A year of VOD and soil moisture on a window of a grid.

    Attributes:
        window: part of the grid.
        vod: VOD, shape (day, view), NaN where not retrieved.
        soil_moisture: m³ m⁻³, of that shape.
    """

    window: SubGrid
    vod: Floats
    soil_moisture: Floats


def smap_ib(world: World) -> RetrievalYear:
    """Return the SMAP-IB of a year on the 36 km grid, morning overpass."""
    window = smap_window(world)
    seen = np.isfinite(smap_passes(world, window).away_km)
    return _retrieve(world, "smap_ib", window, SMAP_FWHM_KM, np.where(seen, 1.0, np.nan))


def smosmap_ib(world: World) -> RetrievalYear:
    """Return the SMOSMAP-IB of a year on the 25 km grid: SMOS scaled to SMAP, and their mean.

    Where only SMOS observes, before SMAP and in its gaps, the noise is larger, and a small part of
    the lasting bias and gain of SMOS is left.
    """
    window = subgrid_of(M25, world.settings.box)
    lat, lon = window.centres
    nearest = orbits.nearest_passes(orbits.SMOS, "A", world.year, len(world.days), lat, lon)
    smos = np.isfinite(nearest.away_km) & orbits.is_working("smos", world.days)[:, None]
    smap = np.isfinite(smap_passes(world, window).away_km)
    # Noise of the mean of both, weighted by inverse variance, relative to that of SMAP.
    both = 1.0 / np.hypot(1.0, 1.0 / SMOS_NOISIER)
    noise = np.where(smap, np.where(smos, both, 1.0), np.where(smos, SMOS_NOISIER, np.nan))
    retrieval = _retrieve(world, "smosmap_ib", window, SMOS_FWHM_KM, noise)
    generator = stream(world.settings.seed, "smosmap_ib", "rescaled")
    bias = RESCALED_BIAS * normal(generator, len(lat))
    gain = 1.0 + RESCALED_GAIN * normal(generator, len(lat))
    alone = np.clip(gain * retrieval.vod + bias, 0.0, 2.0)
    return replace(retrieval, vod=np.where(smap, retrieval.vod, alone))


def _retrieve(
    world: World, name: str, window: SubGrid, fwhm_km: float, noise: Floats
) -> RetrievalYear:
    """Return the truth of unfrozen ground in a footprint, with the errors of a product.

    Args:
        world: a year of the truth.
        name: product, for the random streams.
        window: part of its grid.
        fwhm_km: width of its footprint.
        noise: size of its errors relative to those of SMAP-IB, shape (day, view); NaN: not seen.
    """
    lat, lon = window.centres
    foot = footprint(world.land, lat, lon, fwhm_km)
    seen = np.isfinite(noise) & (foot.seen_land >= SEEN_LAND_MIN)
    seen &= foot(world.daily["frozen"].astype(np.float32)) < 0.5
    vod, wet = foot(world.daily["vod"]), foot(world.daily["soil_moisture"])
    vod_error, wet_error = retrieval_errors(world, name, lat, lon, np.nan_to_num(vod))
    bias, gain = lasting_errors(world, name, vod)
    blank = np.where(seen, 0.0, np.nan)
    return RetrievalYear(
        window,
        np.clip(gain * vod + bias + noise * vod_error, 0.0, 2.0) + blank,
        np.clip(wet + noise * wet_error, 0.0, 1.0) + blank,
    )


# --- CASM ---------------------------------------------------------------------------------------

CASM_STEP_DAYS = 3
"""CASM has a value every third day, counted from the epoch of the windows."""

CASM_FWHM_KM = 36.0

SLOW_KEPT, QUICK_KEPT = 0.35, 0.8
"""Fractions of slow and of quick anomalies that CASM keeps: the published method produced it, and
loses slow change (docs/science.md, sections 1 and 2.2)."""


@dataclass(frozen=True)
class CasmYear:
    """The steps of a year of CASM, each field in m³ m⁻³, shape (step, cell)."""

    days: Days
    soil_moisture: Floats
    seasonal_cycle: Floats
    structural: Floats
    data: Floats


def casm(world: World, cycle: Floats, slow: Floats) -> CasmYear:
    """Return the CASM of a year: the true seasonal cycle, damped anomalies, errors.

    Args:
        world: a year of the truth.
        cycle: true mean seasonal cycle on the days of the year, shape (day, cell).
        slow: true slow anomaly on these days (running mean over a year, minus the cycle).
    """
    land = world.land
    elapsed = (world.days - WINDOW_EPOCH).astype(int)
    working = orbits.is_working("casm", world.days)
    steps = np.flatnonzero((elapsed % CASM_STEP_DAYS == 0) & working)
    foot = footprint(land, land.lat, land.lon, CASM_FWHM_KM)
    generator = stream(world.settings.seed, "casm", world.year)
    near = mixer(land.row, land.col, 3.0)
    error = near(add_memory(normal(generator, len(world.days), near.nodes), 5.0))
    quick = world.daily["soil_moisture"] - cycle - slow
    value = foot(cycle + SLOW_KEPT * slow + QUICK_KEPT * quick) + 0.015 * error
    spread = 0.006 + 0.004 * abs(normal(generator, *value.shape))
    return CasmYear(
        days=world.days[steps],
        soil_moisture=np.clip(value, 0.0, 0.6)[steps],
        seasonal_cycle=foot(cycle)[steps],
        structural=spread[steps],
        data=(0.6 * spread)[steps],
    )


def casm_year(world: World) -> CasmYear:
    """Return the CASM of a year, with the seasonal cycle and slow anomalies of all years."""
    days = world.truth["time"].values.astype("datetime64[D]")
    cycle, slow = slow_parts(world.truth["soil_moisture"].values, days)
    inside = np.isin(days, world.days)
    return casm(world, cycle[inside], slow[inside])


def slow_parts(moisture: Floats, days: Days) -> tuple[Floats, Floats]:
    """Return seasonal cycle (three harmonics) and slow anomaly of daily series, (day, cell).

    Args:
        moisture: soil moisture, m³ m⁻³, shape (day, cell), without gaps.
        days: datetime64, shape (day,).
    """
    phase = annual_phase(days)
    waves = [f(k * phase) for k in (1, 2, 3) for f in (np.cos, np.sin)]
    design = np.stack([np.ones_like(phase), *waves], axis=1).astype(np.float32)
    cycle = design @ np.linalg.lstsq(design, moisture, rcond=None)[0]
    # Running mean over 365 days from cumulative sums, which need the range of float64.
    half = 182
    total = np.cumsum(np.pad(moisture - cycle, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    first = np.maximum(np.arange(len(phase)) - half, 0)
    last = np.minimum(np.arange(len(phase)) + half + 1, len(phase))
    slow = (total[last] - total[first]) / (last - first)[:, None]
    return cycle, slow.astype(np.float32)


# --- reanalysis ---------------------------------------------------------------------------------

RESOLUTION_DEG = 0.5
"""Cell of the reanalysis. ERA5 has 0.25; coarser cells keep the files of a small box small."""

REANALYSIS_FWHM_KM = 60.0

LOCAL_HOURS = tuple(orbits.SMOS.local_hour.values())
"""Local solar hours of the two fields per day, those of SMOS."""

BIAS_K, ERROR_K, MEMORY_DAYS = 0.7, 0.8, 5.0
"""Standard deviations of the lasting and the passing error, and the memory of the latter."""

AIR_MINUS_SURFACE_K = {6.0: 1.0, 18.0: 0.5}


@dataclass(frozen=True)
class Reanalysis:
    """A year on a regular grid.

    Attributes:
        lat, lon: centres, from the north, 0…360 degrees.
        time: UTC, datetime64[h], shape (time,).
        fields: `stl1`, `stl3`, `t2m` in K, `sd` in m of water, shape (time, lat, lon), NaN at sea.
    """

    lat: Floats
    lon: Floats
    time: Array
    fields: dict[str, Floats]


def reanalysis(world: World) -> Reanalysis:
    """Return the reanalysis of a year at the UTC hours nearest to 06:00 and 18:00 local time."""
    lat, lon = _regular_axes(world)
    lats, lons = (axis.ravel() for axis in np.meshgrid(lat, lon, indexing="ij"))
    foot = footprint(world.land, lats, lons, REANALYSIS_FWHM_KM)
    bias, error = _reanalysis_errors(world, lats, lons)
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
    # UTC hours far from Greenwich lie in neighbouring years: those are left out.
    order = np.argsort(time.ravel(), kind="stable")
    inside = order[time.ravel()[order].astype("datetime64[Y]") == world.days[0].astype("M8[Y]")]
    return Reanalysis(
        lat, np.mod(lon, 360.0), time.ravel()[inside], {n: f[inside] for n, f in fields.items()}
    )


def _regular_axes(world: World) -> tuple[Floats, Floats]:
    """Return centres at multiples of the resolution that cover the box, from north and west."""
    box, step = world.settings.box, RESOLUTION_DEG
    lat = np.arange(np.ceil(box.north / step), np.floor(box.south / step) - 1, -1.0) * step
    lon = np.arange(np.floor(box.west / step), np.ceil(box.east / step) + 1) * step
    return np.clip(lat, -90.0, 90.0), lon


def _reanalysis_errors(world: World, lat: Floats, lon: Floats) -> tuple[Floats, Floats]:
    """Draw lasting errors, shape (2, view), and passing ones, shape (2, day, view), K."""
    near = mixer(lat / RESOLUTION_DEG, lon / RESOLUTION_DEG, 6.0)
    lasting = stream(world.settings.seed, "reanalysis")
    bias = BIAS_K * near(normal(lasting, 2, near.nodes))
    passing = stream(world.settings.seed, "reanalysis", world.year)
    noise = [add_memory(normal(passing, len(world.days), near.nodes), MEMORY_DAYS) for _ in "ab"]
    size = 0.0 if world.settings.matched_physics else 1.0
    return size * bias, np.stack([size * ERROR_K * near(field) for field in noise])
