"""SMAP level-3 passive soil moisture, 36 km and 9 km: one day, both passes.

`SMAP_L3_SM_P[_E]_<date>_R….h5`, groups `Soil_Moisture_Retrieval_Data_AM` (06:00, descending) and
`_PM` (18:00, ascending, whose names end in `_pm`). The day is the name's; `tb_time_seconds` must
agree where it is there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from glab.arrays import Float32s
from glab.errors import GlabError
from glab.readers.decoding import Packing, decode, scalar
from glab.readers.georeference import Georeference, rectilinear
from glab.readers.granule import granule
from glab.readers.naming import granule_date
from glab.readers.netcdf import WRONG_VARIABLE, missing_variable
from glab.readers.opening import open_hdf5
from glab.readers.times import check_hours

if TYPE_CHECKING:
    import h5py

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


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """Both passes there are: `tb`, `tb_quality` (overpass, channel, y, x), `soil_moisture`, `vod`,
    `retrieval_quality`, `surface_flags` (overpass, y, x).

    Args:
        path: the granule.
        variables: canonical names wanted; None: all there are.
    """
    date = granule_date("smap_l3", path.name)
    with open_hdf5(path) as file:
        groups = _groups(file, path)
        georeference = georeference_of(file, path)
        parts = [_pass_fields(g, path, date, variables) for g in groups.values()]
    names = [name for name in CANONICAL if any(name in part for part in parts)]
    if not names:
        group = next(iter(groups))
        raise _nothing(path, group)
    fields = {name: _joined([part.get(name) for part in parts]) for name in names}
    for name, (_, values) in fields.items():
        if values.shape[-2:] != georeference.shape:
            raise _off_grid(path, name, values.shape, georeference.shape)
    has_channels = any(name in BY_CHANNEL for name in names)
    channels = CHANNELS if has_channels else ()
    return granule(fields, georeference, date=date, overpasses=list(groups), channels=channels)


def georeference_of(file: h5py.File, path: Path) -> Georeference:
    """Cell centres from the latitudes and longitudes of all groups, each filling the others' gaps.

    Files leave coordinates out where nothing was seen; rows without any are completed from the
    grid that all others lie on.
    """
    planes: dict[str, Float32s] = {}
    for group in _groups(file, path).values():
        for name in ("latitude", "longitude"):
            values = _values(group, name)
            if values is None:
                raise missing_variable([name], list(group), path)
            there = planes.get(name)
            planes[name] = values if there is None else np.where(np.isnan(there), values, there)
    return rectilinear(planes["latitude"], planes["longitude"], path, ("M36", "M09"))


def _groups(file: h5py.File, path: Path) -> dict[str, h5py.Group]:
    """The passes that are in the file, by overpass."""
    there = {
        overpass: file[name] for overpass, names in GROUPS.items() for name in names if name in file
    }
    if not there:
        raise missing_variable([names[0] for names in GROUPS.values()], list(file), path)
    return there


def _pass_fields(
    group: h5py.Group, path: Path, date: np.datetime64, variables: Collection[str] | None
) -> Mapping[str, Float32s]:
    """Canonical fields of one pass, shape ([channel,] y, x)."""
    wanted = CANONICAL if variables is None else variables
    fields = {name: _values(group, PLANES[name]) for name in PLANES if name in wanted}
    for name, pattern in BY_CHANNEL.items():
        pair = [_values(group, pattern.format(p)) for p in CHANNELS] if name in wanted else [None]
        there = [plane for plane in pair if plane is not None]
        fields[name] = np.stack(there) if len(there) == len(CHANNELS) else None
    seconds = _values(group, "tb_time_seconds", np.float64)
    if seconds is not None:
        start = (date.astype("datetime64[s]") - EPOCH).astype(float)
        hours = np.asarray((seconds - start) / 3600.0, np.float32)
        check_hours(hours, -12.0, 36.0, path, "tb_time_seconds")
    return {name: values for name, values in fields.items() if values is not None}


def _values(group: h5py.Group, name: str, kind: type[Any] = np.float32) -> Any:
    """One variable of a pass, NaN where filled or outside of its valid range; None if absent."""
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
    if kind is np.float64:
        return np.where(np.isin(raw, fills), np.nan, raw)
    return decode(raw, Packing(fills=tuple(fills), valid=valid))


def _joined(parts: list[Float32s | None]) -> tuple[tuple[str, ...], Float32s]:
    """Passes along the overpass dimension, NaN for a pass without this variable."""
    template = next(part for part in parts if part is not None)
    empty = np.full_like(template, np.nan)
    stacked = np.stack([empty if part is None else part for part in parts])
    return (("overpass", "channel")[: stacked.ndim - 2], stacked)


def _nothing(path: Path, group: str) -> GlabError:
    return GlabError(
        "no brightness temperature and no retrieval in the file",
        path=path,
        variable="tb_h_corrected",
        found=f"the {group} pass has none of them",
        expected=", ".join([*PLANES.values(), "tb_h_corrected", "tb_v_corrected"]),
        remedy=WRONG_VARIABLE,
    )


def _off_grid(path: Path, name: str, found: object, expected: object) -> GlabError:
    return GlabError(
        "a variable does not lie on the file's grid",
        path=path,
        variable=name,
        found=f"shape {found}",
        expected=f"rows and columns {expected}",
        remedy=WRONG_VARIABLE,
    )
