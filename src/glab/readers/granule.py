"""The dataset that every reader returns, and the coordinates of its rows and columns.

Coordinates come from latitude and longitude, from a projection, or from the StructMetadata of an
HDF-EOS2 file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from glab.arrays import Float32s, Float64s, finite_mean
from glab.errors import GlabError
from glab.grids import (
    EASE1_RADIUS_M,
    M09,
    M36,
    TRUE_SCALE_DEG,
    ProjectedGrid,
    from_coordinates,
    sin_authalic,
)

Field = tuple[tuple[str, ...], Float32s]
"""Leading dimensions of a variable and its values, shape (*leading, y, x)."""

Fields = dict[str, Field]
"""Fields by canonical name."""

PLANE = ("y", "x")
CENTRE_TOLERANCE_DEG = 1e-3
"""Centres that agree this closely are equal: files round them to three decimals or to float32."""

GEOGRAPHIC = "EPSG:4326"
CYLINDRICAL = "EPSG:6933"
REFETCH = "fetch the file again, or take it out of this source"


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
        """Number of rows and columns."""
        if self.lat.ndim == 2:
            return self.lat.shape[0], self.lat.shape[1]
        return self.lat.size, self.lon.size

    def coordinates(self) -> dict[str, Any]:
        """Return the coordinates of a dataset with dimensions y and x."""
        if self.crs is None:
            return {"lat": ("y", self.lat), "lon": ("x", self.lon)}
        plane = {"lat": (("y", "x"), self.lat), "lon": (("y", "x"), self.lon)}
        return plane | {"x": self.x, "y": self.y}


def granule(
    variables: Mapping[str, Field],
    georeference: Georeference,
    *,
    date: np.datetime64 | None = None,
    time: NDArray[np.datetime64] | None = None,
    overpasses: Sequence[str] = (),
    angles: Sequence[float] = (),
    channels: Sequence[str] = (),
    attributes: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Return a granule as a dataset.

    Args:
        variables: canonical name → leading dimensions (of overpass, angle, channel, time, igbp)
            and values, float32, shape (*leading, y, x), NaN where missing.
        georeference: of its rows and columns.
        date: its UTC day, if it covers one day.
        time: its times, if it covers several; they become the dimension `time`.
        overpasses, angles, channels: coordinates of the dimensions of these names.
        attributes: further attributes.
    """
    labels = {"overpass": tuple(overpasses), "angle": tuple(angles), "channel": tuple(channels)}
    labelled = tuple((name, values) for name, values in labels.items() if values)
    coordinates = _coordinates(labelled, georeference)
    if time is not None:
        coordinates = coordinates.assign(time=np.asarray(time, "datetime64[ns]"))
    attrs: dict[str, Any] = dict(attributes or {})
    if date is not None:
        attrs["date"] = str(date.astype("datetime64[D]"))
    if georeference.crs is not None:
        attrs["crs"] = georeference.crs
    planes = {name: xr.Variable((*lead, *PLANE), v) for name, (lead, v) in variables.items()}
    return xr.Dataset(planes, coordinates, attrs)


# Building xarray's indexes costs more than reading a small granule, so granules of one grid use
# the same ones. 512 covers the windows of the half orbits of AMSR2.
@lru_cache(maxsize=512)
def _coordinates(
    labelled: tuple[tuple[str, tuple[Any, ...]], ...], georeference: Georeference
) -> xr.Coordinates:
    """Return the indexed coordinates of all granules of a grid with equal labels."""
    labels = {name: list(values) for name, values in labelled}
    return xr.Coordinates(labels | georeference.coordinates())


# --- latitude and longitude ------------------------------------------------------------------


def rectilinear(
    lat: ArrayLike, lon: ArrayLike, path: Path, grids: Collection[str] = ()
) -> Georeference:
    """Return the georeference of a grid whose latitude depends on the row alone, longitude on the
    column alone.

    Files of one grid get the same (read-only) arrays, so that weights can be cached by grid.

    Args:
        lat, lon: degrees as in the file, 1-D, or 2-D (y, x) with NaN where filled.
        path: the file, for errors.
        grids: names of the grids that the file may be on, or on a window of; empty: any.

    Raises:
        GlabError: for missing, disordered or curvilinear coordinates, or another grid.
    """
    lat, lon = np.ascontiguousarray(lat, np.float64), np.ascontiguousarray(lon, np.float64)
    # Bytes can be keys of a cache, arrays cannot.
    key = (lat.tobytes(), lat.shape, lon.tobytes(), lon.shape)
    try:
        centres, name = _recognise(*key)
    except GlabError as error:
        expected = "cell centres of a rectilinear grid"
        raise _not_a_grid(error, path, ("lat, lon", expected), lat, lon) from error
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
def _recognise(
    lat: bytes, lat_shape: tuple[int, ...], lon: bytes, lon_shape: tuple[int, ...]
) -> tuple[Georeference, str]:
    """Return 1-D centres and the name of their grid ("" for any other than the named ones)."""
    lat_deg: Float64s = np.frombuffer(lat).reshape(lat_shape)
    lon_deg: Float64s = np.frombuffer(lon).reshape(lon_shape)
    if lat_deg.size == 0 or lon_deg.size == 0:
        raise GlabError("no rows or no columns", found=(*lat_shape, *lon_shape))
    # Longitudes may run from -180, from 0, or once more around from a western edge of 180.
    for axis, values, limit in (("lat", lat_deg, 90.0), ("lon", lon_deg, 540.0)):
        if np.nanmax(np.abs(values), initial=0.0) > limit:
            raise GlabError("coordinates are not degrees", variable=axis, found=values.flat[0])
    if lat_deg.ndim == 2:
        lat_deg, lon_deg = _plane_centres(lat_deg, lon_deg)
    grid = from_coordinates(lat_deg, lon_deg)
    return Georeference(_frozen(lat_deg), _frozen(lon_deg)), grid.name


def _plane_centres(lat: Float64s, lon: Float64s) -> tuple[Float64s, Float64s]:
    """Return 1-D centres from 2-D latitude and longitude, also of rows or columns all filled."""
    for name, values, axis in (("lat", lat, 1), ("lon", lon, 0)):
        known = np.ma.masked_invalid(values)
        if np.ma.count(known) == 0:
            raise GlabError("no coordinates at all", variable=name, found="fill values only")
        if float(np.ptp(known, axis=axis).max()) > CENTRE_TOLERANCE_DEG:
            raise GlabError("not a rectilinear grid", variable=name, found="varies both ways")
    rows, columns = (np.asarray(finite_mean(*a), np.float64) for a in ((lat, 1), (lon, 0)))
    if np.isfinite(rows).all() and np.isfinite(columns).all():
        return rows, columns
    # SMAP files leave coordinates out where nothing was seen: take them from the grid.
    for grid in (M36, M09):
        all_rows = _fit_centres(rows, grid.lat, sin_authalic)
        all_columns = _fit_centres(columns, grid.lon, np.asarray)
        if all_rows is not None and all_columns is not None:
            return all_rows, all_columns
    raise GlabError("rows or columns without coordinates", variable="lat, lon", found="fill values")


def _fit_centres(
    known: Float64s, centres: Float64s, even: Callable[[Any], Float64s]
) -> Float64s | None:
    """Return the section of `centres` that `known` (NaN where missing) lies on, or None.

    Args:
        known: centres of the file, degrees.
        centres: all centres of a grid, degrees.
        even: transformation after which the centres of the grid are equally spaced.
    """
    # Each known centre gives the start of the section; they must all agree.
    present = np.flatnonzero(np.isfinite(known))
    step = even(centres[1:2]) - even(centres[:1])
    starts = np.round((even(known[present]) - even(centres[:1])) / step).astype(int) - present
    start = starts[0]
    section = centres[max(start, 0) : start + known.size]
    if (starts != start).any() or section.size != known.size:
        return None
    close = np.abs(section[present] - known[present]).max() < CENTRE_TOLERANCE_DEG
    return np.array(section) if close else None


# --- projections -----------------------------------------------------------------------------


def projected(x_m: ArrayLike, y_m: ArrayLike, crs: str, path: Path) -> Georeference:
    """Return the georeference of a projected grid; a cylindrical one becomes rectilinear.

    Args:
        x_m, y_m: centres of columns and rows in m (degrees if `crs` is geographic).
        crs: the projection in a form that pyproj understands.
        path: the file, for errors.
    """
    x, y = np.ascontiguousarray(x_m, np.float64), np.ascontiguousarray(y_m, np.float64)
    try:
        if crs == GEOGRAPHIC:
            return rectilinear(y, x, path)
        centres = _project(x.tobytes(), y.tobytes(), crs)
    except GlabError as error:
        raise _not_a_grid(error, path, ("x, y", f"cell centres in {crs}"), y, x) from error
    # In a cylindrical projection latitude depends on the row alone, longitude on the column.
    if crs == CYLINDRICAL:
        return rectilinear(centres.lat[:, 0], centres.lon[0], path)
    return centres


@lru_cache(maxsize=32)
def _project(x: bytes, y: bytes, crs: str) -> Georeference:
    x_m, y_m = _frozen(np.frombuffer(x)), _frozen(np.frombuffer(y))
    lat, lon = ProjectedGrid(x_m, y_m, crs).centres()
    return Georeference(_frozen(lat), _frozen(lon), crs, x_m, y_m)


def _not_a_grid(
    error: GlabError, path: Path, wanted: tuple[str, str], rows: Float64s, columns: Float64s
) -> GlabError:
    """Return an error of coordinates with the file, its variables and its outermost centres."""
    ends = [", ".join(f"{v:g}" for v in a.ravel()[[0, -1]]) for a in (rows, columns) if a.size]
    extent = f"shapes {rows.shape} and {columns.shape}, from and to {' and '.join(ends)}"
    return GlabError(
        f"the coordinates are no grid: {error.message}",
        path=path,
        variable=error.variable or wanted[0],
        found=extent if error.found is None else error.found,
        expected=wanted[1],
        remedy=error.remedy or REFETCH,
    )


def _frozen(values: Float64s) -> Float64s:
    """Return a read-only copy: all granules of a grid use the same array."""
    kept = np.array(values, np.float64)
    kept.flags.writeable = False
    return kept


# --- StructMetadata of HDF-EOS2 --------------------------------------------------------------

EOS_GRID = re.compile(r"GROUP=(GRID_\d+)\s(.*?)END_GROUP=\1\s", re.S)
EOS_FIELD = re.compile(r'^\s*(\w+)=(?:"([^"]*)"|\(([^)]*)\)|(\S+))\s*$', re.M)


class EosGrid(NamedTuple):
    """One grid of an HDF-EOS2 file: size, corners (m, or packed degrees) and projection."""

    name: str
    rows: int
    cols: int
    upper_left: tuple[float, float]
    lower_right: tuple[float, float]
    projection: str
    parameters: tuple[float, ...]

    def georeference(self, path: Path, grids: tuple[str, ...] = ()) -> Georeference:
        """Return the cell centres, from corners, size and projection.

        Args:
            path: the file, for errors.
            grids: names of the grids that it may be, or a window of; empty: any.
        """
        (left, top), (right, bottom) = self.upper_left, self.lower_right
        if self.projection == "GCTP_GEO":
            left, top, right, bottom = map(unpack_degrees, (left, top, right, bottom))
        x = left + (np.arange(self.cols) + 0.5) * (right - left) / self.cols
        y = top + (np.arange(self.rows) + 0.5) * (bottom - top) / self.rows
        if self.projection == "GCTP_GEO":
            return rectilinear(y, x, path, grids)
        if self.projection not in ("GCTP_CEA", "GCTP_BCEA"):
            raise _no_eos_grid(path, self.projection)
        lat, lon = _cylindrical_equal_area(x, y, self.parameters)
        return rectilinear(lat, lon, path, grids)


def eos_grids(file: Any, path: Path) -> dict[str, EosGrid]:
    """Return all grids of an HDF-EOS2 file by name.

    Args:
        file: an open pyhdf SD.
        path: the file, for errors.
    """
    attributes = file.attributes()
    # HDF4 limits the length of an attribute, so long metadata are split: StructMetadata.0, .1, …
    blocks = sorted(name for name in attributes if name.startswith("StructMetadata"))
    text = "".join(attributes[name] for name in blocks)
    try:
        grids = [_parse_grid(match[2]) for match in EOS_GRID.finditer(text)]
    except (KeyError, ValueError) as error:
        raise _no_eos_grid(path, f"a grid without {error}") from error
    if not grids:
        raise _no_eos_grid(path, "no grid" if blocks else "no StructMetadata")
    return {grid.name: grid for grid in grids}


def _parse_grid(block: str) -> EosGrid:
    matches = EOS_FIELD.finditer(block)
    values = {m[1]: next(v for v in m.groups()[1:] if v is not None) for m in matches}
    upper_left, lower_right = (
        _parse_numbers(values[k]) for k in ("UpperLeftPointMtrs", "LowerRightMtrs")
    )
    return EosGrid(
        name=values["GridName"],
        rows=int(values["YDim"]),
        cols=int(values["XDim"]),
        upper_left=(upper_left[0], upper_left[1]),
        lower_right=(lower_right[0], lower_right[1]),
        projection=values["Projection"],
        parameters=_parse_numbers(values.get("ProjParams", "")),
    )


def _parse_numbers(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in text.split(",") if number.strip())


def unpack_degrees(value: float) -> float:
    """Convert GCTP's packed degrees DDDMMMSSS.SS to degrees (180000000.0 is 180°)."""
    size = abs(value)
    degrees, minutes = size // 1e6, size % 1e6 // 1e3
    return float(np.copysign(degrees + minutes / 60.0 + size % 1e3 / 3600.0, value))


def _cylindrical_equal_area(
    x: Float64s, y: Float64s, parameters: tuple[float, ...]
) -> tuple[Float64s, Float64s]:
    """Return latitude and longitude on the file's sphere, or on that of EASE-Grid 1 by default."""
    known = dict(enumerate(parameters))
    # GCTP writes 0 for a parameter that has its default.
    radius = known.get(0) or EASE1_RADIUS_M
    true_scale = unpack_degrees(known.get(5) or TRUE_SCALE_DEG * 1e6)
    central = unpack_degrees(known.get(4) or 0.0)
    scale = np.cos(np.radians(true_scale))
    sine = y * scale / radius
    if np.abs(sine).max(initial=0.0) > 1.0:
        # Corners beyond the pole: no latitude exists, and `rectilinear` reports it.
        sine = np.full_like(sine, np.nan)
    return np.degrees(np.arcsin(sine)), central + np.degrees(x / (radius * scale))


def _no_eos_grid(path: Path, cause: str) -> GlabError:
    return GlabError(
        "the file does not describe its grid",
        path=path,
        variable="StructMetadata.0",
        found=cause,
        expected="an HDF-EOS2 grid in cylindrical equal-area or geographic projection",
        remedy=REFETCH,
    )
