"""A year of 40° TB: blocks of days, each cell by cell from the angle bins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.angles import wanted_bins
from glab.calendar import time_blocks
from glab.config import Tb40
from glab.errors import GlabError
from glab.overpasses import cell_blocks, check_together
from glab.scene import ground_of, static_ground
from glab.tb40 import Views, estimate

NEEDED = ("tb", "tb_accuracy", "incidence")
CHANNELS = ("h", "v")
SCENES_AT_ONCE = 32768
DIMS = ("time", "cell", "overpass")
Layers = dict[str, NDArray]


def year_blocks(
    smos: xr.Dataset, surfaces: Mapping[str, xr.Dataset], domain: xr.Dataset, settings: Tb40
) -> Iterator[xr.Dataset]:
    """40° TB of a source-year, block by block of 31 days.

    Args:
        smos: `tb`, `tb_accuracy` (time, cell, overpass, angle, channel) and `incidence` without
            channel, quality-controlled, lazy.
        surfaces: by overpass, `t_surface`, `t_deep`, `t_air` (time, cell).
        domain: `clay`, land cover and, where known, `altitude` (cell).
        settings: of the stage.

    Yields:
        `tb`, `tb_error` (time, cell, overpass, channel), `tb_rmse`, `angle_count` (time, cell,
        overpass), of the overpasses that have a surface.

    Raises:
        GlabError: when files do not fit each other or lack a variable.
    """
    for name in NEEDED:
        if name not in smos:
            raise GlabError(
                "the multi-angular source lacks a variable",
                path=smos.encoding.get("source"),
                variable=name,
                found=", ".join(map(str, smos.data_vars)),
            )
    overpasses = check_together(smos, surfaces)
    static = static_ground(domain)
    bins = wanted_bins(smos["angle"].values, settings)
    chosen = smos[list(NEEDED)].isel(angle=slice(bins[0], bins[-1] + 1)).sel(overpass=overpasses)
    for days in time_blocks(smos["time"].values):
        ground = {name: surfaces[name].isel(time=days).load() for name in overpasses}
        yield _block(chosen.isel(time=days), ground, static, settings).assign_coords(
            cell=domain["cell"]
        )


def _block(
    smos: xr.Dataset, surfaces: Mapping[str, xr.Dataset], static: xr.Dataset, settings: Tb40
) -> xr.Dataset:
    """Some days of all cells."""
    shape = tuple(smos.sizes[dim] for dim in DIMS)
    whole: Layers = {
        "tb": np.full((*shape, len(CHANNELS)), np.nan, np.float32),
        "tb_error": np.full((*shape, len(CHANNELS)), np.nan, np.float32),
        "tb_rmse": np.full(shape, np.nan, np.float32),
        "angle_count": np.zeros(shape, np.int16),
    }
    for cells in cell_blocks(smos.sizes["cell"]):
        part = smos.isel(cell=cells).load()
        for place, name in enumerate(part["overpass"].values.astype(str)):
            surface = surfaces[name].isel(cell=cells)
            seen = part.isel(overpass=place)
            for layer, values in _overpass(seen, surface, static.isel(cell=cells), settings):
                whole[layer][:, cells, place] = values
    dims = {
        name: DIMS if values.ndim == 3 else (*DIMS, "channel") for name, values in whole.items()
    }
    return xr.Dataset(
        {name: (dims[name], values) for name, values in whole.items()},
        {"time": smos["time"], "overpass": smos["overpass"], "channel": list(CHANNELS)},
    )


def _overpass(
    seen: xr.Dataset, surface: xr.Dataset, static: xr.Dataset, settings: Tb40
) -> Iterator[tuple[str, NDArray]]:
    """Layers of one overpass on (time, cell): scenes with a TB are worked on, piece by piece."""
    bins = wanted_bins(seen["angle"].values, settings)
    seen = seen.isel(angle=bins).sel(channel=list(CHANNELS)).transpose("time", "cell", "angle", ...)
    tb, accuracy, incidence = (seen[name].values for name in NEEDED)
    scenes = np.argwhere(np.isfinite(tb).all(axis=-1).sum(axis=-1) > 1)
    shape = tb.shape[:2]
    layers: Layers = {
        "tb": np.full((*shape, len(CHANNELS)), np.nan, np.float32),
        "tb_error": np.full((*shape, len(CHANNELS)), np.nan, np.float32),
        "tb_rmse": np.full(shape, np.nan, np.float32),
        "angle_count": np.zeros(shape, np.int16),
    }
    for first in range(0, len(scenes), SCENES_AT_ONCE):
        day, cell = scenes[first : first + SCENES_AT_ONCE].T
        views = Views(
            tb[day, cell].astype(np.float64),
            accuracy[day, cell].astype(np.float64),
            incidence[day, cell].astype(np.float64),
            seen["angle"].values,
        )
        found = estimate(views, ground_of(static, surface, day, cell), settings)
        layers["tb"][day, cell] = found.tb_k
        layers["tb_error"][day, cell] = found.error_k
        layers["tb_rmse"][day, cell] = found.rmse_k
        layers["angle_count"][day, cell] = found.angles
    yield from layers.items()
