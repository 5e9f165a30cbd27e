"""VODCA vegetation optical depth: one day and one band on a regular 0.25° grid.

`vodca_v…_<band>_<date>.nc`. The day is that of the name; a time axis must agree.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.readers.granule import Fields, granule
from glab.readers.naming import Naming, axis_times, check_times
from glab.readers.native import open_gridded, packing_of

TITLE = "VODCA vegetation optical depth"
NAMING = Naming(
    r"vodca(?:_(?P<version>v[\d.-]+))?_(?P<part>[a-z]+(?:-band)?)_(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?P<rest>.*)\.nc",
    "vodca_v01-0_X-band_2008-07-05.nc",
)

FIELDS = {"vod": "vod", "processing_flags": "processing_flag"}
FILLS = (-9999.0,)


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """Read one day: `vod` and `processing_flags` (y, x), NaN where missing.

    Args:
        path: the granule.
        variables: canonical names wanted; None: all that the file contains.
    """
    date = NAMING.date(path.name)
    with open_gridded(path) as file:
        axis = file.find("time")
        if axis is not None and axis.size == 1:
            check_times(axis_times(axis, path), date, path, "time")
        file.require("vod")
        fields: Fields = {}
        for name, native_name in FIELDS.items():
            variable = file.find(native_name)
            if variable is not None and (variables is None or name in variables):
                fields[name] = ((), file.plane(variable, packing_of(variable, fills=FILLS)))
        return granule(fields, file.georeference, date=date)
