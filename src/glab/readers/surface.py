"""Soil and air temperature and snow of model analyses, hour by hour: what ERA5 and GLDAS share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from glab.arrays import Float32s
from glab.errors import GlabError
from glab.readers.granule import granule
from glab.readers.naming import granule_period
from glab.readers.netcdf import Granule, missing_variable, open_granule, packing_of
from glab.readers.times import Times, axis_times

TIMES = ("time", "valid_time")
VERSIONS = "expver"
FILLS = (-9999.0,)


class Native(NamedTuple):
    """Name of a variable in the files, and the factor to its canonical unit."""

    name: str
    factor: float = 1.0


def read_surface(
    format_name: str,
    path: Path,
    natives: Mapping[str, Native],
    variables: Collection[str] | None,
    hours: slice,
) -> xr.Dataset:
    """Fields of one file at each of its times, (time, y, x).

    Args:
        format_name: names the pattern of its name, with which the first time must agree.
        path: the file.
        natives: canonical name → name and factor in the file.
        variables: canonical names wanted; None: all there are.
        hours: which of the file's times, by number.
    """
    with open_granule(path) as native:
        axis = native.require(*TIMES)
        times = axis_times(axis, path)
        _check_period(times, granule_period(format_name, path.name), path, axis.name)
        dim = axis.dimensions[0] if axis.dimensions else ""
        fields = {
            name: (("time",), _hourly(native, source, dim, hours))
            for name, source in natives.items()
            if native.find(source.name) is not None and (variables is None or name in variables)
        }
        if not fields:
            names = [source.name for source in natives.values()]
            raise missing_variable(names, native.dataset.variables, path)
        return granule(fields, native.georeference, time=times[hours])


def _check_period(times: Times, period: np.datetime64, path: Path, name: str) -> None:
    """Raise unless the first time lies in the day, month or year of the name."""
    if times.size == 0 or times[0].astype(period.dtype) != period:
        raise GlabError(
            "name and contents are of different times",
            path=path,
            variable=name,
            found=str(times[0]) if times.size else "no times",
            expected=f"times from {period} on, as in the name",
            remedy="find out which time it is, and name the file by it",
        )


def _hourly(native: Granule, source: Native, dim: str, hours: slice) -> Float32s:
    """One variable in canonical unit, shape (time, y, x)."""
    variable = native.require(source.name)
    packing = packing_of(variable, fills=FILLS)
    lead = [dim] if dim in variable.dimensions else []
    if VERSIONS in variable.dimensions:
        lead.append(VERSIONS)
    part = tuple(hours if name == dim else slice(None) for name in variable.dimensions)
    values = native.plane(variable, packing, *lead, part=part)
    if VERSIONS in lead:
        values = _first_known(values, axis=lead.index(VERSIONS))
    if dim not in lead:
        values = values[np.newaxis]
    return values if source.factor == 1.0 else values * np.float32(source.factor)


def _first_known(values: Float32s, axis: int) -> Float32s:
    """Final values where there are any, preliminary ones (the next along `axis`) elsewhere."""
    versions = np.moveaxis(values, axis, 0)
    best = versions[0]
    for version in versions[1:]:
        best = np.where(np.isnan(best), version, best)
    return best
