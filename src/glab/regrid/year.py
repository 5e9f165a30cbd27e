"""Regrid the granules of a source-year and merge them, block by block of days.

Granules come in one after the other. Several of one day (half orbits, channels, overpasses,
hours) become one field. Blocks of days go out when all their granules are in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Float32s
from glab.calendar import Days, time_blocks
from glab.errors import GlabError
from glab.regrid.on_domain import AXES, DomainValues, ToDomain, hour_weights, is_flag, split_by_day
from glab.regrid.quality import IngestReport
from glab.variables import lookup


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
        """Sizes of a variable's further dimensions."""
        return tuple(len(self.labels[dim]) for dim in self.dims[name])

    def check(self, values: DomainValues) -> None:
        """Raise unless a granule's labels are among those of the year."""
        for dim, found in values.labels.items():
            if any(label not in self.labels.get(dim, []) for label in found):
                raise GlabError(
                    "a granule has labels that the first one of its kind does not have",
                    variable=dim,
                    found=found,
                    expected=self.labels.get(dim, []),
                )


@dataclass(frozen=True, eq=False)
class RegriddedPart:
    """One granule's values of one day on the domain; `hour`: its UTC hour if it has one."""

    values: DomainValues
    hour: float | None = None


def find_layout(granules: Iterable[xr.Dataset]) -> Layout:
    """What a year file must hold, from one granule of each kind."""
    dims: dict[str, tuple[str, ...]] = {}
    labels: dict[str, set] = {}
    for granule in granules:
        for name in granule:
            own = tuple(d for d in AXES if d in granule[name].dims)
            if dims.setdefault(str(name), own) != own:
                raise GlabError("granules of one source differ", variable=str(name), found=own)
        for dim in AXES:
            if dim in granule.dims:
                labels.setdefault(dim, set()).update(granule[dim].values.tolist())
    passes = tuple(dim for dim in AXES[:1] if any(dim in own for own in dims.values()))
    dims.setdefault("count", passes)
    return Layout(dims, {dim: sorted(found, key=_natural) for dim, found in labels.items()})


def _natural(label: object) -> tuple:
    """Sort key: numbers by value, "6h" before "10h"."""
    if not isinstance(label, str):
        return (0.0, label)
    number = re.match(r"\d+", label)
    return (float(number[0]) if number else 0.0, label)


def merge_parts(
    parts: Sequence[RegriddedPart], layout: Layout, lon: NDArray, local_hour: float | None = None
) -> dict[str, NDArray]:
    """One day's values, variable → array (cell, *further dimensions).

    Measured values are the mean over the granules, each weighted by the number of observations
    behind it (its variable `count`; one where it states none) and, where granules are different
    hours, by `hour_weights`. Bits of flags are united; of other flags the highest stands. `count`
    is the sum of the numbers of observations.

    Args:
        parts: granules of the day, in order of their names.
        layout: of the year.
        lon: of the cells, degrees, shape (cell,).
        local_hour: solar hour wanted of granules that are hours; None for their mean.
    """
    shares = _hour_fractions(parts, lon, local_hour)
    day: dict[str, NDArray] = {}
    for name in layout.dims:
        own = [(p.values, s) for p, s in zip(parts, shares) if name in p.values.variables]
        shape = (*layout.shape(name), lon.size)
        if name == "count":
            found = _counted([part.values for part in parts], layout, shape)
        elif is_flag(name):
            found = _united([values for values, _ in own], name, layout, shape)
        else:
            found = _mean(own, name, layout, shape)
        day[name] = np.moveaxis(found, -1, 0)
    return day


def _hour_fractions(
    parts: Sequence[RegriddedPart], lon: NDArray, local_hour: float | None
) -> list[Float32s | None]:
    """Weight of each granule at each cell; None stands for one."""
    hours = np.unique([part.hour for part in parts if part.hour is not None])
    if hours.size < 2:
        return [None] * len(parts)
    weights = dict(zip(hours.tolist(), hour_weights(hours, lon, local_hour)))
    return [None if part.hour is None else weights[part.hour] for part in parts]


def _mean(
    own: Sequence[tuple[DomainValues, Float32s | None]],
    name: str,
    layout: Layout,
    shape: tuple[int, ...],
) -> Float32s:
    """Weighted mean of the valid values, NaN where there is none."""
    out = np.full(shape, np.nan, np.float32)
    if len(own) == 1 and own[0][1] is None:
        out[_place(own[0][0], name, layout)] = own[0][0].variables[name].values
        return out
    top, bottom = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for values, share in own:
        found = values.variables[name].values
        weight = _observations(values, name) * (1 if share is None else share)
        weight = np.where(np.isnan(found), 0, weight)
        place = _place(values, name, layout)
        top[place] += np.nan_to_num(found) * weight
        bottom[place] += weight
    return np.divide(top, bottom, out=out, where=bottom > 0)


def _observations(values: DomainValues, name: str) -> Float32s | int:
    """Number of observations behind each value."""
    if "count" not in values.variables:
        return 1
    dims, count = values.variables[name].dims, values.variables["count"].fillna(0)
    extra = [dim for dim in count.dims if dim not in dims]
    count = count.max(extra) if extra else count
    return count.set_dims(dict(values.variables[name].sizes)).values


def _counted(parts: Sequence[DomainValues], layout: Layout, shape: tuple[int, ...]) -> NDArray:
    """Number of observations, int16, zero where there is none."""
    out = np.zeros(shape, np.float32)
    kept = (*layout.dims["count"], "cell")
    for values in parts:
        if "count" in values.variables:
            out[_place(values, "count", layout)] += values.variables["count"].fillna(0).values
            continue
        seen = np.zeros(1, bool)
        for variable in values.variables.values():
            over = tuple(axis for axis, dim in enumerate(variable.dims) if dim not in kept)
            seen = seen | ~np.isnan(variable.values).all(axis=over)
        labels = [dim for dim in layout.dims["count"] if dim in values.labels]
        out[_where(values, labels, layout)] += seen
    return np.minimum(np.rint(out), np.iinfo(np.int16).max).astype(np.int16)


def _united(
    own: Sequence[DomainValues], name: str, layout: Layout, shape: tuple[int, ...]
) -> Float32s:
    """Flags of all granules together, NaN where none has any."""
    out = np.full(shape, -1, np.int64)
    masks = lookup(name).flag_masks
    for values in own:
        place, found = _place(values, name, layout), values.variables[name].values
        flags = np.where(np.isnan(found), -1, found).astype(np.int64)
        both = (flags >= 0) & (out[place] >= 0)
        joined = np.where(both, flags | out[place], np.maximum(flags, out[place]))
        out[place] = joined if masks else np.maximum(flags, out[place])
    return np.where(out < 0, np.nan, out).astype(np.float32)


def _place(values: DomainValues, name: str, layout: Layout) -> tuple:
    """Where a granule's variable belongs among the labels of the year."""
    return _where(values, values.variables[name].dims[:-1], layout)


def _where(values: DomainValues, dims: Sequence[Hashable], layout: Layout) -> tuple:
    places = []
    for dim in map(str, dims):
        known = layout.labels[dim]
        places.append([known.index(label) for label in values.labels[dim]])
    if all(where == list(range(where[0], where[0] + len(where))) for where in places):
        return tuple(slice(where[0], where[0] + len(where)) for where in places)
    return (*np.ix_(*places), slice(None))


Read = Callable[[Path], Iterable[xr.Dataset]]


@dataclass(frozen=True, eq=False)
class Archive:
    """The granules of a source-year.

    Attributes:
        paths: files, ordered by their first day.
        first_day: of each file.
        kind: of each file; files of one kind hold the same overpass and channels.
        read: yields the datasets of one file (a long one in several).
    """

    paths: Sequence[Path]
    first_day: Sequence[np.datetime64]
    kind: Sequence[object]
    read: Read


def year_blocks(
    archive: Archive, days: Days, domain: xr.Dataset, onto: ToDomain, ingest: IngestReport
) -> Iterator[xr.Dataset]:
    """Values of every day on the domain's cells, block by block of 31 days.

    Args:
        archive: the granules.
        days: every day wanted; days without a granule are missing.
        domain: with `cell` and `lon`.
        onto: puts a granule onto the cells.
        ingest: takes what could not be used.

    Yields:
        Datasets (time, cell, overpass, angle, channel), as far as the source has them.

    Raises:
        GlabError: when no granule can be used, or too many cannot.
    """
    layout = _layout(archive, onto, ingest)
    pending: dict[np.datetime64, list[RegriddedPart]] = {}
    place = 0
    for block in time_blocks(days):
        while place < len(archive.paths) and archive.first_day[place] <= days[block][-1]:
            _take_in(archive, place, days, domain, onto, layout, pending, ingest)
            place += 1
        today = [(day, pending.pop(day, [])) for day in days[block]]
        yield _block(today, layout, domain, onto.settings.local_hour)
    ingest.outside += [path.name for path in archive.paths[place:]]
    ingest.check(onto.settings.bad_fraction_max)


def _layout(archive: Archive, onto: ToDomain, ingest: IngestReport) -> Layout:
    """Variables and labels of the year, from the first good granule of each kind."""
    found: dict[object, xr.Dataset] = {}
    failed = IngestReport()
    for path, kind in zip(archive.paths, archive.kind):
        if kind not in found:
            try:
                granule = next(iter(archive.read(path)))
                found[kind] = granule[onto.names(granule)]
            except GlabError as error:
                failed.reject(path, error)
    if found:
        return find_layout(found.values())
    reasons = ingest.set_aside | failed.set_aside
    raise GlabError(
        "no granule can be used" if reasons else "no granules to regrid",
        found="; ".join(f"{name}: {why}" for name, why in list(reasons.items())[:3]) or None,
        remedy="fill the archive, or leave this year of the source out of the configuration",
    )


def _take_in(
    archive: Archive,
    place: int,
    days: Days,
    domain: xr.Dataset,
    onto: ToDomain,
    layout: Layout,
    pending: dict[np.datetime64, list[RegriddedPart]],
    ingest: IngestReport,
) -> None:
    """Regrid one file and keep its days until their block is due."""
    path = archive.paths[place]
    parts: list[tuple[np.datetime64, RegriddedPart]] = []
    lon, local_hour = domain["lon"].values, onto.settings.local_hour
    try:
        for granule in archive.read(path):
            for day, values, hour in split_by_day(onto(granule), lon, local_hour):
                layout.check(values)
                parts.append((day, RegriddedPart(values, hour)))
    except GlabError as error:
        ingest.reject(path, error)
        return
    ingest.used.append(path.name)
    wanted = [(day, part) for day, part in parts if days[0] <= day <= days[-1]]
    if not wanted:
        ingest.outside.append(path.name)
    elif not any(_has_values(part.values) for _, part in wanted):
        ingest.empty.append(path.name)
    for day, part in wanted:
        pending.setdefault(day, []).append(part)


def _has_values(values: DomainValues) -> bool:
    measured = (v.values for name, v in values.variables.items() if name != "count")
    return any(not np.isnan(found).all() for found in measured)


def _block(
    today: Sequence[tuple[np.datetime64, Sequence[RegriddedPart]]],
    layout: Layout,
    domain: xr.Dataset,
    local_hour: float | None,
) -> xr.Dataset:
    """The days of one block as a dataset."""
    lon = domain["lon"].values
    arrays = {}
    for name in layout.dims:
        kind = (np.int16, 0) if name == "count" else (np.float32, np.nan)
        shape = (len(today), lon.size, *layout.shape(name))
        arrays[name] = np.full(shape, kind[1], kind[0])
    for number, (_, parts) in enumerate(today):
        if parts:
            for name, values in merge_parts(parts, layout, lon, local_hour).items():
                arrays[name][number] = values
    dims = {name: ("time", "cell", *own) for name, own in layout.dims.items()}
    coordinates = {"time": np.array([day for day, _ in today], "datetime64[ns]")}
    return xr.Dataset(
        {name: (dims[name], values) for name, values in arrays.items()},
        coordinates | dict(layout.labels) | {"cell": domain["cell"]},
    )
