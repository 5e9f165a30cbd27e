"""SMAP-IB soil moisture and VOD: one day of morning (descending) passes.

`IB_SM_CDF3AM_<YYYYMMDD or YYYYDDD>….nc`, on the 36 km grid or the 25 km one. The day is that of the
name.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.readers.naming import Naming
from glab.readers.retrieval import read_retrieval

TITLE = "SMAP-IB soil moisture and VOD"
NAMING = Naming(
    r"IB_SM_CDF3(?P<overpass>AM|PM)_(?P<date>\d{8}|\d{7})(?!\d)(?P<version>.*)\.nc",
    "IB_SM_CDF3AM_20150401_v1.nc",
    passes={"AM": "descending", "PM": "ascending"},
)


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """Read one overpass: `vod`, `soil_moisture` and other retrievals (overpass, y, x), NaN where
    missing.

    Args:
        path: the granule.
        variables: canonical names wanted; None: all that the file contains.
    """
    date, overpass = NAMING.date(path.name), NAMING.overpass(path.name)
    return read_retrieval(path, ("M36", "M25", "M09"), date, overpass, variables)
