"""The only writer of work files and products: encoding, CF attributes, checks, write then rename.

A file appears under its name only when it is complete. Content depends on data, settings and code
alone: no clock, no host, so that the same inputs give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from pydantic import BaseModel

import glab
from glab.errors import GlabError
from glab.variables import VARIABLES, Variable, lookup

FILL = np.int16(-32768)
TIME_UNITS = "days since 2000-01-01"
TIME_ORIGIN = np.datetime64("2000-01-01", "D")


@dataclass(frozen=True)
class Style:
    """How a kind of file is stored: packing, compression, chunk length of each dimension."""

    packed: bool
    compression: str
    chunks: Mapping[str, int]


WORK = Style(packed=True, compression="zstd", chunks={"time": 31, "cell": 8192})
PRODUCT = Style(packed=False, compression="zlib", chunks={"time": 73, "y": 73, "x": 87})


@dataclass(frozen=True)
class Provenance:
    """Where a file comes from, written into its attributes.

    Attributes:
        stage: the stage that made it.
        settings: the slice of the configuration it was made with.
        inputs: the files it was made from (names only are stored).
        references: DOIs or citations of the inputs.
        attributes: further global attributes.
    """

    stage: str
    settings: BaseModel | Mapping[str, Any] | None = None
    inputs: Sequence[Path] = ()
    references: Sequence[str] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def as_attributes(self) -> dict[str, Any]:
        """The global attributes of a file."""
        text = canonical_json(self.settings)
        return {
            "Conventions": "CF-1.11",
            "source": f"glab {glab.__version__}, stage {self.stage}",
            "glab_settings": text,
            "glab_settings_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "glab_inputs": " ".join(Path(path).name for path in self.inputs),
            "references": " ".join(self.references),
            **self.attributes,
        }


def canonical_json(settings: BaseModel | Mapping[str, Any] | None) -> str:
    """Settings as one line of JSON with sorted keys, the same on every machine."""
    content = settings.model_dump(mode="json") if isinstance(settings, BaseModel) else settings
    return json.dumps(content or {}, sort_keys=True, separators=(",", ":"))


@contextmanager
def creating(path: Path) -> Iterator[Path]:
    """Yield a temporary place for `path`; it takes the name of `path` when the block succeeds.

    The temporary file (or folder) keeps its final name inside a folder beside its place that
    carries the process id. After an exception nothing is left.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.parent / f".{path.name}.{os.getpid()}.tmp"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder / path.name
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(folder / path.name, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read(path: Path) -> xr.Dataset:
    """Open a file written here, lazily; packed values come as float32 with NaN where missing.

    Raises:
        GlabError: when the file is missing or no netCDF file.
    """
    try:
        dataset = xr.open_dataset(path, engine="netcdf4", decode_timedelta=False, cache=False)
    except FileNotFoundError as error:
        raise GlabError("file not found", path=path, remedy="ask snakemake for it") from error
    except (OSError, ValueError) as error:
        raise GlabError(
            "not a readable netCDF file", path=path, found=str(error), remedy="remake it"
        ) from error
    return dataset


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
    are taken from it. Days of `time` that no block brings stay missing.

    Args:
        blocks: datasets with the variables of the file for consecutive stretches of `time`.
        path: where the file shall be.
        provenance: what goes into the attributes.
        time: the whole time axis (datetime64), None for a file without time.
        style: WORK or PRODUCT.

    Raises:
        GlabError: for undeclared variables and values that cannot be.
    """
    with creating(path) as temporary:
        with netCDF4.Dataset(temporary, "w") as file:
            file.setncatts(provenance.as_attributes())
            first = True
            for block in blocks:
                if first:
                    _define(file, block, time, style)
                _put(file, block, time, first, path)
                first = False
        if first:
            raise GlabError("nothing to write: no block was made", path=path)


def _define(
    file: netCDF4.Dataset, block: xr.Dataset, time: np.ndarray | None, style: Style
) -> None:
    """Create dimensions, coordinates and variables after the first block."""
    sizes = {str(name): size for name, size in block.sizes.items()}
    if time is not None:
        sizes["time"] = len(time)
    for name, size in sizes.items():
        file.createDimension(name, size)
    if str(block.coords["cell"].attrs.get("compress", "")) if "cell" in block.coords else "":
        for name, size in zip(("y", "x"), (584, 1388)):
            file.createDimension(name, size)
    for name in [*block.coords, *block.data_vars]:
        _define_variable(file, str(name), block[name], style)


def _define_variable(file: netCDF4.Dataset, name: str, array: xr.DataArray, style: Style) -> None:
    dims = tuple(str(dim) for dim in array.dims)
    declared = None if name in array.coords and name not in VARIABLES else _declared(name, array)
    dtype = _disk_type(array, declared, style)
    packed = dtype == "int16" and declared is not None and declared.scale is not None
    options: dict[str, Any] = {}
    if dims and dtype is not str:
        sizes = [len(file.dimensions[dim]) for dim in dims]
        options["chunksizes"] = [min(style.chunks.get(d, s), s) for d, s in zip(dims, sizes)]
        options |= {"compression": style.compression, "complevel": 1, "shuffle": True}
    fill = FILL if packed else _fill(dtype, name, array)
    variable = file.createVariable(name, dtype, dims, fill_value=fill, **options)
    variable.setncatts(_attributes(name, array, declared, packed))
    variable.set_auto_maskandscale(False)


def _declared(name: str, array: xr.DataArray) -> Variable | None:
    """The declaration of a data variable; grid mappings and bounds need none."""
    if "grid_mapping_name" in array.attrs or name.endswith(("_bounds", "_bnds")):
        return None
    return lookup(name)


def _disk_type(array: xr.DataArray, declared: Variable | None, style: Style) -> Any:
    if array.dtype.kind in "OUS":
        return str
    if array.dtype.kind == "M":
        return "int32"
    if declared is None:
        return "int32" if array.dtype == np.int64 else array.dtype
    if declared.scale is not None and style.packed:
        return "int16"
    return declared.dtype


def _fill(dtype: Any, name: str, array: xr.DataArray) -> Any:
    is_float = dtype is not str and np.dtype(dtype).kind == "f"
    return np.array(np.nan, dtype) if is_float and name not in array.coords else None


def _attributes(
    name: str, array: xr.DataArray, declared: Variable | None, packed: bool
) -> dict[Hashable, Any]:
    attributes: dict[Hashable, Any] = {}
    if array.dtype.kind == "M":
        attributes = {"units": TIME_UNITS, "calendar": "standard", "standard_name": "time"}
    if declared is not None:
        attributes = {"units": declared.units, "long_name": declared.long_name}
        if declared.standard_name:
            attributes["standard_name"] = declared.standard_name
        attributes |= _flag_attributes(declared)
        if declared.valid_range and not packed:
            attributes["valid_range"] = np.array(declared.valid_range, declared.dtype)
        if packed:
            attributes["scale_factor"] = np.float32(declared.scale)
            attributes["add_offset"] = np.float32(declared.offset)
    return attributes | array.attrs


def _flag_attributes(declared: Variable) -> dict[Hashable, Any]:
    if not declared.flags:
        return {}
    numbers = np.arange(len(declared.flags))
    key, values = ("flag_masks", 2**numbers) if declared.flag_masks else ("flag_values", numbers)
    return {key: values.astype(np.int16), "flag_meanings": " ".join(declared.flags)}


def _put(
    file: netCDF4.Dataset, block: xr.Dataset, time: np.ndarray | None, first: bool, path: Path
) -> None:
    """Put one block's values in their place."""
    if first and time is not None:
        file["time"][:] = (np.asarray(time, "datetime64[D]") - TIME_ORIGIN).astype(np.int32)
    start = 0
    if time is not None:
        start = int(np.searchsorted(time, block["time"].values[0]))
    for key in [*block.coords, *block.data_vars]:
        name, array = str(key), block[key]
        if name == "time" or ("time" not in array.dims and not first):
            continue
        values = _encoded(array, file[name], name, path)
        if "time" in array.dims:
            place = [slice(None)] * array.ndim
            axis = array.dims.index("time")
            place[axis] = slice(start, start + array.sizes["time"])
            file[name][tuple(place)] = values
        else:
            file[name][...] = values


def _encoded(array: xr.DataArray, variable: netCDF4.Variable, name: str, path: Path) -> np.ndarray:
    """Values as they stand on disk, checked against the variable's declaration."""
    values = array.values
    if values.dtype.kind == "M":
        return (values.astype("datetime64[D]") - TIME_ORIGIN).astype(np.int32)
    if values.dtype.kind in "OUS":
        return values.astype(object)
    if values.dtype.kind == "f":
        _check_range(values, name, path)
    if "scale_factor" not in variable.ncattrs():
        return values.astype(variable.dtype)
    raw = np.rint((values - variable.add_offset) / variable.scale_factor)
    missing = np.isnan(raw)
    if np.any(np.abs(raw[~missing]) > 32767):
        raise GlabError(
            "value does not fit the packing",
            path=path,
            variable=name,
            found=float(np.nanmax(np.abs(values))),
            expected=f"steps of {variable.scale_factor} about {variable.add_offset} in 16 bits",
        )
    return np.where(missing, FILL, raw).astype(np.int16)


def _check_range(values: np.ndarray, name: str, path: Path) -> None:
    valid = VARIABLES[name].valid_range if name in VARIABLES else None
    low, high = valid or (-np.inf, np.inf)
    finite = values[~np.isnan(values)]
    if finite.size and (finite.min() < low or finite.max() > high or np.isinf(finite).any()):
        raise GlabError(
            "value outside of its physical range",
            path=path,
            variable=name,
            found=f"{finite.min()} … {finite.max()}",
            expected=f"{low} … {high}",
            remedy="tighten the quality rules of its source, or correct its declaration",
        )
