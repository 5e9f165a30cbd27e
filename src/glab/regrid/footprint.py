"""Average cell values to a coarser grid, or by an antenna's Gaussian pattern, and back.

Inputs finer than their target act like noise in the inputs and shrink every slope, so both sides
of a link must see the same ground (docs/science.md, section 2, point 10).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np

from glab.arrays import Array, Float32s, Indices
from glab.errors import GlabError, unknown_name
from glab.grids import EARTH_RADIUS_KM, M25, NAMED, Grid
from glab.regrid.kernels import OPTIONS, add_rows
from glab.regrid.weights import (
    FRACTION_MIN,
    Cells,
    CellWeights,
    GridWeights,
    SeparableWeights,
    separable_weights,
)

STACK = 16
"""Fields on the 2-D grid at a time: 52 MB for the whole 25 km grid."""

FWHM_PER_SIGMA = float(2.0 * np.sqrt(2.0 * np.log(2.0)))
REACH_SIGMA = 3.0
"""Distance at which the Gaussian pattern is cut; 99.7 per cent of it lie within along each axis."""


# --- another grid ----------------------------------------------------------------------------


def footprint(
    values: Array, cell: Array, to: Grid | str, *, valid_fraction_min: float = 0.5
) -> Float32s:
    """Average values on land cells to another grid and back, as an instrument on it sees them.

    Each cell of `to` takes the area-weighted mean of the valid cells within it; each land cell
    then takes the area-weighted mean of the cells of `to` that it lies in. Sea and cells outside
    the domain have no weight, so values at coasts are as well defined as in the interior.

    Args:
        values: shape (…, cell), NaN where missing.
        cell: flat index on the 25 km grid of each cell, any order, shape (cell,).
        to: the other grid, or the name of one ("M36").
        valid_fraction_min: least fraction (0…1) of the domain's area within a footprint that
            must be valid.

    Returns:
        float32, shape (…, cell). A missing cell is filled where enough of its footprint is
        valid, and a valid one is missing where it is not.
    """
    if isinstance(to, str) and to not in NAMED:
        raise unknown_name("grid", to, NAMED)
    grid = NAMED[to] if isinstance(to, str) else to
    path = _path(np.ascontiguousarray(cell, np.int64).tobytes(), grid)
    return apply_in_stacks(values, lambda fields: path.apply(fields, valid_fraction_min))


def apply_in_stacks(values: Array, apply: Callable[[Float32s], Float32s]) -> Float32s:
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
        cells: the cells' positions in it.
    """

    grid: Grid
    cells: Cells

    def scatter(self, fields: Float32s) -> Float32s:
        """Return values (n, cell) on the window, (n, rows, cols), NaN between the cells."""
        planes = np.full((fields.shape[0], *self.grid.shape), np.nan, np.float32)
        planes[:, self.cells.row, self.cells.col] = fields
        return planes


def cell_window(cell: Indices) -> CellWindow:
    """Return the window around cells given by their flat index on the 25 km grid."""
    row, col = np.divmod(cell, M25.shape[1])
    rows, cols = (slice(int(i.min()), int(i.max()) + 1) for i in (row, col))
    return CellWindow(M25.window(rows, cols), Cells(row - rows.start, col - cols.start))


@dataclass(frozen=True, eq=False)
class _Path:
    """Weights to another grid and back for one domain.

    Attributes:
        window: the domain's cells.
        there, back: weights to the other grid, and from it to the cells.
        domain_there, domain_back: the fraction of each cell of the other grid, and of each land
            cell, that the domain covers.
    """

    window: CellWindow
    there: GridWeights
    back: CellWeights
    domain_there: Float32s
    domain_back: Float32s

    def apply(self, fields: Float32s, fraction: float) -> Float32s:
        planes = self.window.scatter(fields)
        seen = self.there.apply(planes, _least(fraction, self.domain_there))
        return self.back.apply(seen, _least(fraction, self.domain_back))


def _least(fraction: float, domain: Float32s) -> Float32s:
    """Return the least weight of valid values, where `domain` is the weight of all cells."""
    return np.maximum(fraction * domain - FRACTION_MIN, FRACTION_MIN).astype(np.float32)


# A job uses one domain and few other grids.
@lru_cache(maxsize=4)
def _path(cell: bytes, grid: Grid) -> _Path:
    window = cell_window(np.frombuffer(cell, np.int64))
    touched = _touched(grid, window.grid)
    there = GridWeights(separable_weights(window.grid, touched))
    back = CellWeights(separable_weights(touched, window.grid), window.cells)
    # The domain itself, as a field of ones, gives the weight that is possible in each cell.
    land = np.nan_to_num(window.scatter(np.ones((1, window.cells.row.size), np.float32)))
    always = np.zeros((1, 1), np.float32)
    covered = np.nan_to_num(there.apply(land, always)[0]) * _covered(there.bands)
    number, _ = window.cells.by_row
    mean = back.apply((covered > FRACTION_MIN)[None].astype(np.float32), always)[0]
    total = _covered(back.bands)[window.cells.row, window.cells.col]
    return _Path(window, there, back, covered, (mean * total)[number])


def _covered(bands: SeparableWeights) -> Float32s:
    """Return the fraction of each target cell that the source grid covers, shape (rows, cols)."""
    return np.outer(bands.y.weight.sum(axis=1), bands.x.weight.sum(axis=1))


def _touched(grid: Grid, window: Grid) -> Grid:
    """Return the rows and columns of a grid that overlap a window of another."""
    bands = separable_weights(window, grid)
    return grid.window(np.flatnonzero(bands.y.count), np.flatnonzero(bands.x.count))


# --- a Gaussian pattern ----------------------------------------------------------------------


def gaussian_footprint(
    values: Array, cell: Array, fwhm_km: float, *, valid_fraction_min: float = 0.5
) -> Float32s:
    """Average values on land cells as an antenna with a round Gaussian pattern sees them.

    The pattern is the product of a Gaussian along the meridian and one along the parallel, each
    integrated over the cells and cut at 3 sigma: two banded products, the second with weights of
    its own row.

    Args:
        values: shape (…, cell), NaN where missing.
        cell: flat index on the 25 km grid of each cell, any order, shape (cell,).
        fwhm_km: full width at half maximum in km.
        valid_fraction_min: least fraction (0…1) of the pattern's weight on the domain that must
            be valid.

    Returns:
        float32, shape (…, cell); missing and filled as by `footprint`.
    """
    if not fwhm_km > 0:
        raise GlabError("a footprint needs a width", variable="fwhm_km", found=fwhm_km)
    pattern = _pattern(np.ascontiguousarray(cell, np.int64).tobytes(), float(fwhm_km))
    return apply_in_stacks(values, lambda fields: pattern.mean(fields, valid_fraction_min))


@dataclass(frozen=True, eq=False)
class _Pattern:
    """Weights of one pattern on one domain.

    Attributes:
        window: the domain's cells.
        y_start, y_count, y_weight: source rows of each row, and their weights.
        x_reach, x_weight: columns to either side of each row's cells, and weights of 0, 1, …
        closed: whether the window goes around the globe.
    """

    window: CellWindow
    y_start: Indices
    y_count: Indices
    y_weight: Float32s
    x_reach: Indices
    x_weight: Float32s
    closed: bool

    def sums(self, fields: Float32s) -> tuple[Float32s, Float32s]:
        """Return sums of weight × value and of the weights of valid values, each (n, cell)."""
        above = np.empty((fields.shape[0], self.window.cells.row.size), np.float32)
        below = np.empty_like(above)
        number, cols = self.window.cells.by_row
        row_end = np.cumsum(np.bincount(self.window.cells.row, minlength=self.y_start.size))
        apply_pattern(
            self.window.scatter(fields), self.y_start, self.y_count, self.y_weight, self.x_reach,
            self.x_weight, self.closed, row_end, cols, number, above, below,
        )  # fmt: skip
        return above, below

    def mean(self, fields: Float32s, fraction: float) -> Float32s:
        """Return the weighted mean where at least `fraction` of the domain's weight is valid."""
        above, below = self.sums(fields)
        least = fraction * self.sums(np.ones_like(fields[:1]))[1]
        enough = below >= np.maximum(least * (1 - FRACTION_MIN), FRACTION_MIN)
        mean = np.full_like(above, np.nan)
        return np.divide(above, below, out=mean, where=enough)


@lru_cache(maxsize=4)
def _pattern(cell: bytes, fwhm_km: float) -> _Pattern:
    window = cell_window(np.frombuffer(cell, np.int64))
    sigma_km = fwhm_km / FWHM_PER_SIGMA
    # Only a window of all columns has neighbours across 180 degrees.
    closed = window.grid.shape[1] == M25.shape[1]
    along_y, along_x = _meridional(window.grid, sigma_km), _zonal(window.grid, sigma_km)
    return _Pattern(window, *along_y, *along_x, closed)


def _meridional(grid: Grid, sigma_km: float) -> tuple[Indices, Indices, Float32s]:
    """Return first source row, number of them, and their weights (rows, width) for each row."""
    from scipy.special import ndtr

    north_km = np.radians(grid.lat_bounds) * EARTH_RADIUS_KM
    centre_km = np.radians(grid.lat) * EARTH_RADIUS_KM
    distance = (north_km[None] - centre_km[:, None, None]) / sigma_km
    clipped = np.clip(distance, -REACH_SIGMA, REACH_SIGMA)
    weight = ndtr(clipped[..., 1]) - ndtr(clipped[..., 0])
    start = np.argmax(weight > 0, axis=1)
    count = (weight > 0).sum(axis=1)
    columns = np.minimum(start[:, None] + np.arange(count.max()), grid.lat.size - 1)
    band = np.take_along_axis(weight, columns, axis=1).astype(np.float32)
    band[np.arange(count.max()) >= count[:, None]] = 0
    return start.astype(np.int64), count.astype(np.int64), band


def _zonal(grid: Grid, sigma_km: float) -> tuple[Indices, Float32s]:
    """Return columns to either side that each row reaches, and their weights (rows, reach + 1)."""
    from scipy.special import ndtr

    width_deg = float(np.diff(grid.lon_bounds[0])[0])
    width_km = np.radians(width_deg) * EARTH_RADIUS_KM * np.cos(np.radians(grid.lat))
    reach = np.ceil(REACH_SIGMA * sigma_km / width_km - 0.5).astype(np.int64)
    # Near the poles a row's pattern goes around the globe; no column may count twice.
    reach = np.clip(reach, 0, (M25.shape[1] - 1) // 2)
    offset = np.arange(reach.max() + 1)
    edge = (
        np.stack([offset - 0.5, offset + 0.5], axis=1)[None] * (width_km / sigma_km)[:, None, None]
    )
    edge = np.clip(edge, -REACH_SIGMA, REACH_SIGMA)
    return reach, (ndtr(edge[..., 1]) - ndtr(edge[..., 0])).astype(np.float32)


@numba.njit(parallel=True, **OPTIONS)
def apply_pattern(
    fields: Float32s,
    y_start: Indices,
    y_count: Indices,
    y_weight: Float32s,
    x_reach: Indices,
    x_weight: Float32s,
    closed: bool,
    row_end: Indices,
    cols: Indices,
    number: Indices,
    above: Float32s,
    below: Float32s,
) -> None:
    """Sum with weights along longitude that are symmetric about the cell and vary by row.

    Args:
        fields, y_start, y_count, y_weight, row_end, cols, number: as in `kernels.apply_to_cells`,
            source and target on one grid.
        x_reach: columns to either side, for each row.
        x_weight: weight at distance 0, 1, … columns, (rows, width).
        closed: whether columns go around the globe.
        above, below: sums of weight × value and of the weights of valid values, (n, cells).
    """
    width = fields.shape[2]
    for n in numba.prange(fields.shape[0]):
        top, bottom = np.empty(width, np.float32), np.empty(width, np.float32)
        first = 0
        for j in range(y_start.size):
            if row_end[j] > first:
                add_rows(fields[n], np.float32(0), y_start[j], y_count[j], y_weight[j], top, bottom)
            for c in range(first, row_end[j]):
                a, b = np.float32(0), np.float32(0)
                for step in range(-x_reach[j], x_reach[j] + 1):
                    i = cols[c] + step
                    if closed:
                        i = i % width
                    if 0 <= i < width:
                        a += x_weight[j, abs(step)] * top[i]
                        b += x_weight[j, abs(step)] * bottom[i]
                above[n, number[c]] = a
                below[n, number[c]] = b
            first = row_end[j]
