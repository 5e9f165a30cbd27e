"""IGBP land-cover fractions: MCD12C1 (HDF4), or any netCDF of class fractions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from glab.arrays import Float32s
from glab.errors import GlabError
from glab.readers.decoding import Packing, decode
from glab.readers.georeference import Georeference
from glab.readers.granule import granule
from glab.readers.netcdf import (
    WRONG_VARIABLE,
    Granule,
    coordinate,
    missing_variable,
    open_granule,
    packing_of,
)
from glab.readers.opening import open_hdf4
from glab.readers.structmetadata import eos_grids, georeference_of

FIELD = "Land_Cover_Type_1_Percent"
IGBP = tuple(range(1, 17))
WATER = 0
FILL = 255.0
PERCENT = 0.01
HDF4 = (".hdf", ".hdf4")


def read(path: Path, igbp: Sequence[int] = IGBP) -> xr.Dataset:
    """`igbp_fraction` (igbp, y, x), 0…1, of classes 1…16.

    Args:
        path: `MCD12C1.….hdf`, or a netCDF with one variable of class fractions or per cent.
        igbp: which classes, 0 (water) included if wanted; few at a time spare memory: a global
            MCD12C1 class takes 104 MB.
    """
    fields, georeference = (_hdf4 if path.suffix.lower() in HDF4 else _netcdf)(path, list(igbp))
    dataset = granule({"igbp_fraction": (("igbp",), fields)}, georeference)
    return dataset.assign_coords(igbp=list(igbp))


def _hdf4(path: Path, igbp: list[int]) -> tuple[Float32s, Georeference]:
    """Classes along the last dimension of a field in per cent."""
    with open_hdf4(path) as file:
        if FIELD not in file.datasets():
            raise missing_variable([FIELD], list(file.datasets()), path)
        grid = next(iter(eos_grids(file, path).values()))
        georeference = georeference_of(grid, path)
        field = file.select(FIELD)
        shape = field.info()[2]
        if tuple(shape[:2]) != georeference.shape or max(igbp) >= shape[2]:
            raise _wrong_shape(path, FIELD, f"{shape}", f"{georeference.shape} and classes 0…16")
        packing = Packing(PERCENT, fills=(FILL,))
        classes = [
            decode(np.asarray(field.get([0, 0, c], [*shape[:2], 1])).reshape(shape[:2]), packing)
            for c in igbp
        ]
    return np.stack(classes), georeference


def _netcdf(path: Path, igbp: list[int]) -> tuple[Float32s, Georeference]:
    """Classes along the third dimension of the one variable that has three."""
    with open_granule(path) as native:
        variable, dim = _class_variable(native)
        numbers = _class_numbers(native, dim, variable)
        missing = sorted(set(igbp) - set(numbers))
        if missing:
            raise _wrong_shape(path, variable.name, f"classes {numbers}", f"classes {missing}")
        values = native.plane(variable, packing_of(variable, fills=(FILL, -9999.0)), dim)
        chosen = values[[numbers.index(c) for c in igbp]]
        per_cent = str(getattr(variable, "units", "")).strip() in ("%", "percent", "per cent")
        if per_cent or np.nanmax(values, initial=0.0) > 1.5:
            chosen *= np.float32(PERCENT)
        return chosen, native.georeference


def _class_variable(native: Granule) -> tuple[Any, str]:
    """The variable over classes, rows and columns, and the name of its class dimension."""
    plane = {native.y_dim, native.x_dim}
    for variable in native.dataset.variables.values():
        others = [d for d in variable.dimensions if d not in plane]
        long = [d for d in others if len(native.dataset.dimensions[d]) in (16, 17)]
        if plane <= set(variable.dimensions) and len(long) == 1:
            return variable, long[0]
    raise missing_variable(["igbp_fraction", FIELD], native.dataset.variables, native.path)


def _class_numbers(native: Granule, dim: str, variable: Any) -> list[int]:
    """Number of each class; 1…16, or 0…16, where the file does not say."""
    axis = native.find(dim)
    size = variable.shape[variable.dimensions.index(dim)]
    if axis is not None and axis.dtype.kind in "iuf":
        return [int(number) for number in coordinate(axis)]
    return list(range(17 - size, 17))


def _wrong_shape(path: Path, name: str, found: str, expected: str) -> GlabError:
    return GlabError(
        "not the classes or the grid that are wanted",
        path=path,
        variable=name,
        found=found,
        expected=expected,
        remedy=WRONG_VARIABLE,
    )
