"""Soil-moisture stations: a point within a cell, errors of its probe, flags of its network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from glab.arrays import Array, Booleans, Floats, Indices
from glab.simulate.world import BIOMES, add_memory, normal, stream

STATIONS_PER_NETWORK = 4

POINT_BIAS, POINT_GAIN, POINT_SLOW, POINT_QUICK = 0.03, 0.2, 0.018, 0.008
"""Standard deviations of the difference between a point and the mean of its cell: level (m³ m⁻³),
logarithm of the amplitude, slow and quick departures (m³ m⁻³). Reasoned guesses."""

SLOW_MEMORY_DAYS = 15.0

PROBE_NOISE, SPIKE_FRACTION, SPIKE = 0.003, 0.003, 0.2
"""Noise of a probe, fraction of reports with a spike, and its size, m³ m⁻³."""

FROZEN_FRACTION = 0.35
"""Fraction of the water of frozen ground that a probe measures: it does not see ice."""

OUT_FRACTION = 0.15
"""Fraction of the months in which a station does not report."""

CLASSES = {
    "desert": (200, "BWh"),
    "shrub": (120, "BSh"),
    "grass": (130, "BSk"),
    "savanna": (110, "Aw"),
    "crop": (10, "Cfa"),
    "temperate forest": (60, "Cfb"),
    "boreal forest": (70, "Dfc"),
    "tropical forest": (50, "Af"),
}
"""Land cover (ESA CCI) and climate (Köppen-Geiger) of a station in each biome."""

Layout = Literal["header_values", "ceop_sep"]
"""Layouts of the files of ISMN."""


@dataclass(frozen=True)
class Station:
    """A sensor of a station and the layout of its files.

    Attributes:
        network, name: without underscores.
        layout: "header_values" or "ceop_sep".
        lat, lon: degrees.
        elevation_m: above the sea.
        depth_m: upper and lower depth.
        land_cover: class of the ESA CCI land cover.
        climate: class of Köppen and Geiger.
        clay: fraction.
    """

    network: str
    name: str
    layout: Layout
    lat: float
    lon: float
    elevation_m: float
    depth_m: tuple[float, float]
    land_cover: int
    climate: str
    clay: float


@dataclass(frozen=True)
class StationNetwork:
    """A network of stations.

    Attributes:
        name: without underscores.
        every_hours: hours between reports.
        layout: of its files.
        depth_m: upper and lower depth of its probes.
    """

    name: str
    every_hours: int
    layout: Layout
    depth_m: tuple[float, float]


NETWORKS = (
    StationNetwork("SIM-SOUTH", 1, "header_values", (0.05, 0.05)),
    StationNetwork("SIM-MIDDLE", 6, "header_values", (0.0, 0.05)),
    StationNetwork("SIM-NORTH", 24, "ceop_sep", (0.05, 0.05)),
)
"""From south to north, each over a third of the cells."""

Reports = tuple[Array, Floats, Array]
"""Times (UTC), soil moisture (m³ m⁻³) and ISMN quality flags, each of shape (time,)."""


def observe_stations(truth: xr.Dataset, seed: int) -> Iterator[tuple[Station, Reports]]:
    """Observe every station of a world over all years.

    Args:
        truth: the truth of the world, lazily; only the cells with stations are read.
        seed: of the world.
    """
    days = truth["time"].values.astype("datetime64[D]")
    for network, cells in place_stations(truth, seed):
        state = truth[["soil_moisture", "frozen"]].isel(cell=cells).load()
        for number, cell in enumerate(cells):
            generator = stream(seed, "ismn", network.name, number)
            station = _station(network, number, truth.isel(cell=cell), generator)
            local = state.isel(cell=number)
            wet = at_point(local["soil_moisture"].values, generator)
            frozen = local["frozen"].values > 0
            yield station, measure(days, wet, frozen, station, network.every_hours, generator)


def place_stations(truth: xr.Dataset, seed: int) -> Iterator[tuple[StationNetwork, Indices]]:
    """Choose the cells of each network's stations: no lakes, deserts or dense canopies."""
    water = truth["water_fraction"].isel(time=slice(None, None, 61)).mean("time").values
    vod = truth["vod"].isel(time=slice(None, None, 61)).mean("time").values
    barren = truth["biome"].values == BIOMES.index("desert")
    fit = np.flatnonzero((water <= 0.1) & (vod < 0.8) & ~barren)
    fit = fit if len(fit) >= len(NETWORKS) else np.arange(truth.sizes["cell"])
    by_latitude = fit[np.argsort(truth["lat"].values[fit], kind="stable")]
    for network, cells in zip(NETWORKS, np.array_split(by_latitude, len(NETWORKS))):
        number = min(STATIONS_PER_NETWORK, len(cells))
        if number:
            chosen = stream(seed, "ismn", network.name).choice(len(cells), number, replace=False)
            yield network, cells[np.sort(chosen)]


def at_point(cell_mean: Floats, generator: np.random.Generator) -> Floats:
    """Return the soil moisture at a point from that of its cell, m³ m⁻³, shape (day,).

    A point differs from its cell in level and amplitude, and by slow and quick departures.
    """
    bias, gain = POINT_BIAS * normal(generator, 1), np.exp(POINT_GAIN * normal(generator, 1))
    slow = add_memory(normal(generator, len(cell_mean), 1), SLOW_MEMORY_DAYS)[:, 0]
    quick = normal(generator, len(cell_mean))
    mean = cell_mean.mean()
    point = mean + bias + gain * (cell_mean - mean) + POINT_SLOW * slow + POINT_QUICK * quick
    return np.clip(point, 0.01, 0.6)


def measure(
    days: Array,
    wet: Floats,
    frozen: Booleans,
    station: Station,
    every_hours: int,
    generator: np.random.Generator,
) -> Reports:
    """Return the times, soil moisture and flags that a station reports.

    Args:
        days: dates, shape (day,).
        wet: soil moisture at the point at 06:00 local time, m³ m⁻³, shape (day,).
        frozen: whether the ground is frozen, shape (day,).
        station: its longitude gives the hour of 06:00 local time.
        every_hours: hours between reports.
        generator: of the station.
    """
    first = int(generator.integers(0, min(400, len(days))))  # networks began in different years
    hours = np.arange(24 * first, 24 * len(days), every_hours)
    time, elapsed = days[0].astype("datetime64[h]") + hours, hours / 24.0
    reporting = generator.random(int(elapsed[-1] // 30) + 1) >= OUT_FRACTION
    kept = reporting[(elapsed // 30).astype(int)]
    time, elapsed = time[kept], elapsed[kept]
    morning = np.arange(len(days)) + (6.0 - station.lon / 15.0) / 24.0
    ice = frozen[np.minimum(elapsed.astype(int), len(days) - 1)]
    value = np.interp(elapsed, morning, wet) * np.where(ice, FROZEN_FRACTION, 1.0)
    value = value + PROBE_NOISE * normal(generator, len(value))
    spike = generator.random(len(value)) < SPIKE_FRACTION
    value = np.clip(value + np.where(spike, SPIKE, 0.0), 0.0, 0.9)
    # Flags of ISMN: D06 spike, D01 and D03 frozen ground, G good.
    flags = np.where(spike, "D06", np.where(ice, "D01,D03", "G"))
    return time, value, flags


def _station(
    network: StationNetwork, number: int, cell: xr.Dataset, generator: np.random.Generator
) -> Station:
    """Return a station at a random point of a cell."""
    lat, lon = (float(cell[name]) for name in ("lat", "lon"))
    land_cover, climate = CLASSES[BIOMES[int(cell["biome"])]]
    away = generator.uniform(-0.08, 0.08, 2)  # degrees; a cell has about 0.26 by 0.2
    return Station(
        network=network.name,
        name=f"S{number + 1:02d}",
        layout=network.layout,
        lat=lat + away[0],
        lon=lon + away[1],
        elevation_m=300.0,
        depth_m=network.depth_m,
        land_cover=land_cover,
        climate=climate,
        clay=float(cell["clay"]),
    )
