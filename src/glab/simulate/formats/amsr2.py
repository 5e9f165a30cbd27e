"""AMSR2 AU_Land granules: half orbits as one compound table in HDF-EOS5."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from glab.simulate.instruments.amsr import CHANNELS

FILL = -9999.0
TABLE = "/HDFEOS/POINTS/AMSR-2 Level 2 Land Data/Data/Combined NPD and SCA Output Fields"
TAI93 = np.datetime64("1993-01-01T00:00:00")
LEAP_SECONDS = {2012: 8.0, 2015: 9.0, 2017: 10.0}
"""TAI93 minus UTC seconds since 1993, from the middle of 2012 and of 2015 and from 2017 on."""


def column(channel: str) -> str:
    """Native name of a channel, for example `TBH18r2`."""
    return f"TB{channel[2].upper()}{channel[:2]}r2"


RECORD = np.dtype(
    [
        ("Time", "f8"),
        ("Latitude", "f4"),
        ("Longitude", "f4"),
        ("RowIndex", "i2"),
        ("ColumnIndex", "i2"),
        *((column(channel), "f4") for channel in CHANNELS),
    ]
)


def granule_name(day: np.datetime64, start_hour: float, overpass: str) -> str:
    """Name of the half orbit that begins at an hour of a day (it may be before 0 or after 24)."""
    start = day.astype("datetime64[m]") + np.timedelta64(round(start_hour * 60.0), "m")
    stamp = str(start).translate(str.maketrans("", "", "-T:"))
    return f"AMSR_U2_L2_Land_B02_{stamp}_{overpass}.he5"


def tai93(day: np.datetime64, hour: np.ndarray) -> np.ndarray:
    """Seconds since 1993-01-01 in atomic time, of UTC hours of a day."""
    leap = 7.0
    for since, seconds in (("2012-07-01", 8.0), ("2015-07-01", 9.0), ("2017-01-01", 10.0)):
        leap = seconds if day >= np.datetime64(since) else leap
    elapsed = (day.astype("datetime64[s]") - TAI93).astype(float)
    return elapsed + hour * 3600.0 + leap


def records(
    time: np.ndarray,
    lat: np.ndarray,
    lon: np.ndarray,
    row: np.ndarray,
    col: np.ndarray,
    tb_k: np.ndarray,
) -> np.ndarray:
    """The table of a half orbit.

    Args:
        time: TAI93, s. lat, lon: cell centres, degrees. row, col: on the EASE-Grid 1, from 0.
        tb_k: K, shape (channel, record), NaN where missing.
    """
    table = np.empty(len(time), RECORD)
    table["Time"], table["Latitude"], table["Longitude"] = time, lat, lon
    table["RowIndex"], table["ColumnIndex"] = row + 1, col
    for number, channel in enumerate(CHANNELS):
        table[column(channel)] = np.nan_to_num(tb_k[number], nan=FILL)
    return table


def write(path: Path, table: np.ndarray) -> None:
    """Write a half orbit."""
    with h5py.File(path, "w") as file:
        info = file.create_group("HDFEOS INFORMATION")
        info.attrs["HDFEOSVersion"] = np.bytes_("HDFEOS_5.1.15")
        dataset = file.create_dataset(TABLE, data=table)
        dataset.attrs["_FillValue"] = np.float32(FILL)
