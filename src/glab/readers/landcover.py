"""IGBP land-cover fractions: MCD12C1 (HDF4), or any netCDF of class fractions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from glab.arrays import Float32s
from glab.readers.granule import Georeference, eos_grids, granule
from glab.readers.native import (
    GriddedFile,
    Packing,
    coordinate,
    decode,
    missing_variable,
    off_grid,
    open_gridded,
    open_hdf4,
    packing_of,
)

TITLE = "IGBP land-cover fractions"

FIELD = "Land_Cover_Type_1_Percent"
IGBP = tuple(range(1, 17))
FILL = 255.0
PERCENT = 0.01
FRACTION_TOP = 1.5
"""Values above this are per cent where a file names no unit: sums of fractions round to 1."""

HDF4 = (".hdf", ".hdf4")


def read(path: Path, igbp: Sequence[int] = IGBP) -> xr.Dataset:
    """Read `igbp_fraction` (igbp, y, x), 0…1, of classes 1…16.

    Args:
        path: `MCD12C1.….hdf`, or a netCDF with one variable of class fractions or per cent.
        igbp: which classes, 0 (water) included if wanted. Few at a time save memory: a global
            MCD12C1 class takes 104 MB.
    """
    fields, georeference = (_read_hdf4 if path.suffix.lower() in HDF4 else _read_netcdf)(
        path, list(igbp)
    )
    dataset = granule({"igbp_fraction": (("igbp",), fields)}, georeference)
    return dataset.assign_coords(igbp=list(igbp))


def _read_hdf4(path: Path, igbp: list[int]) -> tuple[Float32s, Georeference]:
    """Read classes along the last dimension of a field in per cent."""
    with open_hdf4(path) as file:
        if FIELD not in file.datasets():
            raise missing_variable([FIELD], list(file.datasets()), path)
        georeference = next(iter(eos_grids(file, path).values())).georeference(path)
        field = file.select(FIELD)
        shape = field.info()[2]
        if tuple(shape[:2]) != georeference.shape or max(igbp) >= shape[2]:
            raise off_grid(path, FIELD, f"{shape}", f"{georeference.shape} and classes 0…16")
        packing = Packing(PERCENT, fills=(FILL,))
        classes = [
            decode(np.asarray(field.get([0, 0, c], [*shape[:2], 1])).reshape(shape[:2]), packing)
            for c in igbp
        ]
    return np.stack(classes), georeference


def _read_netcdf(path: Path, igbp: list[int]) -> tuple[Float32s, Georeference]:
    """Read classes along the third dimension of the one variable that has three."""
    with open_gridded(path) as file:
        variable, dim = _class_variable(file)
        numbers = _class_numbers(file, dim, variable)
        missing = sorted(set(igbp) - set(numbers))
        if missing:
            raise missing_variable([f"class {n}" for n in missing], list(map(str, numbers)), path)
        values = file.plane(variable, packing_of(variable, fills=(FILL, -9999.0)), dim)
        chosen = values[[numbers.index(c) for c in igbp]]
        per_cent = str(getattr(variable, "units", "")).strip() in ("%", "percent", "per cent")
        if per_cent or np.nanmax(values, initial=0.0) > FRACTION_TOP:
            chosen *= np.float32(PERCENT)
        return chosen, file.georeference


def _class_variable(file: GriddedFile) -> tuple[Any, str]:
    """Return the variable over classes, rows and columns, and the name of its class dimension."""
    plane = {file.y_dim, file.x_dim}
    for variable in file.dataset.variables.values():
        others = [d for d in variable.dimensions if d not in plane]
        # 16 classes, or 17 with water; a dimension of another length is no axis of classes.
        long = [d for d in others if len(file.dataset.dimensions[d]) in (16, 17)]
        if plane <= set(variable.dimensions) and len(long) == 1:
            return variable, long[0]
    raise missing_variable(["igbp_fraction", FIELD], file.dataset.variables, file.path)


def _class_numbers(file: GriddedFile, dim: str, variable: Any) -> list[int]:
    """Return the number of each class; 1…16, or 0…16, where the file has no coordinate."""
    axis = file.find(dim)
    size = variable.shape[variable.dimensions.index(dim)]
    if axis is not None and axis.dtype.kind in "iuf":
        return [int(number) for number in coordinate(axis)]
    return list(range(17 - size, 17))
