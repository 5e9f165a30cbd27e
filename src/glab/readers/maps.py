"""Any one map of a user: roughness, topography index, biomass, canopy height (format `map`)."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from glab.readers.granule import granule
from glab.readers.raster import read_raster


def read(
    path: Path,
    variable: str | None = None,
    name: str = "value",
    fills: tuple[float, ...] = (),
) -> xr.Dataset:
    """One map as variable `name` (y, x), in the file's own unit (attribute `units`).

    Args:
        path: netCDF or GeoTIFF, on any rectilinear or projected grid. Maps of more pixels than
            memory takes are averaged over square blocks while they are read.
        variable: which variable (netCDF) or band number (GeoTIFF); None: the only one.
        name: what to call it.
        fills: raw values that mean missing beside those the file states, for example (101, 102,
            103) of the Potapov canopy height.
    """
    raster = read_raster(path, variable, fills)
    return granule(
        {name: ((), raster.values)},
        raster.georeference,
        attributes={"units": raster.units, "native_name": raster.name},
    )
