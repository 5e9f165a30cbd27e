"""Granules on plain grids: SMAP-IB, SMOSMAP-IB, CASM, and the reanalysis in the layout of ERA5."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import netCDF4
import numpy as np

from glab.calendar import month_of
from glab.simulate.formats.netcdf import DEFLATE_LEVEL, FileField, FileLayout, axes
from glab.simulate.instruments import products
from glab.simulate.world import World

FILL = -9999.0
RETRIEVAL_UNITS = {"Soil_Moisture": "m3 m-3", "Optical_Thickness_Nad": "1"}
ERA5_NAMES = {
    "stl1": ("K", "Soil temperature level 1"),
    "stl3": ("K", "Soil temperature level 3"),
    "t2m": ("K", "2 metre temperature"),
    "sd": ("m of water equivalent", "Snow depth"),
}


def write_smap_ib(world: World, folder: Path) -> None:
    """Write a year of SMAP-IB: a file per day."""
    _write_retrievals(
        world, products.smap_ib(world), "SMAP-IB", folder / "IB_SM_CDF3AM_{day}_V1.nc"
    )


def write_smosmap_ib(world: World, folder: Path) -> None:
    """Write a year of SMOSMAP-IB: a file per day."""
    _write_retrievals(
        world, products.smosmap_ib(world), "SMOSMAP-IB", folder / "SMOSMAP-IB_{day}.nc"
    )


def _write_retrievals(
    world: World, year: products.RetrievalYear, title: str, pattern: Path
) -> None:
    """Write every day with a retrieval: float32, rows from the north, fill where none.

    Args:
        world: the year.
        year: its retrievals.
        title: of the files.
        pattern: path of the files, with `{day}` for the date.
    """
    fields = axes(year.window.lat, year.window.lon)
    for name, units in RETRIEVAL_UNITS.items():
        fields[name] = FileField(("lat", "lon"), "f4", FILL, {"units": units})
    sizes = {"lat": year.window.shape[0], "lon": year.window.shape[1]}
    layout = FileLayout(sizes, fields, {"title": f"simulated {title}"})
    pair = {"Soil_Moisture": year.soil_moisture, "Optical_Thickness_Nad": year.vod}
    for day in np.flatnonzero(np.isfinite(year.vod).any(axis=1)):
        stamp = str(world.days[day]).replace("-", "")
        values = {
            name: np.nan_to_num(field[day], nan=FILL).reshape(year.window.shape)
            for name, field in pair.items()
        }
        layout.write(pattern.with_name(pattern.name.format(day=stamp)), values)


def write_casm(world: World, folder: Path) -> None:
    """Write a year of CASM: dimensions date, lat, lon; coordinates rounded to three decimals."""
    year, land = products.casm_year(world), world.land
    if not len(year.days):
        return
    fields = {
        "CASM_soil_moisture": year.soil_moisture,
        "seasonal_cycle": year.seasonal_cycle,
        "structural_uncertainty": year.structural,
        "data_uncertainty": year.data,
    }
    with netCDF4.Dataset(folder / f"CASM_SM_{world.year}.nc", "w") as file:
        lat, lon = np.round(land.window.lat, 3), np.round(land.window.lon, 3)
        elapsed = (year.days - np.datetime64("2002-01-01")).astype(np.int32)
        _axis(file, "date", elapsed, {"units": "days since 2002-01-01", "calendar": "standard"})
        _axis(file, "lat", lat, {"units": "degrees_north"})
        _axis(file, "lon", lon, {"units": "degrees_east"})
        for name, values in fields.items():
            on_map = land.on_window(values.astype(np.float32))
            _variable(file, name, ("date", "lat", "lon"), on_map, {"units": "m3 m-3"})


def write_surface(world: World, folder: Path) -> None:
    """Write a year of the reanalysis, a file per month, as the climate data store delivers them."""
    year = products.reanalysis(world)
    month = month_of(year.time.astype("datetime64[D]"))
    for number in range(1, 13):
        inside = month == number
        stamp = str(year.time[inside][0].astype("datetime64[M]"))
        with netCDF4.Dataset(folder / f"era5_{stamp}.nc", "w") as file:
            seconds = year.time[inside].astype("datetime64[s]").astype(np.int64)
            units = {"units": "seconds since 1970-01-01", "calendar": "proleptic_gregorian"}
            _axis(file, "valid_time", seconds, units | {"standard_name": "time"})
            _axis(file, "latitude", year.lat, {"units": "degrees_north"})
            _axis(file, "longitude", year.lon, {"units": "degrees_east"})
            for name, values in year.fields.items():
                units_of, long_name = ERA5_NAMES[name]
                attributes = {"units": units_of, "long_name": long_name}
                dims = ("valid_time", "latitude", "longitude")
                _variable(file, name, dims, values[inside].astype(np.float32), attributes)


def _axis(
    file: netCDF4.Dataset, name: str, values: np.ndarray, attributes: Mapping[str, str]
) -> None:
    """Add a dimension and its coordinate."""
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
    """Add a packed float32 variable in one chunk, NaN where missing."""
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
