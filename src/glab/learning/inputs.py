"""Open the residuals and seasonal cycles of a link, and average inputs to a footprint.

The last three parts of a path identify a file: `…/<baseline>/<source>/<year>.nc` for residuals,
`…/<baseline>/<source>/<tile>.nc` for climatologies. Inputs that are finer than their target act
like noise in the inputs and reduce every slope (docs/science.md, section 2, point 10).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab import io
from glab.arrays import Float32s
from glab.calendar import Days, year_of
from glab.climatology.cycles import cycle_variables, evaluate_cycle, join_tiles
from glab.config import LinkInput
from glab.errors import GlabError, unknown_name
from glab.grids.cells import check_cells
from glab.regrid.footprint import footprint, gaussian_footprint


@dataclass(frozen=True)
class LinkInputs:
    """Residuals and seasonal cycles of a link's inputs and target.

    A variable can have one further dimension beside time and cell (`channel`, `frequency`), whose
    entries are its layers. A variable without one has a single layer.

    Attributes:
        residuals: year files by (baseline, source, year), opened lazily.
        cycles: climatologies by (baseline, source), in memory.
    """

    residuals: Mapping[tuple[str, str, int], xr.Dataset]
    cycles: Mapping[tuple[str, str], xr.Dataset]

    def years(self, baseline: str, source: str) -> list[int]:
        """Return the years for which a source has residuals."""
        return sorted(y for b, s, y in self.residuals if (b, s) == (baseline, source))

    def labels(self, baseline: str, entry: LinkInput) -> list[str]:
        """Return the names of the layers of a variable: `tb_10h`, …, or the variable's name.

        Raises:
            GlabError: for a source, variable or channel that does not exist.
        """
        channels = self.channels(baseline, entry)
        return [f"{entry.variable}_{channel}" for channel in channels] or [entry.variable]

    def channels(self, baseline: str, entry: LinkInput) -> list[str]:
        """Return the selected layers of a variable; none where it has no such dimension.

        Raises:
            GlabError: for a source, variable or channel that does not exist.
        """
        coefficients = self._coefficients(baseline, entry)
        dimension = _layer_dimension(coefficients)
        if dimension is None:
            return []
        known = coefficients[dimension].values.astype(str).tolist()
        for channel in entry.channels or []:
            if channel not in known:
                raise unknown_name("channel", channel, known, variable=entry.source)
        return entry.channels or known

    def residual(self, baseline: str, entry: LinkInput, days: Days, cells: slice) -> Float32s:
        """Return residuals (day, cell, layer) on consecutive days; NaN in years without a file."""
        coefficients = self._coefficients(baseline, entry)
        layers = max(len(self.channels(baseline, entry)), 1)
        size = len(range(*cells.indices(coefficients.sizes["cell"])))
        values = np.full((len(days), size, layers), np.nan, np.float32)
        years = year_of(days)
        for year in np.unique(years):
            dataset = self.residuals.get((baseline, entry.source, int(year)))
            if dataset is not None:
                # A file has every day of its year, so that consecutive days are a slice.
                wanted = days[years == year]
                first = dataset["time"].values[0].astype("datetime64[D]")
                start = int((wanted[0] - first).astype(int))
                block = slice(start, start + len(wanted))
                array = dataset[f"{entry.variable}_residual"].isel(time=block, cell=cells)
                values[years == year] = _layers(array, self.channels(baseline, entry))
        return values

    def cycle(self, baseline: str, entry: LinkInput, days: Days, cells: slice) -> Float32s:
        """Return the seasonal cycle (day, cell, layer) on any days."""
        climatology = self._climatology(baseline, entry).isel(cell=cells)
        cycle = evaluate_cycle(climatology, days, entry.variable)
        return _layers(cycle, self.channels(baseline, entry))

    def close(self) -> None:
        """Close the files of the residuals."""
        for dataset in self.residuals.values():
            dataset.close()

    def _climatology(self, baseline: str, entry: LinkInput) -> xr.Dataset:
        if (baseline, entry.source) not in self.cycles:
            raise GlabError(
                f"no climatology of {entry.source!r} over the baseline {baseline!r}",
                found=", ".join(f"{s} over {b}" for b, s in self.cycles) or "none",
            )
        return self.cycles[baseline, entry.source]

    def _coefficients(self, baseline: str, entry: LinkInput) -> xr.DataArray:
        climatology = self._climatology(baseline, entry)
        if f"{entry.variable}_coefficients" not in climatology:
            raise unknown_name("variable", entry.variable, cycle_variables(climatology))
        return climatology[f"{entry.variable}_coefficients"]


def _layer_dimension(array: xr.DataArray) -> str | None:
    """Return the dimension of a variable's layers; None if it has a single layer."""
    others = (str(dim) for dim in array.dims if dim not in ("time", "cell", "coefficient"))
    return next(others, None)


def _layers(array: xr.DataArray, channels: list[str]) -> Float32s:
    """Return the selected layers of a variable, (time, cell, layer)."""
    dimension = _layer_dimension(array)
    if dimension is None:
        return array.transpose("time", "cell").values[..., None]
    known = array[dimension].values.astype(str).tolist()
    chosen = array.isel({dimension: [known.index(channel) for channel in channels]})
    return chosen.transpose("time", "cell", dimension).values


def open_inputs(
    residuals: Sequence[Path], climatologies: Sequence[Path], domain: xr.Dataset
) -> LinkInputs:
    """Open the files of a link, residuals lazily, and check that they belong to one domain.

    Args:
        residuals: files `…/<baseline>/<source>/<year>.nc`.
        climatologies: files `…/<baseline>/<source>/<tile>.nc`, every tile of each.
        domain: its cells.

    Raises:
        GlabError: for a missing or unreadable file, another domain, a missing tile. No file stays
            open then.
    """
    tiles: dict[tuple[str, str], list[xr.Dataset]] = {}
    for path in map(Path, climatologies):
        key = path.parent.parent.name, path.parent.name
        with io.read(path) as dataset:
            tiles.setdefault(key, []).append(dataset.load())  # few numbers for each cell
    cells = domain["cell"].values
    cycles = {key: join_tiles(parts, cells) for key, parts in tiles.items()}
    years: dict[tuple[str, str, int], xr.Dataset] = {}
    with ExitStack() as opened:
        for path in map(Path, residuals):
            baseline, source = path.parent.parent.name, path.parent.name
            years[baseline, source, _year(path)] = dataset = opened.enter_context(io.read(path))
            check_cells(domain, dataset)
        opened.pop_all()  # without an error the files stay open, until LinkInputs.close
    return LinkInputs(years, cycles)


def tiles_of(domain: xr.Dataset) -> list[slice]:
    """Return the tiles of a domain as slices of consecutive cells."""
    tile = domain["tile"].values
    edges = [0, *(np.flatnonzero(np.diff(tile)) + 1).tolist(), len(tile)]
    return [slice(low, high) for low, high in zip(edges[:-1], edges[1:]) if high > low]


def _year(path: Path) -> int:
    if not path.stem.isdigit():
        raise GlabError(
            "the name of a file of residuals is not a year",
            path=path,
            expected="…/<baseline>/<source>/<year>.nc",
        )
    return int(path.stem)


Average = Callable[[Float32s], Float32s]
"""A function that averages fields on the domain's cells, (…, cell), to a footprint."""


def footprint_average(to: float | str | None, cells: NDArray[np.integer]) -> Average | None:
    """Return the function that averages inputs to a target's footprint.

    Args:
        to: name of a grid, width of an antenna pattern in km, or None for no averaging.
        cells: flat index on the 25 km grid of the domain's cells.
    """
    if to is None:
        return None
    if isinstance(to, str):
        return partial(footprint, cell=cells, to=to)
    return partial(gaussian_footprint, cell=cells, fwhm_km=to)


def average_columns(features: Float32s, columns: list[int], average: Average) -> None:
    """Average some columns of features (window, cell, feature) in place.

    One column at a time: a contiguous copy of all would double the memory.
    """
    for column in columns:
        values = np.ascontiguousarray(features[..., column])
        features[..., column] = average(values)
