"""ERA5 and ERA5-Land soil temperature, air temperature and snow, netCDF.

Any name with `era5` and a day, month or year in it. Hourly; longitudes run as in the file (0…360
is possible), latitudes usually descend. Times are those of the file; the name must agree with the
first.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.readers.naming import Naming
from glab.readers.surface import NativeField, read_surface

TITLE = "ERA5 or ERA5-Land surface fields"
NAMING = Naming(
    r"(?P<part>.*?era5.*?)(?<!\d)(?P<date>\d{4}(?:[-_]?\d{2}){0,2})(?!\d)(?P<rest>.*)\.nc4?",
    "era5_2010-06-01.nc",
)

FIELDS = {
    "t_surface": NativeField("stl1"),
    "t_deep": NativeField("stl3"),
    "t_air": NativeField("t2m"),
    "snow": NativeField("sd", 1000.0),
}
"""Soil levels 0–7 cm and 28–100 cm; snow in m of water becomes kg m⁻²."""


def read(
    path: Path, variables: Collection[str] | None = None, hours: slice = slice(None)
) -> xr.Dataset:
    """Read `t_surface`, `t_deep`, `t_air` in K and `snow` in kg m⁻² (time, y, x), those that the
    file contains; NaN where missing.

    Args:
        path: the file.
        variables: canonical names wanted; None: all that the file contains.
        hours: which of the file's times, by number, for files larger than memory.
    """
    return read_surface(NAMING, path, FIELDS, variables, hours)
