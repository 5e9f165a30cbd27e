"""One Zarr store per product: all years behind each other in chunks of one size."""

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

OF_A_YEAR = ("id", "title", "glab_inputs", "time_coverage_duration")
"""Attributes of a yearly file that the store does not inherit as they are."""


def check_years(years: Sequence[xr.Dataset]) -> None:
    """Raise a GlabError unless yearly files follow each other and are alike but for time.

    Args:
        years: product files, opened without decoding, in order.
    """
    if not years:
        raise GlabError("no year of the product to publish")
    first = years[0]
    for before, year in zip(years, years[1:]):
        place = year.encoding.get("source")
        if year["time"].values[0] <= before["time"].values[-1]:
            raise GlabError("years are out of order or overlap", path=place, variable="time")
        if list(year.variables) != list(first.variables):
            odd = set(year.variables) ^ set(first.variables)
            raise GlabError("years differ in their variables", path=place, found=sorted(odd))
        for name in ("y", "x"):
            if not np.array_equal(year[name], first[name]):
                raise GlabError("years differ in their grid", path=place, variable=name)


def fill_store(group: zarr.Group, years: Sequence[xr.Dataset], settings: Publish) -> None:
    """Write every variable of all years into an empty Zarr group (format 2).

    Values, missing values and attributes are those of the files, bit by bit. Chunks that are
    missing throughout are not stored.

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
        array = _array(group, name, variable, length, settings)
        if "time" not in variable.dims:
            array[...] = variable.values
            continue
        for start, values in _blocks(years, name, settings.chunk_time):
            array[start : start + len(values)] = values


def _array(
    group: zarr.Group, name: str, variable: xr.Variable, length: int, settings: Publish
) -> zarr.Array:
    """An empty array for all years of a variable, with its attributes."""
    from numcodecs import Blosc

    sizes = {str(d): length if d == "time" else n for d, n in variable.sizes.items()}
    attributes = json_attributes(variable.attrs)
    fill_store = attributes.pop("_FillValue", None)
    return group.create_array(
        name,
        shape=tuple(sizes.values()),
        chunks=chunk_lengths(sizes, settings),
        dtype=variable.dtype,
        fill_value=fill_store,
        compressors=Blosc(cname="zstd", clevel=5, shuffle=Blosc.SHUFFLE),
        attributes={**attributes, "_ARRAY_DIMENSIONS": list(sizes)},
    )


def chunk_lengths(sizes: Mapping[str, int], settings: Publish) -> tuple[int, ...]:
    """Chunk length of each dimension: as configured on fields, whole on coordinates.

    Along time it is the same however many years there are, so that a further year moves none.
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
    """Values of a variable over all years in stretches of `length`, with the start of each."""
    waiting: list[NDArray[Any]] = []
    start = held = 0
    for year in years:
        place = 0
        while place < year.sizes["time"]:
            waiting.append(year[name][place : place + length - held].values)
            place, held = place + len(waiting[-1]), held + len(waiting[-1])
            if held == length:
                yield start, np.concatenate(waiting)
                waiting, start, held = [], start + length, 0
    if waiting:
        yield start, np.concatenate(waiting)


def store_attributes(years: Sequence[xr.Dataset]) -> dict[str, Any]:
    """Global attributes of the store: the files' own, with the time they cover together."""
    first, last = years[0].attrs, years[-1].attrs
    shared = {key: value for key, value in first.items() if last.get(key) == value}
    kept = {key: value for key, value in shared.items() if key not in OF_A_YEAR}
    span = {"time_coverage_end": last["time_coverage_end"]} if "time_coverage_end" in last else {}
    title = first.get("title", "").rsplit(",", 1)[0]
    start = {key: first[key] for key in ("time_coverage_start",) if key in first}
    return json_attributes(kept | start | span | {"title": title, "id": first.get("product", "")})


def json_attributes(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Attributes as JSON knows them: numbers, texts and lists."""
    return {
        str(key): value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        for key, value in attributes.items()
    }
