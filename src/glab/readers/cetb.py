"""Calibrated enhanced-resolution brightness temperatures, NSIDC-0630: one sensor, channel, pass.

`NSIDC-0630-EASE2_[NSTM]…km-<platform>_<sensor>-<YYYYDDD>-<channel>-<pass>-….nc`, on EASE-Grid 2.0
North, South (projected, 2-D coordinates), temperate or global (rectilinear). The day is that of the
time axis; the name must agree.
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
from glab.readers.granule import Georeference, granule, projected
from glab.readers.naming import Naming, Times, axis_times, check_times
from glab.readers.native import (
    coordinate,
    decode,
    missing_variable,
    off_grid,
    open_netcdf,
    packing_of,
)

if TYPE_CHECKING:
    import netCDF4

TITLE = "calibrated enhanced-resolution brightness temperature (NSIDC-0630)"
NAMING = Naming(
    r"NSIDC-?0630[-_]EASE2_(?P<grid>[MNST][\d.]+km)-(?P<sensor>\w+)-(?P<date>\d{7})-"
    r"(?P<channel>\d+[HV])-(?P<overpass>[MEAD])-(?P<part>\w+-\w+)-(?P<version>v[\d.]+)\.nc",
    "NSIDC-0630-EASE2_N25km-AQUA_AMSRE-2008278-18H-E-GRD-RSS-v1.0.nc",
    passes={"A": "ascending", "D": "descending", "M": "morning", "E": "evening"},
)

FIELDS = {
    "tb": "TB",
    "tb_std": "TB_std_dev",
    "incidence": "Incidence_angle",
    "count": "TB_num_samples",
    "acquisition_time": "TB_time",
}
AFTERNOON_ORBIT = {"morning": "ascending", "evening": "descending"}
"""Aqua and GCOM-W1 cross at 13:30 ascending and 01:30 descending; morning is 05:00 to 17:00."""

AFTERNOON_PLATFORMS = ("AQUA", "GCOMW1")
MINUTES_PER_HOUR = 60.0


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """Read one channel and pass: `tb`, `tb_std` in K, `incidence` in degrees, `count` of
    measurements, `acquisition_time` (hours after 00:00 UTC of the day) (overpass, channel, y, x),
    NaN where missing.

    Args:
        path: the granule.
        variables: canonical names wanted; None: all that the file contains.
    """
    with open_netcdf(path) as dataset:
        natives = dataset.variables
        for name in ("TB", "x", "y", "crs", "time"):
            if name not in natives:
                raise missing_variable([name], natives, path)
        georeference = projected(
            coordinate(natives["x"]), coordinate(natives["y"]), _projection(natives["crs"]), path
        )
        times = axis_times(natives["time"], path)
        fields = {
            name: (("overpass", "channel"), _read_plane(natives[native], georeference, times, path))
            for name, native in FIELDS.items()
            if native in natives and (variables is None or name in variables)
        }
        # `TB_time` is in minutes.
        if "acquisition_time" in fields:
            fields["acquisition_time"][1][...] /= MINUTES_PER_HOUR
        channel = _channel(path, natives["TB"])
    check_times(times[:1], NAMING.date(path.name), path, "time")
    overpasses = [_overpass(path)]
    return granule(fields, georeference, date=times[0], overpasses=overpasses, channels=[channel])


def _projection(crs: netCDF4.Variable) -> str:
    """Return the projection for pyproj, "EPSG:6931" where the file names such a code."""
    code = re.search(r"EPSG:+(\d+)", str(getattr(crs, "srid", "")))
    if code:
        return f"EPSG:{code[1]}"
    return str(getattr(crs, "crs_wkt", "") or getattr(crs, "proj4text", ""))


def _read_plane(
    variable: netCDF4.Variable, georeference: Georeference, times: Times, path: Path
) -> Float32s:
    """Return values of shape (1, 1, y, x), NaN at fills and outside the valid range."""
    shape = (1, *georeference.shape)
    if variable.shape != shape or times.size != 1:
        raise off_grid(path, variable.name, f"shape {variable.shape}", f"one day, shape {shape}")
    return decode(np.asarray(variable[...]), packing_of(variable, valid=True))[np.newaxis]


def _channel(path: Path, tb: netCDF4.Variable) -> str:
    """Return the channel of a file, which name and variable must agree on."""
    named = NAMING.groups(path.name)["channel"].upper()
    stated = str(getattr(tb, "frequency_and_polarization", "") or named)
    if stated.upper() != named:
        raise GlabError(
            "name and contents are of different channels",
            path=path,
            variable="TB",
            found=stated,
            expected=named,
            remedy="find out which channel is right, and name the file by it",
        )
    return f"{int(stated[:-1])}{stated[-1].lower()}"


def _overpass(path: Path) -> str:
    """Return the overpass of a file; for orbits of the afternoon by direction, as of AMSR."""
    overpass = NAMING.overpass(path.name)
    platform = NAMING.groups(path.name)["sensor"].split("_")[0]
    if platform.upper() in AFTERNOON_PLATFORMS:
        overpass = AFTERNOON_ORBIT.get(overpass, overpass)
    return overpass
