"""Run the stage `climatology`: all years of a baseline → the cycles of one tile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from glab import io
from glab.calendar import Days
from glab.climatology.cycles import (
    cells_of_tile,
    check_has_data,
    fit_cycles,
    name_series,
    no_data_error,
)
from glab.climatology.series import concatenate_blocks, series_blocks, within_period
from glab.config import Climatology


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
    cells = cells_of_tile(land, tile)
    tile_land = land.isel(cell=cells)
    surfaces = [io.read(path).isel(cell=cells) for path in surface or []]
    blocks = _tile_blocks(years, cells, surfaces, tile_land, settings)
    days = _baseline_days(years, settings)
    cycles = fit_cycles(concatenate_blocks(blocks, days), settings)
    cycles = name_series(cycles, settings.source, settings.baseline_name)
    if tile_land.sizes["cell"] == land.sizes["cell"]:
        check_has_data(cycles)
    inputs = [*years, domain, *(surface or [])]
    io.write(cycles, output, io.Provenance("climatology", settings, inputs))


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
            year = within_period(source, settings.baseline).isel(cell=cells)
            yield from series_blocks(year, surfaces, domain, settings.series, settings.mask)


def _baseline_days(years: Sequence[Path], settings: Climatology) -> Days:
    """Return all days of the baseline in the files of a source.

    Raises:
        GlabError: when there is none.
    """
    days = []
    for path in sorted(years):
        with io.read(path) as source:
            days.append(within_period(source, settings.baseline)["time"].values)
    if any(of_year.size for of_year in days):
        return np.concatenate(days).astype("datetime64[D]")
    period = f"{settings.baseline.start} … {settings.baseline.end or 'open'}"
    raise no_data_error(settings.source, settings.baseline_name, period)
