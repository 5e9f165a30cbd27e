"""SMAP-IB soil moisture and VOD: one day of morning (descending) passes.

`IB_SM_CDF3AM_<YYYYMMDD or YYYYDDD>….nc`, on the 36 km grid or the 25 km one. The day is the name's.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.readers.naming import granule_date, granule_pass
from glab.readers.retrieval import read_retrieval

PASSES = {"AM": "descending", "PM": "ascending"}


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """One overpass: `vod` and `soil_moisture`, and what else there is (overpass, y, x).

    Args:
        path: the granule.
        variables: canonical names wanted; None: all there are.
    """
    date, letters = granule_date("smap_ib", path.name), granule_pass("smap_ib", path.name)
    grids = ("M36", "M25", "M09")
    return read_retrieval(path, grids, date, PASSES[str(letters).upper()], variables)
