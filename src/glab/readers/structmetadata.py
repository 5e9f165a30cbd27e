"""The grids of an HDF-EOS2 file, as its StructMetadata describes them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from glab.arrays import Float64s
from glab.errors import GlabError
from glab.grids.rectilinear import EASE1_RADIUS_M, TRUE_SCALE_DEG
from glab.readers.georeference import Georeference, rectilinear
from glab.readers.opening import SUSPECT

GRID = re.compile(r"GROUP=(GRID_\d+)\s(.*?)END_GROUP=\1\s", re.S)
FIELD = re.compile(r'^\s*(\w+)=(?:"([^"]*)"|\(([^)]*)\)|(\S+))\s*$', re.M)


class EosGrid(NamedTuple):
    """One grid: its size, corners (m, or packed degrees) and projection."""

    name: str
    rows: int
    cols: int
    upper_left: tuple[float, float]
    lower_right: tuple[float, float]
    projection: str
    parameters: tuple[float, ...]


def eos_grids(file: Any, path: Path) -> dict[str, EosGrid]:
    """All grids of a file by name.

    Args:
        file: an open pyhdf SD.
        path: its path, for errors.
    """
    attributes = file.attributes()
    parts = sorted(name for name in attributes if name.startswith("StructMetadata"))
    text = "".join(attributes[name] for name in parts)
    try:
        grids = [_parsed(match[2]) for match in GRID.finditer(text)]
    except (KeyError, ValueError) as error:
        raise _no_grid(path, f"a grid without {error}") from error
    if not grids:
        raise _no_grid(path, "no grid" if parts else "no StructMetadata")
    return {grid.name: grid for grid in grids}


def _parsed(block: str) -> EosGrid:
    values = {m[1]: next(v for v in m.groups()[1:] if v is not None) for m in FIELD.finditer(block)}
    upper_left, lower_right = (
        _numbers(values[k]) for k in ("UpperLeftPointMtrs", "LowerRightMtrs")
    )
    return EosGrid(
        name=values["GridName"],
        rows=int(values["YDim"]),
        cols=int(values["XDim"]),
        upper_left=(upper_left[0], upper_left[1]),
        lower_right=(lower_right[0], lower_right[1]),
        projection=values["Projection"],
        parameters=_numbers(values.get("ProjParams", "")),
    )


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in text.split(",") if number.strip())


def georeference_of(grid: EosGrid, path: Path, grids: tuple[str, ...] = ()) -> Georeference:
    """Cell centres of a grid, from its corners, size and projection.

    Args:
        grid: from `eos_grids`.
        path: its file, for errors.
        grids: names of the grids it may be (a part of); empty: any.
    """
    (left, top), (right, bottom) = grid.upper_left, grid.lower_right
    x = left + (np.arange(grid.cols) + 0.5) * (right - left) / grid.cols
    y = top + (np.arange(grid.rows) + 0.5) * (bottom - top) / grid.rows
    if grid.projection == "GCTP_GEO":
        west, north, east, south = (unpack_degrees(v) for v in (left, top, right, bottom))
        x = west + (np.arange(grid.cols) + 0.5) * (east - west) / grid.cols
        y = north + (np.arange(grid.rows) + 0.5) * (south - north) / grid.rows
        return rectilinear(y, x, path, grids)
    if grid.projection not in ("GCTP_CEA", "GCTP_BCEA"):
        raise _no_grid(path, grid.projection)
    lat, lon = _cylindrical_equal_area(x, y, grid.parameters)
    return rectilinear(lat, lon, path, grids)


def unpack_degrees(value: float) -> float:
    """Degrees of GCTP's packed form DDDMMMSSS.SS (180000000.0 is 180°)."""
    size = abs(value)
    degrees, minutes = size // 1e6, size % 1e6 // 1e3
    return float(np.copysign(degrees + minutes / 60.0 + size % 1e3 / 3600.0, value))


def _cylindrical_equal_area(
    x: Float64s, y: Float64s, parameters: tuple[float, ...]
) -> tuple[Float64s, Float64s]:
    """Latitude and longitude on the sphere of the file; EASE-Grid 1's where it names none."""
    given = dict(enumerate(parameters))
    radius = given.get(0) or EASE1_RADIUS_M
    true_scale = unpack_degrees(given.get(5) or TRUE_SCALE_DEG * 1e6)
    central = unpack_degrees(given.get(4) or 0.0)
    scale = np.cos(np.radians(true_scale))
    sine = y * scale / radius
    if np.abs(sine).max(initial=0.0) > 1.0:
        sine = np.full_like(sine, np.nan)
    return np.degrees(np.arcsin(sine)), central + np.degrees(x / (radius * scale))


def _no_grid(path: Path, found: str) -> GlabError:
    return GlabError(
        "the file does not say where its cells lie",
        path=path,
        variable="StructMetadata.0",
        found=found,
        expected="an HDF-EOS2 grid in cylindrical equal-area or geographic projection",
        remedy=SUSPECT,
    )
