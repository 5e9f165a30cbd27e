"""Run the stage `climatology`: all years of a baseline → the cycles of one tile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from glab import io
from glab.calendar import Days, days_within
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
        surface: year files with temperature and snow, which give frozen ground.
    """
    land = io.read(domain)
    cells = _cells_of_tile(land, tile, domain)
    tile_land = land.isel(cell=cells)
    surfaces = [io.read(path).isel(cell=cells) for path in surface or []]
    days = _baseline_days(years, settings)
    blocks = _tile_blocks(years, cells, surfaces, tile_land, settings)
    cycles = fit_cycles(concatenate_blocks(blocks, days), settings)
    cycles = name_series(cycles, settings.source, settings.baseline_name)
    if tile_land.sizes["cell"] == land.sizes["cell"]:
        check_has_data(cycles)
    inputs = [*years, domain, *(surface or [])]
    io.write(cycles, output, io.Provenance("climatology", settings, inputs))


def _cells_of_tile(domain: xr.Dataset, tile: int, path: Path) -> slice:
    """Return the consecutive cells of a tile."""
    numbers = domain["tile"].values
    cells = np.flatnonzero(numbers == tile)
    if cells.size == 0:
        known = f"{numbers.min()} … {numbers.max()}" if numbers.size else "none"
        raise GlabError(f"the domain has no tile {tile}", path=path, expected=known)
    return slice(int(cells[0]), int(cells[-1]) + 1)


def _tile_blocks(
    years: Sequence[Path],
    cells: slice,
    surfaces: Sequence[xr.Dataset],
    domain: xr.Dataset,
    settings: Climatology,
) -> Iterator[xr.Dataset]:
    """Yield the series of a tile, month by month through its years; one file is open at a time."""
    for path in sorted(years):
        with io.read(path) as source:
            year = _within(source, settings.baseline).isel(cell=cells)
            yield from series_blocks(year, surfaces, domain, settings.series, settings.mask)


def _within(source: xr.Dataset, baseline: Period) -> xr.Dataset:
    """Return the days of a source-year that lie in the baseline."""
    days = source["time"].values.astype("datetime64[D]")
    inside = np.flatnonzero(days_within(days, baseline.start, baseline.end))
    return source.isel(time=slice(inside[0], inside[-1] + 1) if inside.size else slice(0))


def _baseline_days(years: Sequence[Path], settings: Climatology) -> Days:
    """Return all days of the baseline in the files of a source.

    Raises:
        GlabError: when there is none.
    """
    days = []
    for path in sorted(years):
        with io.read(path) as source:
            days.append(_within(source, settings.baseline)["time"].values)
    if any(of_year.size for of_year in days):
        return np.concatenate(days).astype("datetime64[D]")
    period = f"{settings.baseline.start} … {settings.baseline.end or 'open'}"
    raise no_data_error(settings.source, settings.baseline_name, period)
