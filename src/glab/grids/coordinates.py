"""Grids recognised from the coordinates of a file: the georeference is in the file."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from glab.errors import GlabError
from glab.grids.ellipsoid import Floats
from glab.grids.rectilinear import NAMED, Grid

COORDINATE_TOLERANCE_DEG = 6e-4
"""How far a file's coordinate may lie from a known grid's: files round to three decimals."""


def from_coordinates(lat: ArrayLike, lon: ArrayLike) -> Grid:
    """The grid of a file, from its cell-centre coordinates alone.

    Coordinates that match a named grid within three decimals give that grid's window with its
    exact bounds (rows and columns may be missing, as in files of land rows); any others give a
    rectilinear grid with bounds midway, even ones if the steps are even.

    Args:
        lat: degrees, shape (rows,), or (rows, cols) if constant along rows (NaN where filled).
        lon: degrees, any turn, shape (cols,), or (rows, cols) if constant along columns.

    Raises:
        GlabError: for curvilinear or disordered coordinates.
    """
    lat = _collapse(np.asarray(lat, float), axis=1, what="lat")
    lon = _collapse(np.asarray(lon, float), axis=0, what="lon")
    if not (np.isfinite(lat).all() and np.isfinite(lon).all()):
        raise GlabError("missing coordinate", variable="lat, lon", found="NaN")
    lon = np.unwrap(lon, period=360.0)
    for named in NAMED.values():
        window = _window_of(named, lat, lon)
        if window is not None:
            return window
    lat_bounds = np.clip(_midway(lat), -90, 90)
    return Grid(lat, lon, np.sort(lat_bounds, axis=1), _midway(lon, turn=360.0))


def _collapse(coordinate: Floats, axis: int, what: str) -> Floats:
    """A 2-D coordinate that varies along one axis only, as a 1-D one."""
    if coordinate.ndim == 1:
        return coordinate
    filled = np.ma.masked_invalid(coordinate)
    if coordinate.ndim != 2 or float(np.ptp(filled, axis=axis).max()) > COORDINATE_TOLERANCE_DEG:
        raise GlabError(
            "not a rectilinear grid",
            variable=what,
            found=f"{what} varies along both axes",
            remedy="name its projection (attribute crs, coordinates x and y), or use xesmf",
        )
    return np.asarray(filled.mean(axis=axis).filled(np.nan), float)


def _window_of(named: Grid, lat: Floats, lon: Floats) -> Grid | None:
    """The window of a named grid with these centres, None if they are not its."""
    rows, cols = named.index(lat, lon[:1])[0], named.index(lat[:1], lon)[1]
    if (rows < 0).any() or (cols < 0).any():
        return None
    turns = np.round((lon - named.lon[cols]) / 360.0) * 360.0
    distance = max(np.abs(named.lat[rows] - lat).max(), np.abs(named.lon[cols] + turns - lon).max())
    if distance > COORDINATE_TOLERANCE_DEG:
        return None
    window_lon = named.lon_bounds[cols] + turns[:, None]
    return Grid(
        named.lat[rows], named.lon[cols] + turns, named.lat_bounds[rows], window_lon, named.name
    )


def _midway(centres: Floats, turn: float | None = None) -> Floats:
    """Bounds (n, 2) midway between centres, exactly even where the steps are even."""
    if centres.size < 2:
        raise GlabError("one row or column of an unknown grid has no size", found=list(centres))
    steps = np.diff(centres)
    step = (centres[-1] - centres[0]) / (centres.size - 1)
    even = centres[0] + step * np.arange(centres.size)
    if np.abs(even - centres).max() < 2 * COORDINATE_TOLERANCE_DEG:
        if turn and abs(abs(step) * centres.size - turn) < 2 * COORDINATE_TOLERANCE_DEG:
            step = np.copysign(turn / centres.size, step)
        edges = even.mean() + step * (np.arange(centres.size + 1) - centres.size / 2)
    else:
        outer = [centres[0] - steps[0] / 2, centres[-1] + steps[-1] / 2]
        edges = np.concatenate([outer[:1], centres[:-1] + steps / 2, outer[1:]])
    return np.stack([edges[:-1], edges[1:]], axis=1)
