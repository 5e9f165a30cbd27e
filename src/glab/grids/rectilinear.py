"""Rectilinear grids: longitude depends on the column alone, latitude on the row alone.

All latitudes are geodetic (WGS 84), also those of EASE-Grid 1: its authors put geodetic latitudes
into the formula of the sphere. The area of a cell is therefore computed on the WGS 84 ellipsoid for
every grid, by authalic latitude. `from_coordinates` recognises the grid of a file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from glab.arrays import Float64s, Indices
from glab.errors import GlabError

SEMI_MAJOR_M = 6378137.0
"""Semi-major axis of the WGS 84 ellipsoid."""

ECCENTRICITY = float(np.sqrt(2 / 298.257223563 - 298.257223563**-2))
"""First eccentricity of the WGS 84 ellipsoid, e² = 2f − f² with f = 1 / 298.257223563."""

EARTH_RADIUS_KM = 6371.0
"""Mean radius of the Earth, for distances; the sphere differs from the ellipsoid by < 0.6 %."""


def authalic_q(sin_lat: ArrayLike) -> Float64s:
    """Return q of the authalic latitude: 2 × the area from the equator per radian, over a².

    Args:
        sin_lat: sine of the geodetic latitude, any shape.

    Reference: Snyder (1987), Map Projections, USGS PP 1395, eq. 3-12.
    """
    e, s = ECCENTRICITY, np.asarray(sin_lat, float)
    return (1 - e**2) * (s / (1 - (e * s) ** 2) + np.arctanh(e * s) / e)


POLAR_Q = float(authalic_q(1.0))
"""q at the pole; the ellipsoid has the area 2π a² POLAR_Q."""


def sin_authalic(lat: ArrayLike) -> Float64s:
    """Return the sine of the authalic latitude, proportional to the area from the equator.

    Args:
        lat: geodetic latitude in degrees, any shape.
    """
    return authalic_q(np.sin(np.radians(lat))) / POLAR_Q


def latitude_from_q(q: ArrayLike) -> Float64s:
    """Return the geodetic latitude in degrees for q, the inverse of `authalic_q`."""
    q = np.asarray(q, float)
    s = np.clip(q / POLAR_Q, -1, 1)
    for _ in range(6):  # Newton's method: rounding is reached after 2 steps
        slope = 2 * (1 - ECCENTRICITY**2) / (1 - (ECCENTRICITY * s) ** 2) ** 2
        s = np.clip(s - (authalic_q(s) - q) / slope, -1, 1)
    return np.degrees(np.arcsin(s))


EASE1_RADIUS_M = 6371228.0
"""Radius of the sphere of EASE-Grid 1, that of the International 1924 authalic sphere (NSIDC)."""

EASE1_CELL_M = 25067.525
"""Side of a cell of the 25 km EASE-Grid 1 in the projection (NSIDC)."""

TRUE_SCALE_DEG = 30.0
"""Latitude of true scale of the global EASE-Grids (EPSG:6933, EPSG:3410)."""

M25_CELL_M = 25025.26
"""Side of a cell of the 25 km EASE-Grid 2.0 in the projection (Brodzik et al. 2012)."""


@dataclass(frozen=True, eq=False)
class Grid:
    """A rectilinear grid, its rows and columns in the order of the file.

    Attributes:
        lat: centre latitude of each row, degrees, shape (rows,), ascending or descending.
        lon: centre longitude of each column, degrees, shape (cols,), ascending; it may exceed
            180 or 360.
        lat_bounds: south and north edge of each row, shape (rows, 2).
        lon_bounds: west and east edge of each column, shape (cols, 2).
        name: name of the grid, also of a window of it; empty for a grid without name.
    """

    lat: Float64s
    lon: Float64s
    lat_bounds: Float64s
    lon_bounds: Float64s
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
        """Return the grid of some rows and columns, in their order."""
        return Grid(
            self.lat[rows], self.lon[cols], self.lat_bounds[rows], self.lon_bounds[cols], self.name
        )

    def index(self, lat: ArrayLike, lon: ArrayLike) -> tuple[Indices, Indices]:
        """Return row and column of the cell that contains each point; −1, −1 outside of the grid.

        Args:
            lat: geodetic latitude in degrees, any shape.
            lon: longitude in degrees, −180…180 or 0…360 or beyond, same shape.
        """
        west = self.lon_bounds[0, 0]
        rows = _locate(np.asarray(lat, float), self.lat_bounds)
        cols = _locate(west + np.mod(np.asarray(lon, float) - west, 360.0), self.lon_bounds)
        rows, cols = np.broadcast_arrays(rows, cols)
        inside = (rows >= 0) & (cols >= 0)
        return np.where(inside, rows, -1), np.where(inside, cols, -1)

    def areas(self) -> Float64s:
        """Return the area of every cell on the ellipsoid in m², shape (rows, cols)."""
        heights = np.diff(sin_authalic(self.lat_bounds), axis=1)
        widths = np.radians(np.diff(self.lon_bounds, axis=1))
        return SEMI_MAJOR_M**2 * POLAR_Q / 2 * heights * widths.T


def _check_axis(name: str, centres: Float64s, bounds: Float64s) -> None:
    """Raise a GlabError unless centres are finite, strictly monotonic and within their bounds."""
    if centres.ndim != 1 or centres.size == 0 or bounds.shape != (centres.size, 2):
        raise GlabError(
            f"{name}: each cell needs one centre and two bounds", variable=name, found=bounds.shape
        )
    if not (np.isfinite(centres).all() and np.isfinite(bounds).all()):
        raise GlabError(f"{name} has values that are not finite", variable=name)
    steps = np.diff(centres)
    if not ((steps > 0).all() or (steps < 0).all()):
        raise GlabError(f"{name} neither ascends nor descends", variable=name)
    rounding = 1e-9 * np.abs(bounds).max()
    if (centres < bounds[:, 0] - rounding).any() or (centres > bounds[:, 1] + rounding).any():
        raise GlabError(f"{name} lies outside of the bounds of its cell", variable=name)


def _locate(points: Float64s, bounds: Float64s) -> Indices:
    """Return the number of the cell whose bounds contain each point, −1 where none does."""
    order = np.argsort(bounds[:, 0])
    low, high = bounds[order].T
    position = np.searchsorted(low, points, side="right") - 1
    safe = np.maximum(position, 0)
    return np.where((position >= 0) & (points <= high[safe]), order[safe], -1)


def from_edges(
    lat_edges: ArrayLike, lon_edges: ArrayLike, name: str = "", lat: Float64s | None = None
) -> Grid:
    """Return the grid between consecutive edges.

    Args:
        lat_edges, lon_edges: degrees, shape (rows + 1,) and (cols + 1,).
        name: name of the grid.
        lat: centre latitude of each row, degrees; None: midway between the edges.
    """
    lat_edges, lon_edges = np.asarray(lat_edges, float), np.asarray(lon_edges, float)
    lat_bounds = np.sort(np.stack([lat_edges[:-1], lat_edges[1:]], axis=1), axis=1)
    lon_bounds = np.stack([lon_edges[:-1], lon_edges[1:]], axis=1)
    lat = lat_bounds.mean(axis=1) if lat is None else lat
    return Grid(lat, lon_bounds.mean(axis=1), lat_bounds, lon_bounds, name)


def regular(resolution: float, *, south_up: bool = False) -> Grid:
    """Return the global grid of `resolution` degrees, rows from the north unless `south_up`."""
    rows, cols = round(180 / resolution), round(360 / resolution)
    lat_edges = np.linspace(-90, 90, rows + 1)
    return from_edges(lat_edges if south_up else lat_edges[::-1], np.linspace(-180, 180, cols + 1))


def _ease(name: str, rows: int, cols: int, cell_m: float, *, sphere: bool = False) -> Grid:
    """Return a global cylindrical equal-area EASE-Grid, row 0 in the north, centred on (0, 0).

    Centres lie midway in projected metres: y = a q / (2 k) for EASE-Grid 2.0, y = R sin(lat) / k
    for the sphere of EASE-Grid 1, with k of the latitude of true scale.

    Reference: Brodzik et al. (2012), doi:10.3390/ijgi1010032; for EASE-Grid 1 the NSIDC.
    """

    def latitude(y_m: Float64s) -> Float64s:
        sin_true = np.sin(np.radians(TRUE_SCALE_DEG))
        if sphere:
            return np.degrees(np.arcsin(y_m * np.sqrt(1 - sin_true**2) / EASE1_RADIUS_M))
        scale = np.sqrt((1 - sin_true**2) / (1 - (ECCENTRICITY * sin_true) ** 2))
        return latitude_from_q(y_m * 2 * scale / SEMI_MAJOR_M)

    edges_m: Float64s = (rows / 2 - np.arange(rows + 1, dtype=float)) * cell_m
    centres_m: Float64s = (edges_m[:-1] + edges_m[1:]) / 2
    return from_edges(
        latitude(edges_m), np.linspace(-180, 180, cols + 1), name, latitude(centres_m)
    )


# Rows, columns and cell sides are those of the grid definitions of the NSIDC.
M25 = _ease("M25", 584, 1388, M25_CELL_M)
M36 = _ease("M36", 406, 964, 36032.220840584)
M09 = _ease("M09", 1624, 3856, 9008.055210146)
EASE1_ML = _ease("EASE1_ML", 586, 1383, EASE1_CELL_M, sphere=True)
NAMED = {grid.name: grid for grid in (M25, M36, M09, EASE1_ML)}


COORDINATE_TOLERANCE_DEG = 6e-4
"""Tolerance of coordinates: files round them to three decimals."""


def from_coordinates(lat: ArrayLike, lon: ArrayLike) -> Grid:
    """Recognise the grid of a file from its cell-centre coordinates.

    Coordinates that agree with a named grid within three decimals give the window of that grid with
    its exact bounds; rows and columns may be missing, as in files of land rows. Other coordinates
    give a rectilinear grid with bounds midway, exactly even where the steps are even.

    Args:
        lat: degrees, shape (rows,), or (rows, cols) if constant along rows (NaN where filled).
        lon: degrees, −180…180 or 0…360, shape (cols,), or (rows, cols) if constant along columns.

    Raises:
        GlabError: for missing, curvilinear or unordered coordinates.
    """
    lat = _collapse(np.asarray(lat, float), axis=1, name="lat")
    lon = _collapse(np.asarray(lon, float), axis=0, name="lon")
    if not (np.isfinite(lat).all() and np.isfinite(lon).all()):
        raise GlabError("missing coordinate", variable="lat, lon", found="NaN")
    lon = np.unwrap(lon, period=360.0)
    for named in NAMED.values():
        window = _window_of(named, lat, lon)
        if window is not None:
            return window
    lat_bounds = np.clip(_midway(lat), -90, 90)
    return Grid(lat, lon, np.sort(lat_bounds, axis=1), _midway(lon, turn=360.0))


def _collapse(coordinate: Float64s, axis: int, name: str) -> Float64s:
    """Return a 2-D coordinate that varies along one axis only as a 1-D coordinate."""
    if coordinate.ndim == 1:
        return coordinate
    filled = np.ma.masked_invalid(coordinate)
    if coordinate.ndim != 2 or float(np.ptp(filled, axis=axis).max()) > COORDINATE_TOLERANCE_DEG:
        raise GlabError(
            "not a rectilinear grid",
            variable=name,
            found=f"{name} varies along both axes",
            remedy="give its projection (attribute crs, coordinates x and y), or use xesmf",
        )
    return np.asarray(filled.mean(axis=axis).filled(np.nan), float)


def _window_of(named: Grid, lat: Float64s, lon: Float64s) -> Grid | None:
    """Return the window of a named grid with these centres, None for centres of another grid."""
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


def _midway(centres: Float64s, turn: float | None = None) -> Float64s:
    """Return bounds (n, 2) midway between centres, exactly even where the steps are even."""
    if centres.size < 2:
        raise GlabError("one row or column of an unknown grid has no size", found=list(centres))
    steps = np.diff(centres)
    step = (centres[-1] - centres[0]) / (centres.size - 1)
    even = centres[0] + step * np.arange(centres.size)
    # centres rounded in the file would give uneven bounds, and gaps or overlaps at the date line
    if np.abs(even - centres).max() < 2 * COORDINATE_TOLERANCE_DEG:
        if turn and abs(abs(step) * centres.size - turn) < 2 * COORDINATE_TOLERANCE_DEG:
            step = np.copysign(turn / centres.size, step)
        edges = even.mean() + step * (np.arange(centres.size + 1) - centres.size / 2)
    else:
        outer = [centres[0] - steps[0] / 2, centres[-1] + steps[-1] / 2]
        edges = np.concatenate([outer[:1], centres[:-1] + steps / 2, outer[1:]])
    return np.stack([edges[:-1], edges[1:]], axis=1)
