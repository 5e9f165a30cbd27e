"""Compare the soil moisture of a product with in-situ series of stations.

A series is one sensor at a wanted depth. It counts on days with a good value within some hours of
the overpass, in the nearest land cell.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from glab import io
from glab.arrays import Float32s, Floats, Indices
from glab.calendar import SMOS_LOCAL_HOUR, Days
from glab.config import StationSet
from glab.errors import GlabError
from glab.evaluation.records import product_records, record_days
from glab.evaluation.statistics import moments
from glab.grids import EARTH_RADIUS_KM
from glab.readers import ismn
from glab.readers.acquire import read_manifest

GOOD = "G"
"""ISMN's flag of a value that passes all of its tests."""

IN_SITU, PERFECT = "in_situ", "truth of the cell"
"""Names of the station's values, and of the truth of its cell on the days of the product."""

VARIABLE = "soil_moisture"
ABOUT = ("network", "station", "sensor", "land_cover", "climate", "lat", "lon", "depth_to_m")
GROUPS = ("network", "land_cover", "climate")
SCORES = ("r", "bias", "rmse", "ubrmse")


def compare_stations(
    products: Sequence[Path],
    land: xr.Dataset,
    manifest: Path,
    spec: StationSet,
    overpass: str,
    truth: xr.Dataset | None = None,
) -> tuple[pd.DataFrame, xr.Dataset] | None:
    """Compare a product with the stations of an archive.

    Args:
        products: yearly files of any products; those of `spec.product` are read.
        land: cells of the domain.
        manifest: of the archive.
        spec: depth, pairs, distance and hours.
        overpass: "ascending" or "descending", of the product.
        truth: the simulated Earth; with it the table also contains `PERFECT`, the scores of a
            perfect retrieval on the same days.

    Returns:
        see `score_series` and `join_series`; None if the domain contains no station.

    Raises:
        GlabError: without a year of the product, or when too many files cannot be read.
    """
    years = [path for path in sorted(products) if path.parent.name == spec.product]
    if not years:
        raise GlabError(
            f"no year of {spec.product}, which stations are compared with", path=manifest
        )
    dates: list[Days] = []
    for path in years:
        with io.read(path) as year:
            dates.append(record_days(year))
    days = np.concatenate(dates)
    # Stations first: only the cells that contain one are read from the product.
    series = read_series(manifest, land, days, SMOS_LOCAL_HOUR[overpass], spec)
    if not series:
        return None
    cells = land.sel(cell=[one.attrs["cell"] for one in series])
    (record,) = product_records(years, cells, [VARIABLE], [""])
    layers = {IN_SITU: np.stack([one[VARIABLE].values for one in series], axis=1)}
    layers[spec.product] = record["value"].transpose("time", "cell").values
    if truth is not None:
        perfect = truth[VARIABLE].sel(time=days, cell=cells["cell"].values).values
        # On the days of the product only, so that both have the same pairs.
        layers[PERFECT] = np.where(np.isfinite(layers[spec.product]), perfect, np.nan)
    joined = join_series(series, layers, days)
    return score_series(joined, spec.pairs_min), joined


def read_series(
    manifest: Path, land: xr.Dataset, days: Days, local_hour: float, spec: StationSet
) -> list[xr.Dataset]:
    """Read sensors near the surface within the domain, at the overpasses.

    Files that cannot be read are reported on stderr and left out.

    Returns:
        `soil_moisture` (time) at the overpasses, m³ m⁻³, of each sensor, with its attributes and
        `cell` and `distance_km`.

    Raises:
        GlabError: when too many files cannot be read.
    """
    paths = [
        path
        for path in sorted(read_manifest(manifest))
        if is_wanted(ismn.depth_m(path.name), spec.depth_max_m)
    ]
    series, bad = list[xr.Dataset](), 0
    lat, lon = (land[name].values for name in ("lat", "lon"))
    for path in paths:
        try:
            station = ismn.read(path)
        except GlabError as error:
            print(f"set aside: {error}", file=sys.stderr)
            bad += 1
            continue
        at = np.array([station.attrs["lat"]]), np.array([station.attrs["lon"]])
        cell, distance = nearest_cells(*at, lat, lon, spec.distance_max_km)
        if cell[0] >= 0:
            values = at_overpass(station, days, local_hour, spec.hours_max)
            about = {"cell": int(land["cell"].values[cell[0]]), "distance_km": float(distance[0])}
            series.append(xr.Dataset({VARIABLE: ("time", values)}, attrs=station.attrs | about))
    if bad > spec.bad_fraction_max * len(paths):
        raise GlabError(
            "too many stations cannot be read",
            path=manifest,
            found=f"{bad} of {len(paths)}",
            expected=f"at most {spec.bad_fraction_max:.0%}",
            remedy="fetch the archive again, or raise bad_fraction_max of the set",
        )
    return series


def is_wanted(depth_m: tuple[float, float] | None, depth_max_m: float) -> bool:
    """Return whether a sensor lies in the layer that L-band sees, from the surface to a depth."""
    # File names give depths with six decimals, rounded from inches in some networks.
    return depth_m is not None and min(depth_m) >= 0.0 and max(depth_m) <= depth_max_m + 1e-6


def nearest_cells(
    lat: Floats, lon: Floats, cell_lat: Floats, cell_lon: Floats, distance_max_km: float
) -> tuple[Indices, Floats]:
    """Return the cell whose centre is nearest to each station.

    Args:
        lat, lon: of the stations, degrees, shape (series,).
        cell_lat, cell_lon: of the cells, degrees, shape (cell,).
        distance_max_km: cells farther away do not count.

    Returns:
        index of the cell, −1 for none, and the distance, km, shape (series,).
    """
    from scipy.spatial import KDTree

    def on_sphere(lat: Floats, lon: Floats) -> Floats:
        """Return points of the unit sphere, shape (point, 3)."""
        y, x = np.deg2rad(np.asarray(lat, float)), np.deg2rad(np.asarray(lon, float))
        return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)], axis=-1)

    chord, nearest = KDTree(on_sphere(cell_lat, cell_lon)).query(on_sphere(lat, lon))
    distance = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / 2.0, 1.0))
    return np.where(distance <= distance_max_km, nearest, -1), distance


def at_overpass(series: xr.Dataset, days: Days, local_hour: float, hours_max: float) -> Float32s:
    """Return a station's good value nearest to the overpass of each day.

    The overpass of a UTC day is the time at which its local solar hour is reached. Daily series are
    taken by their dates.

    Args:
        series: `soil_moisture`, `flag` (time), attribute `lon`, from `glab.readers.ismn`.
        days: dates, ascending, shape (day,).
        local_hour: of the overpass, solar time.
        hours_max: values farther away do not count.

    Returns:
        soil moisture, m³ m⁻³, shape (day,), NaN where no value is near.
    """
    value = series[VARIABLE].values
    good = np.isfinite(value) & (series["flag"].values == GOOD)
    time, value = series["time"].values[good], value[good].astype(np.float32)
    if not len(time):
        return np.full(len(days), np.nan, np.float32)
    # Nearly a day between values: a daily mean, whose hour of the day has no meaning.
    if len(time) > 1 and np.median(np.diff(time)) >= np.timedelta64(20, "h"):
        # Dates are compared with dates: the hour of a daily mean is a convention of its network.
        wanted, hours = days.astype("datetime64[ns]"), 0.0
        time = time.astype("datetime64[D]").astype("datetime64[ns]")
    else:
        utc = (local_hour - float(series.attrs["lon"]) / 15.0) % 24.0
        wanted = days.astype("datetime64[ns]") + np.timedelta64(int(utc * 3.6e12), "ns")
        hours = hours_max
    # The nearer of the values before and after the overpass counts.
    later = np.clip(np.searchsorted(time, wanted), 1, len(time) - 1) if len(time) > 1 else 0
    earlier = np.maximum(later - 1, 0)
    near = np.where(abs(time[later] - wanted) < abs(time[earlier] - wanted), later, earlier)
    close = abs(time[near] - wanted) <= np.timedelta64(int(hours * 3.6e12), "ns")
    return np.where(close, value[near], np.nan).astype(np.float32)


def join_series(
    stations: Sequence[xr.Dataset], layers: dict[str, Floats], days: Days
) -> xr.Dataset:
    """Join the series of stations and products.

    Args:
        stations: the attributes of each series are `ABOUT`, `cell` and `distance_km`.
        layers: by name, values at the overpasses, m³ m⁻³, shape (day, series); `IN_SITU` first.
        days: dates.

    Returns:
        `soil_moisture` (time, product, series), and the attributes of the series as coordinates.
    """
    names = (*ABOUT, "cell", "distance_km")
    about = {name: ("series", np.array([s.attrs[name] for s in stations])) for name in names}
    values = np.stack([layer.astype(np.float32) for layer in layers.values()], axis=1)
    dims = ("time", "product", "series")
    return xr.Dataset({VARIABLE: (dims, values)}, {"time": days, "product": list(layers), **about})


def score_series(joined: xr.Dataset, pairs_min: int) -> pd.DataFrame:
    """Score each product against each series: R, bias, RMSE and ubRMSE, m³ m⁻³.

    Args:
        joined: from `join_series`.
        pairs_min: series with fewer pairs have their number `n` and no scores.
    """
    truth, rows = joined[VARIABLE].sel(product=IN_SITU).values, []
    about = {name: joined[name].values for name in (*ABOUT, "cell", "distance_km")}
    for product in (str(name) for name in joined["product"].values if name != IN_SITU):
        sums = moments(joined[VARIABLE].sel(product=product).values, truth)
        enough = sums.n >= pairs_min
        scores = {name: np.where(enough, getattr(sums, name), np.nan) for name in SCORES}
        rows.append(pd.DataFrame({"product": product, **about, "n": sums.n.astype(int), **scores}))
    return pd.concat(rows, ignore_index=True)


def medians(table: pd.DataFrame, group: str) -> pd.DataFrame:
    """Return medians over the series with scores, by product and class of a group.

    Args:
        table: from `score_series`.
        group: one of `GROUPS`; series whose class is empty are left out.

    Returns:
        `product`, the group, `series` (their number), `n` (median pairs) and the scores.
    """
    scored = table[table["r"].notna() & (table[group].fillna("").astype(str) != "")]
    by = scored.groupby(["product", group], sort=True)
    return by[["n", *SCORES]].median().assign(series=by.size()).reset_index()
