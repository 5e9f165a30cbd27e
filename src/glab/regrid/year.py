"""Regrid the granules of a source-year and merge them, block by block of days.

Granules are read one after the other. Several of one day (half orbits, channels, overpasses,
hours) become one field. A block of days is complete when all its granules have been read.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from glab.arrays import Array, Float32s, Float64s, Int16s
from glab.calendar import Days, time_blocks
from glab.errors import GlabError
from glab.regrid.archive import Archive, IngestReport
from glab.regrid.on_domain import (
    AXES,
    DomainValues,
    ToDomain,
    flag_numbers,
    flag_values,
    hour_weights,
    is_flag,
    split_by_day,
    unite_flags,
)


@dataclass(frozen=True, eq=False)
class Layout:
    """Variables of a source-year and the labels of their further dimensions.

    Attributes:
        dims: variable → its dimensions besides time and cell, in the order of the file.
        labels: dimension → labels, sorted.
    """

    dims: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, list]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the sizes of a variable's further dimensions."""
        return tuple(len(self.labels[dim]) for dim in self.dims[name])

    def index(self, values: DomainValues, dims: Sequence[Hashable]) -> tuple:
        """Return the positions of a granule's labels among those of the year.

        Args:
            values: the granule.
            dims: the further dimensions of one of its variables.

        Returns:
            An index of arrays (*dims, cell): slices where the labels are consecutive.
        """
        positions = []
        for dim in map(str, dims):
            known = self.labels[dim]
            positions.append([known.index(label) for label in values.labels[dim]])
        if all(axis == list(range(axis[0], axis[0] + len(axis))) for axis in positions):
            return tuple(slice(axis[0], axis[0] + len(axis)) for axis in positions)
        return (*np.ix_(*positions), slice(None))

    def check(self, values: DomainValues) -> None:
        """Raise unless a granule's labels are among those of the year."""
        for dim, labels in values.labels.items():
            if any(label not in self.labels.get(dim, []) for label in labels):
                raise GlabError(
                    "a granule has labels that the first one of its kind does not have",
                    variable=dim,
                    found=labels,
                    expected=self.labels.get(dim, []),
                )


@dataclass(frozen=True, eq=False)
class GranuleDay:
    """One granule's values of one day on the domain.

    Attributes:
        values: without dimension `time`.
        hour: its UTC hour if it has one.
    """

    values: DomainValues
    hour: float | None = None


def find_layout(granules: Iterable[xr.Dataset]) -> Layout:
    """Return variables and labels of a year file, from one granule of each kind."""
    dims: dict[str, tuple[str, ...]] = {}
    labels: dict[str, set] = {}
    for granule in granules:
        for name in granule:
            further = tuple(d for d in AXES if d in granule[name].dims)
            if dims.setdefault(str(name), further) != further:
                raise GlabError("granules of one source differ", variable=str(name), found=further)
        for dim in AXES:
            if dim in granule.dims:
                labels.setdefault(dim, set()).update(granule[dim].values.tolist())
    # Observations are counted by overpass where a source has several.
    passes = tuple(dim for dim in AXES[:1] if any(dim in further for further in dims.values()))
    dims.setdefault("count", passes)
    return Layout(dims, {dim: sorted(known, key=_natural) for dim, known in labels.items()})


def _natural(label: object) -> tuple:
    """Sort key: numbers by value, "6h" before "10h"."""
    if not isinstance(label, str):
        return (0.0, label)
    number = re.match(r"\d+", label)
    return (float(number[0]) if number else 0.0, label)


# --- one day ---------------------------------------------------------------------------------


def merge_day(
    granules: Sequence[GranuleDay], layout: Layout, lon: Float64s, local_hour: float | None = None
) -> dict[str, Array]:
    """Return one day's values, variable → array (cell, *further dimensions).

    Measured values are the mean over the granules, each weighted by the number of observations
    behind it (its variable `count`, else one) and, where granules are different hours, by
    `hour_weights`. Flags are united by `unite_flags`. `count` is the sum of the numbers of
    observations.

    Args:
        granules: of the day, in order of their names.
        layout: of the year.
        lon: of the cells, degrees, shape (cell,).
        local_hour: solar hour wanted of granules that are hours; None for their mean.
    """
    weights = _weights_of_hours(granules, lon, local_hour)
    day: dict[str, Array] = {}
    for name in layout.dims:
        having = [(g.values, w) for g, w in zip(granules, weights) if name in g.values.variables]
        shape = (*layout.shape(name), lon.size)
        if name == "count":
            merged: Array = _sum_counts([g.values for g in granules], layout, shape)
        elif is_flag(name):
            merged = _unite([values for values, _ in having], name, layout, shape)
        else:
            merged = _average(having, name, layout, shape)
        day[name] = np.moveaxis(merged, -1, 0)
    return day


def _weights_of_hours(
    granules: Sequence[GranuleDay], lon: Float64s, local_hour: float | None
) -> list[Float32s | None]:
    """Return the weight of each granule at each cell; None means one."""
    hours = np.unique([granule.hour for granule in granules if granule.hour is not None])
    if hours.size < 2:
        return [None] * len(granules)
    weights = dict(zip(hours.tolist(), hour_weights(hours, lon, local_hour)))
    return [None if granule.hour is None else weights[granule.hour] for granule in granules]


def _average(
    granules: Sequence[tuple[DomainValues, Float32s | None]],
    name: str,
    layout: Layout,
    shape: tuple[int, ...],
) -> Float32s:
    """Return the weighted mean of the valid values, NaN where there is none.

    `arrays.finite_mean` has no weights, and would need all granules of a day in memory at once.
    """
    out = np.full(shape, np.nan, np.float32)
    if len(granules) == 1 and granules[0][1] is None:
        values = granules[0][0]
        out[_index(values, name, layout)] = values.variables[name].values
        return out
    top, bottom = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for values, fraction in granules:
        measured = values.variables[name].values
        weight = _observations(values, name) * (1 if fraction is None else fraction)
        weight = np.where(np.isnan(measured), 0, weight)
        index = _index(values, name, layout)
        top[index] += np.nan_to_num(measured) * weight
        bottom[index] += weight
    return np.divide(top, bottom, out=out, where=bottom > 0)


def _observations(values: DomainValues, name: str) -> Float32s | int:
    """Return the number of observations behind each value."""
    if "count" not in values.variables:
        return 1
    dims, count = values.variables[name].dims, values.variables["count"].fillna(0)
    extra = [dim for dim in count.dims if dim not in dims]
    # A value without channels rests on the channel with most observations.
    count = count.max(extra) if extra else count
    return count.set_dims(dict(values.variables[name].sizes)).values


def _sum_counts(granules: Sequence[DomainValues], layout: Layout, shape: tuple[int, ...]) -> Int16s:
    """Return the number of observations, int16, zero where there is none."""
    out = np.zeros(shape, np.float32)
    kept = (*layout.dims["count"], "cell")
    for values in granules:
        if "count" in values.variables:
            out[_index(values, "count", layout)] += values.variables["count"].fillna(0).values
            continue
        # A granule without counts counts once where any of its variables has a value.
        seen = np.zeros(1, bool)
        for variable in values.variables.values():
            over = tuple(axis for axis, dim in enumerate(variable.dims) if dim not in kept)
            seen = seen | ~np.isnan(variable.values).all(axis=over)
        labels = [dim for dim in layout.dims["count"] if dim in values.labels]
        out[layout.index(values, labels)] += seen
    return np.minimum(np.rint(out), np.iinfo(np.int16).max).astype(np.int16)


def _unite(
    granules: Sequence[DomainValues], name: str, layout: Layout, shape: tuple[int, ...]
) -> Float32s:
    """Return the flags of all granules together, NaN where none has any."""
    out = np.full(shape, -1, np.int64)
    for values in granules:
        index = _index(values, name, layout)
        flags = flag_numbers(values.variables[name].values)
        out[index] = unite_flags(name, flags, out[index])
    return flag_values(out)


def _index(values: DomainValues, name: str, layout: Layout) -> tuple:
    """Return the position of a granule's variable in an array of the year."""
    return layout.index(values, values.variables[name].dims[:-1])


# --- a year ----------------------------------------------------------------------------------


def year_blocks(
    archive: Archive, days: Days, land: xr.Dataset, ingest: IngestReport
) -> Iterator[xr.Dataset]:
    """Yield the values of every day on the domain's cells, block by block of 31 days.

    Args:
        archive: the granules and the settings of their source.
        days: every day wanted; days without a granule are missing.
        land: `cell` and `lon` of the domain.
        ingest: granules used and set aside are listed there.

    Yields:
        Datasets (time, cell[, overpass][, angle][, channel]).

    Raises:
        GlabError: when no granule can be used, or too many cannot.
    """
    settings, lon = archive.settings, land["lon"].values
    onto = ToDomain(land["cell"].values, settings)
    # The file is defined before its first block, so all labels must be known in advance.
    layout = _layout(archive, onto, ingest)
    pending: dict[np.datetime64, list[GranuleDay]] = {}
    number = 0
    for block in time_blocks(days):
        while number < len(archive.paths) and archive.first_day[number] <= days[block][-1]:
            path = archive.paths[number]
            for day, granule in _regrid_granule(archive, path, days, lon, onto, layout, ingest):
                pending.setdefault(day, []).append(granule)
            number += 1
        complete = [(day, pending.pop(day, [])) for day in days[block]]
        yield _merge_block(complete, layout, land, settings.local_hour)
    # Granules after the last day were never read.
    ingest.outside += [path.name for path in archive.paths[number:]]
    ingest.check(settings.bad_fraction_max)


def _layout(archive: Archive, onto: ToDomain, ingest: IngestReport) -> Layout:
    """Return variables and labels of the year, from the first good granule of each kind."""
    first: dict[object, xr.Dataset] = {}
    # Not in the report of the year: these granules are read, and rejected, once more.
    failed = IngestReport()
    for path, kind in zip(archive.paths, archive.kind):
        if kind not in first:
            try:
                granule = next(iter(archive.read(path)))
                first[kind] = granule[onto.names(granule)]
            except GlabError as error:
                failed.reject(path, error)
    if first:
        return find_layout(first.values())
    reasons = ingest.set_aside | failed.set_aside
    raise GlabError(
        "no granule can be used" if reasons else "no granules to regrid",
        found="; ".join(f"{name}: {why}" for name, why in list(reasons.items())[:3]) or None,
        remedy="fill the archive, or leave this year of the source out of the configuration",
    )


def _regrid_granule(
    archive: Archive,
    path: Path,
    days: Days,
    lon: Float64s,
    onto: ToDomain,
    layout: Layout,
    ingest: IngestReport,
) -> list[tuple[np.datetime64, GranuleDay]]:
    """Return one granule's wanted days on the domain; none if it must be set aside."""
    by_day: list[tuple[np.datetime64, GranuleDay]] = []
    try:
        for granule in archive.read(path):
            for day, values, hour in split_by_day(onto(granule), lon, onto.settings.local_hour):
                layout.check(values)
                by_day.append((day, GranuleDay(values, hour)))
    except GlabError as error:
        ingest.reject(path, error)
        return []
    wanted = [(day, granule) for day, granule in by_day if days[0] <= day <= days[-1]]
    valid = {str(day) for day, granule in wanted if _has_values(granule.values)}
    ingest.accept(path, valid, outside=not wanted)
    return wanted


def _has_values(values: DomainValues) -> bool:
    measured = (v.values for name, v in values.variables.items() if name != "count")
    return any(not np.isnan(array).all() for array in measured)


def _merge_block(
    block: Sequence[tuple[np.datetime64, Sequence[GranuleDay]]],
    layout: Layout,
    land: xr.Dataset,
    local_hour: float | None,
) -> xr.Dataset:
    """Return the days of one block as a dataset."""
    lon = land["lon"].values
    arrays: dict[str, Array] = {}
    for name in layout.dims:
        dtype, missing = (np.int16, 0) if name == "count" else (np.float32, np.nan)
        shape = (len(block), lon.size, *layout.shape(name))
        arrays[name] = np.full(shape, missing, dtype)
    for number, (_, granules) in enumerate(block):
        if granules:
            for name, values in merge_day(granules, layout, lon, local_hour).items():
                arrays[name][number] = values
    dims = {name: ("time", "cell", *further) for name, further in layout.dims.items()}
    coordinates = {"time": np.array([day for day, _ in block], "datetime64[ns]")}
    return xr.Dataset(
        {name: (dims[name], values) for name, values in arrays.items()},
        coordinates | dict(layout.labels) | {"cell": land["cell"]},
    )
