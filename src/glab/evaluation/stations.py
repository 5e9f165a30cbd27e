"""In-situ soil moisture beside a product's: what an overpass could see of it, and how they agree.

A series is one sensor at a depth that is looked at. It counts on days on which it has a good value
within some hours of the overpass, in the nearest cell that has land.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from glab import io
from glab.arrays import Floats
from glab.calendar import Days, time_blocks
from glab.config import Evaluate, Stations
from glab.errors import GlabError
from glab.evaluation.statistics import moments
from glab.grids import M25
from glab.grids.cells import select_cells
from glab.products.product import quality_filter
from glab.readers import ismn
from glab.readers.acquire import read_manifest

GOOD = "G"
"""ISMN's flag of a value that no test doubts."""

IN_SITU, PRODUCT, PERFECT = "in_situ", "smos_ib", "truth of the cell"
"""Names of the station's own values, of the product, and of what a perfect one would give."""

EARTH_RADIUS_KM = 6371.0
ABOUT = ("network", "station", "sensor", "land_cover", "climate", "lat", "lon", "depth_to_m")
GROUPS = ("network", "land_cover", "climate")
SCORES = ("r", "bias", "rmse", "ubrmse")


def is_wanted(depth_m: tuple[float, float] | None, depth_max_m: float) -> bool:
    """Whether a sensor lies within the layer that L-band sees: from the surface to a depth."""
    return depth_m is not None and min(depth_m) >= 0.0 and max(depth_m) <= depth_max_m + 1e-6


def nearest_cells(
    lat: Floats, lon: Floats, cell_lat: Floats, cell_lon: Floats, distance_max_km: float
) -> tuple[NDArray[np.int64], Floats]:
    """The cell whose centre is nearest to each station.

    Args:
        lat, lon: of the stations, degrees, shape (series,).
        cell_lat, cell_lon: of the cells, degrees, shape (cell,).
        distance_max_km: farther ones do not count.

    Returns:
        index of the cell, -1 for none, and the distance, km, shape (series,).
    """
    from scipy.spatial import KDTree

    chord, found = KDTree(_on_sphere(cell_lat, cell_lon)).query(_on_sphere(lat, lon))
    distance = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / 2.0, 1.0))
    return np.where(distance <= distance_max_km, found, -1), distance


def _on_sphere(lat: Floats, lon: Floats) -> Floats:
    """Places on the unit sphere, shape (place, 3)."""
    y, x = np.deg2rad(np.asarray(lat, float)), np.deg2rad(np.asarray(lon, float))
    return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)], axis=-1)


def at_overpass(series: xr.Dataset, days: Days, local_hour: float, hours_max: float) -> Floats:
    """A station's good value nearest to the overpass of each day.

    The overpass of a UTC day is where the local solar hour falls in it. A series of daily values
    is taken as it is, by its dates.

    Args:
        series: `soil_moisture`, `flag` (time), attribute `lon`, as `readers.ismn` gives it.
        days: dates, ascending, shape (day,).
        local_hour: of the overpass, solar time.
        hours_max: farther values do not count.

    Returns:
        soil moisture, m3 m-3, shape (day,), NaN where nothing is near.
    """
    value = series["soil_moisture"].values
    good = np.isfinite(value) & (series["flag"].values == GOOD)
    time, value = series["time"].values[good], value[good].astype(np.float32)
    if not len(time):
        return np.full(len(days), np.nan, np.float32)
    if len(time) > 1 and np.median(np.diff(time)) >= np.timedelta64(20, "h"):
        wanted, hours = days.astype("datetime64[ns]"), 0.0
        time = time.astype("datetime64[D]").astype("datetime64[ns]")
    else:
        utc = (local_hour - float(series.attrs["lon"]) / 15.0) % 24.0
        wanted = days.astype("datetime64[ns]") + np.timedelta64(int(utc * 3.6e12), "ns")
        hours = hours_max
    later = np.clip(np.searchsorted(time, wanted), 1, len(time) - 1) if len(time) > 1 else 0
    earlier = np.maximum(later - 1, 0)
    near = np.where(abs(time[later] - wanted) < abs(time[earlier] - wanted), later, earlier)
    close = abs(time[near] - wanted) <= np.timedelta64(int(hours * 3.6e12), "ns")
    return np.where(close, value[near], np.nan).astype(np.float32)


def collect_series(
    stations: Sequence[xr.Dataset], in_situ: Floats, products: dict[str, Floats], days: Days
) -> xr.Dataset:
    """Series of stations and products beside each other.

    Args:
        stations: what was read of each series; their attributes say which, `cell` and
            `distance_km` among them.
        in_situ: at the overpasses, m3 m-3, shape (day, series).
        products: by name, at the series' cells, the same shape.
        days: dates.

    Returns:
        `soil_moisture` (time, product, series), `IN_SITU` first, and what is known of each series
        as coordinates.
    """
    layers = {IN_SITU: in_situ, **products}
    names = (*ABOUT, "cell", "distance_km")
    about = {name: ("series", np.array([s.attrs[name] for s in stations])) for name in names}
    values = np.stack([layer.astype(np.float32) for layer in layers.values()], axis=1)
    dims = ("time", "product", "series")
    return xr.Dataset(
        {"soil_moisture": (dims, values)}, {"time": days, "product": list(layers), **about}
    )


def score_series(beside: xr.Dataset, settings: Stations) -> pd.DataFrame:
    """How each product agrees with each series: R, bias, RMSE and ubRMSE, m3 m-3.

    Series with fewer than `pairs_min` pairs have their number `n` and no scores.

    Args:
        beside: from `collect_series`.
        settings: how many pairs are enough.
    """
    truth, rows = beside["soil_moisture"].sel(product=IN_SITU).values, []
    known = {name: beside[name].values for name in (*ABOUT, "cell", "distance_km")}
    for product in (str(name) for name in beside["product"].values if name != IN_SITU):
        found = moments(beside["soil_moisture"].sel(product=product).values, truth)
        enough = found.n >= settings.pairs_min
        scores = {name: np.where(enough, getattr(found, name), np.nan) for name in SCORES}
        rows.append(pd.DataFrame({"product": product, **known, "n": found.n.astype(int), **scores}))
    return pd.concat(rows, ignore_index=True)


def medians(table: pd.DataFrame, group: str) -> pd.DataFrame:
    """Medians over the series of each product and class of `group` (of `GROUPS`) that have scores.

    Returns:
        `product`, the group, `series` (their number), `n` (median pairs) and the scores; a class
        "" is left out.
    """
    scored = table[table["r"].notna() & (table[group].fillna("").astype(str) != "")]
    by = scored.groupby(["product", group], sort=True)
    return by[["n", *SCORES]].median().assign(series=by.size()).reset_index()


# --- files --------------------------------------------------------------------------------------

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
    years = [path for path in sorted(products) if path.parent.name == PRODUCT]
    if not years:
        raise GlabError("stations are compared with smos_ib alone", path=series, found="no year")
    days = np.concatenate([_days(path) for path in years])
    land = io.read(domain).load()
    found, values = match_stations(manifest, land, days, LOCAL_HOUR[settings.overpass], spec)
    cells = np.array([station.attrs["cell"] for station in found])
    beside = {PRODUCT: product_series(years, cells)}
    if truth is not None:
        with io.read(truth) as nature:
            perfect = nature[VARIABLE].sel(time=days, cell=cells).values
            beside[PERFECT] = np.where(np.isfinite(beside[PRODUCT]), perfect, np.nan)
    together = collect_series(found, values, beside, days)
    io.write_table(score_series(together, spec), output)
    inputs = [*years, domain, manifest, *([truth] if truth else [])]
    io.write(together, series, io.Provenance("evaluate", settings, inputs))


def match_stations(
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
        if is_wanted(ismn.depth_m(path.name), settings.depth_max_m)
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
        cell, distance = nearest_cells(*where, lat, lon, settings.distance_max_km)
        if cell[0] < 0:
            continue
        at = {"cell": int(land["cell"].values[cell[0]]), "distance_km": float(distance[0])}
        values.append(at_overpass(station, days, local_hour, settings.hours_max))
        found.append(station.drop_vars(list(station.variables)).assign_attrs(at))
    if bad > settings.bad_fraction_max * len(paths) or not found:
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
                block = select_cells(chosen.isel(time=part), row, col)
                parts.append(quality_filter(block)[VARIABLE].transpose("time", "cell").values)
    return np.concatenate(parts)


def _days(path: Path) -> Days:
    with io.read(path) as year:
        return year["time"].values.astype("datetime64[D]")
