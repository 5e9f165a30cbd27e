"""A user's maps of the ground on the cells of a domain: clay, land cover, roughness, topography."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.config import GroundMap
from glab.grids import M25, ProjectedGrid
from glab.regrid import Cells, regridder, source_grid
from glab.regrid.on_domain import is_flag

Floats = NDArray[np.float32]


def map_layer(domain: xr.Dataset, granule: xr.Dataset, name: str, spec: GroundMap) -> Floats:
    """One map on the cells of a domain, shape (cell,), NaN where it has no value.

    Quantities are area-weighted means of what values there are (bilinear in its own x and y on a
    projected grid); class numbers are the map's at a cell's centre, unless `spec.classes` makes
    them of the mean.

    Args:
        domain: with `cell`.
        granule: `value` (y, x) with `lat`, `lon` and, where projected, the attribute `crs`.
        name: the variable it becomes.
        spec: factor and classes.
    """
    grid = source_grid(granule)
    row, col = np.divmod(domain["cell"].values.astype(np.int64), M25.shape[1])
    method = "bilinear" if isinstance(grid, ProjectedGrid) else "conservative"
    if is_flag(name) and not spec.classes:
        method = "nearest"
    onto = regridder(grid, M25, method, cells=Cells(row, col), valid_fraction_min=0.0)
    values = onto(granule["value"].values) * np.float32(spec.factor)
    if spec.classes:
        known = np.isfinite(values)
        values = np.where(known, np.digitize(values, spec.classes), np.nan).astype(np.float32)
    return values


def joined(
    layers: Sequence[Floats], name: str, domain: xr.Dataset, spec: GroundMap
) -> xr.DataArray:
    """The parts of a map as one variable: land-cover classes side by side, or added up.

    Args:
        layers: from `map_layer`.
        name: the variable.
        domain: with `cell`.
        spec: which classes, if they shall be added up.
    """
    cell = {"cell": domain["cell"]}
    if spec.reader != "landcover" or spec.igbp is not None:
        total = np.sum(layers, axis=0, dtype=np.float32)
        return xr.DataArray(total, cell, ("cell",), name)
    numbers = np.arange(1, len(layers) + 1, dtype=np.int32)
    stacked = np.stack(layers, axis=1)
    return xr.DataArray(stacked, cell | {"igbp": numbers}, ("cell", "igbp"), name)
