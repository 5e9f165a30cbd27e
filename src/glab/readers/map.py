"""Any one map of a user: roughness, topography index, biomass, canopy height."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from glab.readers.granule import granule
from glab.readers.raster import read_raster

TITLE = "any one map"


def read(
    path: Path,
    variable: str | None = None,
    name: str = "value",
    fills: tuple[float, ...] = (),
) -> xr.Dataset:
    """Read one map as variable `name` (y, x), in the file's own unit (attribute `units`).

    Args:
        path: netCDF or GeoTIFF, on any rectilinear or projected grid. Maps of more pixels than
            memory takes are averaged over square blocks while they are read.
        variable: which variable (netCDF) or band number (GeoTIFF); None: the only one.
        name: name of the variable in the result.
        fills: raw values that mean missing, in addition to those of the file's attributes, for
            example (101, 102, 103) of the Potapov canopy height.
    """
    raster = read_raster(path, variable, fills)
    return granule(
        {name: ((), raster.values)},
        raster.georeference,
        attributes={"units": raster.units, "native_name": raster.name},
    )
