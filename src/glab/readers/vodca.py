"""VODCA vegetation optical depth: one day and one band on a regular 0.25° grid.

`vodca_v…_<band>_<date>.nc`. The day is the name's; a time axis must agree.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.readers.granule import granule
from glab.readers.naming import granule_date
from glab.readers.netcdf import open_granule, packing_of
from glab.readers.times import axis_times, check_day

FIELDS = {"vod": "vod", "processing_flags": "processing_flag"}
FILLS = (-9999.0,)


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """One day: `vod` and `processing_flags` (y, x).

    Args:
        path: the granule.
        variables: canonical names wanted; None: all there are.
    """
    date = granule_date("vodca", path.name)
    with open_granule(path) as native:
        axis = native.find("time")
        if axis is not None and axis.size == 1:
            check_day(axis_times(axis, path)[0], date, path, "time")
        native.require("vod")
        fields = {}
        for name, native_name in FIELDS.items():
            variable = native.find(native_name)
            if variable is not None and (variables is None or name in variables):
                packing = packing_of(variable, fills=FILLS)
                fields[name] = ((), native.plane(variable, packing))
        return granule(fields, native.georeference, date=date)
