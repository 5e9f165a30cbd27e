"""Select the values of one cell and day from a file, and write them as text."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from glab.arrays import Array
from glab.calendar import Days
from glab.errors import GlabError
from glab.grids import EARTH_RADIUS_KM, M25
from glab.grids.cells import select_cells

DIGITS = 5
"""Significant digits: the 0.01 K of packed brightness temperatures."""


def nearest_cell(domain: xr.Dataset, lat: float, lon: float) -> int:
    """Return the number of the cell that contains a point.

    Args:
        domain: `cell`, `lat` and `lon` of each cell.
        lat, lon: of the point, degrees.

    Raises:
        GlabError: for a point in no cell of the domain; it names the nearest cell.
    """
    row, col = (int(index) for index in M25.index(lat, lon))
    cell = row * M25.shape[1] + col
    if row >= 0 and cell in domain["cell"].values:
        return cell
    distance = _distance_km(domain["lat"].values, domain["lon"].values, lat, lon)
    nearest = int(distance.argmin())
    where = " ".join(f"{name} {float(domain[name][nearest]):.4f}" for name in ("lat", "lon"))
    raise GlabError(
        "no cell of the domain contains the point",
        path=domain.encoding.get("source"),
        variable="lat, lon",
        found=f"lat {lat} lon {lon}",
        expected=f"a point on land; the centre of the nearest cell is {where}, "
        f"{distance[nearest]:.0f} km away",
        remedy="give the centre of that cell",
    )


def cell_text(cell: int) -> str:
    """Return number, row, column and centre of a cell of the 25 km grid."""
    row, col = divmod(cell, M25.shape[1])
    return f"cell {cell}: row {row}, column {col}, lat {M25.lat[row]:.4f}, lon {M25.lon[col]:.4f}"


def _distance_km(lat: Array, lon: Array, point_lat: float, point_lon: float) -> Array:
    """Return the distance of places from a point on the sphere (haversine formula)."""
    y, x, y0, x0 = (np.radians(angle) for angle in (lat, lon, point_lat, point_lon))
    half = np.sin((y - y0) / 2) ** 2 + np.cos(y) * np.cos(y0) * np.sin((x - x0) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0)))


def time_index(dataset: xr.Dataset, day: np.datetime64) -> int | None:
    """Return the index of the time step that contains a day, None where there is none.

    Args:
        dataset: with `time`; with `time_bnds` (first day, day after the last) if in windows.
        day: the day.
    """
    start, end = window_bounds(dataset)
    inside = np.flatnonzero((start <= day) & (day < end))
    return int(inside[0]) if inside.size else None


def window_bounds(dataset: xr.Dataset) -> tuple[Days, Days]:
    """Return the first day of each time step and the day after its last, shape (time,)."""
    if "time_bnds" in dataset:
        bounds = dataset["time_bnds"].values.astype("datetime64[D]")
        return bounds[:, 0], bounds[:, 1]
    days = dataset["time"].values.astype("datetime64[D]")
    return days, (days + np.timedelta64(1, "D")).astype("datetime64[D]")


def select_point(dataset: xr.Dataset, cell: int, day: np.datetime64) -> xr.Dataset | None:
    """Return the variables of a file at one cell and day, in memory.

    Args:
        dataset: on (time, cell), on (cell), or a product on (time, y, x).
        cell: flat index on the 25 km grid.
        day: the day; of a file in windows, a day of the window.

    Returns:
        dimensions `time` and `cell` of length 1; None for a file without this cell or day.
    """
    if "time" in dataset.dims:
        step = time_index(dataset, day)
        if step is None:
            return None
        dataset = dataset.isel(time=slice(step, step + 1))
    if {"y", "x"} <= set(dataset.dims):
        row, col = (np.array([index]) for index in divmod(cell, M25.shape[1]))
        return _with_bounds(select_cells(dataset, row, col), dataset)
    if "cell" not in dataset.coords:
        return None
    position = np.flatnonzero(dataset["cell"].values == cell)
    return dataset.isel(cell=position).load() if position.size else None


def _with_bounds(fields: xr.Dataset, product: xr.Dataset) -> xr.Dataset:
    """Return the fields of a product with the bounds of its windows."""
    return fields.assign(time_bnds=product["time_bnds"]) if "time_bnds" in product else fields


def value_lines(point: xr.Dataset) -> Iterator[str]:
    """Yield the values of one cell and day as text, a variable or one of its layers per line.

    Args:
        point: from `select_point`.
    """
    for name, array in point.data_vars.items():
        if "cell" in array.dims:
            first = {dim: 0 for dim in ("time", "cell") if dim in array.dims}
            yield from _variable_lines(str(name), array.isel(first))


def _variable_lines(name: str, values: xr.DataArray) -> Iterator[str]:
    """Yield the values of a variable, its longest dimension along the line."""
    units = values.attrs.get("units", "1")
    unit = "" if units == "1" else f" {units}"
    if not np.isfinite(values.values).any():
        yield f"{name}: missing"
        return
    longest = [dim for dim in values.dims if values.sizes[dim] == max(values.shape)]
    inner = longest[-1] if longest else None
    outer = [dim for dim in values.dims if dim != inner]
    ordered = values.transpose(*outer, inner) if inner else values
    for index in np.ndindex(*(values.sizes[dim] for dim in outer)):
        layer = ordered[index]
        if np.isfinite(layer.values).any():
            labels = [str(values[dim].values[at]) for dim, at in zip(outer, index)]
            title = f"{name} ({', '.join(labels)})" if labels else name
            yield f"{title}: {_along(layer, inner)}{unit}"


def _along(layer: xr.DataArray, dim: Hashable | None) -> str:
    """Return a value, or the values along a dimension that are not missing, with their labels."""
    if dim is None:
        return _number(layer.values[()], layer.attrs)
    pairs = zip(layer[dim].values, layer.values)
    known = [(label, value) for label, value in pairs if np.isfinite(value)]
    return ", ".join(f"{label}={_number(value, layer.attrs)}" for label, value in known)


def _number(value: Any, attributes: Mapping[str, Any]) -> str:
    """Return a number with as many digits as work files store; of a flag, with its meaning."""
    words = str(attributes.get("flag_meanings", "")).split()
    if not words:
        return f"{value:.{DIGITS}g}" if np.asarray(value).dtype.kind == "f" else str(value)
    number = int(value)  # flags with gaps are floats in memory
    if "flag_masks" in attributes:
        masks = np.atleast_1d(attributes["flag_masks"]).tolist()
        meaning = ", ".join(word for word, mask in zip(words, masks) if number & mask) or "none"
    else:
        numbers = np.atleast_1d(attributes.get("flag_values", np.arange(len(words)))).tolist()
        meaning = dict(zip(numbers, words)).get(number, "no meaning")
    return f"{number} ({meaning})"
