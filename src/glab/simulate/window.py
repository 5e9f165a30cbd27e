"""Regional subsets: the part of a product's grid that lies in the box of the simulated Earth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glab.config import Box
from glab.errors import GlabError
from glab.grids import Grid


@dataclass(frozen=True)
class Window:
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


def window_of(grid: Grid, box: Box, *, overlapping: bool = False) -> Window:
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
    return Window(grid, int(rows[0]), int(columns[0]), (rows.size, columns.size))
