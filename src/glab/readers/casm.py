"""CASM soil moisture: one year, a value every three days.

`CASM_SM_<year>.nc`, dimensions date, lat, lon; 25 km EASE-Grid 2.0 centres rounded to three
decimals, rows or columns without land possibly left out. Days are those of `date`, which must lie
in the year of the name.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.errors import GlabError
from glab.readers.granule import granule
from glab.readers.naming import granule_date
from glab.readers.netcdf import open_granule, packing_of
from glab.readers.times import axis_times

FIELDS = {
    "soil_moisture": "CASM_soil_moisture",
    "soil_moisture_climatology": "seasonal_cycle",
    "soil_moisture_std": "structural_uncertainty",
    "soil_moisture_std_data": "data_uncertainty",
}
FILLS = (-9999.0,)


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """One year: `soil_moisture` and its climatology, structural and data uncertainty in m³ m⁻³
    (time, y, x), `time` the days that have values.

    Args:
        path: the granule.
        variables: canonical names wanted; None: all there are.
    """
    with open_granule(path, grids=("M25",)) as native:
        main = native.require(FIELDS["soil_moisture"])
        axis = native.require("date", "time")
        times = axis_times(axis, path).astype("datetime64[D]")
        year = granule_date("casm", path.name).astype("datetime64[Y]")
        if times.size == 0 or (times.astype("datetime64[Y]") != year).any():
            raise GlabError(
                "name and contents are of different years",
                path=path,
                variable=axis.name,
                found=f"{times[0]} to {times[-1]}" if times.size else "no days",
                expected=f"days of {year}",
                remedy="name the file by its year",
            )
        fields = {}
        for name, native_name in FIELDS.items():
            variable = native.find(native_name)
            if variable is not None and (variables is None or name in variables):
                packing = packing_of(variable, fills=FILLS)
                fields[name] = (("time",), native.plane(variable, packing, main.dimensions[0]))
        return granule(fields, native.georeference, time=times)
