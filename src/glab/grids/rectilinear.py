"""Rectilinear grids: longitude depends on the column alone, latitude on the row alone.

All latitudes are geodetic (WGS 84), those of the spherical EASE-Grid 1 included, because its
makers put geodetic latitudes into the formula of the sphere. Areas are therefore taken on the
WGS 84 ellipsoid for every grid, by authalic latitude: the true area of what a cell covers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glab.errors import GlabError
from glab.grids.ellipsoid import (
    ECCENTRICITY,
    POLAR_Q,
    SEMI_MAJOR_M,
    Floats,
    latitude_from_q,
    sin_authalic,
)

Indices = NDArray[np.int64]

EASE1_RADIUS_M = 6371228.0
TRUE_SCALE_DEG = 30.0


@dataclass(frozen=True, eq=False)
class Grid:
    """A rectilinear grid, its rows and columns in the order of the file.

    Attributes:
        lat: centre latitude of each row, degrees, shape (rows,), ascending or descending.
        lon: centre longitude of each column, degrees, shape (cols,), ascending; it may run
            beyond 180 or 360.
        lat_bounds: south and north edge of each row, shape (rows, 2).
        lon_bounds: west and east edge of each column, shape (cols, 2).
        name: the named grid this is (a window of); empty for any other.
    """

    lat: Floats
    lon: Floats
    lat_bounds: Floats
    lon_bounds: Floats
    name: str = ""

    def __post_init__(self) -> None:
        _check_axis("latitude", self.lat, self.lat_bounds)
        _check_axis("longitude", self.lon, self.lon_bounds)
        if np.abs(self.lat_bounds).max() > 90 + 1e-9:
            raise GlabError("latitude beyond a pole", variable="lat", found=self.lat_bounds.max())
        if self.lon.size > 1 and self.lon[1] < self.lon[0]:
            raise GlabError("longitude must ascend", variable="lon", found=list(self.lon[:3]))
        if self.lon_bounds.max() - self.lon_bounds.min() > 360 + 1e-6:
            raise GlabError("columns overlap around the globe", variable="lon")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def __repr__(self) -> str:
        rows, cols = self.shape
        return f"<Grid {self.name or 'rectilinear'} {rows} × {cols}>"

    def _content(self) -> tuple[bytes, ...]:
        return tuple(a.tobytes() for a in (self.lat, self.lon, self.lat_bounds, self.lon_bounds))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.lat.size, self.lon.size

    def window(self, rows: slice | Indices, cols: slice | Indices) -> Grid:
        """The regional subset of some rows and columns, in their order."""
        return Grid(
            self.lat[rows], self.lon[cols], self.lat_bounds[rows], self.lon_bounds[cols], self.name
        )

    def index(self, lat: ArrayLike, lon: ArrayLike) -> tuple[Indices, Indices]:
        """Row and column of the cell that holds each point; −1, −1 outside of the grid.

        Args:
            lat: geodetic latitude in degrees, any shape.
            lon: longitude in degrees, any turn, same shape.
        """
        west = self.lon_bounds[0, 0]
        rows = _locate(np.asarray(lat, float), self.lat_bounds)
        cols = _locate(west + np.mod(np.asarray(lon, float) - west, 360.0), self.lon_bounds)
        rows, cols = np.broadcast_arrays(rows, cols)
        inside = (rows >= 0) & (cols >= 0)
        return np.where(inside, rows, -1), np.where(inside, cols, -1)

    def areas(self) -> Floats:
        """True area of every cell in m², shape (rows, cols)."""
        heights = np.diff(sin_authalic(self.lat_bounds), axis=1)
        widths = np.radians(np.diff(self.lon_bounds, axis=1))
        return SEMI_MAJOR_M**2 * POLAR_Q / 2 * heights * widths.T


def _check_axis(what: str, centres: Floats, bounds: Floats) -> None:
    """Raise unless centres are finite, strictly monotonic and each within its bounds."""
    if centres.ndim != 1 or centres.size == 0 or bounds.shape != (centres.size, 2):
        raise GlabError(f"{what}: one centre and two bounds a cell", found=bounds.shape)
    if not (np.isfinite(centres).all() and np.isfinite(bounds).all()):
        raise GlabError(f"{what} is missing or not finite", variable=what)
    steps = np.diff(centres)
    if not ((steps > 0).all() or (steps < 0).all()):
        raise GlabError(f"{what} neither ascends nor descends", variable=what)
    slack = 1e-9 * np.abs(bounds).max()
    if (centres < bounds[:, 0] - slack).any() or (centres > bounds[:, 1] + slack).any():
        raise GlabError(f"{what} lies outside of its cell's bounds", variable=what)


def _locate(points: Floats, bounds: Floats) -> Indices:
    """Number of the cell whose bounds hold each point, −1 where there is none."""
    order = np.argsort(bounds[:, 0])
    low, high = bounds[order].T
    place = np.searchsorted(low, points, side="right") - 1
    safe = np.maximum(place, 0)
    return np.where((place >= 0) & (points <= high[safe]), order[safe], -1)


def from_edges(
    lat_edges: ArrayLike, lon_edges: ArrayLike, name: str = "", lat: Floats | None = None
) -> Grid:
    """Grid between consecutive edges (degrees); centres midway, or at the latitudes `lat`."""
    lat_edges, lon_edges = np.asarray(lat_edges, float), np.asarray(lon_edges, float)
    lat_bounds = np.sort(np.stack([lat_edges[:-1], lat_edges[1:]], axis=1), axis=1)
    lon_bounds = np.stack([lon_edges[:-1], lon_edges[1:]], axis=1)
    lat = lat_bounds.mean(axis=1) if lat is None else lat
    return Grid(lat, lon_bounds.mean(axis=1), lat_bounds, lon_bounds, name)


def regular(resolution: float, *, south_up: bool = False) -> Grid:
    """The global grid of `resolution` degrees, rows from the north unless `south_up`."""
    rows, cols = round(180 / resolution), round(360 / resolution)
    lat_edges = np.linspace(-90, 90, rows + 1)
    return from_edges(lat_edges if south_up else lat_edges[::-1], np.linspace(-180, 180, cols + 1))


def _ease(name: str, rows: int, cols: int, cell_m: float, *, sphere: bool = False) -> Grid:
    """A global cylindrical equal-area EASE-Grid, row 0 in the north, centred on (0, 0).

    Centres lie midway in projected metres: for EASE-Grid 2.0 y = a q / (2 k), for the sphere of
    EASE-Grid 1 y = R sin(lat) / k (Brodzik et al. 2012, doi:10.3390/ijgi1010032; NSIDC).
    """

    def latitude(y_m: Floats) -> Floats:
        sin_true = np.sin(np.radians(TRUE_SCALE_DEG))
        if sphere:
            return np.degrees(np.arcsin(y_m * np.sqrt(1 - sin_true**2) / EASE1_RADIUS_M))
        scale = np.sqrt((1 - sin_true**2) / (1 - (ECCENTRICITY * sin_true) ** 2))
        return latitude_from_q(y_m * 2 * scale / SEMI_MAJOR_M)

    edges_m: Floats = (rows / 2 - np.arange(rows + 1, dtype=float)) * cell_m
    centres_m: Floats = (edges_m[:-1] + edges_m[1:]) / 2
    return from_edges(
        latitude(edges_m), np.linspace(-180, 180, cols + 1), name, latitude(centres_m)
    )


M25 = _ease("M25", 584, 1388, 25025.26)
M36 = _ease("M36", 406, 964, 36032.220840584)
M09 = _ease("M09", 1624, 3856, 9008.055210146)
EASE1_ML = _ease("EASE1_ML", 586, 1383, 25067.525, sphere=True)
NAMED = {grid.name: grid for grid in (M25, M36, M09, EASE1_ML)}
