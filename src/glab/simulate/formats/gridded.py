"""Granules on plain grids: days of SMAP-IB and SMOSMAP-IB, CASM years, the reanalysis by month."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import netCDF4
import numpy as np

from glab.calendar import month_of
from glab.simulate.formats.netcdf import DEFLATE_LEVEL, FileField, FileLayout, axes
from glab.simulate.instruments.reanalysis import Reanalysis
from glab.simulate.instruments.retrievals import CasmYear, YearOfRetrievals
from glab.simulate.world.box import Land, SubGrid

FILL = -9999.0
RETRIEVAL_UNITS = {"Soil_Moisture": "m3 m-3", "Optical_Thickness_Nad": "1"}
ERA5_NAMES = {
    "stl1": ("K", "Soil temperature level 1"),
    "stl3": ("K", "Soil temperature level 3"),
    "t2m": ("K", "2 metre temperature"),
    "sd": ("m of water equivalent", "Snow depth"),
}


def retrieval_layout(window: SubGrid, title: str) -> FileLayout:
    """Layout of granules of the SMAP-IB family: float32, rows from the north."""
    fields = axes(window.lat, window.lon)
    for name, units in RETRIEVAL_UNITS.items():
        fields[name] = FileField(("lat", "lon"), "f4", FILL, {"units": units})
    sizes = {"lat": window.shape[0], "lon": window.shape[1]}
    return FileLayout(sizes, fields, {"title": f"simulated {title}"})


def write_retrieval(
    layout: FileLayout, path: Path, retrieval: YearOfRetrievals, number: int
) -> None:
    """Write one day of a year of retrievals; nothing seen is the fill."""
    shape = retrieval.window.shape
    pair = {"Soil_Moisture": retrieval.soil_moisture, "Optical_Thickness_Nad": retrieval.vod}
    values = {
        name: np.nan_to_num(field[number], nan=FILL).reshape(shape) for name, field in pair.items()
    }
    layout.write(path, values)


def write_casm(path: Path, land: Land, casm: CasmYear) -> None:
    """Write a year of CASM: dimensions date, lat, lon; coordinates rounded to three decimals."""
    fields = {
        "CASM_soil_moisture": casm.soil_moisture,
        "seasonal_cycle": casm.seasonal_cycle,
        "structural_uncertainty": casm.structural,
        "data_uncertainty": casm.data,
    }
    with netCDF4.Dataset(path, "w") as file:
        lat, lon = np.round(land.window.lat, 3), np.round(land.window.lon, 3)
        elapsed = (casm.days - np.datetime64("2002-01-01")).astype(np.int32)
        _axis(file, "date", elapsed, {"units": "days since 2002-01-01", "calendar": "standard"})
        _axis(file, "lat", lat, {"units": "degrees_north"})
        _axis(file, "lon", lon, {"units": "degrees_east"})
        for name, values in fields.items():
            on_map = land.on_window(values.astype(np.float32))
            _variable(file, name, ("date", "lat", "lon"), on_map, {"units": "m3 m-3"})


def write_reanalysis(folder: Path, fields: Reanalysis) -> None:
    """Write a year of the reanalysis, a file a month, as the climate data store delivers them."""
    month = month_of(fields.time.astype("datetime64[D]"))
    for number in range(1, 13):
        inside = month == number
        stamp = str(fields.time[inside][0].astype("datetime64[M]"))
        with netCDF4.Dataset(folder / f"era5_{stamp}.nc", "w") as file:
            seconds = fields.time[inside].astype("datetime64[s]").astype(np.int64)
            units = {"units": "seconds since 1970-01-01", "calendar": "proleptic_gregorian"}
            _axis(file, "valid_time", seconds, units | {"standard_name": "time"})
            _axis(file, "latitude", fields.lat, {"units": "degrees_north"})
            _axis(file, "longitude", fields.lon, {"units": "degrees_east"})
            for name, values in fields.fields.items():
                units_of, long_name = ERA5_NAMES[name]
                attributes = {"units": units_of, "long_name": long_name}
                dims = ("valid_time", "latitude", "longitude")
                _variable(file, name, dims, values[inside].astype(np.float32), attributes)


def _axis(
    file: netCDF4.Dataset, name: str, values: np.ndarray, attributes: Mapping[str, str]
) -> None:
    file.createDimension(name, len(values))
    variable = file.createVariable(name, values.dtype.str, (name,))
    variable.setncatts(dict(attributes))
    variable[:] = values


def _variable(
    file: netCDF4.Dataset,
    name: str,
    dims: tuple[str, ...],
    values: np.ndarray,
    attributes: Mapping[str, str],
) -> None:
    variable = file.createVariable(
        name,
        "f4",
        dims,
        fill_value=float("nan"),
        compression="zlib",
        complevel=DEFLATE_LEVEL,
        shuffle=True,
        chunksizes=list(values.shape),
    )
    variable.setncatts(dict(attributes))
    variable[...] = values
