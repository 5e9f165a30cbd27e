"""Soil moisture of `smos_ib` beside that of stations: the part of `evaluate` that reads ISMN."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab import io
from glab import stations as judged
from glab.calendar import Days, time_blocks
from glab.config import Evaluate, Stations
from glab.errors import GlabError
from glab.gridded import cells_of
from glab.grids import M25
from glab.product import quality_filter
from glab.readers import ismn
from glab.steps.acquire import read_manifest

VARIABLE = "soil_moisture"
LOCAL_HOUR = {"ascending": 6.0, "descending": 18.0}


def compare_stations(
    products: Sequence[Path],
    domain: Path,
    manifest: Path,
    output: Path,
    series: Path,
    settings: Evaluate,
    truth: Path | None = None,
) -> None:
    """Write how the product agrees with stations, and the series of both.

    Args:
        products: yearly files; those of `smos_ib` count.
        domain: the cells.
        manifest: of an archive of stations.
        output: table, csv, a row for each series.
        series: netCDF.
        settings: depth, pairs, distance, hours, and the product's overpass.
        truth: the simulated Earth; what a perfect retrieval on the same days would reach is told.
    """
    spec = settings.stations or Stations()
    years = [path for path in sorted(products) if path.parent.name == judged.PRODUCT]
    if not years:
        raise GlabError("stations are compared with smos_ib alone", path=series, found="no year")
    days = np.concatenate([_days(path) for path in years])
    land = io.read(domain).load()
    found, values = matched(manifest, land, days, LOCAL_HOUR[settings.overpass], spec)
    cells = np.array([station.attrs["cell"] for station in found])
    beside = {judged.PRODUCT: product_series(years, cells)}
    if truth is not None:
        with io.read(truth) as nature:
            perfect = nature[VARIABLE].sel(time=days, cell=cells).values
            beside[judged.PERFECT] = np.where(np.isfinite(beside[judged.PRODUCT]), perfect, np.nan)
    together = judged.collected(found, values, beside, days)
    io.write_table(judged.compared(together, spec), output)
    inputs = [*years, domain, manifest, *([truth] if truth else [])]
    io.write(together, series, io.Provenance("evaluate", settings, inputs))


def matched(
    manifest: Path, land: xr.Dataset, days: Days, local_hour: float, settings: Stations
) -> tuple[list[xr.Dataset], NDArray[np.float32]]:
    """Sensors near the surface within the domain, and their values at the overpasses.

    Files that cannot be read are told and left out.

    Returns:
        what is known of each series (`cell` and `distance_km` among its attributes), and its
        values, shape (day, series).

    Raises:
        GlabError: when no series lies in the domain, or too many files cannot be read.
    """
    paths = [
        path
        for path in sorted(read_manifest(manifest))
        if judged.is_wanted(ismn.depth_m(path.name), settings.depth_max_m)
    ]
    found, values, bad = list[xr.Dataset](), list[NDArray[np.float32]](), 0
    lat, lon = (land[name].values for name in ("lat", "lon"))
    for path in paths:
        try:
            station = ismn.read(path)
        except GlabError as error:
            print(f"set aside: {error}", file=sys.stderr)
            bad += 1
            continue
        where = np.array([station.attrs["lat"]]), np.array([station.attrs["lon"]])
        cell, distance = judged.nearest_cells(*where, lat, lon, settings.distance_max_km)
        if cell[0] < 0:
            continue
        at = {"cell": int(land["cell"].values[cell[0]]), "distance_km": float(distance[0])}
        values.append(judged.at_overpass(station, days, local_hour, settings.hours_max))
        found.append(station.drop_vars(list(station.variables)).assign_attrs(at))
    if bad > settings.bad_share_max * len(paths) or not found:
        raise GlabError(
            "no stations to compare with" if not found else "too many stations cannot be read",
            path=manifest,
            found=f"{len(paths)} near the surface, {bad} unreadable, {len(found)} in the domain",
            remedy="fill the archive, or set evaluate.stations to null",
        )
    return found, np.stack(values, axis=1)


def product_series(years: Sequence[Path], cells: NDArray[np.integer]) -> NDArray[np.float32]:
    """Soil moisture that passes the usual filter, at some cells, shape (day, series).

    Args:
        years: yearly files.
        cells: flat index of each on the whole 25 km grid.
    """
    row, col = np.divmod(cells, M25.shape[1])
    parts = []
    for path in years:
        with io.read(path) as year:
            chosen = year[[VARIABLE, "scene_flags", "tb_rmse"]]
            for part in time_blocks(year["time"].values):
                block = cells_of(chosen.isel(time=part), row, col)
                parts.append(quality_filter(block)[VARIABLE].transpose("time", "cell").values)
    return np.concatenate(parts)


def _days(path: Path) -> Days:
    with io.read(path) as year:
        return year["time"].values.astype("datetime64[D]")
