"""SMAP level-3 granules in the layout of NSIDC: HDF5, one day, morning pass, a part of the grid."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from glab.arrays import Floats
from glab.simulate.instruments.smap import SmapDay, smap_l3, smap_window
from glab.simulate.world import SubGrid, World

GROUP = "Soil_Moisture_Retrieval_Data_AM"
FLOAT_FILL, FLAG_FILL = -9999.0, 65534
TB_RANGE_K = (0.0, 330.0)
EPOCH = np.datetime64("2000-01-01T12", "s")
"""Of `tb_time_seconds`."""

LOW_QUALITY = 1
"""Bit 0 of `tb_qual_flag_h` and `tb_qual_flag_v`."""


def write_smap_l3(world: World, folder: Path) -> None:
    """Write a year of SMAP level-3 TB, a file a day."""
    window = smap_window(world)
    for observed in smap_l3(world):
        date = world.days[observed.day]
        write_day(folder / granule_name(date), window, date, observed)


def granule_name(date: np.datetime64) -> str:
    """Return the name of the granule of a day, with the release number of version 9."""
    return f"SMAP_L3_SM_P_{str(date).replace('-', '')}_R19240_001.h5"


def write_day(path: Path, window: SubGrid, date: np.datetime64, observed: SmapDay) -> None:
    """Write TB, quality, time and coordinates of a day; retrievals are left out.

    Coordinates are filled where nothing was seen, as in real files.
    """
    seen = np.isfinite(observed.tb_k[0])
    lat, lon = (np.where(seen, centres, np.nan) for centres in window.centres)
    start = (date.astype("datetime64[s]") - EPOCH).astype(float)
    quality = np.where(seen, LOW_QUALITY * observed.disturbed, np.nan)
    with h5py.File(path, "w") as file:
        group = file.create_group(GROUP)
        _put(group, window, "latitude", lat, "f4", (-90.0, 90.0))
        _put(group, window, "longitude", lon, "f4", (-180.0, 179.999))
        _put(group, window, "tb_time_seconds", start + observed.hour * 3600.0, "f8")
        for name, tb_k in zip("hv", observed.tb_k):
            _put(group, window, f"tb_{name}_corrected", tb_k, "f4", TB_RANGE_K)
            _put(group, window, f"tb_qual_flag_{name}", quality, "u2")


def _put(
    group: h5py.Group,
    window: SubGrid,
    name: str,
    values: Floats,
    dtype: str,
    valid: tuple[float, float] | None = None,
) -> None:
    """Add a variable with its fill and valid range; NaN becomes the fill."""
    kind = np.dtype(dtype)
    fill = FLOAT_FILL if kind.kind == "f" else FLAG_FILL
    raw = np.where(np.isnan(values), fill, values).astype(kind).reshape(window.shape)
    dataset = group.create_dataset(name, data=raw)
    dataset.attrs["_FillValue"] = kind.type(fill)
    if valid is not None:
        dataset.attrs["valid_min"], dataset.attrs["valid_max"] = map(kind.type, valid)
