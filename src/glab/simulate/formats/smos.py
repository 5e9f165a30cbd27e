"""SMOS granules of CATDS: level-3 TB by angle, and SMOS-IC, each a file per day and overpass."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from glab.simulate.formats.netcdf import FileField, FileLayout, axes
from glab.simulate.instruments.products import SmosRetrieval, smos_ic
from glab.simulate.instruments.smos import ANGLES_DEG, Overflight, overflights
from glab.simulate.world import Land, World

# --- level-3 TB ---------------------------------------------------------------------------------

FILL = -32768
PLANES = ("inc", "lat", "lon")
DAYS_EPOCH = np.datetime64("2000-01-01", "D")
TB = {"units": "K", "scale_factor": 200.0 / 32767.0, "add_offset": 200.0}
SPREAD = {"units": "K", "scale_factor": 25.0 / 32767.0, "add_offset": 25.0}
INCIDENCE = {"units": "degree", "scale_factor": 45.0 / 32767.0, "add_offset": 45.0}
"""Packing of the real files (docs/science.md, section 6.1)."""


def write_smos_l3(world: World, folder: Path) -> None:
    """Write a year of SMOS level-3 TB."""
    layout = tb_layout(world.land)
    for overpass in world.settings.smos_overpasses:
        for flight in overflights(world, overpass):
            write_tb(layout, folder, world.land, world.days[flight.day], flight)


def tb_layout(land: Land) -> FileLayout:
    """Return the layout of the level-3 TB granules: latitude ascending."""
    south_first = land.window.lat[::-1]
    fields = axes(south_first, land.window.lon)
    angle = {"units": "degree", "long_name": "centre of the incidence angle bin"}
    fields["inc"] = FileField(("inc",), "f4", attributes=angle, values=ANGLES_DEG)
    for pol in "HV":
        fields[f"BT_{pol}"] = FileField(PLANES, "i2", FILL, TB)
        fields[f"Pixel_Radiometric_Accuracy_{pol}"] = FileField(PLANES, "i2", FILL, SPREAD)
        fields[f"Pixel_BT_Standard_Deviation_{pol}"] = FileField(PLANES, "i2", FILL, SPREAD)
    fields["Incidence_Angle"] = FileField(PLANES, "i2", FILL, INCIDENCE)
    fields["Nviews"] = FileField(PLANES, "i2", FILL, {"units": "1"})
    fields["Nb_RFI_Flags"] = FileField(PLANES, "i2", FILL, {"units": "1"})
    fields["Days"] = FileField(PLANES, "i2", FILL, {"units": f"days since {DAYS_EPOCH}"})
    fields["UTC_Seconds"] = FileField(PLANES, "i4", FILL, {"units": "s"})
    sizes = {"inc": len(ANGLES_DEG), "lat": len(south_first), "lon": len(land.window.lon)}
    return FileLayout(sizes, fields, {"title": "simulated SMOS level 3 brightness temperature"})


def write_tb(
    layout: FileLayout, folder: Path, land: Land, day: np.datetime64, flight: Overflight
) -> None:
    """Write one day and overpass."""

    def plane(values: np.ndarray) -> np.ndarray:
        return land.on_window(values)[..., ::-1, :]

    hour = np.where(np.isnan(flight.views), np.nan, flight.hour)
    values = {
        "Incidence_Angle": plane(flight.incidence_deg),
        "Nviews": plane(flight.views),
        "Nb_RFI_Flags": plane(flight.rfi_views),
        "UTC_Seconds": plane(np.mod(hour, 24.0) * 3600.0),
        "Days": plane((day - DAYS_EPOCH).astype(int) + np.floor(hour / 24.0)),
    }
    for number, pol in enumerate("HV"):
        values[f"BT_{pol}"] = plane(flight.tb_k[number])
        values[f"Pixel_Radiometric_Accuracy_{pol}"] = plane(flight.accuracy_k[number])
        values[f"Pixel_BT_Standard_Deviation_{pol}"] = plane(flight.spread_k[number])
    date = str(day).replace("-", "")
    name = f"SM_RE07_MIR_CDF3T{flight.overpass}_{date}T000000_{date}T235959_330_001_7.DBL.nc"
    layout.write(folder / name, values)


# --- SMOS-IC ------------------------------------------------------------------------------------

IC_UNITS = {
    "Soil_Moisture": "m3 m-3",
    "Soil_Moisture_StdError": "m3 m-3",
    "Optical_Thickness_Nad": "1",
    "Optical_Thickness_Nad_StdError": "1",
    "RMSE": "K",
    "Soil_Temperature_Level1": "K",
    "BT_H_IC_Fitted": "K",
    "BT_V_IC_Fitted": "K",
}
IC_FLAGS = ("Scene_Flags", "Processing_Flags")
IC_FILL = -999.0


def write_smos_ic(world: World, folder: Path) -> None:
    """Write a year of SMOS-IC."""
    layout = ic_layout(world.land)
    for overpass in world.settings.smos_overpasses:
        for retrieval in smos_ic(world, overpass):
            write_ic(layout, folder, world.land, world.days[retrieval.day], retrieval)


def ic_layout(land: Land) -> FileLayout:
    """Return the layout of SMOS-IC granules: rows from north to south, float32, fill −999."""
    fields = axes(land.window.lat, land.window.lon)
    for name, units in IC_UNITS.items():
        fields[name] = FileField(("lat", "lon"), "f4", IC_FILL, {"units": units})
    for name in IC_FLAGS:
        fields[name] = FileField(("lat", "lon"), "i2", -1, {"units": "1"})
    sizes = {"lat": len(land.window.lat), "lon": len(land.window.lon)}
    return FileLayout(sizes, fields, {"title": "simulated SMOS-IC"})


def write_ic(
    layout: FileLayout, folder: Path, land: Land, day: np.datetime64, retrieval: SmosRetrieval
) -> None:
    """Write one day and overpass. As in real files, land not seen is NaN and sea is the fill."""
    date = str(day).replace("-", "")
    name = f"SM_RE06_MIR_CDF3S{retrieval.overpass}_{date}T000000_{date}T235959_105_001_8.DBL.nc"
    values = {
        name: land.on_window(field.astype(np.float32), IC_FILL)
        for name, field in retrieval.fields.items()
        if name in IC_UNITS
    }
    for flag in IC_FLAGS:
        values[flag] = land.on_window(retrieval.fields[flag].astype(np.float32))
    layout.write(folder / name, values)
