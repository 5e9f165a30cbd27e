"""CASM soil moisture: one year, a value every three days.

`CASM_SM_<year>.nc`, dimensions date, lat, lon; 25 km EASE-Grid 2.0 centres rounded to three
decimals, rows or columns without land possibly left out. Days are those of `date`, which must lie
in the year of the name.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.readers.granule import Fields, granule
from glab.readers.naming import Naming, axis_times, check_times
from glab.readers.native import open_gridded, packing_of

TITLE = "CASM soil moisture"
NAMING = Naming(r"CASM_SM_(?P<date>\d{4})\.nc", "CASM_SM_2010.nc")

FIELDS = {
    "soil_moisture": "CASM_soil_moisture",
    "soil_moisture_climatology": "seasonal_cycle",
    "soil_moisture_std": "structural_uncertainty",
    "soil_moisture_std_data": "data_uncertainty",
}
FILLS = (-9999.0,)


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """Read one year: `soil_moisture` and its climatology, structural and data uncertainty in
    m³ m⁻³ (time, y, x), NaN where missing, `time` the days that have values.

    Args:
        path: the granule.
        variables: canonical names wanted; None: all that the file contains.
    """
    with open_gridded(path, grids=("M25",)) as file:
        main = file.require(FIELDS["soil_moisture"])
        axis = file.require("date", "time")
        # Values are of whole days; an hour in the axis has no meaning.
        times = axis_times(axis, path).astype("datetime64[D]")
        check_times(times, NAMING.period(path.name), path, axis.name)
        fields: Fields = {}
        for name, native_name in FIELDS.items():
            variable = file.find(native_name)
            if variable is not None and (variables is None or name in variables):
                packing = packing_of(variable, fills=FILLS)
                fields[name] = (("time",), file.plane(variable, packing, main.dimensions[0]))
        return granule(fields, file.georeference, time=times)
