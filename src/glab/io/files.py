"""Read and write work files, products and tables: streaming, checks, write then rename.

A file gets its name only when it is complete. It contains no time of creation and no host, so that
the same data, settings and code give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd
import xarray as xr

from glab.arrays import Array, Indices
from glab.errors import GlabError
from glab.grids import M25
from glab.io.atomic import atomic_path, disk_errors
from glab.io.encoding import WORK, Style, days_since_origin, define_variable, encode
from glab.io.progress import with_progress
from glab.io.provenance import Provenance, seal_file


def read(path: Path, *, decoded: bool = True) -> xr.Dataset:
    """Open a file of the pipeline; its values are read when they are used.

    Args:
        path: the file.
        decoded: whether packed values become float32 with NaN where missing, and days become
            dates. Otherwise values, times and attributes are returned as they are stored.

    Raises:
        GlabError: for a missing file, and for one that is not a netCDF file.
    """
    try:
        how = {"decode_cf": decoded, "decode_timedelta": False}
        return xr.open_dataset(path, engine="netcdf4", cache=False, **how)  # type: ignore[arg-type]
    except FileNotFoundError as error:
        raise GlabError("file not found", path=path, remedy="ask snakemake for it") from error
    except (OSError, ValueError) as error:
        raise GlabError("not a readable netCDF file", path=path, found=error) from error


def write(dataset: xr.Dataset, path: Path, provenance: Provenance, *, style: Style = WORK) -> None:
    """Write a dataset at once. See `write_blocks`."""
    time = dataset["time"].values if "time" in dataset.dims else None
    write_blocks([dataset], path, provenance, time=time, style=style)


def write_blocks(
    blocks: Iterable[xr.Dataset],
    path: Path,
    provenance: Provenance,
    *,
    time: Array | None,
    style: Style = WORK,
) -> None:
    """Write a file block by block along `time`, so that a global year need not fit into memory.

    The first block defines the variables and their other dimensions; variables without `time` are
    written from it. Days of `time` in no block are missing (0 for whole numbers without a missing
    value).

    Args:
        blocks: datasets with the variables of the file for consecutive days of `time`.
        path: the file.
        provenance: its origin, written as global attributes.
        time: the whole time axis (datetime64), None for a file without time.
        style: WORK or PRODUCT.

    Raises:
        GlabError: for undeclared variables, values outside of their valid range, blocks that do
            not fit the first one or the time axis, and a disk that is full or read-only.
    """
    axis = None if time is None else np.asarray(time, "datetime64[D]")
    written = np.zeros(0 if axis is None else len(axis), bool)
    with atomic_path(path) as temporary, _open_new(temporary, path, style) as file:
        with disk_errors(path, RuntimeError):
            file.setncatts(provenance.as_attributes())
        shown = with_progress(_load_blocks(blocks), len(written), path.name)
        for number, block in enumerate(shown):
            with disk_errors(path, RuntimeError):
                if number == 0:
                    _define(file, block, axis, style)
                days = _find_days(block, axis, path)
                _write_block(file, block, days, number == 0, path)
            written[days] = True
        if not file.variables:
            raise GlabError("nothing to write: there is no block", path=path)
        _fill_counts(file, np.flatnonzero(~written))


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote; empty entries are NaN, and "none" is a text."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as csv with six significant digits, the same bytes on every machine."""
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def _load_blocks(blocks: Iterable[xr.Dataset]) -> Iterator[xr.Dataset]:
    """Load blocks into memory, so that an error of reading is not reported as one of writing."""
    for block in blocks:
        try:
            yield block.load()
        except (OSError, RuntimeError) as error:
            source = block.encoding.get("source")
            raise GlabError("cannot read the file", path=source, found=str(error)) from error


@contextmanager
def _open_new(temporary: Path, path: Path, style: Style) -> Iterator[netCDF4.Dataset]:
    """Open a new netCDF file; close it, after errors too, and seal it if it is complete."""
    with disk_errors(path, RuntimeError, OSError):
        file = netCDF4.Dataset(temporary, "w")
    try:
        yield file
        with disk_errors(path, RuntimeError):
            file.close()
        if style.sealed:
            seal_file(temporary)
    finally:
        with suppress(RuntimeError):
            file.close()


def _define(file: netCDF4.Dataset, block: xr.Dataset, axis: Array | None, style: Style) -> None:
    """Create the dimensions, coordinates and variables of the first block."""
    sizes = {str(name): size for name, size in block.sizes.items()}
    if axis is not None:
        sizes["time"] = len(axis)
    if "cell" in block.coords and "compress" in block.coords["cell"].attrs:
        # CF, compression by gathering: the dimensions that `cell` indexes must exist
        sizes = {"y": M25.shape[0], "x": M25.shape[1]} | sizes
    for name, size in sizes.items():
        file.createDimension(name, size)
    for key in [*block.coords, *block.data_vars]:
        define_variable(file, str(key), block[key], style)
    if axis is not None:
        file["time"][:] = days_since_origin(axis)


def _find_days(block: xr.Dataset, axis: Array | None, path: Path) -> slice:
    """Return the positions of the days of a block on the time axis of its file."""
    if axis is None or "time" not in block.coords:
        return slice(0, 0)
    days = block["time"].values.astype("datetime64[D]")
    start = int(np.searchsorted(axis, days[0]))
    inside = slice(start, start + len(days))
    if not np.array_equal(axis[inside], days):
        raise GlabError(
            "a block does not fit the time axis of its file",
            path=path,
            variable="time",
            found=f"{days[0]} … {days[-1]} ({len(days)})",
            expected=f"consecutive days of {axis[0]} … {axis[-1]} ({len(axis)})",
        )
    return inside


def _write_block(
    file: netCDF4.Dataset, block: xr.Dataset, days: slice, first: bool, path: Path
) -> None:
    """Write the values of one block at its days."""
    for key in [*block.coords, *block.data_vars]:
        name, array = str(key), block[key]
        if name == "time" or ("time" not in array.dims and not first):
            continue
        _check_fits(file, name, array, path)
        index = tuple(days if dim == "time" else slice(None) for dim in array.dims)
        file[name][index] = encode(array, file[name], name, path)


def _check_fits(file: netCDF4.Dataset, name: str, array: xr.DataArray, path: Path) -> None:
    """Raise a GlabError unless a variable has the dimensions it had in the first block."""
    known = file.variables.get(name)
    expected = {} if known is None else dict(zip(known.dimensions, known.shape))
    sizes = {str(dim): size for dim, size in array.sizes.items()}
    if {**sizes, "time": 0} != {**expected, "time": 0} or list(sizes) != list(expected):
        raise GlabError(
            "a block differs from the first one of its file",
            path=path,
            variable=name,
            found=sizes,
            expected=expected or "no such variable",
        )


def _fill_counts(file: netCDF4.Dataset, missing: Indices) -> None:
    """Set counts and flags to 0 on days of no block: netCDF would fill them with −32767."""
    for name, variable in file.variables.items():
        whole = variable.dtype is not str and variable.dtype.kind in "iu" and name != "time"
        if "time" in variable.dimensions and whole and "_FillValue" not in variable.ncattrs():
            for day in missing:
                index = tuple(day if d == "time" else slice(None) for d in variable.dimensions)
                variable[index] = 0
