"""AMSR2 half-orbit land brightness temperatures, AU_Land: one half orbit, one pass.

`AMSR_U2_L2_Land_B02_<YYYYMMDDhhmm>_<A|D>.he5` (HDF-EOS5 points): one compound table with a record
for each EASE-Grid 1 cell that was seen. A cell's place is that of its latitude and longitude; the
row and column numbers must agree, whatever they are counted from. The day is the name's, that of
the half orbit's start; `Time` must agree.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Array, Float32s, Indices
from glab.errors import GlabError
from glab.grids import EASE1_ML
from glab.readers.decoding import Packing, decode
from glab.readers.georeference import Georeference, rectilinear
from glab.readers.granule import PASSES, Fields, granule
from glab.readers.naming import granule_date, granule_pass
from glab.readers.netcdf import missing_variable
from glab.readers.opening import SUSPECT, open_hdf5
from glab.readers.times import check_hours, hours_from_tai93

if TYPE_CHECKING:
    import h5py


POINTS = "HDFEOS/POINTS"
TABLE = f"{POINTS}/AMSR-2 Level 2 Land Data/Data/Combined NPD and SCA Output Fields"
PLACE = ("Latitude", "Longitude")
NUMBERED = ("RowIndex", "ColumnIndex")
FILL = -9999.0
FIELD = re.compile(r"TB([HV])(\d+)(?:r\d+)?")
WINDOW_CELLS = 32
"""Windows start and end at multiples of this, so that half orbits share few different ones."""


def read(
    path: Path,
    variables: Collection[str] | None = None,
    channels: Collection[str] | None = None,
) -> xr.Dataset:
    """One half orbit on a window of EASE-Grid 1: `tb` (overpass, channel, y, x) in K and
    `acquisition_time` (overpass, y, x), hours after 00:00 UTC of the day it started.

    Attributes `first_row` and `first_col` say where the window lies in the grid. Two records of
    one cell are averaged.

    Args:
        path: the granule.
        variables: canonical names wanted; None: all there are.
        channels: channels wanted ("10h", "36v", …); None: all there are.
    """
    date, letter = granule_date("amsr2", path.name), granule_pass("amsr2", path.name)
    with open_hdf5(path) as file:
        table = _table(file, path)[...]
    names = _tb_fields(table, channels, path)
    table = table[_placed(table)]
    rows, cols = _cells(table, path)
    first_row, last_row = _window(rows, EASE1_ML.shape[0])
    first_col, last_col = _window(cols, EASE1_ML.shape[1])
    shape = (last_row - first_row, last_col - first_col)
    flat = (rows - first_row) * shape[1] + (cols - first_col)
    tb = np.stack([decode(table[name], Packing(fills=(FILL,))) for name in names.values()])
    fields: Fields = {"tb": (("overpass", "channel"), _gridded(tb, flat, shape)[np.newaxis])}
    if "Time" in (table.dtype.names or ()):
        hours = _hours(table["Time"], date, path)
        if variables is None or "acquisition_time" in variables:
            fields["acquisition_time"] = (("overpass",), _gridded(hours[np.newaxis], flat, shape))
    return granule(
        fields,
        _georeference(slice(first_row, last_row), slice(first_col, last_col), path),
        date=date,
        overpasses=[PASSES[str(letter).upper()]],
        channels=list(names),
        attributes={"first_row": first_row, "first_col": first_col},
    )


def _table(file: h5py.File, path: Path) -> h5py.Dataset:
    """The compound table of records, under its documented name or that of another version."""
    if TABLE in file:
        return file[TABLE]
    found: list[Any] = []

    def collect(_: str, item: Any) -> None:
        fields = getattr(getattr(item, "dtype", None), "names", None) or ()
        if set(PLACE) <= set(fields) and any(map(FIELD.fullmatch, fields)):
            found.append(item)

    if POINTS in file:
        file[POINTS].visititems(collect)
    if len(found) != 1:
        raise missing_variable([TABLE], [item.name for item in found] or list(file), path)
    return found[0]


def _tb_fields(table: Array, channels: Collection[str] | None, path: Path) -> dict[str, str]:
    """Channel → field, in order of frequency, H before V."""
    names = table.dtype.names or ()
    lacking = [name for name in (*PLACE, *NUMBERED) if name not in names]
    matches = [match for match in map(FIELD.fullmatch, names) if match]
    found = {f"{int(match[2])}{match[1].lower()}": match[0] for match in matches}
    wanted = {c: f for c, f in found.items() if channels is None or c in channels}
    if lacking or not wanted:
        raise missing_variable([*lacking, *([] if wanted else ["TBH10r2"])], names, path)
    return dict(sorted(wanted.items(), key=lambda entry: (int(entry[0][:-1]), entry[0][-1])))


def _placed(table: Array) -> NDArray[np.bool_]:
    """Which records have a place."""
    latitude, longitude = (table[name] for name in PLACE)
    return np.asarray((np.abs(latitude) <= 90.0) & (np.abs(longitude) <= 360.0))


def _cells(table: Array, path: Path) -> tuple[Indices, Indices]:
    """Row and column of each record in EASE-Grid 1, both from 0.

    Raises:
        GlabError: where the file's own numbers are not these, counted from 0 or from 1.
    """
    rows, cols = EASE1_ML.index(table["Latitude"], table["Longitude"])
    for name, ours in zip(NUMBERED, (rows, cols)):
        bases = np.unique(table[name].astype(np.int64) - ours)
        if (ours < 0).any() or bases.size > 1 or not set(bases.tolist()) <= {0, 1}:
            raise GlabError(
                "cell numbers and coordinates contradict each other",
                path=path,
                variable=name,
                found=f"differences {bases[:5].tolist()} from the cells of the coordinates",
                expected="0 everywhere, or 1 everywhere, on the 25 km EASE-Grid 1",
                remedy=SUSPECT,
            )
    return rows, cols


def _window(places: Indices, size: int) -> tuple[int, int]:
    """First and past-the-last row (or column) of a window around all places."""
    if places.size == 0:
        return 0, WINDOW_CELLS
    first = int(places.min()) // WINDOW_CELLS * WINDOW_CELLS
    last = -(-(int(places.max()) + 1) // WINDOW_CELLS) * WINDOW_CELLS
    return first, min(last, size)


def _georeference(rows: slice, cols: slice, path: Path) -> Georeference:
    """Cell centres of a window of EASE-Grid 1."""
    return rectilinear(EASE1_ML.lat[rows], EASE1_ML.lon[cols], path)


def _gridded(values: Float32s, flat: Indices, shape: tuple[int, int]) -> Float32s:
    """Records, shape (n, records), on a window, shape (n, *shape); NaN where there is none."""
    grid = np.full((values.shape[0], shape[0] * shape[1]), np.nan, np.float32)
    if np.unique(flat).size == flat.size:
        grid[:, flat] = values
    else:
        for plane, row in zip(grid, values):
            known = np.isfinite(row)
            cells, place = np.unique(flat[known], return_inverse=True)
            plane[cells] = np.bincount(place, row[known]) / np.bincount(place)
    return grid.reshape(-1, *shape)


def _hours(seconds: Array, date: np.datetime64, path: Path) -> Float32s:
    """Hours after 00:00 UTC of the day in the name, for each record."""
    known = np.where(seconds > 0, seconds, np.nan).astype(float)
    hours = hours_from_tai93(known, date)
    check_hours(hours, 0.0, 26.0, path, "Time")
    return hours
