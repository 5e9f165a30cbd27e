"""Find the reader of a format and read a native file with it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import xarray as xr

from glab.errors import GlabError, unknown_name
from glab.readers.naming import (
    NAMINGS,
    granule_date,
)

FORMATS = {
    "smos_l3": "CATDS SMOS level-3 brightness temperature",
    "smos_ic": "SMOS-IC soil moisture and VOD",
    "smap_ib": "SMAP-IB soil moisture and VOD",
    "smap_l3": "SMAP level-3 passive soil moisture",
    "amsre": "AMSR-E daily land brightness temperature (AE_Land3)",
    "amsr2": "AMSR2 half-orbit land brightness temperature (AU_Land)",
    "cetb": "calibrated enhanced-resolution brightness temperature (NSIDC-0630)",
    "casm": "CASM soil moisture",
    "vodca": "VODCA vegetation optical depth",
    "era5": "ERA5 or ERA5-Land surface fields",
    "gldas": "GLDAS-2.1 Noah surface fields",
    "smos_ib": "SMOS-IB or SMOSMAP-IB daily files",
    "clay": "map of clay content",
    "landcover": "IGBP land-cover fractions",
    "map": "any one map",
}
"""Every format that has a reader; of dated ones the least particular name (`smos_ib`) is last."""

MODULES = {"map": "maps"}
"""Modules that are not called as their format."""


def read(format_name: str, path: Path, **options: Any) -> xr.Dataset:
    """One native file as a dataset of canonical variables, float32, NaN where missing.

    Args:
        format_name: one of `FORMATS`.
        path: the file.
        **options: of the format's reader: `variables` (canonical names wanted; dated formats),
            `channels` (AMSR), `hours` (ERA5, GLDAS), `variable`, `name`, `fills`, `units` (maps),
            `igbp` (land cover).

    Raises:
        GlabError: for an unknown format, and for a file that is not of this format, damaged,
            empty, on another grid, of another day than its name says, or lacks a variable.
    """
    if format_name not in FORMATS:
        raise unknown_name("format", format_name, FORMATS)
    if format_name in NAMINGS:
        granule_date(format_name, Path(path).name)  # a name that says no day is told first
    module = import_module(f"glab.readers.{MODULES.get(format_name, format_name)}")
    dataset: xr.Dataset = module.read(Path(path), **options)
    lacking = sorted(set(options.get("variables") or ()) - set(dataset.variables))
    if lacking:
        raise GlabError(
            "a variable is missing",
            path=path,
            variable=", ".join(lacking),
            found=", ".join(str(name) for name in dataset.data_vars),
            expected=", ".join(options["variables"]),
            remedy="leave it out of what is kept of this source, or fetch files that have it",
        )
    return dataset
