"""Variables and coordinates of netCDF files, by the names that are in use."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from glab.arrays import Float32s
from glab.errors import GlabError
from glab.readers.decoding import Packing, decode, scalar
from glab.readers.georeference import Georeference, rectilinear
from glab.readers.opening import open_netcdf

if TYPE_CHECKING:
    import netCDF4

LATITUDES = ("lat", "latitude", "Latitude", "LAT", "nav_lat")
LONGITUDES = ("lon", "longitude", "Longitude", "LON", "nav_lon")
WRONG_VARIABLE = "take the file out of this source, or name the reader of its format"


class Granule:
    """An open netCDF file with its georeference and the dimensions that carry it."""

    def __init__(self, dataset: netCDF4.Dataset, path: Path, grids: Collection[str] = ()) -> None:
        self.dataset = dataset
        self.path = path
        latitude, longitude = self.require(*LATITUDES), self.require(*LONGITUDES)
        self.y_dim, self.x_dim = latitude.dimensions[0], longitude.dimensions[-1]
        lat, lon = coordinate(latitude), coordinate(longitude)
        self.georeference: Georeference = rectilinear(lat, lon, path, grids)

    def find(self, *names: str) -> netCDF4.Variable | None:
        """The first variable there is of `names`, aliases of one quantity."""
        for name in names:
            if name in self.dataset.variables:
                return self.dataset.variables[name]
        return None

    def require(self, *names: str) -> netCDF4.Variable:
        """As `find`, with a GlabError where there is none."""
        variable = self.find(*names)
        if variable is None:
            raise missing_variable(names, self.dataset.variables, self.path)
        return variable

    def plane(
        self, variable: netCDF4.Variable, packing: Packing, *leading: str, part: Any = ...
    ) -> Float32s:
        """Values of a variable, shape (*leading, y, x), float32, NaN where missing.

        Args:
            variable: one of the file's.
            packing: how it is packed, see `packing_of`.
            *leading: the file's names of dimensions to keep; others must have length 1.
            part: index of the part to read, in the file's order of dimensions.
        """
        wanted = (*leading, self.y_dim, self.x_dim)
        raw = variable[part]
        if variable.dimensions == wanted:
            return decode(raw, packing)
        self._check_dimensions(variable, wanted)
        dropped = tuple(i for i, name in enumerate(variable.dimensions) if name not in wanted)
        kept = [name for name in variable.dimensions if name in wanted]
        values = decode(np.asarray(raw).squeeze(axis=dropped), packing)
        return np.ascontiguousarray(values.transpose([kept.index(name) for name in wanted]))

    def _check_dimensions(self, variable: netCDF4.Variable, wanted: Sequence[str]) -> None:
        """Raise unless the variable has all wanted dimensions and no other longer than 1."""
        sizes = dict(zip(variable.dimensions, variable.shape))
        extra = [name for name, size in sizes.items() if name not in wanted and size != 1]
        if extra or not set(wanted) <= set(sizes):
            raise GlabError(
                "a variable does not lie on the file's grid",
                path=self.path,
                variable=variable.name,
                found=f"dimensions {sizes}",
                expected=f"dimensions {', '.join(wanted)}",
                remedy=WRONG_VARIABLE,
            )


@contextmanager
def open_granule(
    path: Path, grids: Collection[str] = (), content: bytes | None = None
) -> Iterator[Granule]:
    """A netCDF granule on one of the named grids (empty: any), open for reading."""
    with open_netcdf(path, content) as dataset:
        yield Granule(dataset, path, grids)


def missing_variable(names: Sequence[str], there: Collection[str], path: Path) -> GlabError:
    """The error for a file that lacks a variable."""
    return GlabError(
        "a variable is missing",
        path=path,
        variable=names[0],
        found=", ".join(sorted(there)) or "no variables",
        expected=" or ".join(names),
        remedy=WRONG_VARIABLE,
    )


def packing_of(
    variable: netCDF4.Variable,
    *,
    fills: tuple[float, ...] = (),
    unscaled: tuple[float, float] | None = None,
    valid: bool = False,
) -> Packing:
    """How a variable is packed, by its attributes.

    Args:
        variable: any variable.
        fills: documented fills, masked beside those of the attributes.
        unscaled: documented scale and offset of an integer variable that does not state them.
        valid: whether its valid range marks missing values, too.
    """
    names = set(variable.ncattrs())
    stated = [variable.getncattr(n) for n in ("_FillValue", "missing_value") if n in names]
    every = (*fills, *(float(value) for entry in stated for value in np.ravel(entry)))
    scale, offset = 1.0, 0.0
    if {"scale_factor", "add_offset"} & names:
        scale = scalar(variable.getncattr("scale_factor")) if "scale_factor" in names else 1.0
        offset = scalar(variable.getncattr("add_offset")) if "add_offset" in names else 0.0
    elif unscaled is not None and variable.dtype.kind in "iu":
        scale, offset = unscaled
    return Packing(scale, offset, every, _valid_range(variable, names) if valid else None)


def _valid_range(variable: netCDF4.Variable, names: set[str]) -> tuple[float, float] | None:
    if "valid_range" in names:
        low, high = np.ravel(variable.getncattr("valid_range"))
        return float(low), float(high)
    if {"valid_min", "valid_max"} & names:
        low = variable.getncattr("valid_min") if "valid_min" in names else -np.inf
        high = variable.getncattr("valid_max") if "valid_max" in names else np.inf
        return scalar(low), scalar(high)
    return None


def coordinate(variable: netCDF4.Variable) -> NDArray[np.float64]:
    """A coordinate in float64, NaN where filled, with scale and offset if it has any."""
    packing = packing_of(variable)
    values = np.asarray(variable[...], np.float64)
    values = np.where(np.isin(values, [f for f in packing.fills if f == f]), np.nan, values)
    return values * packing.scale + packing.offset
