"""One granule on the cells of the domain: its grid, its weights, day by day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.config import Regrid
from glab.errors import GlabError
from glab.grids import M25, CurvilinearGrid, Grid, ProjectedGrid, from_coordinates
from glab.regrid.quality import apply_quality_rules
from glab.regrid.regridder import Regridder, regridder
from glab.regrid.weights import AnyGrid, Cells
from glab.variables import VARIABLES, lookup

AXES = ("overpass", "angle", "channel")
PLANE = ("y", "x")


def source_grid(granule: xr.Dataset) -> AnyGrid:
    """The grid of a granule, from its coordinates (and `crs`, where it is projected)."""
    lat, lon = granule["lat"].values, granule["lon"].values
    crs = granule.attrs.get("crs")
    if lat.ndim == 2 and crs is not None:
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


@cache
def is_flag(name: str) -> bool:
    """Whether a variable is made of flags, which are taken from one cell and never averaged."""
    declaration = lookup(name)
    return bool(declaration.flags) or declaration.flag_masks


def clip_to_valid_range(name: str, values: NDArray) -> NDArray:
    """Means, whose rounding may lie just outside of the valid range of their variable, held in it.

    What was averaged is inside already (see `apply_quality_rules`).
    """
    limits = VARIABLES[name].valid_range if name in VARIABLES else None
    return values if limits is None else np.clip(values, *limits, out=values)


@cache
def is_declared(name: str) -> bool:
    """Whether the registry knows a variable."""
    try:
        lookup(name)
    except GlabError:
        return False
    return True


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
    times: NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class ToDomain:
    """Puts granules onto the cells of a domain; weights are kept by grid.

    Attributes:
        cell: flat index on the 25 km grid of each cell, shape (cell,).
        settings: method, backend, quality rules, variables to keep.
    """

    cell: NDArray[np.int64]
    settings: Regrid
    _kept: dict[tuple[AnyGrid, str], Regridder] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        row, col = np.divmod(np.asarray(self.cell, np.int64), M25.shape[1])
        object.__setattr__(self, "_cells", Cells(row, col))

    def __call__(self, granule: xr.Dataset) -> DomainValues:
        """Quality-controlled values, dimensions (…, cell) instead of (…, y, x).

        Flags come from the native cell that holds the centre of the domain's cell; everything
        else by the method of the settings (bilinear in its own x and y on a projected grid).
        """
        native = granule.variables
        planes = {str(name): native[name] for name in granule.data_vars}
        checked = apply_quality_rules(planes, self.settings.quality)
        grid = source_grid(granule)
        values = {}
        for name in self.names(granule):
            variable = checked[name]
            if variable.dims[-2:] != PLANE:
                variable = variable.transpose(..., *PLANE)
            method = "nearest" if is_flag(name) else self._method(grid)
            cells = self._regridder(grid, method)(variable.values)
            dims = (*variable.dims[:-2], "cell")
            values[name] = xr.Variable(dims, clip_to_valid_range(name, cells), fastpath=True)
        labels = {dim: native[dim].values.tolist() for dim in AXES if dim in native}
        if "time" in granule.dims:
            return DomainValues(values, labels, native["time"].values.astype("datetime64[s]"))
        return DomainValues(values, labels, np.array([granule.attrs.get("date", "NaT")], "M8[s]"))

    def names(self, granule: xr.Dataset) -> list[str]:
        """The variables of a granule that are carried to the domain.

        Raises:
            GlabError: when one that shall be kept is not there.
        """
        native = granule.variables
        there = [str(n) for n in granule.data_vars if set(PLANE) <= set(native[n].dims)]
        keep = self.settings.keep
        if keep is None:
            return [name for name in there if is_declared(name)]
        lacking = [name for name in keep if name not in there]
        if lacking:
            raise GlabError(
                "a variable to keep is not in the granule",
                variable=", ".join(lacking),
                found=", ".join(there),
                remedy="correct sources.<source>.keep in the configuration",
            )
        return list(dict.fromkeys([*keep, *(name for name in there if name == "count")]))

    def _method(self, grid: AnyGrid) -> str:
        separable = self.settings.backend == "separable"
        return "bilinear" if separable and isinstance(grid, ProjectedGrid) else self.settings.method

    def _regridder(self, grid: AnyGrid, method: str) -> Regridder:
        if (grid, method) not in self._kept:
            self._kept[grid, method] = regridder(
                grid,
                M25,
                method,
                cells=self._cells,  # type: ignore[attr-defined]
                valid_fraction_min=self.settings.valid_fraction_min,
                backend=self.settings.backend,
            )
        return self._kept[grid, method]


def split_by_day(
    values: DomainValues, lon: NDArray, local_hour: float | None
) -> Iterator[tuple[np.datetime64, DomainValues, float | None]]:
    """A regridded granule day by day: (day, values without `time`, its hour or None).

    Several times of one UTC day become one value (see `hour_weights`); a single time that is not
    midnight keeps its hour, to be joined with other granules of its day.

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
        places = np.flatnonzero(days == day)
        share = hour_weights(hours[places], lon, local_hour)
        found = {
            name: _time_mean(variable.isel(time=places), share)
            for name, variable in values.variables.items()
        }
        single = places.size == 1 and hours[places[0]] != 0
        hour = float(hours[places[0]]) if single else None
        yield day, DomainValues(found, values.labels, day[None]), hour


def _time_mean(variable: xr.Variable, share: NDArray[np.float32]) -> xr.Variable:
    """Mean over `time` with weights (time, cell), NaN left out."""
    variable = variable.transpose("time", ...)
    values = variable.values
    if values.shape[0] == 1:
        return xr.Variable(variable.dims[1:], values[0])
    between = (1,) * (values.ndim - 2)
    weight = np.where(np.isnan(values), 0, share.reshape(share.shape[0], *between, -1))
    top, bottom = (np.nan_to_num(values) * weight).sum(0), weight.sum(0)
    mean = np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
    return xr.Variable(variable.dims[1:], mean.astype(np.float32))


def hour_weights(hours: NDArray, lon: NDArray, local_hour: float | None) -> NDArray[np.float32]:
    """Weights that interpolate between the times of one UTC day to a solar hour.

    A pass at a fixed solar hour crosses longitude `lon` at (hour − lon / 15) mod 24 of the UTC
    day; the times before and after it are weighted linearly, one alone at the ends of the day.

    Args:
        hours: UTC hours of the day, ascending, shape (time,).
        lon: of the cells, degrees, shape (cell,).
        local_hour: solar hour wanted, None for equal weights.

    Returns:
        shape (time, cell).
    """
    if local_hour is None or hours.size == 1:
        return np.ones((hours.size, lon.size), np.float32)
    crossing = np.mod(local_hour - lon / 15.0, 24.0)
    corners = np.eye(hours.size)
    weights = [np.interp(crossing, hours, corner) for corner in corners]
    return np.asarray(weights, np.float32)
