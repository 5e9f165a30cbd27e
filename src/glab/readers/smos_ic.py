"""SMOS-IC soil moisture, VOD and fitted brightness temperature: one day and one pass.

`SM_*_MIR_CDF3S[A|D]_<date>….nc`. The day is that of the name. Rows run as the file's `lat`.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.readers.naming import Naming
from glab.readers.retrieval import read_retrieval

TITLE = "SMOS-IC soil moisture and VOD"
NAMING = Naming(
    r"SM_[A-Z0-9]+_MIR_CDF3S(?P<overpass>[AD])_(?P<date>\d{8})(?:T\d{6})?"
    r"(?:_\d{8}T\d{6})?(?:_(?P<version>[\w-]+?))?(?:\.DBL)?\.nc",
    "SM_RE06_MIR_CDF3SA_20100601T000000_20100601T235959_105_001_8.DBL.nc",
)


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """Read one overpass: `vod`, `soil_moisture`, their errors, `tb_rmse`, flags, `t_surface`
    (overpass, y, x) and the fitted `tb` (overpass, channel, y, x), NaN where missing.

    Args:
        path: the granule.
        variables: canonical names wanted; None: all that the file contains.
    """
    date, overpass = NAMING.date(path.name), NAMING.overpass(path.name)
    return read_retrieval(path, ("M25",), date, overpass, variables)
