"""AMSR-E daily land brightness temperatures, AE_Land3: both passes of one day.

`AMSR_E_L3_DailyLand_V06_<YYYYMMDD>.hdf` (HDF-EOS2): grids `Ascending_Land_Grid` (13:30) and
`Descending_Land_Grid` (01:30), fields prefixed `A_` and `D_`, int16 in 0.1 K with two fills. The
day is the name's; the field `Time` must agree where it is there.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from glab.arrays import Float32s
from glab.errors import GlabError
from glab.readers.decoding import Packing, decode, scalar
from glab.readers.georeference import Georeference
from glab.readers.granule import PASSES, granule
from glab.readers.naming import granule_date
from glab.readers.netcdf import WRONG_VARIABLE, missing_variable
from glab.readers.opening import open_hdf4
from glab.readers.structmetadata import EosGrid, eos_grids, georeference_of
from glab.readers.times import check_hours, hours_from_tai93

FILLS = (9999.0, -9999.0)
"""Raw fills: 9999 where no swath passed, −9999 where the data are bad."""

SCALE_K = 0.1
EARLIEST_TAI93_S = 2.9e8  # March 2002; smaller numbers are not seconds since 1993
FIELD = re.compile(r"([AD])_TB(\d+\.\d)([HV]) \(Res (\d)\)")


def read(
    path: Path,
    variables: Collection[str] | None = None,
    channels: Collection[str] | None = None,
) -> xr.Dataset:
    """Both passes: `tb` (overpass, channel, y, x) in K and `acquisition_time` (overpass, y, x),
    hours after 00:00 UTC of the day.

    Args:
        path: the granule.
        variables: canonical names wanted; None: all there are.
        channels: channels wanted ("10h", "36v", …); None: all there are.
    """
    date = granule_date("amsre", path.name)
    with open_hdf4(path) as file:
        fields = file.datasets()
        passes = _passes(eos_grids(file, path), path)
        georeference = _one_georeference(list(passes.values()), path)
        names = {p: _tb_fields(fields, p[0].upper(), channels) for p in passes}
        there = sorted({c for found in names.values() for c in found}, key=_channel_order)
        if not there:
            raise missing_variable(["A_TB10.7H (Res 1)"], list(fields), path)
        tb = _tb(file, names, there, georeference.shape, path)
        hours = [_hours(file, p[0].upper(), fields, georeference.shape, date, path) for p in passes]
    canonical: dict[str, tuple[tuple[str, ...], Float32s]] = {"tb": (("overpass", "channel"), tb)}
    known = [h for h in hours if h is not None]
    if len(known) == len(hours) and (variables is None or "acquisition_time" in variables):
        canonical["acquisition_time"] = (("overpass",), np.stack(known))
    return granule(canonical, georeference, date=date, overpasses=list(passes), channels=there)


def _passes(grids: dict[str, EosGrid], path: Path) -> dict[str, EosGrid]:
    """The grids of the passes that are in the file, by overpass."""
    found = {
        overpass: grid
        for overpass in PASSES.values()
        for name, grid in grids.items()
        if name.lower().startswith(overpass)
    }
    if not found:
        raise missing_variable(["Ascending_Land_Grid", "Descending_Land_Grid"], list(grids), path)
    return found


def _one_georeference(grids: list[EosGrid], path: Path) -> Georeference:
    """The cell centres that all passes share."""
    if len({grid[1:] for grid in grids}) > 1:
        raise GlabError(
            "the two passes lie on different grids",
            path=path,
            variable="StructMetadata.0",
            found=", ".join(f"{g.name} {g.rows} × {g.cols} from {g.upper_left}" for g in grids),
            expected="one grid",
            remedy=WRONG_VARIABLE,
        )
    return georeference_of(grids[0], path, ("EASE1_ML",))


def _tb_fields(
    fields: Collection[str], letter: str, channels: Collection[str] | None
) -> dict[str, str]:
    """Channel → field of one pass, at the coarsest resolution there is."""
    found: dict[str, tuple[str, str]] = {}
    for name in fields:
        match = FIELD.fullmatch(name)
        if match is None or match[1] != letter:
            continue
        channel = f"{int(float(match[2]))}{match[3].lower()}"
        if channels is not None and channel not in channels:
            continue
        if channel not in found or match[4] < found[channel][0]:
            found[channel] = (match[4], name)
    return {channel: name for channel, (_, name) in found.items()}


def _channel_order(channel: str) -> tuple[int, str]:
    return int(channel[:-1]), channel[-1]


def _tb(
    file: Any,
    names: dict[str, dict[str, str]],
    channels: list[str],
    shape: tuple[int, int],
    path: Path,
) -> Float32s:
    """Brightness temperature in K, shape (overpass, channel, y, x)."""
    tb = np.full((len(names), len(channels), *shape), np.nan, np.float32)
    for i, fields in enumerate(names.values()):
        for j, channel in enumerate(channels):
            if channel not in fields:
                continue
            field = file.select(fields[channel])
            attributes = field.attributes()
            raw = _raw(field, fields[channel], shape, path)
            scale = scalar(attributes.get("scale_factor", SCALE_K))
            tb[i, j] = decode(raw, Packing(scale if raw.dtype.kind in "iu" else 1.0, fills=FILLS))
    return tb


def _hours(
    file: Any,
    letter: str,
    fields: Collection[str],
    shape: tuple[int, int],
    date: np.datetime64,
    path: Path,
) -> Float32s | None:
    """Hours after 00:00 UTC of the day, shape (y, x); None without a field `Time` in TAI93."""
    name = f"{letter}_Time"
    if name not in fields:
        return None
    seconds = _raw(file.select(name), name, shape, path).astype(float)
    seconds[np.isin(seconds, FILLS) | (seconds <= 0)] = np.nan
    if np.nanmax(seconds, initial=0.0) < EARLIEST_TAI93_S:
        return None
    hours = hours_from_tai93(seconds, date)
    check_hours(hours, -12.0, 36.0, path, name)
    return hours


def _raw(field: Any, name: str, shape: tuple[int, int], path: Path) -> np.ndarray[Any, Any]:
    """The numbers of one field, which must lie on the grid."""
    raw = np.asarray(field.get())
    if raw.shape != shape:
        raise GlabError(
            "a field does not lie on the file's grid",
            path=path,
            variable=name,
            found=f"shape {raw.shape}",
            expected=f"shape {shape}",
            remedy=WRONG_VARIABLE,
        )
    return raw
