"""AMSR granules: AE_Land3 of AMSR-E (HDF-EOS2) and AU_Land of AMSR2 (HDF-EOS5)."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from pyhdf.SD import SD, SDC

from glab.errors import GlabError
from glab.grids import EASE1_CELL_M
from glab.readers.naming import LEAP_DAYS, TAI93_EPOCH
from glab.simulate.instruments.amsr import (
    CHANNELS,
    HalfOrbit,
    SwathGrid,
    daily_grids,
    half_orbits,
    sensor_of,
)
from glab.simulate.world import SubGrid, World


def tai93(day: np.datetime64, hour: np.ndarray) -> np.ndarray:
    """Return UTC hours of a day as seconds since 1993-01-01 in atomic time."""
    # At least 7 leap seconds, the number from 2009 on. Before, there are 5 or 6: AMSR-E times are
    # then 1 or 2 s late, which matters to no reader. Kept for the bytes of existing worlds.
    leap = max(float((day >= LEAP_DAYS).sum()), 7.0)
    elapsed = (day.astype("datetime64[s]") - TAI93_EPOCH).astype(float)
    return elapsed + hour * 3600.0 + leap


# --- AMSR-E: grids in HDF4, a file per day with both overpasses ---------------------------------

NO_SWATH, BAD = 9999, -9999
"""The two fills of TB."""

GRIDS = {"A": "Ascending_Land_Grid", "D": "Descending_Land_Grid"}
SCALE = 0.1
FREQUENCY_LABEL = {"10": "10.7", "18": "18.7", "36": "36.5"}

LEFT_M, TOP_M = -17334193.5375, 7344784.825
"""Upper left corner of EASE-Grid 1 (docs/science.md, section 5.1)."""

TIME = "Time"
TIME_FILL = -9999.0

MARK = 0x5A00
"""First of the values that mark the fields in the template."""

TYPES = {"i2": SDC.INT16, "f8": SDC.FLOAT64}


def write_amsre(world: World, folder: Path) -> None:
    """Write a year of AMSR-E."""
    sensor = sensor_of("amsre", world)
    template = template_of(sensor.window)
    for date, grids in daily_grids(sensor):
        stamp = str(date).replace("-", "")
        template.write(folder / f"AMSR_E_L3_DailyLand_V06_{stamp}.hdf", date, grids)


def field_name(overpass: str, channel: str) -> str:
    """Return the native name of a channel, for example `D_TB18.7H (Res 1)`."""
    return f"{overpass}_TB{FREQUENCY_LABEL[channel[:2]]}{channel[2].upper()} (Res 1)"


def fields_of(overpass: str) -> dict[str, str]:
    """Return the native fields of an overpass and their types."""
    return {f"{overpass}_{TIME}": "f8"} | {field_name(overpass, c): "i2" for c in CHANNELS}


@dataclass(frozen=True)
class GranuleTemplate:
    """The bytes of a granule.

    Attributes:
        content: the bytes, with marks for values.
        offsets: position of the values of each field in them.
    """

    content: bytes
    offsets: dict[str, int]

    def write(self, path: Path, date: np.datetime64, grids: Mapping[str, SwathGrid]) -> None:
        """Write the granule of a day from the grids of its overpasses."""
        content = bytearray(self.content)
        for overpass, grid in grids.items():
            time = np.where(grid.swath, tai93(date, grid.hour), TIME_FILL).astype(">f8")
            self._put(content, f"{overpass}_{TIME}", time)
            for number, channel in enumerate(CHANNELS):
                raw = np.rint(grid.tb_k[number] / SCALE)
                raw = np.where(np.isnan(raw), np.where(grid.swath, BAD, NO_SWATH), raw)
                self._put(content, field_name(overpass, channel), raw.astype(">i2"))
        path.write_bytes(content)

    def _put(self, content: bytearray, name: str, values: np.ndarray) -> None:
        stored = values.tobytes()
        content[self.offsets[name] : self.offsets[name] + len(stored)] = stored


def template_of(window: SubGrid) -> GranuleTemplate:
    """Define the granule of a window with the HDF4 library and find the bytes of its fields.

    For speed, the library defines one granule per year. A granule of a day is the bytes of this
    template with the values of each field replaced.

    Raises:
        GlabError: for a window with so few cells that the marks of its fields are not unique.
    """
    fields = {name: kind for overpass in GRIDS for name, kind in fields_of(overpass).items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.hdf"
        _define(path, window, fields)
        content = path.read_bytes()
        # The library writes the path of a file into it; the same bytes must follow everywhere.
        content = content.replace(str(path).encode(), b"granule".ljust(len(str(path)), b"_"))
    offsets = {}
    for number, (name, kind) in enumerate(fields.items()):
        mark = np.full(window.shape, MARK + number, f">{kind}").tobytes()
        if content.count(mark) != 1:
            raise GlabError(
                "window too small for an AMSR-E granule",
                found=window.shape,
                remedy="enlarge the simulated box",
            )
        offsets[name] = content.index(mark)
    return GranuleTemplate(content, offsets)


def _define(path: Path, window: SubGrid, fields: dict[str, str]) -> None:
    """Write the template, in which each field has its mark as the value of all cells."""
    file = SD(str(path), SDC.WRITE | SDC.CREATE | SDC.TRUNC)
    for number, (name, kind) in enumerate(fields.items()):
        field = file.create(name, TYPES[kind], window.shape)
        for axis, dim in enumerate(("YDim", "XDim")):
            field.dim(axis).setname(f"{dim}:{GRIDS[name[0]]}")
        field[:] = np.full(window.shape, MARK + number, kind)
        field.endaccess()
    file.attr("HDFEOSVersion").set(SDC.CHAR, "HDFEOS_V2.17")
    file.attr("StructMetadata.0").set(SDC.CHAR, struct_metadata(window))
    file.end()


def struct_metadata(window: SubGrid) -> str:
    """Return the georeference and the fields of both grids in the text form of HDF-EOS2."""
    left, top = LEFT_M + window.col0 * EASE1_CELL_M, TOP_M - window.row0 * EASE1_CELL_M
    right, bottom = left + window.shape[1] * EASE1_CELL_M, top - window.shape[0] * EASE1_CELL_M
    lines = ["GROUP=SwathStructure", "END_GROUP=SwathStructure", "GROUP=GridStructure"]
    for number, (overpass, grid) in enumerate(GRIDS.items(), start=1):
        lines += [
            f"\tGROUP=GRID_{number}",
            f'\t\tGridName="{grid}"',
            f"\t\tXDim={window.shape[1]}",
            f"\t\tYDim={window.shape[0]}",
            f"\t\tUpperLeftPointMtrs=({left:.6f},{top:.6f})",
            f"\t\tLowerRightMtrs=({right:.6f},{bottom:.6f})",
            "\t\tProjection=GCTP_CEA",
            "\t\tProjParams=(6371228,0,0,0,0,30000000,0,0,0,0,0,0,0)",
            "\t\tSphereCode=-1",
            "\t\tGridOrigin=HDFE_GD_UL",
            "\t\tGROUP=Dimension",
            "\t\tEND_GROUP=Dimension",
            "\t\tGROUP=DataField",
        ]
        for index, (name, kind) in enumerate(fields_of(overpass).items(), start=1):
            lines += [
                f"\t\t\tOBJECT=DataField_{index}",
                f'\t\t\t\tDataFieldName="{name}"',
                f"\t\t\t\tDataType={'DFNT_INT16' if kind == 'i2' else 'DFNT_FLOAT64'}",
                '\t\t\t\tDimList=("YDim","XDim")',
                f"\t\t\tEND_OBJECT=DataField_{index}",
            ]
        lines += [
            "\t\tEND_GROUP=DataField",
            "\t\tGROUP=MergedFields",
            "\t\tEND_GROUP=MergedFields",
            f"\tEND_GROUP=GRID_{number}",
        ]
    lines += ["END_GROUP=GridStructure", "GROUP=PointStructure", "END_GROUP=PointStructure", "END"]
    return "\n".join(lines) + "\n"


# --- AMSR2: half orbits, each a compound table --------------------------------------------------

FILL = -9999.0
TABLE = "/HDFEOS/POINTS/AMSR-2 Level 2 Land Data/Data/Combined NPD and SCA Output Fields"


def column(channel: str) -> str:
    """Return the native name of a channel, for example `TBH18r2`."""
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


def write_amsr2(world: World, folder: Path) -> None:
    """Write a year of AMSR2: a file for every half orbit that sees land of the box."""
    for orbit in half_orbits(sensor_of("amsr2", world)):
        write_half_orbit(folder / granule_name(orbit.date, orbit.start_hour, orbit.overpass), orbit)


def granule_name(day: np.datetime64, start_hour: float, overpass: str) -> str:
    """Return the name of a half orbit.

    Args:
        day: UTC day.
        start_hour: hour at which the half orbit begins; it may be below 0 or above 24.
        overpass: "A" or "D".
    """
    start = day.astype("datetime64[m]") + np.timedelta64(round(start_hour * 60.0), "m")
    stamp = str(start).translate(str.maketrans("", "", "-T:"))
    return f"AMSR_U2_L2_Land_B02_{stamp}_{overpass}.he5"


def write_half_orbit(path: Path, orbit: HalfOrbit) -> None:
    """Write a half orbit."""
    table = np.empty(len(orbit.hour), RECORD)
    table["Time"] = tai93(orbit.date, orbit.hour)
    table["Latitude"], table["Longitude"] = orbit.lat, orbit.lon
    # Rows are documented as counted from 1, columns from 0 (docs/science.md, section 6.1).
    table["RowIndex"], table["ColumnIndex"] = orbit.row + 1, orbit.col
    for number, channel in enumerate(CHANNELS):
        table[column(channel)] = np.nan_to_num(orbit.tb_k[number], nan=FILL)
    with h5py.File(path, "w") as file:
        info = file.create_group("HDFEOS INFORMATION")
        info.attrs["HDFEOSVersion"] = np.bytes_("HDFEOS_5.1.15")
        dataset = file.create_dataset(TABLE, data=table)
        dataset.attrs["_FillValue"] = np.float32(FILL)
