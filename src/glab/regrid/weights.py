"""Regridding weights: separable bands between rectilinear grids, sparse weights elsewhere.

Longitude depends on the column alone and latitude on the row alone, so the area that a source and
a target cell share is the product of two 1-D overlaps, W = W_lat ⊗ W_lon: of longitude, and of the
sine of authalic latitude (area on the ellipsoid between two parallels is proportional to its
difference). Bilinear weights are products of 1-D linear interpolations for the same reason.
Projected and curvilinear sources have sparse weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from glab.arrays import Float32s, Float64s, Indices
from glab.errors import GlabError, unknown_name
from glab.grids import CurvilinearGrid, Grid, ProjectedGrid, sin_authalic
from glab.regrid import kernels

METHODS = ("conservative", "bilinear", "nearest")


@dataclass(frozen=True, eq=False)
class Band:
    """A banded matrix from n source to m target cells along one axis.

    Attributes:
        start: first source cell of each target cell, shape (m,).
        weight: weights of the source cells start, start + 1, … (around the end of the axis where
            it is periodic), zero beyond the last; shape (m, width), float32.
        count: source cells of each target cell, shape (m,).
        size: n.
    """

    start: NDArray[np.int64]
    weight: NDArray[np.float32]
    count: NDArray[np.int64]
    size: int

    def dense(self) -> Float64s:
        """The whole matrix, shape (m, n); for tests and for other sparse libraries."""
        matrix = np.zeros((self.start.size, self.size))
        for k in range(self.weight.shape[1]):
            columns = (self.start + k) % self.size
            np.add.at(matrix, (np.arange(self.start.size), columns), self.weight[:, k])
        return matrix

    def in_runs(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The band as long runs of target cells, each from source cells at one distance.

        Returns:
            Runs (first target cell, end, first source cell), shape (runs, 3), and weights,
            shape (width, m), counted from a run's own source cells: target cell first + i takes
            source cells first source + i, first source + i + 1, … No runs where they would be
            shorter than 16 cells on average.
        """
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
        if len(runs) * 16 > self.start.size:
            return np.empty((0, 3), np.int64), np.ascontiguousarray(self.weight.T)
        shifted = np.zeros((width, self.start.size), np.float32)
        for k in range(self.weight.shape[1]):
            used = self.count > k
            shifted[offset[used] + k, np.flatnonzero(used)] = self.weight[used, k]
        return np.array(runs, np.int64), shifted


@dataclass(frozen=True, eq=False)
class SeparableWeights:
    """The weights of a regridding, one band for each axis; rows of `y` and `x` sum to the share
    of the target cell that the source grid covers."""

    y: Band
    x: Band


def separable_weights(source: Grid, target: Grid, method: str = "conservative") -> SeparableWeights:
    """Weights between two rectilinear grids, rows and columns in the order of each.

    Args:
        source: the grid of the values.
        target: the grid they shall be on.
        method: "conservative" (first order, by shared area), "bilinear" (between source centres;
            beyond the outermost centre its value), or "nearest" (the source cell that holds the
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
        rows = source.index(target.lat, np.full(target.lat.size, source.lon[0]))[0]
        cols = source.index(np.full(target.lon.size, source.lat[0]), target.lon)[1]
        return SeparableWeights(
            _single_band(rows, source.lat.size), _single_band(cols, source.lon.size)
        )
    raise unknown_name("regridding method", method, METHODS)


def overlap_band(source: Float64s, target: Float64s, period: float | None = None) -> Band:
    """Shared length of target and source intervals, over the target's length.

    Args:
        source: lower and upper bound of each source cell, shape (n, 2), monotonic.
        target: the same for the target, shape (m, 2).
        period: length of the axis when it is periodic (360 for longitude).
    """
    flipped = source.shape[0] > 1 and source[0, 0] > source[-1, 0]
    low, high = (source[::-1] if flipped else source).T
    size = low.size
    if period is not None:
        turns = period * np.round((target.mean(axis=1) - (low[0] + high[-1]) / 2) / period)
        target = target - turns[:, None]
        low, high = (np.concatenate([v - period, v, v + period]) for v in (low, high))
    slack = 1e-9 * np.diff(target, axis=1)[:, 0]
    first = np.searchsorted(high, target[:, 0] + slack, side="right")
    count = np.maximum(np.searchsorted(low, target[:, 1] - slack, side="left") - first, 0)
    cell = np.minimum(first[:, None] + np.arange(max(int(count.max()), 1)), low.size - 1)
    shared = np.minimum(high[cell], target[:, 1:]) - np.maximum(low[cell], target[:, :1])
    inside = np.arange(cell.shape[1]) < count[:, None]
    weight = np.where(inside, np.maximum(shared, 0) / np.diff(target, axis=1), 0.0)
    if not flipped:
        return Band(first % size, weight.astype(np.float32), count, size)
    return _flip(first % size, weight, count, size)


def _flip(start: NDArray[np.int64], weight: Float64s, count: NDArray[np.int64], size: int) -> Band:
    """The same band for a source axis numbered from its other end."""
    last = start + np.maximum(count, 1) - 1
    place = np.maximum(np.maximum(count, 1)[:, None] - 1 - np.arange(weight.shape[1]), 0)
    reverse = np.take_along_axis(weight, place, axis=1)
    reverse[np.arange(weight.shape[1]) >= count[:, None]] = 0.0
    return Band(size - 1 - last, reverse.astype(np.float32), count, size)


def linear_band(
    centres: Float64s, bounds: Float64s, points: Float64s, period: float | None = None
) -> Band:
    """Linear interpolation between cell centres; constant out to the outer bounds, zero beyond.

    Args:
        centres: source centres, shape (n,), monotonic.
        bounds: their cells' bounds, shape (n, 2).
        points: where values are wanted, shape (m,).
        period: length of the axis when it is periodic (360 for longitude).
    """
    size, sign = centres.size, 1.0 if centres[-1] >= centres[0] else -1.0
    closed = period is not None and bounds.max() - bounds.min() > period - 1e-6
    if period is not None:
        points = points - period * np.floor((points - bounds.min()) / period)
    covered = (points >= bounds.min()) & (points <= bounds.max())
    if size == 1:
        return _single_band(np.where(covered, 0, -1), size)
    axis = sign * centres
    if closed and period is not None:
        axis = np.concatenate([axis[-1:] - period, axis, axis[:1] + period])
    place = np.clip(np.searchsorted(axis, sign * points, side="right") - 1, 0, axis.size - 2)
    share = np.clip((sign * points - axis[place]) / (axis[place + 1] - axis[place]), 0, 1)
    weight = np.stack([1 - share, share], axis=1) * covered[:, None]
    start = (place - 1) % size if closed else place
    return Band(start, weight.astype(np.float32), np.where(covered, 2, 0), size)


def _single_band(cells: NDArray[np.int64], size: int) -> Band:
    """Weight 1 on one source cell, none where the cell is −1."""
    known = cells >= 0
    return Band(
        np.maximum(cells, 0), known[:, None].astype(np.float32), known.astype(np.int64), size
    )


AnyGrid = Grid | ProjectedGrid | CurvilinearGrid


@dataclass(frozen=True, eq=False)
class Cells:
    """Some cells of a grid.

    Attributes:
        row, col: their place, shape (cell,).
    """

    row: Indices
    col: Indices

    @cached_property
    def by_row(self) -> tuple[Indices, Indices]:
        """Places of the cells, row after row and west to east, and the columns there."""
        place = np.lexsort((self.col, self.row))
        return place, np.ascontiguousarray(self.col[place], np.int64)


@dataclass(frozen=True, eq=False)
class SparseWeights:
    """Weights that are no product: rows of a sparse matrix, one a target cell.

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
        """See `Weights`; `least` of size 1."""
        flat = fields.reshape(fields.shape[0], -1)
        out = np.empty((fields.shape[0], self.end.size), np.float32)
        limit = float(least.ravel()[0])
        kernels.apply_sparse(flat, self.end, self.index, self.weight, limit, out)
        return out.reshape(-1, *self.shape)


def _centres(target: Grid, cells: Cells | None) -> tuple[Float64s, Float64s, tuple[int, ...]]:
    """Latitude and longitude of the target cells, flat, and the shape of the result."""
    if cells is not None:
        return target.lat[cells.row], target.lon[cells.col], (cells.row.size,)
    lat, lon = np.meshgrid(target.lat, target.lon, indexing="ij")
    return lat.ravel(), lon.ravel(), target.shape


def projected_weights(
    source: ProjectedGrid, target: Grid, method: str, cells: Cells | None = None
) -> SparseWeights:
    """Weights from a projected grid, by interpolation in its own x and y (m).

    Args:
        source, target, cells: as in `regridder`.
        method: "bilinear" (out to half a cell beyond the outer centres) or "nearest".
    """
    if method not in ("bilinear", "nearest"):
        raise GlabError(
            "a projected grid cannot be regridded so",
            variable="method",
            found=method,
            expected="bilinear",
        )
    lat, lon, shape = _centres(target, cells)
    x, y = source.project(lat, lon)
    row, down = _between(source.y, y)
    col, right = _between(source.x, x)
    if method == "nearest":
        down, right = np.round(down), np.round(right)
    inside = np.isfinite(down) & np.isfinite(right)
    row, col, down, right = (np.where(inside, v, 0) for v in (row, col, down, right))
    corners = [(0, 0, (1 - down) * (1 - right)), (0, 1, (1 - down) * right)]
    corners += [(1, 0, down * (1 - right)), (1, 1, down * right)]
    index = np.stack([(row + j) * source.shape[1] + col + i for j, i, _ in corners], axis=1)
    weight = np.stack([share for *_, share in corners], axis=1) * inside[:, None]
    used = weight > 0
    return SparseWeights(
        np.cumsum(used.sum(axis=1)), index[used], weight[used].astype(np.float32), shape
    )


def _between(centres: Float64s, points: Float64s) -> tuple[Indices, Float64s]:
    """Centre before each point, and how far on to the next it lies (0…1); NaN outside."""
    sign = 1.0 if centres[-1] > centres[0] else -1.0
    axis, points = sign * centres, sign * np.where(np.isfinite(points), points, np.inf)
    place = np.clip(np.searchsorted(axis, points, side="right") - 1, 0, axis.size - 2)
    share = (points - axis[place]) / (axis[place + 1] - axis[place])
    inside = (share >= -0.5) & (share <= 1.5)
    return place, np.where(inside, np.clip(share, 0, 1), np.nan)


def xesmf_weights(source: AnyGrid, target: Grid, method: str, cells: Cells | None) -> SparseWeights:
    """The weights that xESMF makes (great circles on a sphere), as rows of a sparse matrix."""
    try:
        import xesmf
    except ImportError as error:
        raise GlabError(
            "the regridding backend xesmf is not installed",
            found=str(error),
            remedy="install envs/glab.yaml with conda, or set regrid: {backend: separable}",
        ) from error
    names = {"conservative": "conservative", "bilinear": "bilinear", "nearest": "nearest_s2d"}
    made = xesmf.Regridder(
        _description(source, method), _description(target, method), names[method],
        periodic=method == "bilinear" and _is_global(source), unmapped_to_nan=False,
    )  # fmt: skip
    matrix = made.weights.data.tocsr()
    if cells is not None:
        matrix = matrix[cells.row * target.shape[1] + cells.col]
    shape = target.shape if cells is None else (cells.row.size,)
    index, weight = matrix.indices.astype(np.int64), matrix.data.astype(np.float32)
    return SparseWeights(matrix.indptr[1:].astype(np.int64), index, weight, shape)


def _is_global(grid: AnyGrid) -> bool:
    return isinstance(grid, Grid) and bool(np.ptp(grid.lon_bounds) > 360 - 1e-6)


def _description(grid: AnyGrid, method: str) -> dict[str, Float64s]:
    """A grid as xESMF takes it: centres, and corners for conservative regridding."""
    if not isinstance(grid, Grid):
        if method == "conservative":
            raise GlabError("no cell corners are known", variable="method", expected="bilinear")
        lat, lon = grid.centres()
        return {"lat": lat, "lon": lon}
    described = {"lat": grid.lat, "lon": grid.lon}
    if method == "conservative":
        described |= {"lat_b": _edges(grid.lat_bounds), "lon_b": _edges(grid.lon_bounds)}
    return described


def _edges(bounds: Float64s) -> Float64s:
    """n + 1 edges of cells without gaps, in the order of the cells."""
    ordered = bounds if bounds[0, 0] <= bounds[-1, 0] else bounds[:, ::-1]
    if not np.allclose(ordered[:-1, 1], ordered[1:, 0], atol=1e-6):
        raise GlabError("rows or columns are missing", remedy="use the separable backend")
    return np.append(ordered[:, 0], ordered[-1, 1])
