"""AMSR2 half-orbit land brightness temperatures, AU_Land: one half orbit, one pass.

`AMSR_U2_L2_Land_B02_<YYYYMMDDhhmm>_<A|D>.he5` (HDF-EOS5 points): one compound table with a row
for each EASE-Grid 1 cell that was seen. Latitude and longitude give the cell of a row; the row
and column numbers must agree, whether they count from 0 or 1. The day is that of the name, on
which the half orbit starts; `Time` must agree.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from glab.arrays import Array, Booleans, Float32s, Indices
from glab.errors import GlabError
from glab.grids import EASE1_ML
from glab.readers.granule import REFETCH, Fields, Georeference, granule, rectilinear
from glab.readers.naming import Naming, check_hours, hours_from_tai93
from glab.readers.native import Packing, decode, missing_variable, open_hdf5

if TYPE_CHECKING:
    import h5py

TITLE = "AMSR2 half-orbit land brightness temperature (AU_Land)"
NAMING = Naming(
    r"AMSR_U2_L2_Land_(?P<version>\w\d+)_(?P<date>\d{8})(?P<part>\d{4})_(?P<overpass>[AD])\.he5",
    "AMSR_U2_L2_Land_B02_201301010123_D.he5",
)

POINTS = "HDFEOS/POINTS"
TABLE = f"{POINTS}/AMSR-2 Level 2 Land Data/Data/Combined NPD and SCA Output Fields"
POSITION = ("Latitude", "Longitude")
NUMBERS = ("RowIndex", "ColumnIndex")
FILL = -9999.0
FIELD = re.compile(r"TB([HV])(\d+)(?:r\d+)?")
WINDOW_CELLS = 32
"""Windows start and end at multiples of this, so that half orbits have few different windows and
their regridding weights can be cached."""


def read(
    path: Path,
    variables: Collection[str] | None = None,
    channels: Collection[str] | None = None,
) -> xr.Dataset:
    """Read one half orbit on a window of EASE-Grid 1: `tb` (overpass, channel, y, x) in K and
    `acquisition_time` (overpass, y, x), hours after 00:00 UTC of the day it started, NaN where
    missing.

    Attributes `first_row` and `first_col` give the position of the window in the grid. Two rows of
    the table for one cell are averaged.

    Args:
        path: the granule.
        variables: canonical names wanted; None: all that the file contains.
        channels: channels wanted ("10h", "36v", …); None: all that the file contains.
    """
    date = NAMING.date(path.name)
    with open_hdf5(path) as file:
        table = _find_table(file, path)[...]
    names = _tb_fields(table, channels, path)
    table = table[_has_position(table)]
    rows, cols = _cells(table, path)
    first_row, last_row = _window(rows, EASE1_ML.shape[0])
    first_col, last_col = _window(cols, EASE1_ML.shape[1])
    shape = (last_row - first_row, last_col - first_col)
    flat = (rows - first_row) * shape[1] + (cols - first_col)
    tb = np.stack([decode(table[name], Packing(fills=(FILL,))) for name in names.values()])
    fields: Fields = {"tb": (("overpass", "channel"), _to_window(tb, flat, shape)[np.newaxis])}
    if "Time" in (table.dtype.names or ()):
        hours = _hours(table["Time"], date, path)
        if variables is None or "acquisition_time" in variables:
            fields["acquisition_time"] = (("overpass",), _to_window(hours[np.newaxis], flat, shape))
    return granule(
        fields,
        _georeference(slice(first_row, last_row), slice(first_col, last_col), path),
        date=date,
        overpasses=[NAMING.overpass(path.name)],
        channels=list(names),
        attributes={"first_row": first_row, "first_col": first_col},
    )


def _find_table(file: h5py.File, path: Path) -> h5py.Dataset:
    """Return the compound table, under its documented name or that of another version."""
    if TABLE in file:
        return file[TABLE]
    tables: list[Any] = []

    def collect(_: str, item: Any) -> None:
        fields = getattr(getattr(item, "dtype", None), "names", None) or ()
        if set(POSITION) <= set(fields) and any(map(FIELD.fullmatch, fields)):
            tables.append(item)

    if POINTS in file:
        file[POINTS].visititems(collect)
    # With several tables none can be chosen safely.
    if len(tables) != 1:
        raise missing_variable([TABLE], [item.name for item in tables] or list(file), path)
    return tables[0]


def _tb_fields(table: Array, channels: Collection[str] | None, path: Path) -> dict[str, str]:
    """Return the field of each channel, in order of frequency, H before V."""
    names = table.dtype.names or ()
    lacking = [name for name in (*POSITION, *NUMBERS) if name not in names]
    matches = [match for match in map(FIELD.fullmatch, names) if match]
    by_channel = {f"{int(match[2])}{match[1].lower()}": match[0] for match in matches}
    wanted = {c: f for c, f in by_channel.items() if channels is None or c in channels}
    if lacking or not wanted:
        raise missing_variable([*lacking, *([] if wanted else ["TBH10r2"])], names, path)
    return dict(sorted(wanted.items(), key=lambda entry: (int(entry[0][:-1]), entry[0][-1])))


def _has_position(table: Array) -> Booleans:
    """Return which rows of the table have a valid latitude and longitude."""
    latitude, longitude = (table[name] for name in POSITION)
    return np.asarray((np.abs(latitude) <= 90.0) & (np.abs(longitude) <= 360.0))


def _cells(table: Array, path: Path) -> tuple[Indices, Indices]:
    """Return the row and column of EASE-Grid 1 of each row of the table, both from 0.

    Raises:
        GlabError: where the file's own numbers differ, counted from 0 or from 1.
    """
    rows, cols = EASE1_ML.index(table["Latitude"], table["Longitude"])
    for name, computed in zip(NUMBERS, (rows, cols)):
        # Versions count from 0 or from 1, but every row of a file must count alike.
        bases = np.unique(table[name].astype(np.int64) - computed)
        if (computed < 0).any() or bases.size > 1 or not set(bases.tolist()) <= {0, 1}:
            raise GlabError(
                "cell numbers and coordinates contradict each other",
                path=path,
                variable=name,
                found=f"differences {bases[:5].tolist()} from the cells of the coordinates",
                expected="0 everywhere, or 1 everywhere, on the 25 km EASE-Grid 1",
                remedy=REFETCH,
            )
    return rows, cols


def _window(numbers: Indices, size: int) -> tuple[int, int]:
    """Return the first and past-the-last row (or column) of a window around all numbers."""
    if numbers.size == 0:
        return 0, WINDOW_CELLS
    first = int(numbers.min()) // WINDOW_CELLS * WINDOW_CELLS
    last = -(-(int(numbers.max()) + 1) // WINDOW_CELLS) * WINDOW_CELLS
    return first, min(last, size)


def _georeference(rows: slice, cols: slice, path: Path) -> Georeference:
    """Return the cell centres of a window of EASE-Grid 1."""
    return rectilinear(EASE1_ML.lat[rows], EASE1_ML.lon[cols], path)


def _to_window(values: Float32s, flat: Indices, shape: tuple[int, int]) -> Float32s:
    """Return values of the table, shape (n, row), on a window, shape (n, *shape), NaN elsewhere.

    Args:
        values: NaN where missing.
        flat: cell of each row of the table, counted through the window.
        shape: rows and columns of the window.
    """
    grid = np.full((values.shape[0], shape[0] * shape[1]), np.nan, np.float32)
    if np.unique(flat).size == flat.size:
        grid[:, flat] = values
    else:
        # Several rows in one cell: their mean, each channel with its own gaps.
        for plane, row in zip(grid, values):
            known = np.isfinite(row)
            cells, number = np.unique(flat[known], return_inverse=True)
            plane[cells] = np.bincount(number, row[known]) / np.bincount(number)
    return grid.reshape(-1, *shape)


def _hours(seconds: Array, date: np.datetime64, path: Path) -> Float32s:
    """Return hours after 00:00 UTC of the day in the name, for each row of the table."""
    known = np.where(seconds > 0, seconds, np.nan).astype(float)
    hours = hours_from_tai93(known, date)
    # A half orbit takes 50 minutes, so it may end after midnight.
    check_hours(hours, 0.0, 26.0, path, "Time")
    return hours
