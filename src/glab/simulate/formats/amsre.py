"""AMSR-E AE_Land3 granules: HDF-EOS2 grids in HDF4, by filling a template's bytes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pyhdf.SD import SD, SDC

from glab.errors import GlabError
from glab.simulate.instruments.amsr import CHANNELS
from glab.simulate.world.box import SubGrid

NO_SWATH, BAD = 9999, -9999
BAD_FRACTION = 0.003
GRIDS = {"A": "Ascending_Land_Grid", "D": "Descending_Land_Grid"}
SCALE = 0.1
FREQUENCY_LABEL = {"10": "10.7", "18": "18.7", "36": "36.5"}
CELL_M = 25067.525
LEFT_M, TOP_M = -17334193.5375, 7344784.825
TIME = "Time"
TIME_FILL = -9999.0
MARK = 0x5A00
TYPES = {"i2": SDC.INT16, "f8": SDC.FLOAT64}


def field_name(overpass: str, channel: str) -> str:
    """Native name of a channel, for example `D_TB18.7H (Res 1)`."""
    return f"{overpass}_TB{FREQUENCY_LABEL[channel[:2]]}{channel[2].upper()} (Res 1)"


def fields_of(overpass: str) -> dict[str, str]:
    """Native fields of an overpass and their types."""
    return {f"{overpass}_{TIME}": "f8"} | {field_name(overpass, c): "i2" for c in CHANNELS}


def granule_name(day: np.datetime64) -> str:
    """Name of a day's granule."""
    return f"AMSR_E_L3_DailyLand_V06_{str(day).replace('-', '')}.hdf"


@dataclass(frozen=True)
class Seen:
    """What one overpass saw of the window.

    Attributes:
        tb_k: shape (channel, rows, columns), NaN where missing.
        swath: where the swath passed, shape (rows, columns).
        time: TAI93, s, of that shape.
    """

    tb_k: np.ndarray
    swath: np.ndarray
    time: np.ndarray


@dataclass(frozen=True)
class Template:
    """A granule's bytes and where the values of each field stand in them."""

    content: bytes
    places: dict[str, int]

    def write(self, path: Path, seen: dict[str, Seen]) -> None:
        """Write a day, from what each overpass saw."""
        content = bytearray(self.content)
        for overpass, view in seen.items():
            time = np.where(view.swath, view.time, TIME_FILL).astype(">f8")
            self._put(content, f"{overpass}_{TIME}", time)
            for number, channel in enumerate(CHANNELS):
                raw = np.rint(view.tb_k[number] / SCALE)
                raw = np.where(np.isnan(raw), np.where(view.swath, BAD, NO_SWATH), raw)
                self._put(content, field_name(overpass, channel), raw.astype(">i2"))
        path.write_bytes(content)

    def _put(self, content: bytearray, name: str, values: np.ndarray) -> None:
        stored = values.tobytes()
        content[self.places[name] : self.places[name] + len(stored)] = stored


def template_of(window: SubGrid) -> Template:
    """Define the granule of a window with the HDF4 library and find its fields' bytes.

    The library writes a file's path into it; a word of the same length takes its place.

    Raises:
        GlabError: for a window of so few cells that its fields cannot be told apart.
    """
    fields = {name: kind for overpass in GRIDS for name, kind in fields_of(overpass).items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.hdf"
        _define(path, window, fields)
        content = path.read_bytes()
        content = content.replace(str(path).encode(), b"granule".ljust(len(str(path)), b"_"))
    places = {}
    for number, (name, kind) in enumerate(fields.items()):
        mark = np.full(window.shape, MARK + number, f">{kind}").tobytes()
        if content.count(mark) != 1:
            raise GlabError(
                "window too small for an AMSR-E granule",
                found=window.shape,
                remedy="make the simulated box larger",
            )
        places[name] = content.index(mark)
    return Template(content, places)


def _define(path: Path, window: SubGrid, fields: dict[str, str]) -> None:
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
    """The georeference and fields of both grids in HDF-EOS2's text form."""
    left, top = LEFT_M + window.col0 * CELL_M, TOP_M - window.row0 * CELL_M
    right, bottom = left + window.shape[1] * CELL_M, top - window.shape[0] * CELL_M
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
        for place, (name, kind) in enumerate(fields_of(overpass).items(), start=1):
            lines += [
                f"\t\t\tOBJECT=DataField_{place}",
                f'\t\t\t\tDataFieldName="{name}"',
                f"\t\t\t\tDataType={'DFNT_INT16' if kind == 'i2' else 'DFNT_FLOAT64'}",
                '\t\t\t\tDimList=("YDim","XDim")',
                f"\t\t\tEND_OBJECT=DataField_{place}",
            ]
        lines += [
            "\t\tEND_GROUP=DataField",
            "\t\tGROUP=MergedFields",
            "\t\tEND_GROUP=MergedFields",
            f"\tEND_GROUP=GRID_{number}",
        ]
    lines += ["END_GROUP=GridStructure", "GROUP=PointStructure", "END_GROUP=PointStructure", "END"]
    return "\n".join(lines) + "\n"
