"""Soil moisture and VOD retrievals of the SMOS-IC family, under all the names they go by."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import xarray as xr

from glab.arrays import Float32s
from glab.errors import GlabError
from glab.readers.granule import granule
from glab.readers.netcdf import WRONG_VARIABLE, Granule, open_granule, packing_of

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
    """One day of retrievals: those of `PLANES` ([overpass,] y, x) and the fitted or 40° `tb`
    ([overpass,] channel, y, x), as far as the file has them.

    Args:
        path: a netCDF file.
        grids: names of the grids it may be on.
        date: its day.
        overpass: its pass, if known; the granule then has that dimension.
        variables: canonical names wanted; None: all there are.
    """
    wanted = {*PLANES, "tb"} if variables is None else set(variables)
    lead: tuple[str, ...] = () if overpass is None else ("overpass",)
    with open_granule(path, grids) as native:
        fields = {
            name: (lead, _led(_plane(native, aliases), lead))
            for name, aliases in PLANES.items()
            if name in wanted and native.find(*aliases) is not None
        }
        channels = [p for p, aliases in TB.items() if native.find(*aliases) is not None]
        if "tb" in wanted and channels:
            planes = np.stack([_plane(native, TB[p]) for p in channels])
            fields["tb"] = ((*lead, "channel"), _led(planes, lead))
        if not fields:
            raise _nothing(native)
        passes = [overpass] if overpass is not None else []
        return granule(
            fields,
            native.georeference,
            date=date,
            overpasses=passes,
            channels=channels if "tb" in fields else [],
        )


def _plane(native: Granule, aliases: Collection[str]) -> Float32s:
    variable = native.require(*aliases)
    return native.plane(variable, packing_of(variable, fills=FILLS))


def _led(values: Float32s, lead: tuple[str, ...]) -> Float32s:
    """With the leading dimension of the overpass where it has one."""
    return values[np.newaxis] if lead else values


def _nothing(native: Granule) -> GlabError:
    return GlabError(
        "no retrieval in the file",
        path=native.path,
        variable="Optical_Thickness_Nad",
        found=", ".join(native.dataset.variables),
        expected=", ".join(aliases[0] for aliases in PLANES.values()),
        remedy=WRONG_VARIABLE,
    )
