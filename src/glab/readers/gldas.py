"""GLDAS-2.1 Noah soil temperature, air temperature, snow and soil moisture, netCDF.

`GLDAS_NOAH025_3H.A<YYYYMMDD>.<hhmm>.021.nc4`, one time in a file. Times are the file's; the day
of the name must agree.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.readers.surface import Native, read_surface

NATIVES = {
    "t_surface": Native("SoilTMP0_10cm_inst"),
    "t_deep": Native("SoilTMP40_100cm_inst"),
    "t_air": Native("Tair_f_inst"),
    "snow": Native("SWE_inst"),
    "soil_moisture": Native("SoilMoi0_10cm_inst", 0.01),
}
"""Soil moisture of the upper 10 cm in kg m⁻² becomes m³ m⁻³."""


def read(
    path: Path, variables: Collection[str] | None = None, hours: slice = slice(None)
) -> xr.Dataset:
    """`t_surface`, `t_deep`, `t_air` in K, `snow` in kg m⁻², `soil_moisture` in m³ m⁻³
    (time, y, x), what there is of them.

    Args:
        path: the file.
        variables: canonical names wanted; None: all there are.
        hours: which of the file's times, by number.
    """
    return read_surface("gldas", path, NATIVES, variables, hours)
