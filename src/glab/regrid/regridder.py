"""Regrid fields from any grid to any rectilinear grid, or to some of its cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from glab.arrays import Array, Float32s, Float64s
from glab.errors import GlabError, unknown_name
from glab.grids import CurvilinearGrid, Grid, ProjectedGrid
from glab.regrid.weights import (
    CLOSED_SLACK_DEG,
    FRACTION_MIN,
    Cells,
    CellWeights,
    GridWeights,
    SeparableWeights,
    SparseWeights,
    projected_weights,
    separable_weights,
)

AnyGrid = Grid | ProjectedGrid | CurvilinearGrid


class Weights(Protocol):
    """Weights of any kind, applied to a stack of fields."""

    def apply(self, fields: Float32s, least: Float32s) -> Float32s:
        """Regrid fields (n, rows, cols) to the target, (n, …).

        The result is NaN where the weights of valid values sum to less than `least`.
        """
        ...


@dataclass(frozen=True, eq=False)
class Regridder:
    """A regridding of fields of one grid; `regridder` returns it.

    Attributes:
        shape: rows and columns of the fields.
        weights: of the source cells.
        valid_fraction_min: least fraction of a target cell that valid values must cover.
    """

    shape: tuple[int, int]
    weights: Weights
    valid_fraction_min: float

    def __call__(self, values: Array) -> Float32s:
        """Return the weighted mean of the valid values in each target cell.

        Args:
            values: shape (…, rows, cols), NaN where missing.

        Returns:
            float32, shape (…, target rows, target cols) or (…, cell); NaN where valid values cover
            less than `valid_fraction_min` of the target cell.
        """
        if values.shape[-2:] != self.shape:
            raise GlabError(
                "field is not on its grid", found=values.shape[-2:], expected=self.shape
            )
        fields = np.ascontiguousarray(values, np.float32).reshape(-1, *self.shape)
        # Weights sum to 1 up to rounding; a fully seen cell must pass a limit of 1.
        fraction = max(self.valid_fraction_min - FRACTION_MIN, FRACTION_MIN)
        least = np.full((1, 1), fraction, np.float32)
        out = self.weights.apply(fields, least)
        return out.reshape(*values.shape[:-2], *out.shape[1:])


def regridder(
    source: AnyGrid,
    target: Grid,
    method: str = "conservative",
    *,
    cells: Cells | None = None,
    valid_fraction_min: float = 0.5,
    backend: str = "separable",
) -> Regridder:
    """Return the regridding of fields on `source` to `target`, or to some of its cells.

    Args:
        source: grid of the fields.
        target: rectilinear grid of the result.
        method: "conservative", "bilinear" or "nearest"; see `separable_weights`. On a projected
            source bilinear in its own x and y.
        cells: the cells of `target` wanted; None: all, as a 2-D field.
        valid_fraction_min: least fraction (0…1) of a target cell that valid values must cover.
        backend: "separable" (own weights) or "xesmf" (ESMF's, needed for curvilinear sources).

    Raises:
        GlabError: for a method or grid that the backend does not support.
    """
    weights: Weights
    if backend == "xesmf":
        weights = xesmf_weights(source, target, method, cells)
    elif backend != "separable":
        raise unknown_name("regridding backend", backend, ("separable", "xesmf"))
    elif isinstance(source, Grid):
        bands = _bands(source, target, method)
        weights = GridWeights(bands) if cells is None else CellWeights(bands, cells)
    elif isinstance(source, ProjectedGrid):
        weights = projected_weights(source, target, method, cells)
    else:
        raise GlabError(
            "a curvilinear grid has no separable weights", remedy="regrid: {backend: xesmf}"
        )
    return Regridder(source.shape, weights, valid_fraction_min)


@lru_cache(maxsize=64)
def _bands(source: Grid, target: Grid, method: str) -> SeparableWeights:
    return separable_weights(source, target, method)


# --- the xesmf backend -----------------------------------------------------------------------


def xesmf_weights(source: AnyGrid, target: Grid, method: str, cells: Cells | None) -> SparseWeights:
    """Return the weights that xESMF computes (great circles on a sphere)."""
    try:
        import xesmf
    except ImportError as error:
        raise GlabError(
            "the regridding backend xesmf is not installed",
            found=str(error),
            remedy="install envs/glab.yaml with conda, or set regrid: {backend: separable}",
        ) from error
    names = {"conservative": "conservative", "bilinear": "bilinear", "nearest": "nearest_s2d"}
    esmf = xesmf.Regridder(
        _describe(source, method), _describe(target, method), names[method],
        periodic=method == "bilinear" and _is_global(source), unmapped_to_nan=False,
    )  # fmt: skip
    matrix = esmf.weights.data.tocsr()
    if cells is not None:
        matrix = matrix[cells.row * target.shape[1] + cells.col]
    shape = target.shape if cells is None else (cells.row.size,)
    index, weight = matrix.indices.astype(np.int64), matrix.data.astype(np.float32)
    return SparseWeights(matrix.indptr[1:].astype(np.int64), index, weight, shape)


def _is_global(grid: AnyGrid) -> bool:
    return isinstance(grid, Grid) and bool(np.ptp(grid.lon_bounds) > 360 - CLOSED_SLACK_DEG)


def _describe(grid: AnyGrid, method: str) -> dict[str, Any]:
    """Return a grid in xESMF's form: centres, and corners for conservative regridding."""
    if not isinstance(grid, Grid):
        if method == "conservative":
            raise GlabError("no cell corners are known", variable="method", expected="bilinear")
        lat, lon = grid.centres()
        return {"lat": lat, "lon": lon}
    description = {"lat": grid.lat, "lon": grid.lon}
    if method == "conservative":
        description |= {"lat_b": _edges(grid.lat_bounds), "lon_b": _edges(grid.lon_bounds)}
    return description


def _edges(bounds: Float64s) -> Float64s:
    """Return n + 1 edges of cells without gaps, in the order of the cells."""
    ordered = bounds if bounds[0, 0] <= bounds[-1, 0] else bounds[:, ::-1]
    # xESMF knows edges, not bounds: cells without a neighbour cannot be described.
    if not np.allclose(ordered[:-1, 1], ordered[1:, 0], atol=1e-6):
        raise GlabError("rows or columns are missing", remedy="use the separable backend")
    return np.append(ordered[:, 0], ordered[-1, 1])
