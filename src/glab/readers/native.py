"""Open native files and decode their variables: raw numbers to float32, NaN where missing.

Names of variables differ between versions of a format, so they are looked up by aliases.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from glab.arrays import Array, Booleans, Float32s, Float64s
from glab.errors import GlabError
from glab.readers.granule import Georeference, rectilinear

if TYPE_CHECKING:
    import h5py
    import netCDF4

LATITUDES = ("lat", "latitude", "Latitude", "LAT", "nav_lat")
LONGITUDES = ("lon", "longitude", "Longitude", "LON", "nav_lon")

LIBRARY_FILL = {4: 9.969209968386869e36, 8: 9.969209968386869e36}
"""Value that the netCDF library leaves in floats that were never written, by item size."""

WRONG_FILE = "take the file out of this source, or name the reader of its format"


# --- raw numbers -----------------------------------------------------------------------------


class Packing(NamedTuple):
    """Rule of decoding: value = raw · scale + offset, missing where raw is a fill or invalid.

    Attributes:
        scale, offset: of the packing.
        fills: raw values that mean missing.
        valid: lowest and highest valid raw value; None: any.
    """

    scale: float = 1.0
    offset: float = 0.0
    fills: tuple[float, ...] = ()
    valid: tuple[float, float] | None = None


def decode(raw: Array, packing: Packing) -> Float32s:
    """Return values as float32, NaN where missing.

    Args:
        raw: numbers as stored, any shape and byte order.
        packing: scale, offset, fills and valid range.

    Returns:
        float32 of the same shape. NaN of float input stays NaN; a fill outside the range of
        `raw`'s type is ignored.
    """
    values = raw.astype(np.float32)
    # Fills are compared with the raw numbers: after scaling they would be inexact.
    missing = _missing(raw, packing)
    # The arithmetic of packed values is float32, as in the files' own float variables.
    if packing.scale != 1.0:
        values *= np.float32(packing.scale)
    if packing.offset != 0.0:
        values += np.float32(packing.offset)
    if missing is not None:
        values[missing] = np.nan
    return values


def _missing(raw: Array, packing: Packing) -> Booleans | None:
    """Return where `raw` is a fill or outside the valid range; None where nothing can be."""
    tests = [raw == fill for fill in _representable(packing.fills, raw.dtype)]
    if packing.valid is not None:
        low, high = packing.valid
        tests.append(raw < low)
        tests.append(raw > high)
    if not tests:
        return None
    missing = tests[0]
    for test in tests[1:]:
        missing |= test
    return np.asarray(missing)


def _representable(fills: Iterable[float], dtype: np.dtype[Any]) -> Iterable[Any]:
    """Return the fills that a raw number can equal, each once, in the type of the raw numbers."""
    if dtype.kind == "f":
        library = LIBRARY_FILL.get(dtype.itemsize)
        wanted = {*fills} if library is None else {*fills, library}
        # NaN needs no test: it stays NaN.
        return [dtype.type(fill) for fill in wanted if not np.isnan(fill)]
    if dtype.kind not in "iu":
        return []
    limits = np.iinfo(dtype)
    return [
        dtype.type(int(fill))
        for fill in set(fills)
        if np.isfinite(fill) and limits.min <= fill <= limits.max
    ]


def scalar(value: Any) -> float:
    """Return the one number of an attribute, which libraries return as number, array or text."""
    return float(np.ravel(value)[0])


# --- HDF4 and HDF5 ---------------------------------------------------------------------------


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 (HDF-EOS5) file."""
    import h5py

    with h5py.File(path, "r") as file:
        yield file


@contextmanager
def open_hdf4(path: Path) -> Iterator[Any]:
    """Open the scientific data sets of an HDF4 (HDF-EOS2) file, a pyhdf SD."""
    from pyhdf.SD import SD

    file = SD(str(path))
    try:
        yield file
    finally:
        file.end()


# --- netCDF ----------------------------------------------------------------------------------


@contextmanager
def open_netcdf(path: Path, content: bytes | None = None) -> Iterator[netCDF4.Dataset]:
    """Open a netCDF file of any version, values raw: neither masked nor scaled.

    Args:
        path: the file, or the archive that contained `content`.
        content: bytes of a file that was unpacked in memory.
    """
    import netCDF4

    with netCDF4.Dataset(path, memory=content) as dataset:
        # The library would miss documented fills that are no attributes, and return float64.
        dataset.set_auto_maskandscale(False)
        if dataset.data_model.startswith("NETCDF3") and content is None:
            _check_complete(dataset, path)
        yield dataset


def _check_complete(dataset: netCDF4.Dataset, path: Path) -> None:
    """Raise where a classic file ends early: the library would read zeros without an error."""
    size = sum(v.dtype.itemsize * v.size for v in dataset.variables.values())
    if path.stat().st_size < size:
        raise GlabError(
            "the file ends early",
            path=path,
            found=f"{path.stat().st_size} bytes",
            expected=f"at least {size} bytes",
            remedy="fetch it again, or remove it",
        )


class GriddedFile:
    """An open netCDF file on a rectilinear grid.

    Attributes:
        dataset: the open file.
        path: its path.
        y_dim, x_dim: names of the dimensions of rows and columns.
        georeference: cell centres of rows and columns.
    """

    def __init__(self, dataset: netCDF4.Dataset, path: Path, grids: Collection[str] = ()) -> None:
        self.dataset = dataset
        self.path = path
        latitude, longitude = self.require(*LATITUDES), self.require(*LONGITUDES)
        # Names of dimensions vary between files; the coordinates show which they are.
        self.y_dim, self.x_dim = latitude.dimensions[0], longitude.dimensions[-1]
        lat, lon = coordinate(latitude), coordinate(longitude)
        self.georeference: Georeference = rectilinear(lat, lon, path, grids)

    def find(self, *names: str) -> netCDF4.Variable | None:
        """Return the first variable that exists of `names`, aliases of one quantity."""
        for name in names:
            if name in self.dataset.variables:
                return self.dataset.variables[name]
        return None

    def require(self, *names: str) -> netCDF4.Variable:
        """Return the variable that `find` returns.

        Raises:
            GlabError: where none of the names exists.
        """
        variable = self.find(*names)
        if variable is None:
            raise missing_variable(names, self.dataset.variables, self.path)
        return variable

    def plane(
        self, variable: netCDF4.Variable, packing: Packing, *leading: str, section: Any = ...
    ) -> Float32s:
        """Return the values of a variable, shape (*leading, y, x), float32, NaN where missing.

        Args:
            variable: one of the file's.
            packing: of the variable, see `packing_of`.
            *leading: the file's names of dimensions to keep; others must have length 1.
            section: index of the part of the file to read, in the file's order of dimensions.
        """
        wanted = (*leading, self.y_dim, self.x_dim)
        raw = variable[section]
        if variable.dimensions == wanted:
            return decode(raw, packing)
        sizes = dict(zip(variable.dimensions, variable.shape))
        extra = [name for name, size in sizes.items() if name not in wanted and size != 1]
        if extra or not set(wanted) <= set(sizes):
            raise off_grid(self.path, variable.name, f"dimensions {sizes}", f"{', '.join(wanted)}")
        dropped = tuple(i for i, name in enumerate(variable.dimensions) if name not in wanted)
        kept = [name for name in variable.dimensions if name in wanted]
        values = decode(np.asarray(raw).squeeze(axis=dropped), packing)
        return np.ascontiguousarray(values.transpose([kept.index(name) for name in wanted]))


@contextmanager
def open_gridded(
    path: Path, grids: Collection[str] = (), content: bytes | None = None
) -> Iterator[GriddedFile]:
    """Open a netCDF file on one of the named grids (empty: any)."""
    with open_netcdf(path, content) as dataset:
        yield GriddedFile(dataset, path, grids)


def packing_of(
    variable: netCDF4.Variable,
    *,
    fills: tuple[float, ...] = (),
    unscaled: tuple[float, float] | None = None,
    valid: bool = False,
) -> Packing:
    """Return the packing that a variable's attributes describe.

    Args:
        variable: any variable.
        fills: documented fills, in addition to those of the attributes.
        unscaled: documented scale and offset of an integer variable whose attributes lack them.
        valid: whether values outside its valid range are missing, too.
    """
    names = set(variable.ncattrs())
    stated = [variable.getncattr(n) for n in ("_FillValue", "missing_value") if n in names]
    every = (*fills, *(float(value) for entry in stated for value in np.ravel(entry)))
    scale, offset = 1.0, 0.0
    if {"scale_factor", "add_offset"} & names:
        scale = scalar(variable.getncattr("scale_factor")) if "scale_factor" in names else 1.0
        offset = scalar(variable.getncattr("add_offset")) if "add_offset" in names else 0.0
    # Versions without these attributes still store packed integers; floats are never packed.
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


def coordinate(variable: netCDF4.Variable) -> Float64s:
    """Return a coordinate in float64, NaN where filled, scaled if it is packed."""
    packing = packing_of(variable)
    values = np.asarray(variable[...], np.float64)
    # float32 centres lose metres of position, so `decode` is not used here.
    values = np.where(np.isin(values, [f for f in packing.fills if f == f]), np.nan, values)
    return values * packing.scale + packing.offset


# --- errors ----------------------------------------------------------------------------------


def missing_variable(names: Sequence[str], existing: Collection[str], path: Path) -> GlabError:
    """Return the error for a file without a variable.

    Args:
        names: of the variable, the documented one first.
        existing: names of the variables in the file.
        path: the file.
    """
    return GlabError(
        "a variable is missing",
        path=path,
        variable=names[0],
        found=", ".join(sorted(existing)) or "no variables",
        expected=" or ".join(names),
        remedy=WRONG_FILE,
    )


def off_grid(path: Path, name: str, found: object, expected: object) -> GlabError:
    """Return the error for a variable with other dimensions than the file's grid."""
    return GlabError(
        "a variable does not lie on the file's grid",
        path=path,
        variable=name,
        found=found,
        expected=expected,
        remedy=WRONG_FILE,
    )
