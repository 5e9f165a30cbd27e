"""Soil-moisture stations: a point within a cell, its probe's errors, its network's flags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr

from glab.simulate.formats import ismn
from glab.simulate.world.climate import BIOMES
from glab.simulate.world.fields import add_memory, normal, stream

STATIONS_PER_NETWORK = 4
POINT_BIAS, POINT_GAIN, POINT_SLOW, POINT_QUICK = 0.03, 0.2, 0.018, 0.008
"""How a point differs from the mean of its cell: m3 m-3, 1, m3 m-3 and m3 m-3."""
SLOW_MEMORY_DAYS = 15.0
PROBE_NOISE, SPIKE_SHARE, SPIKE = 0.003, 0.003, 0.2
FROZEN_FRACTION = 0.35
"""What a probe sees of the water of frozen ground."""
OUT_FRACTION = 0.15
"""Of the months of a station, how many it does not report."""
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


@dataclass(frozen=True)
class StationNetwork:
    """A network: how often its stations report, in which layout, at which depth."""

    name: str
    every_hours: int
    layout: Literal["header_values", "ceop_sep"]
    depth_m: tuple[float, float]


NETWORKS = (
    StationNetwork("SIM-SOUTH", 1, "header_values", (0.05, 0.05)),
    StationNetwork("SIM-MIDDLE", 6, "header_values", (0.0, 0.05)),
    StationNetwork("SIM-NORTH", 24, "ceop_sep", (0.05, 0.05)),
)
"""From south to north, each over as many cells."""


def write_stations(truth: xr.Dataset, seed: int, folder: Path) -> None:
    """Write every station of a world into an existing folder.

    Args:
        truth: the world's truth, lazy; only the stations' cells are read.
        seed: of the world.
        folder: of the archive.
    """
    days = truth["time"].values.astype("datetime64[D]")
    for network, cells in place_stations(truth, seed):
        names = ["soil_moisture", "frozen"]
        nature = truth[names].isel(cell=cells).load()
        for number, cell in enumerate(cells):
            generator = stream(seed, "ismn", network.name, number)
            station = _station(network, number, truth.isel(cell=cell), generator)
            local = nature.isel(cell=number)
            wet = at_point(local["soil_moisture"].values, generator)
            series = measure(
                days, wet, local["frozen"].values > 0, station, network.every_hours, generator
            )
            ismn.write(folder, station, *series)


def place_stations(truth: xr.Dataset, seed: int) -> Iterator[tuple[StationNetwork, np.ndarray]]:
    """The networks, each with the cells of its stations: no lakes, deserts or dense canopies."""
    water = truth["water_fraction"].isel(time=slice(None, None, 61)).mean("time").values
    vod = truth["vod"].isel(time=slice(None, None, 61)).mean("time").values
    barren = truth["biome"].values == BIOMES.index("desert")
    fit = np.flatnonzero((water <= 0.1) & (vod < 0.8) & ~barren)
    fit = fit if len(fit) >= len(NETWORKS) else np.arange(truth.sizes["cell"])
    by_latitude = fit[np.argsort(truth["lat"].values[fit], kind="stable")]
    for network, part in zip(NETWORKS, np.array_split(by_latitude, len(NETWORKS))):
        number = min(STATIONS_PER_NETWORK, len(part))
        if number:
            chosen = stream(seed, "ismn", network.name).choice(len(part), number, replace=False)
            yield network, part[np.sort(chosen)]


def at_point(cell_mean: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Soil moisture at a point from that of its cell, m3 m-3, shape (day,).

    Its level, its amplitude, and slow and quick departures are the point's own.
    """
    bias, gain = POINT_BIAS * normal(generator, 1), np.exp(POINT_GAIN * normal(generator, 1))
    slow = add_memory(normal(generator, len(cell_mean), 1), SLOW_MEMORY_DAYS)[:, 0]
    quick = normal(generator, len(cell_mean))
    mean = cell_mean.mean()
    point = mean + bias + gain * (cell_mean - mean) + POINT_SLOW * slow + POINT_QUICK * quick
    return np.clip(point, 0.01, 0.6)


def measure(
    days: np.ndarray,
    wet: np.ndarray,
    frozen: np.ndarray,
    station: ismn.Station,
    every_hours: int,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, soil moisture and flags that a station reports.

    Args:
        days: dates, shape (day,).
        wet: at the point at 06:00 local time, m3 m-3, shape (day,).
        frozen: whether the ground is, shape (day,).
        station: its longitude tells the hour.
        every_hours: between reports.
        generator: of the station.
    """
    first = int(generator.integers(0, min(400, len(days))))
    hours = np.arange(24 * first, 24 * len(days), every_hours)
    time, elapsed = days[0].astype("datetime64[h]") + hours, hours / 24.0
    reporting = generator.random(int(elapsed[-1] // 30) + 1) >= OUT_FRACTION
    kept = reporting[(elapsed // 30).astype(int)]
    time, elapsed = time[kept], elapsed[kept]
    morning = np.arange(len(days)) + (6.0 - station.lon / 15.0) / 24.0
    ice = frozen[np.minimum(elapsed.astype(int), len(days) - 1)]
    value = np.interp(elapsed, morning, wet) * np.where(ice, FROZEN_FRACTION, 1.0)
    value = value + PROBE_NOISE * normal(generator, len(value))
    spike = generator.random(len(value)) < SPIKE_SHARE
    value = np.clip(value + np.where(spike, SPIKE, 0.0), 0.0, 0.9)
    flags = np.where(spike, "D06", np.where(ice, "D01,D03", "G"))
    return time, value, flags


def _station(
    network: StationNetwork, number: int, cell: xr.Dataset, generator: np.random.Generator
) -> ismn.Station:
    """A station somewhere in a cell."""
    lat, lon = (float(cell[name]) for name in ("lat", "lon"))
    land_cover, climate = CLASSES[BIOMES[int(cell["biome"])]]
    away = generator.uniform(-0.08, 0.08, 2)
    return ismn.Station(
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
