"""Encode variables on disk: type, packing, chunks, compression, CF attributes, range checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import netCDF4
import numpy as np
import xarray as xr

from glab.arrays import Array, Int16s
from glab.errors import GlabError
from glab.variables import VARIABLES, Variable, lookup

FILL = np.int16(-32768)
"""Missing value of packed variables, and of whole numbers with gaps. It is the smallest 16-bit
number, so that packed values are symmetric about the offset."""

TIME_UNITS = "days since 2000-01-01"
TIME_ORIGIN = np.datetime64("2000-01-01", "D")
BOUNDS = ("_bounds", "_bnds")
"""Suffixes of variables that hold bounds; CF gives them the attributes of their coordinate."""


@dataclass(frozen=True)
class Style:
    """Storage of a kind of file.

    Attributes:
        packed: whether values are stored as 16-bit numbers where the declaration says how.
        compression: filter of the chunks.
        chunks: chunk length by dimension; other dimensions are not divided.
        sealed: whether the file ends with its hash, see `glab.io.provenance.SEAL`.
    """

    packed: bool
    compression: str
    chunks: Mapping[str, int]
    sealed: bool = True


WORK = Style(packed=True, compression="zstd", chunks={"time": 31, "cell": 8192})
"""Work files. A chunk is a month of a tile, so that both `climatology` (all days of a tile) and the
other stages (all cells of a month) read whole chunks. Zstandard decodes faster than deflate."""

PRODUCT = Style(False, "zlib", chunks={"time": 31, "y": 73, "x": 87}, sealed=False)
"""Products. Every netCDF-4 library reads deflate. 73 × 87 cells divide the grid of 584 × 1388 into
8 × 16 chunks."""


def define_variable(file: netCDF4.Dataset, name: str, array: xr.DataArray, style: Style) -> None:
    """Create a variable of an open file with type, storage and attributes of an array.

    Raises:
        GlabError: for a data variable that is not declared in `glab.variables`.
    """
    declared = declaration(name, array)
    dtype = disk_type(array, declared, style)
    packed = dtype == "int16" and declared is not None and declared.scale is not None
    variable = file.createVariable(
        name,
        dtype,
        tuple(str(dim) for dim in array.dims),
        fill_value=FILL if packed else _fill(dtype, name, array),
        **_storage(file, array, dtype, style),
    )
    variable.setncatts(attributes(name, array, declared, packed))
    variable.set_auto_maskandscale(False)


def declaration(name: str, array: xr.DataArray) -> Variable | None:
    """Return the declaration of a variable; None for grid mappings, bounds and dimension labels.

    Raises:
        GlabError: for a data variable that is not declared.
    """
    if "grid_mapping_name" in array.attrs or name.endswith(BOUNDS):
        return None
    if name in array.coords and name not in VARIABLES:
        return None
    return lookup(name)


def disk_type(array: xr.DataArray, declared: Variable | None, style: Style) -> Any:
    """Return the type of an array on disk (`str` for text)."""
    if array.dtype.kind in "OUS":
        return str
    if array.dtype.kind == "M":
        return "int32"
    if declared is None:
        return "int32" if array.dtype == np.int64 else array.dtype
    if declared.scale is not None and style.packed:
        return "int16"
    return declared.dtype


def _storage(file: netCDF4.Dataset, array: xr.DataArray, dtype: Any, style: Style) -> dict:
    """Return chunks and compression of a variable; nothing for scalars and text."""
    if not array.dims or dtype is str:
        return {}
    sizes = {dim: len(file.dimensions[dim]) for dim in map(str, array.dims)}
    chunks = [min(style.chunks.get(dim, size), size) for dim, size in sizes.items()]
    return {
        "chunksizes": chunks,
        "compression": style.compression,
        "complevel": 1,  # level 9 saves at most 5 % of space and takes 7 times as long
        "shuffle": True,
    }


def _fill(dtype: Any, name: str, array: xr.DataArray) -> Any:
    """Return the missing value: NaN of floats, FILL of whole numbers with gaps, else None."""
    if dtype is str or name in array.coords or name.endswith(BOUNDS):
        return None
    if np.dtype(dtype).kind == "f":
        return np.array(np.nan, dtype)
    return np.array(FILL, dtype) if array.dtype.kind == "f" else None


def attributes(
    name: str, array: xr.DataArray, declared: Variable | None, packed: bool
) -> dict[str, Any]:
    """Return the CF attributes of a variable; attributes of the array take precedence."""
    described: dict[str, Any] = {}
    if array.dtype.kind == "M" and not name.endswith(BOUNDS):
        described = {"units": TIME_UNITS, "calendar": "standard", "standard_name": "time"}
    if declared is not None:
        described = {"units": declared.units, "long_name": declared.long_name}
        if declared.standard_name:
            described["standard_name"] = declared.standard_name
        described |= _flag_attributes(declared)
        if declared.valid_range and not packed:
            described["valid_range"] = np.array(declared.valid_range, declared.dtype)
        if packed:
            described["scale_factor"] = np.float32(declared.scale)
            described["add_offset"] = np.float32(declared.offset)
    return described | {str(key): value for key, value in array.attrs.items()}


def _flag_attributes(declared: Variable) -> dict[str, Any]:
    if not declared.flags:
        return {}
    numbers = np.arange(len(declared.flags))
    key, values = ("flag_masks", 2**numbers) if declared.flag_masks else ("flag_values", numbers)
    return {key: values.astype(np.int16), "flag_meanings": " ".join(declared.flags)}


def encode(
    array: xr.DataArray, variable: netCDF4.Variable, name: str, path: str | PathLike[str]
) -> Array:
    """Return values as they are stored, checked against the variable's declaration.

    Args:
        array: values in canonical units, NaN where missing.
        variable: the variable of the file, from `define_variable`.
        name: its name.
        path: the file it belongs to, for the error.

    Raises:
        GlabError: for values outside of the valid range, infinite values, missing values in a
            variable without missing value, and values too large for the packing.
    """
    values = array.values
    if values.dtype.kind == "M":
        return days_since_origin(values)
    if values.dtype.kind in "OUS":
        return values.astype(object)
    if values.dtype.kind in "fiu":
        check_range(values, name, path)
    if "scale_factor" in variable.ncattrs():
        return pack(values, variable.scale_factor, variable.add_offset, name, path)
    if variable.dtype.kind == "i" and values.dtype.kind == "f":
        return _as_integer(values, variable, name, path)
    return values.astype(variable.dtype)


def days_since_origin(days: Array) -> Array:
    """Return days as numbers since `TIME_ORIGIN`, the time axis on disk."""
    return (np.asarray(days, "datetime64[D]") - TIME_ORIGIN).astype(np.int32)


def pack(
    values: Array, scale: float, offset: float, name: str, path: str | PathLike[str]
) -> Int16s:
    """Return values as 16-bit steps of `scale` from `offset`; NaN becomes FILL.

    Raises:
        GlabError: for a value beyond ±32767 steps.
    """
    raw = np.rint((np.asarray(values, np.float32) - offset) / scale)
    if np.fmax.reduce(np.abs(raw), axis=None, initial=0) > 32767:
        raise GlabError(
            "value does not fit the packing",
            path=path,
            variable=name,
            found=f"{np.fmin.reduce(values, axis=None)} … {np.fmax.reduce(values, axis=None)}",
            expected=f"{offset - 32767 * scale} … {offset + 32767 * scale}",
            remedy="correct scale and offset of its declaration",
        )
    return np.where(np.isnan(raw), FILL, raw).astype(np.int16)


def _as_integer(
    values: Array, variable: netCDF4.Variable, name: str, path: str | PathLike[str]
) -> Array:
    """Return floats that are whole numbers with gaps as integers."""
    missing = np.isnan(values)
    fill = getattr(variable, "_FillValue", None)
    if fill is None and missing.any():
        raise GlabError(
            "missing value in a variable whose first block had none", path=path, variable=name
        )
    return np.where(missing, fill if fill is not None else 0, values).astype(variable.dtype)


def check_range(values: Array, name: str, path: str | PathLike[str]) -> None:
    """Raise a GlabError where a value is infinite or outside of its declared valid range.

    NaN is always allowed. Members of a family (`<name>_residual`, …) have no valid range.
    """
    if values.size == 0:
        return
    declared = VARIABLES[name].valid_range if name in VARIABLES else None
    low, high = declared or (-np.inf, np.inf)
    least, most = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
    if least < low or most > high or np.isinf(least) or np.isinf(most):
        raise GlabError(
            "value outside of its valid range",
            path=path,
            variable=name,
            found=f"{least} … {most}",
            expected=f"{low} … {high}",
            remedy="tighten the quality rules of its source, or correct its declaration",
        )
