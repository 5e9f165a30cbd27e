"""Rectangles of a grid, and the land cells of the 25 km grid within the simulated box."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glab.config import Box
from glab.errors import GlabError
from glab.grids import M25, Grid


@dataclass(frozen=True)
class SubGrid:
    """Consecutive rows and columns of a named grid.

    Attributes:
        grid: the whole grid, rows from north.
        row0, col0: place of the first row and column on it.
        shape: rows and columns.
    """

    grid: Grid
    row0: int
    col0: int
    shape: tuple[int, int]

    @cached_property
    def part(self) -> Grid:
        """The window as a grid."""
        return self.grid.window(
            slice(self.row0, self.row0 + self.shape[0]), slice(self.col0, self.col0 + self.shape[1])
        )

    @property
    def lat(self) -> np.ndarray:
        """Centres of the rows, from north, degrees."""
        return self.part.lat

    @property
    def lon(self) -> np.ndarray:
        """Centres of the columns, degrees."""
        return self.part.lon

    @cached_property
    def centres(self) -> tuple[np.ndarray, np.ndarray]:
        """Latitude and longitude of all cells, row by row, each of shape (rows · columns,)."""
        lat, lon = np.meshgrid(self.lat, self.lon, indexing="ij")
        return lat.ravel(), lon.ravel()


def subgrid_of(grid: Grid, box: Box, *, overlapping: bool = False) -> SubGrid:
    """Rows and columns of a grid whose centres (or any part, if `overlapping`) lie in a box.

    Raises:
        GlabError: for a box that holds no cell.
    """
    south, north = grid.lat_bounds.T if overlapping else (grid.lat, grid.lat)
    west, east = grid.lon_bounds.T if overlapping else (grid.lon, grid.lon)
    rows = np.flatnonzero((north >= box.south) & (south <= box.north))
    columns = np.flatnonzero((east >= box.west) & (west <= box.east))
    if not rows.size or not columns.size:
        raise GlabError(
            f"the box holds no cell of the grid {grid.name}",
            variable="simulate.box",
            found=box,
            remedy="make it a few cells larger",
        )
    return SubGrid(grid, int(rows[0]), int(columns[0]), (rows.size, columns.size))


@dataclass(frozen=True)
class Land:
    """Land cells of the box, in row-major order.

    Attributes:
        window: the box on the 25 km grid.
        row, col: place on the whole grid, shape (cell,).
        fraction: share of land in each cell, 0…1.
    """

    window: SubGrid
    row: np.ndarray
    col: np.ndarray
    fraction: np.ndarray

    @cached_property
    def lat(self) -> np.ndarray:
        """Latitude of the cell centres, degrees."""
        return self.window.grid.lat[self.row]

    @cached_property
    def lon(self) -> np.ndarray:
        """Longitude of the cell centres, degrees."""
        return self.window.grid.lon[self.col]

    @property
    def area_km2(self) -> float:
        """Area of a cell of the equal-area grid."""
        return float(self.window.part.areas()[0, 0]) * 1e-6

    @property
    def index(self) -> np.ndarray:
        """Flat index of the cells on the whole grid."""
        return (self.row * self.window.grid.shape[1] + self.col).astype(np.int32)

    def on_window(self, values: np.ndarray, fill: float = np.nan) -> np.ndarray:
        """Cell values, shape (…, cell), on the window, shape (…, y, x); sea gets `fill`."""
        shape = (*values.shape[:-1], *self.window.shape)
        full = np.full(shape, fill, values.dtype)
        full[..., self.row - self.window.row0, self.col - self.window.col0] = values
        return full


LAND_FRACTION_MIN = 0.5


def land_of(box: Box) -> Land:
    """Land cells of a box by the 1 km mask of the package global-land-mask.

    Raises:
        GlabError: for a box without land.
    """
    from glab.regrid.domain import land_fraction

    window = subgrid_of(M25, box)
    fraction = land_fraction(window.part)
    row, col = np.nonzero(fraction >= LAND_FRACTION_MIN)
    if not row.size:
        raise GlabError(
            "no land in the box of the simulated Earth",
            variable="simulate.box",
            found=box,
            remedy="choose a box that holds land",
        )
    return Land(window, row + window.row0, col + window.col0, fraction[row, col])


def land_from(box: Box, index: np.ndarray, fraction: np.ndarray) -> Land:
    """Land cells that were found before, as `truth.nc` keeps them."""
    row, col = np.divmod(np.asarray(index, np.int64), M25.shape[1])
    return Land(subgrid_of(M25, box), row, col, np.asarray(fraction))
