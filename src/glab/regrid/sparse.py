"""Regridding weights that are no product of two bands: projected and curvilinear sources."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from glab.errors import GlabError
from glab.grids import CurvilinearGrid, Grid, ProjectedGrid
from glab.regrid import kernels

AnyGrid = Grid | ProjectedGrid | CurvilinearGrid
Floats = NDArray[np.float64]
Float32s = NDArray[np.float32]
Indices = NDArray[np.int64]


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


def _centres(target: Grid, cells: Cells | None) -> tuple[Floats, Floats, tuple[int, ...]]:
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


def _between(centres: Floats, points: Floats) -> tuple[Indices, Floats]:
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


def _description(grid: AnyGrid, method: str) -> dict[str, Floats]:
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


def _edges(bounds: Floats) -> Floats:
    """n + 1 edges of cells without gaps, in the order of the cells."""
    ordered = bounds if bounds[0, 0] <= bounds[-1, 0] else bounds[:, ::-1]
    if not np.allclose(ordered[:-1, 1], ordered[1:, 0], atol=1e-6):
        raise GlabError("rows or columns are missing", remedy="use the separable backend")
    return np.append(ordered[:, 0], ordered[-1, 1])
