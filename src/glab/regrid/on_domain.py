"""One granule on the cells of the domain: its grid, its weights, day by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.config import Regrid
from glab.errors import GlabError
from glab.grids import M25, CurvilinearGrid, Grid, ProjectedGrid, from_coordinates
from glab.regrid.quality import quality_controlled
from glab.regrid.regridder import Regridder, regridder
from glab.regrid.sparse import AnyGrid, Cells
from glab.variables import lookup

Day = np.datetime64
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


def is_flag(name: str) -> bool:
    """Whether a variable is made of flags, which are taken from one cell and never averaged."""
    declared = lookup(name)
    return bool(declared.flags) or declared.flag_masks


def declared(name: str) -> bool:
    """Whether the registry knows a variable."""
    try:
        lookup(name)
    except GlabError:
        return False
    return True


@dataclass(frozen=True, eq=False)
class OnDomain:
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

    def __call__(self, granule: xr.Dataset) -> xr.Dataset:
        """Quality-controlled values, dimensions (…, cell) instead of (…, y, x).

        Flags come from the native cell that holds the centre of the domain's cell; everything
        else by the method of the settings (bilinear in its own x and y on a projected grid).
        """
        checked = quality_controlled(granule, self.settings.quality)
        grid = source_grid(granule)
        values = {}
        for name in self.names(granule):
            array = checked[name].transpose(..., *PLANE)
            lead = tuple(str(dim) for dim in array.dims[:-2])
            method = "nearest" if is_flag(name) else self._method(grid)
            values[name] = ((*lead, "cell"), self._regridder(grid, method)(array.values))
        labels = [d for d in ("time", "overpass", "angle", "channel") if d in granule.coords]
        return xr.Dataset(values, granule[labels].coords, granule.attrs)

    def names(self, granule: xr.Dataset) -> list[str]:
        """The variables of a granule that are carried to the domain.

        Raises:
            GlabError: when one that shall be kept is not there.
        """
        there = [str(name) for name in granule if set(PLANE) <= set(granule[name].dims)]
        keep = self.settings.keep
        if keep is None:
            return [name for name in there if declared(name)]
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


def by_day(values: xr.Dataset, lon: NDArray, local_hour: float | None) -> Iterator[tuple]:
    """A regridded granule day by day: (day, values without `time`, its hour or None).

    Several times of one UTC day become one value (see `at_local_hour`); a single time that is not
    midnight keeps its hour, to be joined with other granules of its day.

    Args:
        values: with dimension `time`, or the attribute `date`.
        lon: of the cells, degrees.
        local_hour: solar hour wanted, None for the mean.
    """
    if "time" not in values.dims:
        yield np.datetime64(values.attrs["date"], "D"), values, None
        return
    times = values["time"].values.astype("datetime64[s]")
    days = times.astype("datetime64[D]")
    hours = (times - days).astype(float) / 3600.0
    for day in np.unique(days):
        places = np.flatnonzero(days == day)
        if places.size == 1:
            hour = hours[places[0]]
            yield day, values.isel(time=places[0], drop=True), None if hour == 0 else float(hour)
        else:
            share = hour_weights(hours[places], lon, local_hour)
            yield day, _weighted(values.isel(time=places), share), None


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


def _weighted(values: xr.Dataset, share: NDArray[np.float32]) -> xr.Dataset:
    """Mean over `time` with weights (time, cell), NaN left out."""
    weights = xr.DataArray(share, dims=("time", "cell"))
    joined = {}
    for name in values:
        array = values[name]
        total = weights.where(array.notnull(), 0.0).sum("time")
        mean = (array.fillna(0) * weights).sum("time") / total.where(total > 0)
        joined[name] = mean.transpose(..., "cell").astype(np.float32)
    return xr.Dataset(joined, attrs=values.attrs)
