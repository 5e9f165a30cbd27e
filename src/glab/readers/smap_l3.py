"""SMAP level-3 passive soil moisture, 36 km and 9 km: one day, both passes.

`SMAP_L3_SM_P[_E]_<date>_R….h5`, groups `Soil_Moisture_Retrieval_Data_AM` (06:00, descending) and
`_PM` (18:00, ascending, whose names end in `_pm`). The day is that of the name; `tb_time_seconds`,
where it exists, must agree.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from glab.arrays import Float32s
from glab.readers.granule import Field, Georeference, granule, rectilinear
from glab.readers.naming import Naming, check_hours
from glab.readers.native import Packing, decode, missing_variable, off_grid, open_hdf5, scalar

if TYPE_CHECKING:
    import h5py

TITLE = "SMAP level-3 passive soil moisture"
NAMING = Naming(
    r"SMAP_L3_SM_P(?P<part>_E)?_(?P<date>\d{8})(?:_(?P<version>R\w+))?\.h5",
    "SMAP_L3_SM_P_20150410_R19240_001.h5",
)

GROUPS = {
    "descending": ("Soil_Moisture_Retrieval_Data_AM", "Soil_Moisture_Retrieval_Data"),
    "ascending": ("Soil_Moisture_Retrieval_Data_PM",),
}
PLANES = {
    "soil_moisture": "soil_moisture",
    "vod": "vegetation_opacity",
    "retrieval_quality": "retrieval_qual_flag",
    "surface_flags": "surface_flag",
}
BY_CHANNEL = {"tb": "tb_{}_corrected", "tb_quality": "tb_qual_flag_{}"}
CHANNELS = ("h", "v")
CANONICAL = (*PLANES, *BY_CHANNEL)
FLOAT_FILL, FLAG_FILL = -9999.0, 65534.0
EPOCH = np.datetime64("2000-01-01T12", "s")
"""Zero of `tb_time_seconds`: J2000."""


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """Read all passes in the file: `tb`, `tb_quality` (overpass, channel, y, x), `soil_moisture`,
    `vod`, `retrieval_quality`, `surface_flags` (overpass, y, x), NaN where missing.

    Args:
        path: the granule.
        variables: canonical names wanted; None: all that the file contains.
    """
    date = NAMING.date(path.name)
    with open_hdf5(path) as file:
        groups = _pass_groups(file, path)
        georeference = read_georeference(file, path)
        passes = [_read_pass(g, path, date, variables) for g in groups.values()]
    names = [name for name in CANONICAL if any(name in fields for fields in passes)]
    if not names:
        natives = [pattern.format("h") for pattern in BY_CHANNEL.values()]
        raise missing_variable([*natives, *PLANES.values()], list(groups), path)
    fields = {name: _stack_passes([by_name.get(name) for by_name in passes]) for name in names}
    for name, (_, values) in fields.items():
        if values.shape[-2:] != georeference.shape:
            expected = f"rows and columns {georeference.shape}"
            raise off_grid(path, name, f"shape {values.shape}", expected)
    has_channels = any(name in BY_CHANNEL for name in names)
    channels = CHANNELS if has_channels else ()
    return granule(fields, georeference, date=date, overpasses=list(groups), channels=channels)


def read_georeference(file: h5py.File, path: Path) -> Georeference:
    """Return cell centres from the latitudes and longitudes of all passes.

    Files leave coordinates out where nothing was seen. One pass fills the gaps of the other, and
    rows without any are completed from the grid that all others lie on.
    """
    planes: dict[str, Float32s] = {}
    for group in _pass_groups(file, path).values():
        for name in ("latitude", "longitude"):
            values = _read_values(group, name)
            if values is None:
                raise missing_variable([name], list(group), path)
            known = planes.get(name)
            planes[name] = values if known is None else np.where(np.isnan(known), values, known)
    return rectilinear(planes["latitude"], planes["longitude"], path, ("M36", "M09"))


def _pass_groups(file: h5py.File, path: Path) -> dict[str, h5py.Group]:
    """Return the passes that the file contains, by overpass."""
    groups = {
        overpass: file[name] for overpass, names in GROUPS.items() for name in names if name in file
    }
    if not groups:
        raise missing_variable([names[0] for names in GROUPS.values()], list(file), path)
    return groups


def _read_pass(
    group: h5py.Group, path: Path, date: np.datetime64, variables: Collection[str] | None
) -> Mapping[str, Float32s]:
    """Return the canonical fields of one pass, shape ([channel,] y, x)."""
    wanted = CANONICAL if variables is None else variables
    fields = {name: _read_values(group, PLANES[name]) for name in PLANES if name in wanted}
    for name, pattern in BY_CHANNEL.items():
        if name in wanted:
            pair = [_read_values(group, pattern.format(p)) for p in CHANNELS]
            fields[name] = None if any(plane is None for plane in pair) else np.stack(pair)
    seconds = _read_values(group, "tb_time_seconds", np.float64)
    if seconds is not None:
        start = (date.astype("datetime64[s]") - EPOCH).astype(float)
        hours = np.asarray((seconds - start) / 3600.0, np.float32)
        # A local day at 06:00 or 18:00 contains hours of three UTC days.
        check_hours(hours, -12.0, 36.0, path, "tb_time_seconds")
    return {name: values for name, values in fields.items() if values is not None}


def _read_values(group: h5py.Group, name: str, kind: type[Any] = np.float32) -> Any:
    """Return one variable of a pass, NaN where filled or invalid; None where it does not exist."""
    # Names of the evening pass end in "_pm".
    dataset = group.get(name, group.get(f"{name}_pm"))
    if dataset is None:
        return None
    attributes = dataset.attrs
    fills = [FLOAT_FILL if dataset.dtype.kind == "f" else FLAG_FILL]
    if "_FillValue" in attributes:
        fills.append(scalar(attributes["_FillValue"]))
    low = scalar(attributes["valid_min"]) if "valid_min" in attributes else -np.inf
    high = scalar(attributes["valid_max"]) if "valid_max" in attributes else np.inf
    valid = None if np.isinf([low, high]).all() else (low, high)
    raw = dataset[...]
    if kind is np.float64:  # seconds since 2000 need more digits than float32 has
        return np.where(np.isin(raw, fills), np.nan, raw)
    return decode(raw, Packing(fills=tuple(fills), valid=valid))


def _stack_passes(passes: list[Float32s | None]) -> Field:
    """Stack passes along the overpass dimension, NaN for a pass without this variable."""
    template = next(values for values in passes if values is not None)
    empty = np.full_like(template, np.nan)
    stacked = np.stack([empty if values is None else values for values in passes])
    return ("overpass", "channel")[: stacked.ndim - 2], stacked
