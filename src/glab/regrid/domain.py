"""Choose, order and describe the land cells of the 25 km grid that a run works on.

A domain contains the cells' order, tiles and spatial blocks, static layers, and a user's maps of
the ground: clay, land cover, roughness, topography.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from glab.arrays import Float32s, Indices
from glab.config import Box, Domain, GroundMap, Regrid
from glab.errors import GlabError
from glab.grids import M25, Grid
from glab.regrid.land import land_fraction
from glab.regrid.on_domain import ToDomain, is_flag, source_grid

HILBERT_ORDER = 11
"""2 ** 11 = 2048 cells on a side are enough for the 1388 columns of the grid."""

GROUND = Regrid(reader="map", valid_fraction_min=0.0)
"""Regridding of maps: a cell takes the mean of the values that exist, however few."""


def build_domain(settings: Domain, static: xr.Dataset | None = None) -> xr.Dataset:
    """Return the domain of a run.

    Args:
        settings: box, least land fraction, sizes of tiles and blocks.
        static: maps on any rectilinear grid (variables (…, y, x), coordinates lat and lon) that
            are regridded to the cells.

    Returns:
        Dataset on `cell`, ordered along a space-filling curve, so that neighbours lie together
        and a part of the globe has the order of the whole: `cell` (flat index on the 25 km
        grid), `row`, `col`, `lat`, `lon`, `area` (m²), `land_fraction`, `tile`, `block`,
        `water_fraction` (sea, unless `static` has it), and the static maps, NaN where they have
        no value.

    Raises:
        GlabError: for a box without land, or a number of tiles that differs from the settings.
    """
    window = box_window(settings.box)
    fraction = land_fraction(window)
    # A cell without any land is never wanted, even where the settings ask for no land at all.
    land = np.nonzero(fraction >= max(settings.land_fraction_min, np.finfo(float).tiny))
    if land[0].size == 0:
        raise GlabError(
            "a domain without land",
            variable="domain.box",
            found=settings.box,
            remedy="choose a box that contains land, or a smaller domain.land_fraction_min",
        )
    row, col = M25.index(window.lat[land[0]], window.lon[land[1]])
    order = np.argsort(hilbert_index(row, col), kind="stable")
    cells = _cells(row[order], col[order], fraction[land][order], settings)
    _check_tiles(cells, settings)
    if static is None:
        return cells
    layers = static_layers(cells, static)
    if "water_fraction" in layers:
        layers["water_fraction"] = layers["water_fraction"].fillna(cells["water_fraction"])
    return cells.assign(layers.data_vars).assign_coords(layers.coords)


def box_window(box: Box) -> Grid:
    """Return the window of the 25 km grid whose cell centres lie in a box.

    Raises:
        GlabError: where there is none.
    """
    rows = np.flatnonzero((M25.lat >= box.south) & (M25.lat <= box.north))
    cols = np.flatnonzero((M25.lon >= box.west) & (M25.lon <= box.east))
    if rows.size == 0 or cols.size == 0:
        raise GlabError(
            "the box contains no cell of the 25 km grid",
            variable="domain.box",
            found=box,
            remedy="write degrees with west < east and south < north, some tenths apart",
        )
    return M25.window(rows, cols)


# --- order -----------------------------------------------------------------------------------


def hilbert_index(row: Indices, col: Indices, order: int = HILBERT_ORDER) -> Indices:
    """Return the position of cells on the Hilbert curve through a square of 2 ** order cells.

    Args:
        row, col: cells, 0 … 2 ** order − 1, any shape.
        order: of the curve.

    Reference: Hilbert (1891), doi:10.1007/BF01199431.
    """
    x, y = np.array(col, np.int64), np.array(row, np.int64)
    position = np.zeros_like(x)
    # From the largest squares to single cells: the quadrant of each level adds its cells, and the
    # curve within it is mirrored and transposed so that its ends meet those of its neighbours.
    for level in range(order - 1, -1, -1):
        side = np.int64(1) << level
        right, down = (x & side) > 0, (y & side) > 0
        position += side * side * ((3 * right) ^ down)
        x, y = x & (side - 1), y & (side - 1)
        mirrored = right & ~down
        x, y = np.where(mirrored, side - 1 - x, x), np.where(mirrored, side - 1 - y, y)
        x, y = np.where(down, x, y), np.where(down, y, x)
    return position


def block_number(row: Indices, col: Indices, block_cells: int) -> Indices:
    """Return the number of the square block of each cell, the same in every domain.

    Args:
        row, col: cells on the 25 km grid.
        block_cells: cells on a side of a block.
    """
    across = -(-M25.shape[1] // block_cells)
    return row // block_cells * across + col // block_cells


def _cells(row: Indices, col: Indices, fraction: Float32s, settings: Domain) -> xr.Dataset:
    """Return the dataset of the cells in their order."""
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
    """Raise unless the domain has the number of tiles of the settings, which plans are based on."""
    tiles = int(cells["tile"].values[-1]) + 1
    if tiles != settings.tiles:
        raise GlabError(
            "the domain has another number of tiles than the configuration",
            variable="domain.tiles",
            found=settings.tiles,
            expected=f"{tiles} ({cells.sizes['cell']} cells, {settings.tile_cells} per tile)",
            remedy=f"set domain: {{tiles: {tiles}}}",
        )


# --- maps of the ground ----------------------------------------------------------------------


def static_layers(domain: xr.Dataset, static: xr.Dataset) -> xr.Dataset:
    """Return maps on the cells of a domain: area-weighted means of the values that exist.

    Args:
        domain: with `cell`.
        static: variables (…, y, x) of the registry on any rectilinear grid.

    Returns:
        Dataset of the same variables on (cell, …); flags of the map's cell at a cell's centre;
        NaN where the map has no value.
    """
    onto = ToDomain(domain["cell"].values, GROUND)
    labels = {name: static[name] for name in static.dims if name in static.coords}
    layers = xr.Dataset(onto(static).variables, labels).transpose("cell", ...)
    return layers.assign_coords(cell=domain["cell"])


def map_layer(domain: xr.Dataset, granule: xr.Dataset, name: str, spec: GroundMap) -> Float32s:
    """Return one map on the cells of a domain, shape (cell,), NaN where it has no value.

    Quantities are area-weighted means of the values that exist (bilinear in its own x and y on a
    projected grid). Class numbers are those of the map at a cell's centre, unless `spec.classes`
    derives them from the mean.

    Args:
        domain: with `cell`.
        granule: `value` (y, x) with `lat`, `lon` and, where projected, the attribute `crs`.
        name: name of the variable on the domain.
        spec: factor and classes.
    """
    onto = ToDomain(domain["cell"].values, GROUND)
    flags = is_flag(name) and not spec.classes
    values = onto.regrid(granule["value"].values, source_grid(granule), flags=flags)
    values = values * np.float32(spec.factor)
    if spec.classes:
        known = np.isfinite(values)
        values = np.where(known, np.digitize(values, spec.classes), np.nan).astype(np.float32)
    return values


def stack_classes(
    layers: Sequence[Float32s], name: str, domain: xr.Dataset, spec: GroundMap
) -> xr.DataArray:
    """Return the layers of a map as one variable: land-cover classes side by side, or their sum.

    Args:
        layers: from `map_layer`.
        name: the variable.
        domain: with `cell`.
        spec: which classes, if their sum is wanted.
    """
    cell = {"cell": domain["cell"]}
    if spec.reader != "landcover" or spec.igbp is not None:
        # NaN in one class makes the sum NaN: an incomplete sum would be too small.
        total = np.sum(layers, axis=0, dtype=np.float32)
        return xr.DataArray(total, cell, ("cell",), name)
    numbers = np.arange(1, len(layers) + 1, dtype=np.int32)
    stacked = np.stack(layers, axis=1)
    return xr.DataArray(stacked, cell | {"igbp": numbers}, ("cell", "igbp"), name)
