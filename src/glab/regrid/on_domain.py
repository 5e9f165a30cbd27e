"""Put one granule onto the cells of the domain: its grid, its weights, day by day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache, reduce

import numpy as np
import xarray as xr

from glab.arrays import Array, Float32s, Float64s, Indices
from glab.config import Regrid
from glab.errors import GlabError
from glab.grids import M25, CurvilinearGrid, Grid, ProjectedGrid, from_coordinates
from glab.regrid.quality import apply_quality_rules
from glab.regrid.regridder import AnyGrid, Regridder, regridder
from glab.regrid.weights import Cells
from glab.variables import VARIABLES, lookup

AXES = ("overpass", "angle", "channel")
PLANE = ("y", "x")
DEGREES_PER_HOUR = 15.0
"""Rotation of the Earth relative to the sun."""


def source_grid(granule: xr.Dataset) -> AnyGrid:
    """Return the grid of a granule, from its coordinates and the attribute `crs`."""
    lat, lon = granule["lat"].values, granule["lon"].values
    crs = granule.attrs.get("crs")
    if lat.ndim == 2 and crs is not None:
        # Coordinates in metres are regular, so a projected grid needs no search for neighbours.
        x, y = (np.asarray(granule[name].values, float) for name in ("x", "y"))
        return ProjectedGrid(x, y, str(crs))
    if lat.ndim == 1:
        return _rectilinear(lat.tobytes(), lon.tobytes(), str(lat.dtype), str(lon.dtype))
    try:
        return from_coordinates(lat, lon)
    except GlabError:
        return CurvilinearGrid(np.asarray(lat, float), np.asarray(lon, float))


@lru_cache(maxsize=512)
def _rectilinear(lat: bytes, lon: bytes, lat_type: str, lon_type: str) -> Grid:
    return from_coordinates(np.frombuffer(lat, lat_type), np.frombuffer(lon, lon_type))


# --- flags -----------------------------------------------------------------------------------


@cache
def is_flag(name: str) -> bool:
    """Return whether a variable is a flag, which is taken from one cell and never averaged."""
    declaration = lookup(name)
    return bool(declaration.flags) or declaration.flag_masks


def unite_flags(name: str, first: Indices, second: Indices) -> Indices:
    """Return the flags of two observations together: all bits, or the higher of two values.

    Args:
        name: the variable.
        first, second: from `flag_numbers`, same shape, −1 where missing.
    """
    higher = np.maximum(first, second)
    if not lookup(name).flag_masks:
        return higher
    return np.where((first >= 0) & (second >= 0), first | second, higher)


def flag_numbers(values: Array) -> Indices:
    """Convert flags to whole numbers, −1 where missing."""
    return np.where(np.isnan(values), -1, values).astype(np.int64)


def flag_values(numbers: Indices) -> Float32s:
    """Convert whole numbers to flags, NaN where missing; float32 is exact for 24 bits."""
    return np.where(numbers < 0, np.nan, numbers).astype(np.float32)


# --- one granule -----------------------------------------------------------------------------


@cache
def is_declared(name: str) -> bool:
    """Return whether the registry contains a variable."""
    try:
        lookup(name)
    except GlabError:
        return False
    return True


def clip_to_valid_range(name: str, values: Float32s) -> Float32s:
    """Clip means, in place, to the valid range of their variable.

    The values that were averaged are inside (see `apply_quality_rules`), and only rounding can
    move their mean outside.
    """
    limits = VARIABLES[name].valid_range if name in VARIABLES else None
    return values if limits is None else np.clip(values, *limits, out=values)


@dataclass(frozen=True, eq=False)
class DomainValues:
    """A granule on the cells of the domain.

    Attributes:
        variables: name → (…, cell), float32, NaN where missing.
        labels: of the further dimensions (overpass, angle, channel).
        times: of the dimension `time`; one day where there is no such dimension.
    """

    variables: Mapping[str, xr.Variable]
    labels: Mapping[str, list]
    times: Array


@dataclass(frozen=True, eq=False)
class ToDomain:
    """Regridding of granules to the cells of a domain; weights are cached by grid.

    Attributes:
        cell: flat index on the 25 km grid of each cell, shape (cell,).
        settings: method, backend, quality rules, variables to keep.
    """

    cell: Indices
    settings: Regrid
    _cached: dict[tuple[AnyGrid, str], Regridder] = field(default_factory=dict, repr=False)

    def __call__(self, granule: xr.Dataset) -> DomainValues:
        """Return quality-controlled values, dimensions (…, cell) instead of (…, y, x)."""
        native = granule.variables
        planes = {str(name): native[name] for name in granule.data_vars}
        checked = apply_quality_rules(planes, self.settings.quality)
        grid = source_grid(granule)
        values = {}
        for name in self.names(granule):
            variable = checked[name]
            if variable.dims[-2:] != PLANE:
                variable = variable.transpose(..., *PLANE)
            cells = self.regrid(variable.values, grid, flags=is_flag(name))
            dims = (*variable.dims[:-2], "cell")
            # `fastpath` skips checks that cost more than the regridding of a small granule.
            values[name] = xr.Variable(dims, clip_to_valid_range(name, cells), fastpath=True)
        labels = {dim: native[dim].values.tolist() for dim in AXES if dim in native}
        if "time" in granule.dims:
            return DomainValues(values, labels, native["time"].values.astype("datetime64[s]"))
        return DomainValues(values, labels, np.array([granule.attrs.get("date", "NaT")], "M8[s]"))

    def names(self, granule: xr.Dataset) -> list[str]:
        """Return the variables of a granule that are carried to the domain.

        Raises:
            GlabError: when the granule lacks one that the settings keep.
        """
        native = granule.variables
        gridded = [str(n) for n in granule.data_vars if set(PLANE) <= set(native[n].dims)]
        keep = self.settings.keep
        if keep is None:
            return [name for name in gridded if is_declared(name)]
        lacking = [name for name in keep if name not in gridded]
        if lacking:
            raise GlabError(
                "a variable to keep is not in the granule",
                variable=", ".join(lacking),
                found=", ".join(gridded),
                remedy="correct sources.<source>.keep in the configuration",
            )
        # The number of observations weights the means of a day, whether it is kept or not.
        return list(dict.fromkeys([*keep, *(name for name in gridded if name == "count")]))

    def regrid(self, values: Array, grid: AnyGrid, flags: bool) -> Float32s:
        """Return values (…, y, x) of a grid on the cells, (…, cell), NaN where missing.

        Flags come from the native cell that contains the centre of the domain's cell. Everything
        else is regridded by the method of the settings, or bilinearly in its own x and y from a
        projected grid, which has no separable weights.
        """
        separable = self.settings.backend == "separable"
        method = "nearest" if flags else self.settings.method
        if separable and isinstance(grid, ProjectedGrid) and not flags:
            method = "bilinear"
        if (grid, method) not in self._cached:
            self._cached[grid, method] = regridder(
                grid,
                M25,
                method,
                cells=_cells(self.cell.tobytes(), str(self.cell.dtype)),
                valid_fraction_min=self.settings.valid_fraction_min,
                backend=self.settings.backend,
            )
        return self._cached[grid, method](values)


# The cells of a domain and their order by row are the same for all grids of its granules.
@lru_cache(maxsize=2)
def _cells(cell: bytes, dtype: str) -> Cells:
    row, col = np.divmod(np.frombuffer(cell, dtype).astype(np.int64), M25.shape[1])
    return Cells(row, col)


# --- days and hours --------------------------------------------------------------------------


def split_by_day(
    values: DomainValues, lon: Float64s, local_hour: float | None
) -> Iterator[tuple[np.datetime64, DomainValues, float | None]]:
    """Yield a regridded granule day by day: (day, values without `time`, its hour or None).

    Several times of one UTC day become one value (see `hour_weights`). A single time that is not
    midnight keeps its hour, so that it can be combined with other granules of its day.

    Args:
        values: of one day, or with dimension `time`.
        lon: of the cells, degrees.
        local_hour: solar hour wanted, None for the mean.
    """
    days = values.times.astype("datetime64[D]")
    if not any("time" in variable.dims for variable in values.variables.values()):
        yield days[0], values, None
        return
    hours = (values.times - days).astype(float) / 3600.0
    for day in np.unique(days):
        numbers = np.flatnonzero(days == day)
        weights = hour_weights(hours[numbers], lon, local_hour)
        combined = {
            name: _combine_times(name, variable.isel(time=numbers), weights)
            for name, variable in values.variables.items()
        }
        single = numbers.size == 1 and hours[numbers[0]] != 0
        hour = float(hours[numbers[0]]) if single else None
        yield day, DomainValues(combined, values.labels, day[None]), hour


def _combine_times(name: str, variable: xr.Variable, weights: Float32s) -> xr.Variable:
    """Return the weighted mean over `time`, NaN left out; flags are united.

    Args:
        name: the variable.
        variable: with dimension `time`.
        weights: shape (time, cell).
    """
    variable = variable.transpose("time", ...)
    values, dims = variable.values, variable.dims[1:]
    if values.shape[0] == 1:
        return xr.Variable(dims, values[0])
    if is_flag(name):
        united = reduce(lambda a, b: unite_flags(name, a, b), flag_numbers(values))
        return xr.Variable(dims, flag_values(united))
    # A weighted mean, which `arrays.finite_mean` is not.
    # Weights are the same for all further dimensions between time and cell.
    between = (1,) * (values.ndim - 2)
    weight = np.where(np.isnan(values), 0, weights.reshape(weights.shape[0], *between, -1))
    top, bottom = (np.nan_to_num(values) * weight).sum(0), weight.sum(0)
    mean = np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
    return xr.Variable(dims, mean.astype(np.float32))


def hour_weights(hours: Float64s, lon: Float64s, local_hour: float | None) -> Float32s:
    """Return weights that interpolate between the times of one UTC day to a solar hour.

    A pass at a fixed solar hour crosses longitude `lon` at (hour − lon / 15) mod 24 of the UTC
    day. The times before and after it are weighted linearly, one alone at the ends of the day.

    Args:
        hours: UTC hours of the day, ascending, shape (time,).
        lon: of the cells, degrees, shape (cell,).
        local_hour: solar hour wanted, None for equal weights.

    Returns:
        shape (time, cell).
    """
    if local_hour is None or hours.size == 1:
        return np.ones((hours.size, lon.size), np.float32)
    # The day has no times after its end: cells that cross later take the last one.
    crossing = np.mod(local_hour - lon / DEGREES_PER_HOUR, 24.0)
    corners = np.eye(hours.size)
    weights = [np.interp(crossing, hours, corner) for corner in corners]
    return np.asarray(weights, np.float32)
