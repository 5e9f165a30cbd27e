"""Clay content of the soil (SoilGrids, HWSD or any other map) as a fraction."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from glab.errors import GlabError
from glab.readers.granule import granule
from glab.readers.raster import Raster, read_raster

TITLE = "map of clay content"

FACTORS = {
    "%": 0.01,
    "percent": 0.01,
    "per cent": 0.01,
    "% weight": 0.01,
    "g/100g": 0.01,
    "g kg-1": 0.001,
    "g/kg": 0.001,
    "g kg**-1": 0.001,
    "1": 1.0,
    "fraction": 1.0,
    "kg kg-1": 1.0,
    "kg/kg": 1.0,
}
"""Factor to a fraction by the unit that a file or a setting names."""

SOILGRIDS = re.compile(r"clay_\d+-\d+cm_")
"""Names of SoilGrids' own maps, which are in g kg⁻¹ without a unit in their attributes."""


def read(
    path: Path,
    variable: str | None = None,
    units: str | None = None,
    fills: tuple[float, ...] = (),
) -> xr.Dataset:
    """Read `clay`, mass fraction 0…1 (y, x), NaN where missing.

    Args:
        path: netCDF or GeoTIFF.
        variable: which variable or band; None: the only one.
        units: "%", "g kg-1" or "1"; None: of the file's attributes, else SoilGrids' for its
            names, else by the largest value: above 100 g kg⁻¹, above 1 per cent, else a fraction.
        fills: raw values that mean missing, in addition to those of the file's attributes.

    Raises:
        GlabError: for an unknown unit, or values that are no fraction.
    """
    raster = read_raster(path, variable, fills)
    clay = raster.values * np.float32(_factor(raster, units, path))
    top = np.nanmax(clay, initial=0.0)
    if top > 1.0 or np.nanmin(clay, initial=0.0) < 0.0:
        raise GlabError(
            "no clay content",
            path=path,
            variable=raster.name,
            found=f"{np.nanmin(clay):g} to {top:g} as a fraction, unit {units or raster.units!r}",
            expected="0 to 1",
            remedy="name the unit and the fills in the configuration",
        )
    return granule({"clay": ((), clay)}, raster.georeference)


def _factor(raster: Raster, units: str | None, path: Path) -> float:
    """Return the factor from the map's unit to a fraction."""
    stated = units if units is not None else raster.units
    if stated:
        if stated.strip().lower() not in FACTORS:
            raise GlabError(
                "unknown unit of clay",
                path=path,
                variable=raster.name,
                found=stated,
                expected=", ".join(FACTORS),
                remedy="name the unit in the configuration",
            )
        return FACTORS[stated.strip().lower()]
    if SOILGRIDS.search(path.name):
        return FACTORS["g kg-1"]
    # A guess, which fails for a map of very sandy soils only: a unit in the settings is safer.
    top = np.nanmax(raster.values, initial=0.0)
    return 0.001 if top > 100.0 else 0.01 if top > 1.0 else 1.0
