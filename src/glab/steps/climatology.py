"""The step of `climatology`: all years of a baseline, one tile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from glab import io
from glab.calendar import Days
from glab.climatology.cycles import check_has_data, fit_cycles, name_series, no_data_error
from glab.climatology.series import concatenate_blocks, series_blocks
from glab.config import Climatology, Period
from glab.errors import GlabError


def climatology(
    years: list[Path],
    domain: Path,
    output: Path,
    tile: int,
    settings: Climatology,
    surface: list[Path] | None = None,
) -> None:
    """Fit the seasonal cycle of one tile of a source over a baseline.

    Args:
        years: year files of the source; days outside of the baseline are left out.
        domain: the domain.
        output: coefficients, flags and counts of the tile's cells.
        tile: number of the tile.
        settings: slice of the source and baseline.
        surface: year files that say where the ground is frozen.
    """
    land = io.read(domain)
    cells = _cells_of(land, tile, domain)
    here = land.isel(cell=cells)
    surfaces = [io.read(path).isel(cell=cells) for path in surface or []]
    days = _days_of(years, settings)
    values = concatenate_blocks(_parts(years, cells, surfaces, here, settings), days)
    fitted = name_series(fit_cycles(values, settings), settings.source, settings.baseline_name)
    if here.sizes["cell"] == land.sizes["cell"]:
        check_has_data(fitted)
    inputs = [*years, domain, *(surface or [])]
    io.write(fitted, output, io.Provenance("climatology", settings, inputs))


def _cells_of(domain: xr.Dataset, tile: int, path: Path) -> slice:
    """The consecutive cells of a tile."""
    numbers = domain["tile"].values
    places = np.flatnonzero(numbers == tile)
    if places.size == 0:
        known = f"{numbers.min()} … {numbers.max()}" if numbers.size else "none"
        raise GlabError(f"the domain has no tile {tile}", path=path, expected=known)
    return slice(int(places[0]), int(places[-1]) + 1)


def _parts(
    years: Sequence[Path],
    cells: slice,
    surfaces: Sequence[xr.Dataset],
    domain: xr.Dataset,
    settings: Climatology,
) -> Iterator[xr.Dataset]:
    """The series of a tile, month by month through its years; one file is open at a time."""
    for path in sorted(years):
        with io.read(path) as source:
            part = _within(source, settings.baseline).isel(cell=cells)
            yield from series_blocks(part, surfaces, domain, settings.series, settings.mask)


def _within(source: xr.Dataset, baseline: Period) -> xr.Dataset:
    """The days of a source-year that lie in the baseline."""
    days = source["time"].values.astype("datetime64[D]")
    last = baseline.end or days[-1]
    inside = (days >= np.datetime64(baseline.start)) & (days <= np.datetime64(last))
    places = np.flatnonzero(inside)
    part = slice(places[0], places[-1] + 1) if places.size else slice(0)
    return source.isel(time=part)


def _days_of(years: Sequence[Path], settings: Climatology) -> Days:
    """All days of the baseline that a source has files for.

    Raises:
        GlabError: when there is none.
    """
    days = []
    for path in sorted(years):
        with io.read(path) as source:
            days.append(_within(source, settings.baseline)["time"].values)
    if any(part.size for part in days):
        return np.concatenate(days).astype("datetime64[D]")
    period = settings.baseline
    found = f"{period.start} … {period.end or 'open'}"
    raise no_data_error(settings.source, settings.baseline_name, found)
