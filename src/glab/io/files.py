"""Read and write work files, products and tables: streaming, checks, write then rename.

A file appears under its name only when it is complete. Content depends on data, settings and code
alone: no clock, no host, so that the same inputs give the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import netCDF4
import numpy as np
import pandas as pd
import xarray as xr

from glab.errors import GlabError
from glab.grids import M25
from glab.io.atomic import atomic_path, disk_errors
from glab.io.encoding import WORK, Style, days_since_origin, define_variable, encode
from glab.io.provenance import Provenance


def read(path: Path, *, decoded: bool = True) -> xr.Dataset:
    """Open a file written here, lazily; packed values come as float32 with NaN where missing.

    With `decoded=False` values, times and attributes come as they stand on disk. A missing file,
    or one that is no netCDF file, is a GlabError.
    """
    try:
        how = {"decode_cf": decoded, "decode_timedelta": False}
        return xr.open_dataset(path, engine="netcdf4", cache=False, **how)  # type: ignore[arg-type]
    except FileNotFoundError as error:
        raise GlabError("file not found", path=path, remedy="ask snakemake for it") from error
    except (OSError, ValueError) as error:
        raise GlabError("not a readable netCDF file", path=path, found=error) from error


def write(dataset: xr.Dataset, path: Path, provenance: Provenance, *, style: Style = WORK) -> None:
    """Write a dataset whole. See `write_blocks`."""
    time = dataset["time"].values if "time" in dataset.dims else None
    write_blocks([dataset], path, provenance, time=time, style=style)


def write_blocks(
    blocks: Iterable[xr.Dataset],
    path: Path,
    provenance: Provenance,
    *,
    time: np.ndarray | None,
    style: Style = WORK,
) -> None:
    """Write a file block by block along `time`, so that a global year never stands in memory.

    The first block says which variables and other dimensions there are; variables without `time`
    are taken from it. Days of `time` that no block brings are missing (whole numbers without a
    missing value: 0).

    Args:
        blocks: datasets with the variables of the file for consecutive stretches of `time`.
        path, provenance, style: where the file shall be, its attributes, WORK or PRODUCT.
        time: the whole time axis (datetime64), None for a file without time.

    Raises:
        GlabError: for undeclared variables, values that cannot be, blocks that do not fit the
            first one or the time axis, and a disk that refuses.
    """
    axis = None if time is None else np.asarray(time, "datetime64[D]")
    brought = np.zeros(0 if axis is None else len(axis), bool)
    with atomic_path(path) as temporary, _netcdf(temporary, path) as file:
        with disk_errors(path, RuntimeError):
            file.setncatts(provenance.as_attributes())
        seen = with_progress(_loaded(blocks), len(brought), path.name)
        for number, block in enumerate(seen):
            with disk_errors(path, RuntimeError):
                if number == 0:
                    _define(file, block, axis, style)
                place = _place(block, axis, path)
                _put(file, block, place, number == 0, path)
            brought[place] = True
        if not file.variables:
            raise GlabError("nothing to write: no block was made", path=path)
        _fill_counts(file, np.flatnonzero(~brought))


def read_table(path: Path) -> pd.DataFrame:
    """A table that `evaluate` wrote; empty cells are missing, "none" is a name."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as csv: six significant digits, one form on every machine."""
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def _loaded(blocks: Iterable[xr.Dataset]) -> Iterator[xr.Dataset]:
    """Blocks in memory, so that a fault of reading is not taken for one of writing."""
    for block in blocks:
        try:
            yield block.load()
        except (OSError, RuntimeError) as error:
            source = block.encoding.get("source")
            raise GlabError("cannot read the file", path=source, found=str(error)) from error


@contextmanager
def _netcdf(temporary: Path, path: Path) -> Iterator[netCDF4.Dataset]:
    """A new netCDF file, closed whatever happens."""
    with disk_errors(path, RuntimeError, OSError):
        file = netCDF4.Dataset(temporary, "w")
    try:
        yield file
        with disk_errors(path, RuntimeError):
            file.close()
    finally:
        with suppress(RuntimeError):
            file.close()


def _define(
    file: netCDF4.Dataset, block: xr.Dataset, axis: np.ndarray | None, style: Style
) -> None:
    """Create dimensions, coordinates and variables after the first block."""
    sizes = {str(name): size for name, size in block.sizes.items()}
    if axis is not None:
        sizes["time"] = len(axis)
    if "cell" in block.coords and "compress" in block.coords["cell"].attrs:
        sizes = {"y": M25.shape[0], "x": M25.shape[1]} | sizes
    for name, size in sizes.items():
        file.createDimension(name, size)
    for key in [*block.coords, *block.data_vars]:
        define_variable(file, str(key), block[key], style)
    if axis is not None:
        file["time"][:] = days_since_origin(axis)


def _place(block: xr.Dataset, axis: np.ndarray | None, path: Path) -> slice:
    """Where on the time axis a block belongs."""
    if axis is None or "time" not in block.coords:
        return slice(0, 0)
    days = block["time"].values.astype("datetime64[D]")
    start = int(np.searchsorted(axis, days[0]))
    place = slice(start, start + len(days))
    if not np.array_equal(axis[place], days):
        raise GlabError(
            "a block does not fit the time axis of its file",
            path=path,
            variable="time",
            found=f"{days[0]} … {days[-1]} ({len(days)})",
            expected=f"a stretch of {axis[0]} … {axis[-1]} ({len(axis)})",
        )
    return place


def _put(file: netCDF4.Dataset, block: xr.Dataset, place: slice, first: bool, path: Path) -> None:
    """Put one block's values in their place."""
    for key in [*block.coords, *block.data_vars]:
        name, array = str(key), block[key]
        if name == "time" or ("time" not in array.dims and not first):
            continue
        _check_fits(file, name, array, path)
        index = tuple(place if dim == "time" else slice(None) for dim in array.dims)
        file[name][index] = encode(array, file[name], name, path)


def _check_fits(file: netCDF4.Dataset, name: str, array: xr.DataArray, path: Path) -> None:
    """Raise unless a later block's variable is like the first block's."""
    known = file.variables.get(name)
    expected = {} if known is None else dict(zip(known.dimensions, known.shape))
    found = {str(dim): size for dim, size in array.sizes.items()}
    if {**found, "time": 0} != {**expected, "time": 0} or list(found) != list(expected):
        raise GlabError(
            "a block differs from the first one of its file",
            path=path,
            variable=name,
            found=found,
            expected=expected or "no such variable",
        )


def _fill_counts(file: netCDF4.Dataset, missing: np.ndarray) -> None:
    """Zero counts and flags on days that no block brought."""
    for name, variable in file.variables.items():
        whole = variable.dtype is not str and variable.dtype.kind in "iu" and name != "time"
        if "time" in variable.dimensions and whole and "_FillValue" not in variable.ncattrs():
            for day in missing:
                index = tuple(day if d == "time" else slice(None) for d in variable.dimensions)
                variable[index] = 0


Block = TypeVar("Block", bound=xr.Dataset)


def with_progress(blocks: Iterable[Block], days: int, label: str) -> Iterator[Block]:
    """Pass blocks on; on a terminal, a bar tells how many of the `days` are done.

    Args:
        blocks: datasets of consecutive stretches of `time`.
        days: length of the whole time axis.
        label: what is being made.
    """
    if not sys.stderr.isatty() or days == 0:
        yield from blocks
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=days)
        for block in blocks:
            yield block
            progress.advance(task, block.sizes.get("time", days))
