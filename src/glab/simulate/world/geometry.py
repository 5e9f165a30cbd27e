"""Geometry of the simulated box: windows of grids, land cells, antenna footprints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from glab.arrays import Array, Float64s, Floats, Indices
from glab.config import Box
from glab.errors import GlabError
from glab.grids import M25, Grid

LAND_FRACTION_MIN = 0.5
"""As the default of `domain.land_fraction_min` (docs/science.md, section 5.3)."""

KM_PER_DEGREE = 111.195
"""Of a great circle on the sphere of 6371 km, rounded: the bytes of existing worlds rest on it."""

FWHM_TO_SIGMA = 1.0 / 2.3548
"""Standard deviation of a Gaussian over its full width at half maximum, 1 / √(8 ln 2)."""

REACH = 2.8
"""Radius of a footprint in standard deviations; 2 per cent of the pattern lie outside."""


@dataclass(frozen=True)
class SubGrid:
    """Consecutive rows and columns of a named grid.

    Attributes:
        grid: the whole grid, rows from the north.
        row0, col0: first row and column on it.
        shape: rows and columns.
    """

    grid: Grid
    row0: int
    col0: int
    shape: tuple[int, int]

    @cached_property
    def cells(self) -> Grid:
        """The window as a grid."""
        return self.grid.window(
            slice(self.row0, self.row0 + self.shape[0]), slice(self.col0, self.col0 + self.shape[1])
        )

    @property
    def lat(self) -> Float64s:
        """Centres of the rows, from the north, degrees."""
        return self.cells.lat

    @property
    def lon(self) -> Float64s:
        """Centres of the columns, degrees."""
        return self.cells.lon

    @cached_property
    def centres(self) -> tuple[Float64s, Float64s]:
        """Latitude and longitude of all cells, row by row, each of shape (rows · columns,)."""
        lat, lon = np.meshgrid(self.lat, self.lon, indexing="ij")
        return lat.ravel(), lon.ravel()


def subgrid_of(grid: Grid, box: Box, *, overlapping: bool = False) -> SubGrid:
    """Select the rows and columns of a grid that lie in a box.

    Args:
        grid: the whole grid.
        box: bounds, degrees.
        overlapping: select cells of which any part lies in the box, not only the centre.

    Raises:
        GlabError: for a box that contains no cell.
    """
    south, north = grid.lat_bounds.T if overlapping else (grid.lat, grid.lat)
    west, east = grid.lon_bounds.T if overlapping else (grid.lon, grid.lon)
    rows = np.flatnonzero((north >= box.south) & (south <= box.north))
    columns = np.flatnonzero((east >= box.west) & (west <= box.east))
    if not rows.size or not columns.size:
        raise GlabError(
            f"the box contains no cell of the grid {grid.name}",
            variable="simulate.box",
            found=box,
            remedy="enlarge it by a few cells",
        )
    return SubGrid(grid, int(rows[0]), int(columns[0]), (rows.size, columns.size))


@dataclass(frozen=True)
class Land:
    """The land cells of the box, in row-major order.

    Attributes:
        window: the box on the 25 km grid.
        row, col: position on the whole grid, shape (cell,).
        fraction: land fraction of each cell, 0…1.
    """

    window: SubGrid
    row: Indices
    col: Indices
    fraction: Floats

    @cached_property
    def lat(self) -> Float64s:
        """Latitude of the cell centres, degrees."""
        return self.window.grid.lat[self.row]

    @cached_property
    def lon(self) -> Float64s:
        """Longitude of the cell centres, degrees."""
        return self.window.grid.lon[self.col]

    @property
    def area_km2(self) -> float:
        """Area of a cell; all cells of the equal-area grid have the same."""
        return float(self.window.cells.areas()[0, 0]) * 1e-6

    @property
    def index(self) -> Array:
        """Number of the cells on the whole grid, row by row, int32."""
        return (self.row * self.window.grid.shape[1] + self.col).astype(np.int32)

    def on_window(self, values: Array, fill: float = np.nan) -> Array:
        """Put cell values, shape (…, cell), on the window, shape (…, y, x); sea gets `fill`."""
        shape = (*values.shape[:-1], *self.window.shape)
        full = np.full(shape, fill, values.dtype)
        full[..., self.row - self.window.row0, self.col - self.window.col0] = values
        return full


def land_of(box: Box) -> Land:
    """Find the land cells of a box by the 1 km mask of the package global-land-mask.

    Raises:
        GlabError: for a box without land.
    """
    # It loads numba, which the jobs that only write granules do not need.
    from glab.regrid.land import land_fraction

    window = subgrid_of(M25, box)
    fraction = land_fraction(window.cells)
    row, col = np.nonzero(fraction >= LAND_FRACTION_MIN)
    if not row.size:
        raise GlabError(
            "no land in the box of the simulated Earth",
            variable="simulate.box",
            found=box,
            remedy="choose a box that contains land",
        )
    return Land(window, row + window.row0, col + window.col0, fraction[row, col])


def land_from(box: Box, index: Array, fraction: Floats) -> Land:
    """Return the land cells that `truth.nc` contains, from their numbers on the 25 km grid."""
    row, col = np.divmod(np.asarray(index, np.int64), M25.shape[1])
    return Land(subgrid_of(M25, box), row, col, np.asarray(fraction))


@dataclass(frozen=True)
class Footprint:
    """Average cell values over the footprint of each view.

    Attributes:
        weights: sparse, shape (view, cell); rows add up to one, or are empty.
        seen_land: fraction of the antenna pattern that falls on the land of the box, 0…1.
    """

    weights: sparse.csr_array
    seen_land: Floats

    def __call__(self, values: Floats) -> Floats:
        """Average cell values, shape (…, cell), to views, shape (…, view); NaN without land."""
        flat = values.reshape(-1, values.shape[-1])
        seen = np.ascontiguousarray((self.weights @ flat.T).T)
        seen[:, self.seen_land <= 0.0] = np.nan
        return seen.reshape(*values.shape[:-1], -1)


def footprint(land: Land, lat: Floats, lon: Floats, fwhm_km: float) -> Footprint:
    """Return the Gaussian footprints of views.

    Args:
        land: the cells that can be seen.
        lat, lon: centres of the views, degrees, shape (view,).
        fwhm_km: full width at half maximum.

    The pattern is cut at the edge of the box and at coasts: a view averages the land inside.
    """
    sigma = fwhm_km * FWHM_TO_SIGMA
    # Cells sorted from the north: those near a view in latitude are a slice.
    order = np.argsort(-land.lat, kind="stable")
    sorted_lat = -land.lat[order]
    reach_deg = REACH * sigma / KM_PER_DEGREE
    begin = np.searchsorted(sorted_lat, -lat - reach_deg)
    end = np.searchsorted(sorted_lat, -lat + reach_deg)
    rows, cells, weights = [], [], []
    for view, (first, last) in enumerate(zip(begin, end)):
        near = order[first:last]
        north = (land.lat[near] - lat[view]) * KM_PER_DEGREE
        east = (land.lon[near] - lon[view]) * KM_PER_DEGREE * np.cos(np.deg2rad(lat[view]))
        squared = (north**2 + east**2) / sigma**2
        inside = squared < REACH**2
        rows.append(np.full(inside.sum(), view))
        cells.append(near[inside])
        weights.append(np.exp(-0.5 * squared[inside]))
    shape = (len(lat), len(land.lat))
    entries = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(cells)))
    matrix = sparse.csr_array(sparse.coo_array(entries, shape=shape))
    total = matrix.sum(axis=1)
    # The sum of a whole pattern is 2 π σ² over the area of a cell.
    seen = np.minimum(total * land.area_km2 / (2.0 * np.pi * sigma**2), 1.0)
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return Footprint(sparse.csr_array(sparse.diags_array(scale) @ matrix).astype(np.float32), seen)
