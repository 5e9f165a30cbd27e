"""SMOS-IC soil moisture, VOD and fitted brightness temperature: one day and one pass.

`SM_*_MIR_CDF3S[A|D]_<date>….nc`. The day is the name's. Orientation as in the file's `lat`.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.readers.granule import PASSES
from glab.readers.naming import granule_date, granule_pass
from glab.readers.retrieval import read_retrieval


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """One overpass: `vod`, `soil_moisture`, their errors, `tb_rmse`, flags, `t_surface`
    (overpass, y, x) and the fitted `tb` (overpass, channel, y, x).

    Args:
        path: the granule.
        variables: canonical names wanted; None: all there are.
    """
    date, letter = granule_date("smos_ic", path.name), granule_pass("smos_ic", path.name)
    return read_retrieval(path, ("M25",), date, PASSES[str(letter).upper()], variables)
