"""Write all years of a product to one Zarr store, in chunks of one size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.config import Publish
from glab.errors import GlabError

if TYPE_CHECKING:
    import zarr

YEARLY_ATTRIBUTES = ("id", "title", "glab_inputs", "time_coverage_duration")
"""Attributes of a yearly file that do not apply to the store."""

COMPRESSION_LEVEL = 5
"""Of zstd, 1…9: the default of numcodecs' Blosc, a compromise of size and time."""


def check_years(years: Sequence[xr.Dataset]) -> None:
    """Raise a GlabError unless yearly files are in order and have the same variables and grid.

    Args:
        years: product files, opened without decoding, in order.
    """
    if not years:
        raise GlabError("no year of the product to publish")
    first = years[0]
    for before, year in zip(years, years[1:]):
        path = year.encoding.get("source")
        if year["time"].values[0] <= before["time"].values[-1]:
            raise GlabError("years are out of order or overlap", path=path, variable="time")
        if list(year.variables) != list(first.variables):
            only_one = sorted(map(str, set(year.variables) ^ set(first.variables)))
            raise GlabError("years differ in their variables", path=path, found=only_one)
        for name in ("y", "x"):
            if not np.array_equal(year[name], first[name]):
                raise GlabError("years differ in their grid", path=path, variable=name)


def fill_store(group: zarr.Group, years: Sequence[xr.Dataset], settings: Publish) -> None:
    """Write every variable of all years into an empty Zarr group (format 2).

    Values, missing values and attributes equal those of the files bit by bit. Chunks without any
    value are not stored.

    Args:
        group: the group.
        years: product files, opened without decoding, in order.
        settings: chunk lengths.
    """
    check_years(years)
    first = years[0]
    length = sum(year.sizes["time"] for year in years)
    for name in map(str, first.variables):
        variable = first[name].variable
        array = _create_array(group, name, variable, length, settings)
        # Coordinates of the grid are the same in all years, see `check_years`.
        if "time" not in variable.dims:
            array[...] = variable.values
            continue
        for start, values in _blocks(years, name, settings.chunk_time):
            array[start : start + len(values)] = values


def _create_array(
    group: zarr.Group, name: str, variable: xr.Variable, length: int, settings: Publish
) -> zarr.Array:
    """Create the empty array of a variable for all years, with its attributes."""
    from numcodecs import Blosc

    sizes = {str(d): length if d == "time" else n for d, n in variable.sizes.items()}
    attributes = json_attributes(variable.attrs)
    # In Zarr format 2 the missing value is a property of the array, not an attribute.
    fill_value = attributes.pop("_FillValue", None)
    return group.create_array(
        name,
        shape=tuple(sizes.values()),
        chunks=chunk_lengths(sizes, settings),
        dtype=variable.dtype,
        fill_value=fill_value,
        compressors=Blosc(cname="zstd", clevel=COMPRESSION_LEVEL, shuffle=Blosc.SHUFFLE),
        attributes={**attributes, "_ARRAY_DIMENSIONS": list(sizes)},
    )


def chunk_lengths(sizes: Mapping[str, int], settings: Publish) -> tuple[int, ...]:
    """Return the chunk length of each dimension: configured for fields, whole for coordinates.

    Along time it does not depend on the number of years, so a further year changes no full chunk.
    """
    if not {"time", "y", "x"} <= sizes.keys():
        return tuple(sizes.values())
    configured = {"y": settings.chunk_y, "x": settings.chunk_x}
    return tuple(
        settings.chunk_time if dim == "time" else min(configured.get(dim, size), size)
        for dim, size in sizes.items()
    )


def _blocks(
    years: Sequence[xr.Dataset], name: str, length: int
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the values of a variable over all years in blocks of `length`, with their starts."""
    pieces: list[NDArray[Any]] = []
    start = collected = 0
    for year in years:
        step = 0
        while step < year.sizes["time"]:
            pieces.append(year[name][step : step + length - collected].values)
            step, collected = step + len(pieces[-1]), collected + len(pieces[-1])
            if collected == length:
                yield start, np.concatenate(pieces)
                pieces, start, collected = [], start + length, 0
    if pieces:
        yield start, np.concatenate(pieces)


def store_attributes(years: Sequence[xr.Dataset]) -> dict[str, Any]:
    """Return the global attributes of the store: those of the files, with their total period."""
    first, last = years[0].attrs, years[-1].attrs
    attributes = {
        key: value
        for key, value in first.items()
        if last.get(key) == value and key not in YEARLY_ATTRIBUTES
    }
    for key, year in (("time_coverage_start", first), ("time_coverage_end", last)):
        if key in year:
            attributes[key] = year[key]
    attributes["title"] = first.get("title", "").rsplit(",", 1)[0]  # without the year
    attributes["id"] = first.get("product", "")
    return json_attributes(attributes)


def json_attributes(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Convert attributes to types of JSON: numbers, texts and lists."""
    return {
        str(key): value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        for key, value in attributes.items()
    }
