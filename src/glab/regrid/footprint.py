"""Averaging of cell values to another grid and back: what an instrument of that footprint sees.

Inputs finer than their target act like noise in the inputs and shrink every slope, so both sides
of a link must see the same ground (SCIENCE §2, point 10).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from glab.errors import unknown_name
from glab.grids import M25, NAMED, Grid
from glab.regrid.regridder import LEAST_SHARE, CellWeights, GridWeights
from glab.regrid.sparse import Cells
from glab.regrid.weights import SeparableWeights, separable_weights

Float32s = NDArray[np.float32]
Indices = NDArray[np.int64]

STACK = 16
"""Fields that stand on the 2-D grid at a time."""


def footprint(
    values: NDArray, cell: NDArray, to: Grid | str, *, valid_fraction_min: float = 0.5
) -> Float32s:
    """Values on land cells as an instrument on another grid sees them: there and back.

    Each cell of `to` takes the area-weighted mean of the valid cells within it; each land cell
    then takes the area-weighted mean of the cells of `to` it lies in. Sea and cells outside of the
    domain count nowhere, so coasts are as well defined as the interior.

    Args:
        values: shape (…, cell), NaN where missing.
        cell: flat index on the 25 km grid of each cell, any order, shape (cell,).
        to: the other grid, or the name of one ("M36").
        valid_fraction_min: least share (0…1) of the domain's area within a footprint that must
            be valid.

    Returns:
        float32, shape (…, cell). A missing cell is filled where enough of its footprint is
        valid, and a valid one is missing where it is not.
    """
    if isinstance(to, str) and to not in NAMED:
        raise unknown_name("grid", to, NAMED)
    grid = NAMED[to] if isinstance(to, str) else to
    path = _path(np.ascontiguousarray(cell, np.int64).tobytes(), grid)
    return in_stacks(values, lambda fields: path.apply(fields, valid_fraction_min))


def in_stacks(values: NDArray, apply: Callable[[Float32s], Float32s]) -> Float32s:
    """Apply a function of fields (n, cell) to values (…, cell), some fields at a time."""
    fields = values.reshape(-1, values.shape[-1])
    out = np.empty(fields.shape, np.float32)
    for first in range(0, fields.shape[0], STACK):
        stack = np.ascontiguousarray(fields[first : first + STACK], np.float32)
        out[first : first + STACK] = apply(stack)
    return out.reshape(values.shape)


@dataclass(frozen=True, eq=False)
class CellWindow:
    """The smallest window of the 25 km grid around some of its cells.

    Attributes:
        grid: the window.
        cells: the cells' places in it.
    """

    grid: Grid
    cells: Cells

    def scatter(self, fields: Float32s) -> Float32s:
        """Values (n, cell) on the window, (n, rows, cols), NaN between the cells."""
        planes = np.full((fields.shape[0], *self.grid.shape), np.nan, np.float32)
        planes[:, self.cells.row, self.cells.col] = fields
        return planes


def cell_window(cell: Indices) -> CellWindow:
    """The window around cells given by their flat index on the 25 km grid."""
    row, col = np.divmod(cell, M25.shape[1])
    rows, cols = (slice(int(i.min()), int(i.max()) + 1) for i in (row, col))
    return CellWindow(M25.window(rows, cols), Cells(row - rows.start, col - cols.start))


@dataclass(frozen=True, eq=False)
class _Path:
    """There and back for one domain; `domain_there`, `domain_back`: the share of each cell of the
    other grid, and of each land cell, that the domain covers."""

    window: CellWindow
    there: GridWeights
    back: CellWeights
    domain_there: Float32s
    domain_back: Float32s

    def apply(self, fields: Float32s, share: float) -> Float32s:
        planes = self.window.scatter(fields)
        seen = self.there.apply(planes, _least(share, self.domain_there))
        return self.back.apply(seen, _least(share, self.domain_back))


def _least(share: float, domain: Float32s) -> Float32s:
    """Least weight of valid values, where `domain` is the weight there can be."""
    return np.maximum(share * domain - LEAST_SHARE, LEAST_SHARE).astype(np.float32)


@lru_cache(maxsize=4)
def _path(cell: bytes, grid: Grid) -> _Path:
    window = cell_window(np.frombuffer(cell, np.int64))
    part = _touched(grid, window.grid)
    there = GridWeights(separable_weights(window.grid, part))
    back = CellWeights(separable_weights(part, window.grid), window.cells)
    land = np.nan_to_num(window.scatter(np.ones((1, window.cells.row.size), np.float32)))
    always = np.zeros((1, 1), np.float32)
    covered = np.nan_to_num(there.apply(land, always)[0]) * _covered(there.bands)
    place, _ = window.cells.by_row
    mean = back.apply((covered > LEAST_SHARE)[None].astype(np.float32), always)[0]
    total = _covered(back.bands)[window.cells.row, window.cells.col]
    return _Path(window, there, back, covered, (mean * total)[place])


def _covered(bands: SeparableWeights) -> Float32s:
    """Share of each target cell that the source grid covers, shape (rows, cols)."""
    return np.outer(bands.y.weight.sum(axis=1), bands.x.weight.sum(axis=1))


def _touched(grid: Grid, window: Grid) -> Grid:
    """The rows and columns of a grid that share area with a window of another."""
    bands = separable_weights(window, grid)
    return grid.window(np.flatnonzero(bands.y.count), np.flatnonzero(bands.x.count))
