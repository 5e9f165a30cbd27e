"""Where the rows and columns of a granule lie, from the file's own coordinates."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from glab.arrays import Float64s
from glab.errors import GlabError
from glab.grids import M09, M36, ProjectedGrid, from_coordinates, sin_authalic

CENTRE_TOLERANCE_DEG = 1e-3
GEOGRAPHIC = "EPSG:4326"
CYLINDRICAL = "EPSG:6933"


@dataclass(frozen=True, eq=False)
class Georeference:
    """Cell centres of a granule, in the order of its rows and columns.

    Attributes:
        lat, lon: degrees; 1-D on a rectilinear grid, 2-D (y, x) on a projected one.
        crs, x, y: only on a projected grid: its projection and 1-D centres in m.
    """

    lat: Float64s
    lon: Float64s
    crs: str | None = None
    x: Float64s | None = None
    y: Float64s | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        if self.lat.ndim == 2:
            return self.lat.shape[0], self.lat.shape[1]
        return self.lat.size, self.lon.size

    def coordinates(self) -> dict[str, Any]:
        """As coordinates of a dataset with dimensions y and x."""
        if self.crs is None:
            return {"lat": ("y", self.lat), "lon": ("x", self.lon)}
        plane = {"lat": (("y", "x"), self.lat), "lon": (("y", "x"), self.lon)}
        return plane | {"x": self.x, "y": self.y}


def rectilinear(
    lat: ArrayLike, lon: ArrayLike, path: Path, grids: Collection[str] = ()
) -> Georeference:
    """A granule whose latitude depends on the row alone and longitude on the column alone.

    Files of one grid give the same (read-only) arrays, so that weights can be kept by grid.

    Args:
        lat, lon: degrees as in the file, 1-D, or 2-D (y, x) with NaN where filled.
        path: the file, for errors.
        grids: names of the grids the file may be on (a part of); empty: any.

    Raises:
        GlabError: for missing, disordered, curvilinear coordinates or a grid not allowed.
    """
    lat, lon = np.ascontiguousarray(lat, np.float64), np.ascontiguousarray(lon, np.float64)
    key = (lat.tobytes(), lat.shape, lon.tobytes(), lon.shape)
    try:
        centres, name = _recognised(*key)
    except GlabError as error:
        raise GlabError(
            f"the coordinates are no grid: {error.message}",
            path=path,
            variable=error.variable or "lat, lon",
            found=_ends(lat, lon) if error.found is None else error.found,
            expected="cell centres of a rectilinear grid",
            remedy=error.remedy or "fetch the file again, or take it out of this source",
        ) from error
    if grids and name not in grids:
        raise GlabError(
            "wrong grid",
            path=path,
            variable="lat, lon",
            found=f"{name or 'another grid'}, from {centres.lat[0]:.4f} N {centres.lon[0]:.4f} E",
            expected=f"cells of {' or '.join(grids)}",
            remedy="take the file out of this source, or name the reader of its format",
        )
    return centres


@lru_cache(maxsize=512)
def _recognised(
    lat: bytes, lat_shape: tuple[int, ...], lon: bytes, lon_shape: tuple[int, ...]
) -> tuple[Georeference, str]:
    """Centres as 1-D arrays and the name of the grid they belong to ("" for any other)."""
    lat_deg: Float64s = np.frombuffer(lat).reshape(lat_shape)
    lon_deg: Float64s = np.frombuffer(lon).reshape(lon_shape)
    if lat_deg.size == 0 or lon_deg.size == 0:
        raise GlabError("no rows or no columns", found=(*lat_shape, *lon_shape))
    for what, values, limit in (("lat", lat_deg, 90.0), ("lon", lon_deg, 540.0)):
        if np.nanmax(np.abs(values), initial=0.0) > limit:
            raise GlabError("coordinates are not degrees", variable=what, found=values.flat[0])
    if lat_deg.ndim == 2:
        lat_deg, lon_deg = _centres_of_planes(lat_deg, lon_deg)
    grid = from_coordinates(lat_deg, lon_deg)
    return Georeference(_frozen(lat_deg), _frozen(lon_deg)), grid.name


def _centres_of_planes(lat: Float64s, lon: Float64s) -> tuple[Float64s, Float64s]:
    """1-D centres from 2-D latitude and longitude, rows and columns without any value filled in."""
    for what, values, axis in (("lat", lat, 1), ("lon", lon, 0)):
        spread = np.ma.masked_invalid(values)
        if np.ma.count(spread) == 0:
            raise GlabError("no coordinates at all", variable=what, found="fill values only")
        if float(np.ptp(spread, axis=axis).max()) > CENTRE_TOLERANCE_DEG:
            raise GlabError("not a rectilinear grid", variable=what, found="varies both ways")
    rows = np.ma.masked_invalid(lat).mean(axis=1).filled(np.nan)
    columns = np.ma.masked_invalid(lon).mean(axis=0).filled(np.nan)
    if np.isfinite(rows).all() and np.isfinite(columns).all():
        return rows, columns
    return _completed(rows, columns)


def _completed(rows: Float64s, columns: Float64s) -> tuple[Float64s, Float64s]:
    """SMAP files leave coordinates out where nothing was seen: take them from the grid."""
    for grid in (M36, M09):
        lat = _matched(rows, grid.lat, sin_authalic)
        lon = _matched(columns, grid.lon, np.asarray)
        if lat is not None and lon is not None:
            return lat, lon
    raise GlabError("rows or columns without coordinates", variable="lat, lon", found="fill values")


def _matched(known: Float64s, centres: Float64s, even: Any) -> Float64s | None:
    """The stretch of `centres` that `known` (NaN where missing) is a part of, or None."""
    present = np.flatnonzero(np.isfinite(known))
    step = even(centres[1:2]) - even(centres[:1])
    places = np.round((even(known[present]) - even(centres[:1])) / step).astype(int) - present
    start = places[0]
    stretch = centres[max(start, 0) : start + known.size]
    if (places != start).any() or stretch.size != known.size:
        return None
    close = np.abs(stretch[present] - known[present]).max() < CENTRE_TOLERANCE_DEG
    return np.array(stretch) if close else None


def projected(x_m: ArrayLike, y_m: ArrayLike, crs: str, path: Path) -> Georeference:
    """A granule on a projected grid; a cylindrical one is rectilinear and returned as such.

    Args:
        x_m, y_m: centres of columns and rows in m (degrees if `crs` is geographic).
        crs: the projection as pyproj reads it.
        path: the file, for errors.
    """
    x, y = np.ascontiguousarray(x_m, np.float64), np.ascontiguousarray(y_m, np.float64)
    try:
        if crs == GEOGRAPHIC:
            return rectilinear(y, x, path)
        centres = _projected(x.tobytes(), y.tobytes(), crs)
    except GlabError as error:
        raise GlabError(
            f"the coordinates are no grid: {error.message}",
            path=path,
            variable=error.variable or "x, y",
            found=_ends(y, x) if error.found is None else error.found,
            expected=f"cell centres in {crs}",
            remedy="fetch the file again, or take it out of this source",
        ) from error
    if crs == CYLINDRICAL:
        return rectilinear(centres.lat[:, 0], centres.lon[0], path)
    return centres


@lru_cache(maxsize=32)
def _projected(x: bytes, y: bytes, crs: str) -> Georeference:
    x_m, y_m = _frozen(np.frombuffer(x)), _frozen(np.frombuffer(y))
    lat, lon = ProjectedGrid(x_m, y_m, crs).centres()
    return Georeference(_frozen(lat), _frozen(lon), crs, x_m, y_m)


def _ends(rows: Float64s, columns: Float64s) -> str:
    """First and last coordinates, for messages."""
    ends = [
        ", ".join(f"{v:g}" for v in axis.ravel()[[0, -1]]) for axis in (rows, columns) if axis.size
    ]
    return f"shapes {rows.shape} and {columns.shape}, from and to {' and '.join(ends)}"


def _frozen(values: Float64s) -> Float64s:
    """A read-only copy: it is shared by all granules of a grid."""
    kept = np.array(values, np.float64)
    kept.flags.writeable = False
    return kept
