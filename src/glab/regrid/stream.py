"""A source-year in blocks of days: granules come in one after the other, whole blocks go out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from glab.calendar import Days, time_blocks
from glab.errors import GlabError
from glab.regrid.ingest import Ingest
from glab.regrid.merge import Layout, Part, layout_of, merged
from glab.regrid.on_domain import OnDomain, Values, by_day

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
    archive: Archive, days: Days, domain: xr.Dataset, onto: OnDomain, ingest: Ingest
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
    pending: dict[np.datetime64, list[Part]] = {}
    place = 0
    for block in time_blocks(days):
        while place < len(archive.paths) and archive.first_day[place] <= days[block][-1]:
            _take_in(archive, place, days, domain, onto, layout, pending, ingest)
            place += 1
        today = [(day, pending.pop(day, [])) for day in days[block]]
        yield _block(today, layout, domain, onto.settings.local_hour)
    ingest.outside += [path.name for path in archive.paths[place:]]
    ingest.check(onto.settings.bad_share_max)


def _layout(archive: Archive, onto: OnDomain, ingest: Ingest) -> Layout:
    """Variables and labels of the year, from the first good granule of each kind."""
    found: dict[object, xr.Dataset] = {}
    failed = Ingest()
    for path, kind in zip(archive.paths, archive.kind):
        if kind not in found:
            try:
                granule = next(iter(archive.read(path)))
                found[kind] = granule[onto.names(granule)]
            except GlabError as error:
                failed.reject(path, error)
    if found:
        return layout_of(found.values())
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
    onto: OnDomain,
    layout: Layout,
    pending: dict[np.datetime64, list[Part]],
    ingest: Ingest,
) -> None:
    """Regrid one file and keep its days until their block is due."""
    path = archive.paths[place]
    parts: list[tuple[np.datetime64, Part]] = []
    lon, local_hour = domain["lon"].values, onto.settings.local_hour
    try:
        for granule in archive.read(path):
            for day, values, hour in by_day(onto(granule), lon, local_hour):
                layout.check(values)
                parts.append((day, Part(values, hour)))
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


def _has_values(values: Values) -> bool:
    measured = (v.values for name, v in values.variables.items() if name != "count")
    return any(not np.isnan(found).all() for found in measured)


def _block(
    today: Sequence[tuple[np.datetime64, Sequence[Part]]],
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
            for name, values in merged(parts, layout, lon, local_hour).items():
                arrays[name][number] = values
    dims = {name: ("time", "cell", *own) for name, own in layout.dims.items()}
    coordinates = {"time": np.array([day for day, _ in today], "datetime64[ns]")}
    return xr.Dataset(
        {name: (dims[name], values) for name, values in arrays.items()},
        coordinates | dict(layout.labels) | {"cell": domain["cell"]},
    )
