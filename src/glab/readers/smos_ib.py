"""SMOS-IB (and SMOSMAP-IB) daily files: soil moisture, VOD, 40° brightness temperature.

Their names are not public: any netCDF name with a day in it is accepted, and a pass if the name
contains one (`_A_`, `_D_`, `_ASC`, `_DES`, `CDF3.A`). Variables have any of their known aliases.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import xarray as xr

from glab.readers.naming import DATE, PASSES, Naming
from glab.readers.retrieval import read_retrieval

TITLE = "SMOS-IB or SMOSMAP-IB daily files"
NAMING = Naming(rf"(?P<part>.*?){DATE}(?P<rest>.*)\.nc", "SMOS-IB_20100601.nc", general=True)

PASS = re.compile(r"(?:[-_]|CDF3[A-Z])(A|D|ASC|DES|DESC|ascending|descending)(?=[-_.])", re.I)


def read(path: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """Read one day: `vod`, `soil_moisture`, their errors, `tb_rmse`, flags ([overpass,] y, x) and
    the 40° `tb` ([overpass,] channel, y, x), NaN where missing.

    Args:
        path: the granule.
        variables: canonical names wanted; None: all that the file contains.
    """
    named = PASS.search(path.name)
    # The first letter is enough: A, ASC and ascending are one pass.
    overpass = PASSES.get(named[1][0].upper()) if named else None
    return read_retrieval(path, ("M25", "M36", "M09"), NAMING.date(path.name), overpass, variables)
