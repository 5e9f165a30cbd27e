"""AMSR-E daily land brightness temperatures, AE_Land3: both passes of one day.

`AMSR_E_L3_DailyLand_V06_<YYYYMMDD>.hdf` (HDF-EOS2): grids `Ascending_Land_Grid` (13:30) and
`Descending_Land_Grid` (01:30), fields prefixed `A_` and `D_`, int16 in 0.1 K with two fills. The
day is that of the name; the field `Time`, where it exists, must agree.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from glab.arrays import Array, Float32s
from glab.errors import GlabError
from glab.readers.granule import EosGrid, Fields, Georeference, eos_grids, granule
from glab.readers.naming import PASSES, Naming, check_hours, hours_from_tai93
from glab.readers.native import (
    WRONG_FILE,
    Packing,
    decode,
    missing_variable,
    off_grid,
    open_hdf4,
    scalar,
)

TITLE = "AMSR-E daily land brightness temperature (AE_Land3)"
NAMING = Naming(
    r"AMSR_E_L3_DailyLand_(?P<version>V\d+)_(?P<date>\d{8})\.hdf",
    "AMSR_E_L3_DailyLand_V06_20080705.hdf",
)

FILLS = (9999.0, -9999.0)
"""Raw fills: 9999 where no swath passed, −9999 where the data are bad."""

SCALE_K = 0.1
"""Documented step of the integers, for fields without the attribute `scale_factor`."""

EARLIEST_TAI93_S = 2.9e8
"""March 2002, before the launch of Aqua; smaller numbers are not seconds since 1993."""

FIELD = re.compile(r"([AD])_TB(\d+\.\d)([HV]) \(Res (\d)\)")


def read(
    path: Path,
    variables: Collection[str] | None = None,
    channels: Collection[str] | None = None,
) -> xr.Dataset:
    """Read both passes: `tb` (overpass, channel, y, x) in K and `acquisition_time`
    (overpass, y, x), hours after 00:00 UTC of the day, NaN where missing.

    Args:
        path: the granule.
        variables: canonical names wanted; None: all that the file contains.
        channels: channels wanted ("10h", "36v", …); None: all that the file contains.
    """
    date = NAMING.date(path.name)
    with open_hdf4(path) as file:
        fields = file.datasets()
        passes = _pass_grids(eos_grids(file, path), path)
        georeference = _common_georeference(list(passes.values()), path)
        names = {p: _tb_fields(fields, p[0].upper(), channels) for p in passes}
        existing = sorted({c for by_channel in names.values() for c in by_channel}, key=_by_number)
        if not existing:
            raise missing_variable(["A_TB10.7H (Res 1)"], list(fields), path)
        tb = _read_tb(file, names, existing, georeference.shape, path)
        hours = [
            _read_hours(file, p[0].upper(), fields, georeference.shape, date, path) for p in passes
        ]
    canonical: Fields = {"tb": (("overpass", "channel"), tb)}
    known = [h for h in hours if h is not None]
    if len(known) == len(hours) and (variables is None or "acquisition_time" in variables):
        canonical["acquisition_time"] = (("overpass",), np.stack(known))
    return granule(canonical, georeference, date=date, overpasses=list(passes), channels=existing)


def _pass_grids(grids: dict[str, EosGrid], path: Path) -> dict[str, EosGrid]:
    """Return the grids of the passes that the file contains, by overpass."""
    by_pass = {
        overpass: grid
        for overpass in PASSES.values()
        for name, grid in grids.items()
        if name.lower().startswith(overpass)
    }
    if not by_pass:
        raise missing_variable(["Ascending_Land_Grid", "Descending_Land_Grid"], list(grids), path)
    return by_pass


def _common_georeference(grids: list[EosGrid], path: Path) -> Georeference:
    """Return the cell centres of all passes, which must be equal."""
    if len({grid[1:] for grid in grids}) > 1:
        raise GlabError(
            "the two passes lie on different grids",
            path=path,
            variable="StructMetadata.0",
            found=", ".join(f"{g.name} {g.rows} × {g.cols} from {g.upper_left}" for g in grids),
            expected="one grid",
            remedy=WRONG_FILE,
        )
    return grids[0].georeference(path, ("EASE1_ML",))


def _tb_fields(
    fields: Collection[str], letter: str, channels: Collection[str] | None
) -> dict[str, str]:
    """Return the field of each channel of one pass, at the coarsest resolution there is.

    Fields of coarse resolution ("Res 1") average all channels to the footprint of 6.9 GHz, so
    that the channels of one cell describe the same ground.
    """
    by_channel: dict[str, tuple[str, str]] = {}
    for name in fields:
        match = FIELD.fullmatch(name)
        if match is None or match[1] != letter:
            continue
        channel = f"{int(float(match[2]))}{match[3].lower()}"
        if channels is not None and channel not in channels:
            continue
        if channel not in by_channel or match[4] < by_channel[channel][0]:
            by_channel[channel] = (match[4], name)
    return {channel: name for channel, (_, name) in by_channel.items()}


def _by_number(channel: str) -> tuple[int, str]:
    """Sort key of channels: "6h" before "10h"."""
    return int(channel[:-1]), channel[-1]


def _read_tb(
    file: Any,
    names: dict[str, dict[str, str]],
    channels: list[str],
    shape: tuple[int, int],
    path: Path,
) -> Float32s:
    """Return brightness temperature in K, shape (overpass, channel, y, x)."""
    tb = np.full((len(names), len(channels), *shape), np.nan, np.float32)
    for i, fields in enumerate(names.values()):
        for j, channel in enumerate(channels):
            if channel not in fields:
                continue
            field = file.select(fields[channel])
            attributes = field.attributes()
            raw = _raw(field, fields[channel], shape, path)
            scale = scalar(attributes.get("scale_factor", SCALE_K))
            # Some versions store kelvin as float, without packing.
            tb[i, j] = decode(raw, Packing(scale if raw.dtype.kind in "iu" else 1.0, fills=FILLS))
    return tb


def _read_hours(
    file: Any,
    letter: str,
    fields: Collection[str],
    shape: tuple[int, int],
    date: np.datetime64,
    path: Path,
) -> Float32s | None:
    """Return hours after 00:00 UTC of the day, shape (y, x); None without `Time` in TAI93."""
    name = f"{letter}_Time"
    if name not in fields:
        return None
    seconds = _raw(file.select(name), name, shape, path).astype(float)
    seconds[np.isin(seconds, FILLS) | (seconds <= 0)] = np.nan
    if np.nanmax(seconds, initial=0.0) < EARLIEST_TAI93_S:
        return None
    hours = hours_from_tai93(seconds, date)
    # Passes of one local day lie in three UTC days.
    check_hours(hours, -12.0, 36.0, path, name)
    return hours


def _raw(field: Any, name: str, shape: tuple[int, int], path: Path) -> Array:
    """Return the raw numbers of one field, which must lie on the grid."""
    raw = np.asarray(field.get())
    if raw.shape != shape:
        raise off_grid(path, name, f"shape {raw.shape}", f"shape {shape}")
    return raw
