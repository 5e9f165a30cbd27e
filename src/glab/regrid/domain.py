"""Choose, order and describe the land cells of the 25 km grid that a run works on.

A domain holds the cells' order, tiles and spatial blocks, static layers, and a user's maps of the
ground: clay, land cover, roughness, topography.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Float32s, Indices
from glab.config import Box, Domain, GroundMap, Regrid
from glab.errors import GlabError
from glab.grids import M25, Grid, ProjectedGrid, from_edges
from glab.regrid.on_domain import ToDomain, is_flag, source_grid
from glab.regrid.regridder import regridder
from glab.regrid.weights import Cells

MASK_PER_DEGREE = 120
"""Cells a degree of the land mask (30 arc seconds, about 1 km)."""

MASK_ROWS_AT_ONCE = 800
HILBERT_ORDER = 11
"""2 ** 11 = 2048 cells a side hold the whole grid."""


def build_domain(settings: Domain, static: xr.Dataset | None = None) -> xr.Dataset:
    """The domain of a run.

    Args:
        settings: box, least land fraction, sizes of tiles and blocks.
        static: maps on any rectilinear grid (variables (…, y, x), coordinates lat and lon) that
            are regridded to the cells.

    Returns:
        Dataset on `cell`, ordered along a space-filling curve, so that neighbours lie together
        and the order in a part of the globe is that of the whole: `cell` (flat index on the 25 km
        grid), `row`, `col`, `lat`, `lon`, `area` (m²), `land_fraction`, `tile`, `block`,
        `water_fraction` (sea, unless `static` has it), and the static maps, NaN where they have
        no value.

    Raises:
        GlabError: for a box without land, or another number of tiles than the settings say.
    """
    window = box_slices(settings.box)
    fraction = land_fraction(window)
    places = np.nonzero(fraction >= max(settings.land_fraction_min, np.finfo(float).tiny))
    if places[0].size == 0:
        raise GlabError(
            "a domain without land",
            variable="domain.box",
            found=settings.box,
            remedy="choose a box that holds land, or a smaller domain.land_fraction_min",
        )
    row, col = M25.index(window.lat[places[0]], window.lon[places[1]])
    order = np.argsort(hilbert_index(row, col), kind="stable")
    cells = _cells(row[order], col[order], fraction[places][order], settings)
    _check_tiles(cells, settings)
    if static is None:
        return cells
    layers = static_layers(cells, static)
    if "water_fraction" in layers:
        layers["water_fraction"] = layers["water_fraction"].fillna(cells["water_fraction"])
    return cells.assign(layers.data_vars).assign_coords(layers.coords)


def box_slices(box: Box) -> Grid:
    """The window of the 25 km grid whose cell centres lie in a box.

    Raises:
        GlabError: where there is none.
    """
    rows = np.flatnonzero((M25.lat >= box.south) & (M25.lat <= box.north))
    cols = np.flatnonzero((M25.lon >= box.west) & (M25.lon <= box.east))
    if rows.size == 0 or cols.size == 0:
        raise GlabError(
            "the box holds no cell of the 25 km grid",
            variable="domain.box",
            found=box,
            remedy="write degrees with west < east and south < north, some tenths apart",
        )
    return M25.window(rows, cols)


def land_fraction(window: Grid) -> NDArray[np.float32]:
    """Share of land in each cell of a window, exact to the 1 km mask: shape (rows, cols), 0…1.

    Lakes count as land. Source: the package global-land-mask, made from GLOBE (Hastings and
    Dunbar 1999, NOAA). The first call decompresses its mask for seconds.

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
    return np.clip(np.round(out, 5), 0, 1)  # far below the share of one cell of the mask


def _mask_range(first_deg: float, last_deg: float, turn: int) -> tuple[int, int]:
    """First mask row or column that touches an interval, and the one after the last."""
    first = int(np.floor(first_deg * MASK_PER_DEGREE + 1e-6))
    last = int(np.ceil(last_deg * MASK_PER_DEGREE - 1e-6))
    return max(first, 0), min(last, turn * MASK_PER_DEGREE)


def _strips(window: Grid) -> list[slice]:
    """Consecutive rows of a window that touch at most `MASK_ROWS_AT_ONCE` rows of the mask."""
    heights = np.diff(window.lat_bounds, axis=1)[:, 0] * MASK_PER_DEGREE + 2
    strips, first = [], 0
    for row in range(1, window.shape[0] + 1):
        full = row < window.shape[0] and heights[first : row + 1].sum() > MASK_ROWS_AT_ONCE
        if full or row == window.shape[0]:
            strips.append(slice(first, row))
            first = row
    return strips


def hilbert_index(row: Indices, col: Indices, order: int = HILBERT_ORDER) -> Indices:
    """Place of cells along the Hilbert curve through a square of 2 ** order cells a side.

    Args:
        row, col: cells, 0 … 2 ** order − 1, any shape.
        order: of the curve.

    Reference: Hilbert (1891), doi:10.1007/BF01199431.
    """
    x, y = np.array(col, np.int64), np.array(row, np.int64)
    place = np.zeros_like(x)
    for level in range(order - 1, -1, -1):
        side = np.int64(1) << level
        right, down = (x & side) > 0, (y & side) > 0
        place += side * side * ((3 * right) ^ down)
        x, y = x & (side - 1), y & (side - 1)
        mirrored = right & ~down
        x, y = np.where(mirrored, side - 1 - x, x), np.where(mirrored, side - 1 - y, y)
        x, y = np.where(down, x, y), np.where(down, y, x)
    return place


def block_number(row: Indices, col: Indices, block_cells: int) -> Indices:
    """Number of the square block of cells that each cell lies in, the same in every domain."""
    across = -(-M25.shape[1] // block_cells)
    return row // block_cells * across + col // block_cells


def _cells(row: Indices, col: Indices, fraction: NDArray, settings: Domain) -> xr.Dataset:
    """Dataset of the cells in their order."""
    number = np.arange(row.size)
    index = (row * M25.shape[1] + col).astype(np.int32)
    variables = {
        "row": row.astype(np.int32),
        "col": col.astype(np.int32),
        "lat": M25.lat[row],
        "lon": M25.lon[col],
        "area": M25.areas()[row, col],
        "land_fraction": fraction.astype(np.float32),
        "water_fraction": (1 - fraction).astype(np.float32),
        "tile": (number // settings.tile_cells).astype(np.int32),
        "block": block_number(row, col, settings.block_cells).astype(np.int32),
    }
    cell = ("cell", index, {"compress": "y x", "long_name": "flat index on the 25 km grid"})
    return xr.Dataset({k: ("cell", v) for k, v in variables.items()}, coords={"cell": cell})


def _check_tiles(cells: xr.Dataset, settings: Domain) -> None:
    """Raise unless there are as many tiles as was planned with."""
    tiles = int(cells["tile"].values[-1]) + 1
    if tiles != settings.tiles:
        raise GlabError(
            "the domain has another number of tiles than was planned with",
            variable="domain.tiles",
            found=settings.tiles,
            expected=f"{tiles} ({cells.sizes['cell']} cells, {settings.tile_cells} a tile)",
            remedy=f"set domain: {{tiles: {tiles}}}",
        )


def static_layers(domain: xr.Dataset, static: xr.Dataset) -> xr.Dataset:
    """Maps on the cells of a domain: area-weighted means of what values there are.

    Args:
        domain: with `cell`.
        static: variables (…, y, x) of the registry on any rectilinear grid.

    Returns:
        Dataset of the same variables on (cell, …); flags as the map has them at a cell's centre;
        NaN where the map has no value.
    """
    onto = ToDomain(domain["cell"].values, Regrid(reader="map", valid_fraction_min=0.0))
    labels = {name: static[name] for name in static.dims if name in static.coords}
    layers = xr.Dataset(onto(static).variables, labels).transpose("cell", ...)
    return layers.assign_coords(cell=domain["cell"])


def map_layer(domain: xr.Dataset, granule: xr.Dataset, name: str, spec: GroundMap) -> Float32s:
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


def stack_classes(
    layers: Sequence[Float32s], name: str, domain: xr.Dataset, spec: GroundMap
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
