"""Land fraction of the cells of the 25 km grid, from a mask of 1 km."""

from __future__ import annotations

import numpy as np

from glab.arrays import Float32s
from glab.grids import Grid, from_edges
from glab.regrid.regridder import regridder

MASK_PER_DEGREE = 120
"""Cells per degree of the land mask (30 arc seconds, about 1 km)."""

MASK_ROWS_AT_ONCE = 800
"""Rows of the mask in memory at once: 35 million cells, 138 MB, if they go around the globe."""

EDGE_SLACK = 1e-6
"""Fraction of a mask cell; edges that agree up to this rounding error are equal."""


def land_fraction(window: Grid) -> Float32s:
    """Return the fraction of land in each cell of a window, shape (rows, cols), 0…1.

    Lakes count as land. Source: the package global-land-mask, from GLOBE (Hastings and Dunbar
    1999, NOAA), a mask of 1 km. The first call decompresses its mask for seconds.

    Args:
        window: of the 25 km grid, longitudes −180…180.
    """
    from global_land_mask import globe

    west, east = window.lon_bounds.min(), window.lon_bounds.max()
    columns = np.arange(*_mask_range(west + 180, east + 180, 360))
    lon = (columns + 0.5) / MASK_PER_DEGREE - 180
    out = np.empty(window.shape, np.float32)
    for rows in _strips(window):
        strip = window.window(rows, slice(None))
        south, north = strip.lat_bounds.min(), strip.lat_bounds.max()
        lines = np.arange(*_mask_range(90 - north, 90 - south, 180))
        lat = 90 - (lines + 0.5) / MASK_PER_DEGREE
        mask = from_edges(
            90 - np.append(lines, lines[-1] + 1) / MASK_PER_DEGREE,
            np.append(columns, columns[-1] + 1) / MASK_PER_DEGREE - 180,
        )
        land = globe.is_land(lat[:, None], lon[None, :]).astype(np.float32)
        out[rows] = regridder(mask, strip)(land)
    # Five decimals are far below one cell of the mask, and hide the rounding of float32.
    return np.clip(np.round(out, 5), 0, 1)


def _mask_range(first_deg: float, last_deg: float, turn: int) -> tuple[int, int]:
    """Return the first mask row or column that touches an interval, and the one after the last."""
    first = int(np.floor(first_deg * MASK_PER_DEGREE + EDGE_SLACK))
    last = int(np.ceil(last_deg * MASK_PER_DEGREE - EDGE_SLACK))
    return max(first, 0), min(last, turn * MASK_PER_DEGREE)


def _strips(window: Grid) -> list[slice]:
    """Return consecutive rows of a window that touch at most `MASK_ROWS_AT_ONCE` mask rows."""
    # Two more rows of the mask for each, because its edges lie within cells of the mask.
    heights = np.diff(window.lat_bounds, axis=1)[:, 0] * MASK_PER_DEGREE + 2
    strips, first = [], 0
    for row in range(1, window.shape[0] + 1):
        full = row < window.shape[0] and heights[first : row + 1].sum() > MASK_ROWS_AT_ONCE
        if full or row == window.shape[0]:
            strips.append(slice(first, row))
            first = row
    return strips
