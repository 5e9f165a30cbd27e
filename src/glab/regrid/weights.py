"""Regridding weights: separable bands between rectilinear grids, sparse weights elsewhere.

Longitude depends on the column alone and latitude on the row alone, so the common area of a source
and a target cell is the product of two 1-D overlaps, W = W_lat ⊗ W_lon: of longitude, and of the
sine of authalic latitude (area on the ellipsoid between two parallels is proportional to its
difference). Bilinear weights are products of 1-D linear interpolations for the same reason.
Projected and curvilinear sources have sparse weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glab.arrays import Float32s, Float64s, Indices
from glab.errors import GlabError, unknown_name
from glab.grids import Grid, ProjectedGrid, sin_authalic
from glab.regrid import kernels

METHODS = ("conservative", "bilinear", "nearest")

FRACTION_MIN = 1e-5
"""A target cell of which valid values cover less than this is missing (rounding of the weights)."""

RUN_CELLS_MIN = 16
"""Least mean length of the runs of a band; loops over shorter ones are slower than single cells."""

EDGE_SLACK = 1e-9
"""Overlaps shorter than this fraction of a target cell come from rounding and do not count."""

CLOSED_SLACK_DEG = 1e-6
"""A grid goes around the globe if it covers 360 degrees up to this rounding error."""


# --- bands along one axis --------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Band:
    """A banded matrix from n source to m target cells along one axis.

    Attributes:
        start: first source cell of each target cell, shape (m,).
        weight: weights of the source cells start, start + 1, … (around the end of the axis where
            it is periodic), zero beyond the last; shape (m, width), float32.
        count: number of source cells of each target cell, shape (m,).
        size: n.
    """

    start: Indices
    weight: Float32s
    count: Indices
    size: int

    def dense(self) -> Float64s:
        """Return the whole matrix, shape (m, n); for tests and for other sparse libraries."""
        matrix = np.zeros((self.start.size, self.size))
        for k in range(self.weight.shape[1]):
            columns = (self.start + k) % self.size
            np.add.at(matrix, (np.arange(self.start.size), columns), self.weight[:, k])
        return matrix

    def in_runs(self) -> tuple[Indices, Float32s]:
        """Return the band as long runs of target cells with a constant shift to the source cells.

        Returns:
            Runs (first target cell, end, first source cell), shape (runs, 3), and weights,
            shape (width, m), counted from a run's own source cells: target cell first + i takes
            source cells first source + i, first source + i + 1, … No runs where they would be
            shorter than `RUN_CELLS_MIN` on average.
        """
        # One more source cell than needed, up to four, lets a run continue across small drifts.
        width = max(self.weight.shape[1], min(4, self.weight.shape[1] + 1))
        shift = self.start - np.arange(self.start.size)
        runs: list[tuple[int, int, int]] = []
        offset = np.zeros(self.start.size, np.int64)
        for i, (distance, count) in enumerate(zip(shift.tolist(), self.count.tolist())):
            drift = distance - shift[runs[-1][0]] if runs else -1
            if drift < 0 or drift + max(count, 1) > width:
                runs.append((i, i, int(self.start[i])))
                drift = 0
            offset[i] = drift
            runs[-1] = (runs[-1][0], i + 1, runs[-1][2])
        if len(runs) * RUN_CELLS_MIN > self.start.size:
            return np.empty((0, 3), np.int64), np.ascontiguousarray(self.weight.T)
        shifted = np.zeros((width, self.start.size), np.float32)
        for k in range(self.weight.shape[1]):
            used = self.count > k
            shifted[offset[used] + k, np.flatnonzero(used)] = self.weight[used, k]
        return np.array(runs, np.int64), shifted


def overlap_band(source: Float64s, target: Float64s, period: float | None = None) -> Band:
    """Return the common length of target and source intervals, divided by the target's length.

    Args:
        source: lower and upper bound of each source cell, shape (n, 2), monotonic.
        target: the same for the target, shape (m, 2).
        period: length of the axis when it is periodic (360 for longitude).
    """
    flipped = source.shape[0] > 1 and source[0, 0] > source[-1, 0]
    low, high = (source[::-1] if flipped else source).T
    size = low.size
    if period is not None:
        # Turn each target to the period nearest to the source, then repeat the source to its sides.
        turns = period * np.round((target.mean(axis=1) - (low[0] + high[-1]) / 2) / period)
        target = target - turns[:, None]
        low, high = (np.concatenate([v - period, v, v + period]) for v in (low, high))
    slack = EDGE_SLACK * np.diff(target, axis=1)[:, 0]
    first = np.searchsorted(high, target[:, 0] + slack, side="right")
    count = np.maximum(np.searchsorted(low, target[:, 1] - slack, side="left") - first, 0)
    cell = np.minimum(first[:, None] + np.arange(max(int(count.max()), 1)), low.size - 1)
    common = np.minimum(high[cell], target[:, 1:]) - np.maximum(low[cell], target[:, :1])
    inside = np.arange(cell.shape[1]) < count[:, None]
    weight = np.where(inside, np.maximum(common, 0) / np.diff(target, axis=1), 0.0)
    if not flipped:
        return Band(first % size, weight.astype(np.float32), count, size)
    return _flip(first % size, weight, count, size)


def _flip(start: Indices, weight: Float64s, count: Indices, size: int) -> Band:
    """Return the same band for a source axis numbered from its other end."""
    last = start + np.maximum(count, 1) - 1
    position = np.maximum(np.maximum(count, 1)[:, None] - 1 - np.arange(weight.shape[1]), 0)
    reverse = np.take_along_axis(weight, position, axis=1)
    reverse[np.arange(weight.shape[1]) >= count[:, None]] = 0.0
    return Band(size - 1 - last, reverse.astype(np.float32), count, size)


def linear_band(
    centres: Float64s, bounds: Float64s, points: Float64s, period: float | None = None
) -> Band:
    """Return a linear interpolation between cell centres.

    It is constant from the outermost centres to the outer bounds, and zero beyond.

    Args:
        centres: source centres, shape (n,), monotonic.
        bounds: their cells' bounds, shape (n, 2).
        points: where values are wanted, shape (m,).
        period: length of the axis when it is periodic (360 for longitude).
    """
    size, sign = centres.size, 1.0 if centres[-1] >= centres[0] else -1.0
    closed = period is not None and bounds.max() - bounds.min() > period - CLOSED_SLACK_DEG
    if period is not None:
        points = points - period * np.floor((points - bounds.min()) / period)
    covered = (points >= bounds.min()) & (points <= bounds.max())
    if size == 1:
        return _single_band(np.where(covered, 0, -1), size)
    axis = sign * centres
    if closed and period is not None:
        axis = np.concatenate([axis[-1:] - period, axis, axis[:1] + period])
    before = np.clip(np.searchsorted(axis, sign * points, side="right") - 1, 0, axis.size - 2)
    step = axis[before + 1] - axis[before]
    fraction = np.clip((sign * points - axis[before]) / step, 0, 1)
    weight = np.stack([1 - fraction, fraction], axis=1) * covered[:, None]
    start = (before - 1) % size if closed else before
    return Band(start, weight.astype(np.float32), np.where(covered, 2, 0), size)


def _single_band(cells: Indices, size: int) -> Band:
    """Return weight 1 on one source cell, no weight where the cell is −1."""
    known = cells >= 0
    return Band(
        np.maximum(cells, 0), known[:, None].astype(np.float32), known.astype(np.int64), size
    )


# --- weights between two grids ---------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Cells:
    """Some cells of a grid.

    Attributes:
        row, col: their position, shape (cell,).
    """

    row: Indices
    col: Indices

    @cached_property
    def by_row(self) -> tuple[Indices, Indices]:
        """Numbers of the cells, row after row and west to east, and their columns."""
        number = np.lexsort((self.col, self.row))
        return number, np.ascontiguousarray(self.col[number], np.int64)


@dataclass(frozen=True, eq=False)
class SeparableWeights:
    """The weights of a regridding, one band for each axis.

    Rows of `y` and `x` sum to the fraction of the target cell that the source grid covers.
    """

    y: Band
    x: Band


def separable_weights(source: Grid, target: Grid, method: str = "conservative") -> SeparableWeights:
    """Return the weights between two rectilinear grids, rows and columns in the order of each.

    Args:
        source: the grid of the values.
        target: the grid of the result.
        method: "conservative" (first order, by common area), "bilinear" (between source centres;
            beyond the outermost centre its value), or "nearest" (the source cell that contains the
            target's centre).

    Raises:
        GlabError: for an unknown method.
    """
    if method == "conservative":
        lat_source, lat_target = sin_authalic(source.lat_bounds), sin_authalic(target.lat_bounds)
        return SeparableWeights(
            overlap_band(lat_source, lat_target),
            overlap_band(source.lon_bounds, target.lon_bounds, period=360.0),
        )
    if method == "bilinear":
        return SeparableWeights(
            linear_band(source.lat, source.lat_bounds, target.lat),
            linear_band(source.lon, source.lon_bounds, target.lon, period=360.0),
        )
    if method == "nearest":
        # Rows depend on latitude alone, so any longitude gives them; columns likewise.
        rows = source.index(target.lat, np.full(target.lat.size, source.lon[0]))[0]
        cols = source.index(np.full(target.lon.size, source.lat[0]), target.lon)[1]
        return SeparableWeights(
            _single_band(rows, source.lat.size), _single_band(cols, source.lon.size)
        )
    raise unknown_name("regridding method", method, METHODS)


@dataclass(frozen=True, eq=False)
class GridWeights:
    """Separable weights to a whole grid."""

    bands: SeparableWeights

    @cached_property
    def _runs(self) -> tuple[Indices, Float32s]:
        return self.bands.x.in_runs()

    def apply(self, fields: Float32s, least: Float32s) -> Float32s:
        """Regrid fields, see `regridder.Weights`.

        Args:
            fields: shape (n, rows, cols), NaN where missing.
            least: shape (1, 1) or (target rows, target cols).

        Returns:
            shape (n, target rows, target cols).
        """
        y, x = self.bands.y, self.bands.x
        out = np.empty((fields.shape[0], y.start.size, x.start.size), np.float32)
        kernels.apply_to_grid(fields, y.start, y.count, y.weight, x.start, *self._runs, least, out)
        return out


@dataclass(frozen=True, eq=False)
class CellWeights:
    """Separable weights to some cells of a grid."""

    bands: SeparableWeights
    cells: Cells

    @cached_property
    def _layout(self) -> tuple[Float32s, Indices]:
        rows = np.bincount(self.cells.row, minlength=self.bands.y.start.size)
        return np.ascontiguousarray(self.bands.x.weight.T), np.cumsum(rows)

    def apply(self, fields: Float32s, least: Float32s) -> Float32s:
        """Regrid fields, see `regridder.Weights`.

        Args:
            fields: shape (n, rows, cols), NaN where missing.
            least: of size 1, or one per cell, row after row.

        Returns:
            shape (n, cell).
        """
        y, x = self.bands.y, self.bands.x
        weight, row_end = self._layout
        number, cols = self.cells.by_row
        out = np.empty((fields.shape[0], number.size), np.float32)
        kernels.apply_to_cells(
            fields, y.start, y.count, y.weight, x.start, weight, row_end, cols, number,
            least.ravel(), out,
        )  # fmt: skip
        return out


@dataclass(frozen=True, eq=False)
class SparseWeights:
    """Weights that are no product: rows of a sparse matrix, one per target cell.

    Attributes:
        end: end of each target cell's entries, shape (cell,).
        index, weight: source cell and weight of each entry.
        shape: shape of the result behind the stack's dimension.
    """

    end: Indices
    index: Indices
    weight: Float32s
    shape: tuple[int, ...]

    def apply(self, fields: Float32s, least: Float32s) -> Float32s:
        """Regrid fields, see `regridder.Weights`; `least` of size 1."""
        flat = fields.reshape(fields.shape[0], -1)
        out = np.empty((fields.shape[0], self.end.size), np.float32)
        limit = float(least.ravel()[0])
        kernels.apply_sparse(flat, self.end, self.index, self.weight, limit, out)
        return out.reshape(-1, *self.shape)


def projected_weights(
    source: ProjectedGrid, target: Grid, method: str, cells: Cells | None = None
) -> SparseWeights:
    """Return the weights from a projected grid, by interpolation in its own x and y (m).

    Args:
        source, target, cells: as in `regridder`.
        method: "bilinear" (out to half a cell beyond the outer centres) or "nearest".
    """
    if method not in ("bilinear", "nearest"):
        raise GlabError(
            "this method does not support projected grids",
            variable="method",
            found=method,
            expected="bilinear",
        )
    lat, lon, shape = _centres(target, cells)
    x, y = source.project(lat, lon)
    row, down = _between(source.y, y)
    col, right = _between(source.x, x)
    if method == "nearest":
        # A corner of weight 1 is the nearest cell.
        down, right = np.round(down), np.round(right)
    inside = np.isfinite(down) & np.isfinite(right)
    row, col, down, right = (np.where(inside, v, 0) for v in (row, col, down, right))
    corners = [(0, 0, (1 - down) * (1 - right)), (0, 1, (1 - down) * right)]
    corners += [(1, 0, down * (1 - right)), (1, 1, down * right)]
    index = np.stack([(row + j) * source.shape[1] + col + i for j, i, _ in corners], axis=1)
    weight = np.stack([fraction for *_, fraction in corners], axis=1) * inside[:, None]
    used = weight > 0
    return SparseWeights(
        np.cumsum(used.sum(axis=1)), index[used], weight[used].astype(np.float32), shape
    )


def _centres(target: Grid, cells: Cells | None) -> tuple[Float64s, Float64s, tuple[int, ...]]:
    """Return latitude and longitude of the target cells, flat, and the shape of the result."""
    if cells is not None:
        return target.lat[cells.row], target.lon[cells.col], (cells.row.size,)
    lat, lon = np.meshgrid(target.lat, target.lon, indexing="ij")
    return lat.ravel(), lon.ravel(), target.shape


def _between(centres: Float64s, points: Float64s) -> tuple[Indices, Float64s]:
    """Return the centre before each point, and the fraction of the way to the next; NaN outside."""
    sign = 1.0 if centres[-1] > centres[0] else -1.0
    axis, points = sign * centres, sign * np.where(np.isfinite(points), points, np.inf)
    before = np.clip(np.searchsorted(axis, points, side="right") - 1, 0, axis.size - 2)
    fraction = (points - axis[before]) / (axis[before + 1] - axis[before])
    inside = (fraction >= -0.5) & (fraction <= 1.5)  # half a cell beyond the outer centres
    return before, np.where(inside, np.clip(fraction, 0, 1), np.nan)
