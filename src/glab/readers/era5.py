"""ERA5 and ERA5-Land soil temperature, air temperature and snow, netCDF.

Any name with `era5` and a day, month or year in it. Hourly; longitudes run as in the file (0…360
is possible), latitudes usually descend. Times are the file's; the name must agree with the first.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.readers.surface import Native, read_surface

NATIVES = {
    "t_surface": Native("stl1"),
    "t_deep": Native("stl3"),
    "t_air": Native("t2m"),
    "snow": Native("sd", 1000.0),
}
"""Soil levels 0–7 cm and 28–100 cm; snow in m of water becomes kg m⁻²."""


def read(
    path: Path, variables: Collection[str] | None = None, hours: slice = slice(None)
) -> xr.Dataset:
    """`t_surface`, `t_deep`, `t_air` in K, `snow` in kg m⁻² (time, y, x), what there is of them.

    Args:
        path: the file.
        variables: canonical names wanted; None: all there are.
        hours: which of the file's times, by number, for files larger than memory.
    """
    return read_surface("era5", path, NATIVES, variables, hours)
