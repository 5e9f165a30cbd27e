"""Read soil and air temperature and snow of reanalyses (ERA5, GLDAS) at each of a file's times."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from glab.arrays import Float32s
from glab.readers.granule import granule
from glab.readers.naming import Naming, axis_times, check_times
from glab.readers.native import GriddedFile, missing_variable, open_gridded, packing_of

TIMES = ("time", "valid_time")
VERSIONS = "expver"
"""Dimension of recent ERA5 files: final values, then preliminary ones."""

FILLS = (-9999.0,)


class NativeField(NamedTuple):
    """Name of a variable in the files, and the factor to its canonical unit."""

    name: str
    factor: float = 1.0


def read_surface(
    naming: Naming,
    path: Path,
    fields: Mapping[str, NativeField],
    variables: Collection[str] | None,
    hours: slice,
) -> xr.Dataset:
    """Read the fields of one file at each of its times, (time, y, x), NaN where missing.

    Args:
        naming: of the format; the first time must agree with the name.
        path: the file.
        fields: canonical name → name and factor in the file.
        variables: canonical names wanted; None: all that the file contains.
        hours: which of the file's times, by number.
    """
    with open_gridded(path) as file:
        axis = file.require(*TIMES)
        times = axis_times(axis, path)
        # The first time only: a file may end at 00:00 of the day after its period.
        check_times(times[:1], naming.period(path.name), path, axis.name)
        dim = axis.dimensions[0] if axis.dimensions else ""
        planes = {
            name: (("time",), _read_field(file, field, dim, hours))
            for name, field in fields.items()
            if file.find(field.name) is not None and (variables is None or name in variables)
        }
        if not planes:
            names = [field.name for field in fields.values()]
            raise missing_variable(names, file.dataset.variables, path)
        return granule(planes, file.georeference, time=times[hours])


def _read_field(file: GriddedFile, field: NativeField, dim: str, hours: slice) -> Float32s:
    """Return one variable in canonical unit, shape (time, y, x)."""
    variable = file.require(field.name)
    packing = packing_of(variable, fills=FILLS)
    # A file of a single time may have variables without a time dimension.
    lead = [dim] if dim in variable.dimensions else []
    if VERSIONS in variable.dimensions:
        lead.append(VERSIONS)
    section = tuple(hours if name == dim else slice(None) for name in variable.dimensions)
    values = file.plane(variable, packing, *lead, section=section)
    if VERSIONS in lead:
        values = _first_known(values, axis=lead.index(VERSIONS))
    if dim not in lead:
        values = values[np.newaxis]
    return values if field.factor == 1.0 else values * np.float32(field.factor)


def _first_known(values: Float32s, axis: int) -> Float32s:
    """Return final values where they exist, preliminary ones (the next along `axis`) elsewhere."""
    versions = np.moveaxis(values, axis, 0)
    best = versions[0]
    for version in versions[1:]:
        best = np.where(np.isnan(best), version, best)
    return best
