"""Read soil moisture and VOD of the SMOS-IC family, under all names that their variables have."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import xarray as xr

from glab.arrays import Float32s
from glab.readers.granule import granule
from glab.readers.native import GriddedFile, missing_variable, open_gridded, packing_of

PLANES = {
    "vod": ("Optical_Thickness_Nad", "VOD", "vod", "Optical_Thickness"),
    "vod_error": ("Optical_Thickness_Nad_StdError", "VOD_StdError", "VOD_StdErr"),
    "soil_moisture": ("Soil_Moisture", "SM", "soil_moisture", "sm"),
    "soil_moisture_error": ("Soil_Moisture_StdError", "SM_StdError", "SM_StdErr"),
    "tb_rmse": ("RMSE", "TB_RMSE", "TB-RMSE", "TBRMSE"),
    "scene_flags": ("Scene_Flags", "SF", "Flags"),
    "processing_flags": ("Processing_Flags", "PF"),
    "t_surface": ("Soil_Temperature_Level1",),
}
"""Canonical name → aliases in native files, the documented one first."""

TB = {"h": ("BT_H_IC_Fitted", "TBH", "TB_H"), "v": ("BT_V_IC_Fitted", "TBV", "TB_V")}
FILLS = (-9999.0, -999.0)


def read_retrieval(
    path: Path,
    grids: Collection[str],
    date: np.datetime64,
    overpass: str | None,
    variables: Collection[str] | None,
) -> xr.Dataset:
    """Read one day of retrievals: those of `PLANES` ([overpass,] y, x) and the fitted or 40° `tb`
    ([overpass,] channel, y, x), NaN where missing.

    Args:
        path: a netCDF file.
        grids: names of the grids that it may be on.
        date: its day.
        overpass: its pass, if known; the granule then has that dimension.
        variables: canonical names wanted; None: all that the file contains.
    """
    wanted = {*PLANES, "tb"} if variables is None else set(variables)
    lead: tuple[str, ...] = () if overpass is None else ("overpass",)

    def with_lead(values: Float32s) -> Float32s:
        return values[np.newaxis] if lead else values

    with open_gridded(path, grids) as file:
        fields = {
            name: (lead, with_lead(_plane(file, aliases)))
            for name, aliases in PLANES.items()
            if name in wanted and file.find(*aliases) is not None
        }
        # Either polarisation may be missing; `tb` then has the other alone.
        channels = [p for p, aliases in TB.items() if file.find(*aliases) is not None]
        if "tb" in wanted and channels:
            planes = np.stack([_plane(file, TB[p]) for p in channels])
            fields["tb"] = ((*lead, "channel"), with_lead(planes))
        if not fields:
            names = [aliases[0] for aliases in PLANES.values()]
            raise missing_variable(names, file.dataset.variables, path)
        passes = [overpass] if overpass is not None else []
        return granule(
            fields,
            file.georeference,
            date=date,
            overpasses=passes,
            channels=channels if "tb" in fields else [],
        )


def _plane(file: GriddedFile, aliases: Collection[str]) -> Float32s:
    variable = file.require(*aliases)
    return file.plane(variable, packing_of(variable, fills=FILLS))
