"""Source-years with overpasses, and the surface at each overpass's hour, in blocks of scenes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from glab.errors import GlabError
from glab.series import check_cells

CELLS_AT_ONCE = 8192


def cell_blocks(cells: int) -> list[slice]:
    """Consecutive slices of cells, as the chunks of work files are."""
    return [slice(n, min(n + CELLS_AT_ONCE, cells)) for n in range(0, cells, CELLS_AT_ONCE)]


def with_overpass(source: xr.Dataset, overpass: str = "ascending") -> xr.Dataset:
    """A record that has no overpasses, as the composed TB, as one seen at a single overpass.

    Its total standard deviation is the error of its TB; it has no misfit over angles.
    """
    if "overpass" in source.dims:
        return source
    named = source[["tb", "tb_std_total"]].rename(tb_std_total="tb_error")
    unknown = xr.full_like(source["tb"].isel(channel=0, drop=True), np.nan)
    return named.assign(tb_rmse=unknown).expand_dims(overpass=[overpass])


def check_together(source: xr.Dataset, surfaces: Mapping[str, xr.Dataset]) -> list[str]:
    """The overpasses that both a source-year and the surface have, after a check of days and cells.

    Args:
        source: (time, cell, overpass, …).
        surfaces: by overpass, (time, cell).

    Raises:
        GlabError: when there is none, or days or cells differ.
    """
    names = [str(name) for name in source["overpass"].values if str(name) in surfaces]
    if not names:
        raise GlabError(
            "no surface file for the overpasses of a source",
            path=source.encoding.get("source"),
            variable="overpass",
            found=", ".join(surfaces) or "none",
            expected=", ".join(source["overpass"].values.astype(str)),
            remedy="set tb40.surface to the sources of temperature at each overpass",
        )
    for name in names:
        check_cells(source, surfaces[name])
        if not np.array_equal(source["time"].values, surfaces[name]["time"].values):
            raise GlabError(
                "the surface file has other days than the source",
                path=surfaces[name].encoding.get("source"),
                variable="time",
                found=f"{surfaces[name]['time'].values[[0, -1]]}",
                expected=f"{source['time'].values[[0, -1]]}",
            )
    return names
