"""Calibrated enhanced-resolution brightness temperatures, NSIDC-0630: one sensor, channel, pass.

`NSIDC-0630-EASE2_[NSTM]…km-<platform>_<sensor>-<YYYYDDD>-<channel>-<pass>-….nc`, on EASE-Grid 2.0
North, South (projected, 2-D coordinates), temperate or global (rectilinear). The day is the
file's time axis, with which the name must agree.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from glab.arrays import Float32s
from glab.errors import GlabError
from glab.readers.decoding import decode
from glab.readers.georeference import Georeference, projected
from glab.readers.granule import granule
from glab.readers.naming import granule_date
from glab.readers.netcdf import WRONG_VARIABLE, coordinate, missing_variable, packing_of
from glab.readers.opening import open_netcdf
from glab.readers.times import Times, axis_times, check_day

if TYPE_CHECKING:
    import netCDF4

FIELDS = {
    "tb": "TB",
    "tb_std": "TB_std_dev",
    "incidence": "Incidence_angle",
    "count": "TB_num_samples",
    "acquisition_time": "TB_time",
}
NAME = re.compile(r"-(?P<platform>[A-Z0-9]+)_\w+-\d{7}-(?P<channel>\d+[HV])-(?P<overpass>[MEAD])-")
PASSES = {"A": "ascending", "D": "descending", "M": "morning", "E": "evening"}
AFTERNOON_ORBIT = {"morning": "ascending", "evening": "descending"}
"""Aqua and GCOM-W1 cross at 13:30 ascending and 01:30 descending; morning is 05:00 to 17:00."""

AFTERNOON_PLATFORMS = ("AQUA", "GCOMW1")


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """One channel and pass: `tb`, `tb_std` in K, `incidence` in degrees, `count` of measurements,
    `acquisition_time` (hours after 00:00 UTC of the day) (overpass, channel, y, x).

    Args:
        path: the granule.
        variables: canonical names wanted; None: all there are.
    """
    with open_netcdf(path) as dataset:
        there = dataset.variables
        for name in ("TB", "x", "y", "crs", "time"):
            if name not in there:
                raise missing_variable([name], there, path)
        georeference = projected(
            coordinate(there["x"]), coordinate(there["y"]), _projection(there["crs"]), path
        )
        times = axis_times(there["time"], path)
        fields = {
            name: (("overpass", "channel"), _plane(there[native], georeference, times, path))
            for name, native in FIELDS.items()
            if native in there and (variables is None or name in variables)
        }
        if "acquisition_time" in fields:
            fields["acquisition_time"][1][...] /= 60.0
        overpass, channel = _named(path, there["TB"])
    check_day(times[0], granule_date("cetb", path.name), path, "time")
    return granule(fields, georeference, date=times[0], overpasses=[overpass], channels=[channel])


def _projection(crs: netCDF4.Variable) -> str:
    """The projection as pyproj reads it, "EPSG:6931" where the file gives such a code."""
    code = re.search(r"EPSG:+(\d+)", str(getattr(crs, "srid", "")))
    if code:
        return f"EPSG:{code[1]}"
    return str(getattr(crs, "crs_wkt", "") or getattr(crs, "proj4text", ""))


def _plane(
    variable: netCDF4.Variable, georeference: Georeference, times: Times, path: Path
) -> Float32s:
    """Shape (1, 1, y, x), NaN at fills and outside of the valid range."""
    if variable.shape != (1, *georeference.shape) or times.size != 1:
        raise GlabError(
            "not one day on the file's grid",
            path=path,
            variable=variable.name,
            found=f"shape {variable.shape}",
            expected=f"shape {(1, *georeference.shape)}",
            remedy=WRONG_VARIABLE,
        )
    return decode(np.asarray(variable[...]), packing_of(variable, valid=True))[np.newaxis]


def _named(path: Path, tb: netCDF4.Variable) -> tuple[str, str]:
    """Overpass and channel of a file; the channel in the name must be the variable's."""
    match = NAME.search(path.name.upper())
    stated = str(
        getattr(tb, "frequency_and_polarization", "") or (match["channel"] if match else "")
    )
    if match is None or stated.upper() != match["channel"]:
        raise GlabError(
            "name and contents are of different channels",
            path=path,
            variable="TB",
            found=stated,
            expected=match["channel"] if match else "a name that says channel and pass",
            remedy="find out which channel it is, and name the file by it",
        )
    overpass = PASSES[match["overpass"]]
    if match["platform"] in AFTERNOON_PLATFORMS:
        overpass = AFTERNOON_ORBIT.get(overpass, overpass)
    return overpass, f"{int(stated[:-1])}{stated[-1].lower()}"
