"""GLDAS-2.1 Noah soil temperature, air temperature, snow and soil moisture, netCDF.

`GLDAS_NOAH025_3H.A<YYYYMMDD>.<hhmm>.021.nc4`, one time in a file. Times are those of the file; the
day of the name must agree.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.readers.naming import Naming
from glab.readers.surface import NativeField, read_surface

TITLE = "GLDAS-2.1 Noah surface fields"
NAMING = Naming(
    r"(?P<part>GLDAS_\w+)\.A(?P<date>\d{8})\.(?P<hour>\d{4})(?:\.(?P<version>\d+))?"
    r"(?P<rest>.*)\.nc4?",
    "GLDAS_NOAH025_3H.A20150101.0000.021.nc4",
)

FIELDS = {
    "t_surface": NativeField("SoilTMP0_10cm_inst"),
    "t_deep": NativeField("SoilTMP40_100cm_inst"),
    "t_air": NativeField("Tair_f_inst"),
    "snow": NativeField("SWE_inst"),
    "soil_moisture": NativeField("SoilMoi0_10cm_inst", 0.01),
}
"""Soil moisture of the upper 10 cm in kg m⁻² becomes m³ m⁻³."""


def read(
    path: Path, variables: Collection[str] | None = None, hours: slice = slice(None)
) -> xr.Dataset:
    """Read `t_surface`, `t_deep`, `t_air` in K, `snow` in kg m⁻² and `soil_moisture` in m³ m⁻³
    (time, y, x), those that the file contains; NaN where missing.

    Args:
        path: the file.
        variables: canonical names wanted; None: all that the file contains.
        hours: which of the file's times, by number.
    """
    return read_surface(NAMING, path, FIELDS, variables, hours)
