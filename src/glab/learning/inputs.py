"""Open the residuals and seasonal cycles of a link, and average inputs to a footprint.

The last three parts of a path identify a file: `…/<baseline>/<source>/<year>.nc` of residuals,
`…/<baseline>/<source>/<tile>.nc` of climatologies. Inputs finer than their target act like noise
in the inputs and shrink every slope (docs/science.md, section 2, point 10).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab import io
from glab.arrays import Float32s
from glab.calendar import Days, year_of
from glab.climatology import cycles as climatology
from glab.climatology.cycles import join_tiles
from glab.config import LinkInput, Predict
from glab.errors import GlabError, unknown_name
from glab.grids.cells import check_cells
from glab.regrid.footprint import footprint, gaussian_footprint


@dataclass(frozen=True)
class LinkInputs:
    """Lazily opened residuals by (baseline, source, year), and cycles by (baseline, source)."""

    residuals: Mapping[tuple[str, str, int], xr.Dataset]
    cycles: Mapping[tuple[str, str], xr.Dataset]

    def years(self, baseline: str, source: str) -> list[int]:
        """Years of a source whose residuals are here."""
        return sorted(y for b, s, y in self.residuals if (b, s) == (baseline, source))

    def labels(self, baseline: str, entry: LinkInput) -> list[str]:
        """What the layers of a variable are called: `tb_10h`, …, or the variable's name.

        Raises:
            GlabError: for a source, variable or channel that is not there.
        """
        channels = self.channels(baseline, entry)
        return [f"{entry.variable}_{channel}" for channel in channels] or [entry.variable]

    def channels(self, baseline: str, entry: LinkInput) -> list[str]:
        """The channels of a variable that are wanted, none where it has no such dimension."""
        return self._channels(self._coefficients(baseline, entry), entry)

    def residual(self, baseline: str, entry: LinkInput, days: Days, cells: slice) -> Float32s:
        """Residuals (day, cell, layer) on consecutive days; NaN in years that are not here."""
        layers = max(len(self.channels(baseline, entry)), 1)
        size = len(range(*cells.indices(self._coefficients(baseline, entry).sizes["cell"])))
        values = np.full((len(days), size, layers), np.nan, np.float32)
        years = year_of(days)
        for year in np.unique(years):
            dataset = self.residuals.get((baseline, entry.source, int(year)))
            if dataset is not None:
                values[years == year] = self._read(dataset, entry, days[years == year], cells)
        return values

    def cycle(self, baseline: str, entry: LinkInput, days: Days, cells: slice) -> Float32s:
        """Seasonal cycle (day, cell, layer) at any days."""
        part = self._found(baseline, entry).isel(cell=cells)
        array = climatology.evaluate_cycle(part, days, entry.variable)
        return self._layers(array, entry).values

    def close(self) -> None:
        """Close the files of the residuals."""
        for dataset in self.residuals.values():
            dataset.close()

    def _found(self, baseline: str, entry: LinkInput) -> xr.Dataset:
        if (baseline, entry.source) not in self.cycles:
            raise GlabError(
                f"no climatology of {entry.source!r} over the baseline {baseline!r}",
                found=", ".join(f"{s} over {b}" for b, s in self.cycles) or "none",
            )
        return self.cycles[baseline, entry.source]

    def _coefficients(self, baseline: str, entry: LinkInput) -> xr.DataArray:
        found = self._found(baseline, entry)
        if f"{entry.variable}_coefficients" not in found:
            raise unknown_name("variable", entry.variable, climatology.cycle_variables(found))
        return found[f"{entry.variable}_coefficients"]

    def _channels(self, array: xr.DataArray, entry: LinkInput) -> list[str]:
        """Wanted channels of a variable, none where it has no such dimension."""
        if "channel" not in array.dims:
            return []
        known = array["channel"].values.astype(str).tolist()
        for channel in entry.channels or []:
            if channel not in known:
                raise unknown_name("channel", channel, known, variable=entry.source)
        return entry.channels or known

    def _layers(self, array: xr.DataArray, entry: LinkInput) -> xr.DataArray:
        channels = self._channels(array, entry)
        if not channels:
            return array.expand_dims("channel", axis=-1)
        known = array["channel"].values.astype(str).tolist()
        return array.isel(channel=[known.index(channel) for channel in channels])

    def _read(self, dataset: xr.Dataset, entry: LinkInput, days: Days, cells: slice) -> Float32s:
        """One year's part; the file holds every day of its year."""
        first = dataset["time"].values[0].astype("datetime64[D]")
        start = int((days[0] - first).astype(int))
        array = dataset[f"{entry.variable}_residual"]
        array = array.isel(time=slice(start, start + len(days)), cell=cells)
        return self._layers(array, entry).transpose("time", "cell", "channel").values


def open_inputs(
    residuals: Sequence[Path], climatologies: Sequence[Path], domain: xr.Dataset
) -> LinkInputs:
    """Open the files of a link lazily and check that they are of one domain.

    Raises:
        GlabError: for a missing or unreadable file, another domain, a missing tile.
    """
    tiles: dict[tuple[str, str], list[xr.Dataset]] = {}
    for path in map(Path, climatologies):
        key = path.parent.parent.name, path.parent.name
        with io.read(path) as dataset:
            tiles.setdefault(key, []).append(dataset.load())
    cells = domain["cell"].values
    cycles = {key: join_tiles(parts, cells) for key, parts in tiles.items()}
    years: dict[tuple[str, str, int], xr.Dataset] = {}
    for path in map(Path, residuals):
        baseline, source = path.parent.parent.name, path.parent.name
        years[baseline, source, _year(path)] = dataset = io.read(path)
        check_cells(domain, dataset)
    return LinkInputs(years, cycles)


def tiles_of(domain: xr.Dataset) -> list[slice]:
    """The tiles of a domain as slices of consecutive cells."""
    tile = domain["tile"].values
    edges = [0, *(np.flatnonzero(np.diff(tile)) + 1).tolist(), len(tile)]
    return [slice(low, high) for low, high in zip(edges[:-1], edges[1:]) if high > low]


def _year(path: Path) -> int:
    if not path.stem.isdigit():
        raise GlabError("no year's file", path=path, expected="…/<baseline>/<source>/<year>.nc")
    return int(path.stem)


Average = Callable[[Float32s], Float32s]
"""Averages fields on the domain's cells, (…, cell), to a coarser grid or pattern and back."""


def footprint_average(to: float | str | None, cells: NDArray[np.integer]) -> Average | None:
    """How inputs are averaged to a target's footprint.

    Args:
        to: a grid's name, the width of a pattern in km, or None for no averaging.
        cells: flat index on the 25 km grid of the domain's cells.
    """
    if to is None:
        return None
    if isinstance(to, str):
        return partial(footprint, cell=cells, to=to)
    return partial(gaussian_footprint, cell=cells, fwhm_km=to)


def prediction_average(settings: Predict, cells: NDArray[np.integer]) -> Average | None:
    """How inputs are averaged before a link's networks are applied; None: at their full detail."""
    return footprint_average(settings.footprint if settings.detail == "target" else None, cells)


def average_columns(features: Float32s, columns: list[int], average: Average) -> None:
    """Average some columns of features (window, cell, feature), in place and one by one."""
    for column in columns:
        values = np.ascontiguousarray(features[..., column])
        features[..., column] = average(values)
