"""Convert between the cells of a domain and the two-dimensional grid of products (CF)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Array, Float64s, Indices, positions
from glab.errors import GlabError
from glab.grids import M25, M25_CELL_M, Grid

EPSG = 6933
"""The projection of the global EASE-Grid 2.0."""

COORDINATE = {"coverage_content_type": "coordinate"}
"""Attribute of coordinates after ACDD-1.3."""

MAPPING = "crs"
"""Name of the grid-mapping variable."""


@dataclass(frozen=True)
class Extent:
    """A rectangle of the 25 km grid, and the positions of the cells of a domain in it.

    Attributes:
        rows, cols: of the rectangle on the 25 km grid.
        row, col: of each cell within the rectangle, shape (cell,).
    """

    rows: slice
    cols: slice
    row: Indices
    col: Indices

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the rectangle."""
        return self.rows.stop - self.rows.start, self.cols.stop - self.cols.start

    @property
    def grid(self) -> Grid:
        """The rectangle as a grid."""
        return M25.window(self.rows, self.cols)


def extent_of(domain: xr.Dataset, extent: str = "auto") -> Extent:
    """Return the rectangle that products of a domain cover.

    Args:
        domain: `row` and `col` of each cell.
        extent: "grid" (the whole grid), "window" (the smallest rectangle with all cells), or
            "auto" (the whole grid if that rectangle is more than half of it).
    """
    row, col = (domain[name].values.astype(np.int64) for name in ("row", "col"))
    rows, cols = (slice(int(i.min()), int(i.max()) + 1) for i in (row, col))
    fraction = (rows.stop - rows.start) * (cols.stop - cols.start) / (M25.shape[0] * M25.shape[1])
    if extent == "grid" or (extent == "auto" and fraction > 0.5):
        rows, cols = slice(0, M25.shape[0]), slice(0, M25.shape[1])
    return Extent(rows, cols, row - rows.start, col - cols.start)


def check_cells(domain: xr.Dataset, *files: xr.Dataset) -> None:
    """Raise a GlabError unless files have the cells of a domain, in its order."""
    expected = domain["cell"].values
    for file in files:
        cells = file["cell"].values
        if not np.array_equal(expected, cells):
            raise GlabError(
                "a file has the cells of another domain",
                path=file.encoding.get("source"),
                variable="cell",
                found=f"{cells.size} cells, first {cells[:3]}",
                expected=f"{expected.size} cells, first {expected[:3]}",
                remedy="make the file again with this domain, or use the domain of the file",
            )


def to_grid(values: Array, window: Extent) -> Array:
    """Put values of cells onto the rectangle; NaN (whole numbers: 0) where there is no cell.

    Args:
        values: shape (…, cell).
        window: from `extent_of`.

    Returns:
        same dtype, shape (…, y, x).
    """
    empty = np.nan if values.dtype.kind == "f" else 0
    field = np.full((*values.shape[:-1], *window.shape), empty, values.dtype)
    field[..., window.row, window.col] = values
    return field


def dataset_to_grid(cells: xr.Dataset, window: Extent) -> xr.Dataset:
    """Return variables of (…, cell) as variables of (…, y, x), all others unchanged."""
    variables = {}
    for name, array in cells.data_vars.items():
        dims = array.dims
        if dims[-1:] == ("cell",):
            dims, values = (*dims[:-1], "y", "x"), to_grid(array.values, window)
            mapping = {"grid_mapping": MAPPING, "coordinates": "lat lon"}
            variables[name] = xr.Variable(dims, values, array.attrs | mapping)
        else:
            variables[name] = array.variable
    times = {name: c for name, c in cells.coords.items() if "cell" not in c.dims}
    return xr.Dataset(variables, times)


def horizontal_coordinates(window: Extent) -> xr.Dataset:
    """Return the coordinates of the rectangle: y, x in m, lat, lon with bounds, grid mapping."""
    rows, cols = (np.arange(part.start, part.stop) for part in (window.rows, window.cols))
    half_height, half_width = (n / 2 * M25_CELL_M for n in M25.shape)
    grid = window.grid
    axes = {
        "y": _axis("y", half_height - (rows + 0.5) * M25_CELL_M),
        "x": _axis("x", (cols + 0.5) * M25_CELL_M - half_width),
        "lat": ("y", grid.lat, {"bounds": "lat_bnds", **COORDINATE}),
        "lon": ("x", grid.lon, {"bounds": "lon_bnds", **COORDINATE}),
    }
    bounds = {
        "lat_bnds": (("y", "nv"), grid.lat_bounds),
        "lon_bnds": (("x", "nv"), grid.lon_bounds),
        MAPPING: ((), np.int32(0), grid_mapping()),
    }
    return xr.Dataset(bounds, axes)


def _axis(name: str, centres_m: Float64s) -> tuple[str, Float64s, dict]:
    attributes = {
        "units": "m",
        "standard_name": f"projection_{name}_coordinate",
        "long_name": f"{name} of the cell centre in the projection",
        "axis": name.upper(),
        **COORDINATE,
    }
    return name, centres_m, attributes


def grid_mapping() -> dict[str, Any]:
    """Return the CF attributes of the projection of the grid."""
    from pyproj import CRS

    return dict(CRS.from_epsg(EPSG).to_cf())


def select_cells(
    product: xr.Dataset, row: NDArray[np.integer], col: NDArray[np.integer]
) -> xr.Dataset:
    """Load the variables of a product at some cells, as variables of (…, cell).

    Args:
        product: with `lat` on y and `lon` on x, on the 25 km grid or a rectangle of it.
        row, col: of the cells on the whole 25 km grid, shape (cell,).

    Raises:
        GlabError: when the product is on another grid or does not cover a cell.
    """
    rows = M25.index(product["lat"].values, product["lon"].values[:1])[0]
    cols = M25.index(product["lat"].values[:1], product["lon"].values)[1]
    y, x = (positions(wanted, known) for wanted, known in ((row, rows), (col, cols)))
    if (y < 0).any() or (x < 0).any():
        raise GlabError(
            "a product does not cover the cells",
            path=product.encoding.get("source"),
            found=f"{(y < 0).sum() + (x < 0).sum()} cells outside",
            expected="a rectangle of the 25 km EASE-Grid 2.0 that contains them",
        )
    fields = [name for name, array in product.data_vars.items() if {"y", "x"} <= set(array.dims)]
    window = {"y": slice(y.min(), y.max() + 1), "x": slice(x.min(), x.max() + 1)}
    loaded = product[fields].isel(window).load()
    picked = {
        "y": xr.DataArray(y - y.min(), dims="cell"),
        "x": xr.DataArray(x - x.min(), dims="cell"),
    }
    return loaded.isel(picked).drop_vars(["y", "x"], errors="ignore")


def to_whole_grid(fields: xr.Dataset) -> xr.Dataset:
    """Put variables of (…, y, x) on a rectangle of the 25 km grid onto the whole grid."""
    rows = M25.index(fields["lat"].values, fields["lon"].values[:1])[0]
    cols = M25.index(fields["lat"].values[:1], fields["lon"].values)[1]
    whole_fields = {}
    for name, array in fields.data_vars.items():
        if array.dims[-2:] == ("y", "x"):
            whole = np.full((*array.shape[:-2], *M25.shape), np.nan, np.float32)
            whole[..., rows[:, None], cols] = array.values
            whole_fields[name] = (array.dims, whole)
    return xr.Dataset(whole_fields)
