"""AMSR-E AE_Land3 granules: HDF-EOS2 grids in HDF4, by filling a template's bytes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pyhdf.SD import SD, SDC

from glab.errors import GlabError
from glab.simulate.amsr import CHANNELS
from glab.simulate.window import Window

NO_SWATH, BAD = 9999, -9999
GRIDS = {"A": "Ascending_Land_Grid", "D": "Descending_Land_Grid"}
SCALE = 0.1
FREQUENCY_LABEL = {"10": "10.7", "18": "18.7", "36": "36.5"}
CELL_M = 25067.525
LEFT_M, TOP_M = -17334193.5375, 7344784.825
MARK = 0x5A00


def field_name(overpass: str, channel: str) -> str:
    """Native name of a channel, for example `D_TB18.7H (Res 1)`."""
    return f"{overpass}_TB{FREQUENCY_LABEL[channel[:2]]}{channel[2].upper()} (Res 1)"


def granule_name(day: np.datetime64) -> str:
    """Name of a day's granule."""
    return f"AMSR_E_L3_DailyLand_V06_{str(day).replace('-', '')}.hdf"


@dataclass(frozen=True)
class Template:
    """A granule's bytes and where the values of each field stand in them."""

    content: bytes
    places: dict[str, int]
    shape: tuple[int, int]

    def write(self, path: Path, tb_k: dict[str, np.ndarray], swath: dict[str, np.ndarray]) -> None:
        """Write a day.

        Args:
            path: the file.
            tb_k: by overpass, K, shape (channel, rows, columns), NaN where missing.
            swath: by overpass, where the swath passed, shape (rows, columns).
        """
        content = bytearray(self.content)
        for overpass, values in tb_k.items():
            for number, channel in enumerate(CHANNELS):
                raw = np.rint(values[number] / SCALE)
                raw = np.where(np.isnan(raw), np.where(swath[overpass], BAD, NO_SWATH), raw)
                stored = raw.astype(">i2").tobytes()
                place = self.places[field_name(overpass, channel)]
                content[place : place + len(stored)] = stored
        path.write_bytes(content)


def template_of(window: Window) -> Template:
    """Define the granule of a window with the HDF4 library and find its fields' bytes."""
    names = [field_name(overpass, channel) for overpass in GRIDS for channel in CHANNELS]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.hdf"
        _define(path, window, names)
        content = path.read_bytes()
    size = window.shape[0] * window.shape[1]
    places = {}
    for number, name in enumerate(names):
        mark = int(MARK + number).to_bytes(2, "big") * size
        if content.count(mark) != 1:
            raise GlabError(
                "window too small for an AMSR-E granule",
                found=window.shape,
                remedy="make the simulated box larger",
            )
        places[name] = content.index(mark)
    return Template(content, places, window.shape)


def _define(path: Path, window: Window, names: list[str]) -> None:
    file = SD(str(path), SDC.WRITE | SDC.CREATE | SDC.TRUNC)
    for number, name in enumerate(names):
        grid = GRIDS[name[0]]
        field = file.create(name, SDC.INT16, window.shape)
        for axis, dim in enumerate(("YDim", "XDim")):
            field.dim(axis).setname(f"{dim}:{grid}")
        field[:] = np.full(window.shape, MARK + number, np.int16)
        field.endaccess()
    file.attr("HDFEOSVersion").set(SDC.CHAR, "HDFEOS_V2.17")
    file.attr("StructMetadata.0").set(SDC.CHAR, struct_metadata(window, names))
    file.end()


def struct_metadata(window: Window, names: list[str]) -> str:
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
        for place, name in enumerate((n for n in names if n[0] == overpass), start=1):
            lines += [
                f"\t\t\tOBJECT=DataField_{place}",
                f'\t\t\t\tDataFieldName="{name}"',
                "\t\t\t\tDataType=DFNT_INT16",
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
