"""SMOS-IB (and SMOSMAP-IB) daily files: soil moisture, VOD, 40° brightness temperature.

Their names are not public: any netCDF name with a day in it is taken, a pass where it names one
(`_A_`, `_D_`, `_ASC`, `_DES`, `CDF3.A`), and variables go by any of their known aliases.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.readers.granule import PASSES
from glab.readers.naming import granule_date
from glab.readers.retrieval import read_retrieval

PASS = re.compile(r"(?:[-_]|CDF3[A-Z])(A|D|ASC|DES|DESC|ascending|descending)(?=[-_.])", re.I)


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """One day: `vod`, `soil_moisture`, their errors, `tb_rmse`, flags ([overpass,] y, x) and the
    40° `tb` ([overpass,] channel, y, x).

    Args:
        path: the granule.
        variables: canonical names wanted; None: all there are.
    """
    named = PASS.search(path.name)
    overpass = PASSES.get(named[1][0].upper()) if named else None
    date = granule_date("smos_ib", path.name)
    return read_retrieval(path, ("M25", "M36", "M09"), date, overpass, variables)
