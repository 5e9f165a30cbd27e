"""One function for every regridding: `regridder(source, target, …)`, whatever does the work."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from glab.arrays import Float32s, Indices
from glab.errors import GlabError, unknown_name
from glab.grids import Grid, ProjectedGrid
from glab.regrid import kernels
from glab.regrid.weights import (
    AnyGrid,
    Cells,
    SeparableWeights,
    projected_weights,
    separable_weights,
    xesmf_weights,
)

FRACTION_MIN = 1e-5
"""A target cell of which valid values cover less than this is missing (rounding of the weights)."""


class Weights(Protocol):
    """Weights of either kind, applied to a stack of fields."""

    def apply(self, fields: Float32s, least: Float32s) -> Float32s:
        """Fields (n, rows, cols) on the target, (n, …); NaN where weights sum to below `least`."""
        ...


@dataclass(frozen=True, eq=False)
class GridWeights:
    """Separable weights to a whole grid."""

    bands: SeparableWeights

    @cached_property
    def _runs(self) -> tuple[Indices, Float32s]:
        return self.bands.x.in_runs()

    def apply(self, fields: Float32s, least: Float32s) -> Float32s:
        """See `Weights`; result (n, target rows, target cols), `least` (1, 1) or of that shape."""
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
        """See `Weights`; result (n, cell), `least` of size 1 or one a cell, row after row."""
        y, x = self.bands.y, self.bands.x
        weight, row_end = self._layout
        place, cols = self.cells.by_row
        out = np.empty((fields.shape[0], place.size), np.float32)
        kernels.apply_to_cells(
            fields, y.start, y.count, y.weight, x.start, weight, row_end, cols, place,
            least.ravel(), out,
        )  # fmt: skip
        return out


@dataclass(frozen=True, eq=False)
class Regridder:
    """Regrids fields of one grid; made by `regridder`.

    Attributes:
        shape: rows and columns of the fields it takes.
        weights: what it multiplies with.
        valid_fraction_min: least share of a target cell that valid values must cover.
    """

    shape: tuple[int, int]
    weights: Weights
    valid_fraction_min: float

    def __call__(self, values: NDArray[Any]) -> Float32s:
        """Weighted mean of the valid values in each target cell.

        Args:
            values: shape (…, rows, cols), NaN where missing.

        Returns:
            float32, shape (…, target rows, target cols) or (…, cell); NaN where less than
            `valid_fraction_min` of the target cell is covered by valid values.
        """
        if values.shape[-2:] != self.shape:
            raise GlabError(
                "field is not on its grid", found=values.shape[-2:], expected=self.shape
            )
        fields = np.ascontiguousarray(values, np.float32).reshape(-1, *self.shape)
        share = max(self.valid_fraction_min - FRACTION_MIN, FRACTION_MIN)
        least = np.full((1, 1), share, np.float32)
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
    """How fields on `source` come onto `target`, or onto some of its cells.

    Args:
        source: grid of the fields.
        target: rectilinear grid of the result.
        method: "conservative", "bilinear" or "nearest"; see `separable_weights`. On a projected
            source bilinear in its own x and y.
        cells: the cells of `target` wanted; None: all, as a 2-D field.
        valid_fraction_min: least share (0…1) of a target cell that valid values must cover.
        backend: "separable" (own weights) or "xesmf" (ESMF's, needed for curvilinear sources).

    Raises:
        GlabError: for a method or grid that the backend cannot do.
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
