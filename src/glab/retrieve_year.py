"""A year of soil moisture and VOD: what the whole year tells of each cell, then block by block.

The year is gone through twice, tile by tile for priors and negative medians, then month by month
for the values: it never stands in memory. Run 2 is calculated both times, faster than it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab import scene_flags as flags
from glab.calendar import time_blocks
from glab.config import Retrieve
from glab.overpasses import cell_blocks, check_together
from glab.retrieve import Prior, prior_of_days, prior_of_year, retrieve
from glab.scene import ground_of, static_ground

NEEDED = ("tb", "tb_error", "tb_rmse")
VALUES = ("soil_moisture", "vod", "soil_moisture_error", "vod_error")
DIMS = ("time", "cell", "overpass")
SCENES_AT_ONCE = 131072
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Part:
    """Some days and cells of one overpass.

    Attributes:
        seen: `tb`, `tb_error` (time, cell, channel), `tb_rmse` (time, cell).
        surface: temperatures and snow (time, cell).
        static: clay, ω, H_R, altitude (cell), and `open_water`.
    """

    seen: xr.Dataset
    surface: xr.Dataset
    static: xr.Dataset


@dataclass(frozen=True)
class YearOfCells:
    """What a year tells of each cell and overpass, each of shape (cell, overpass).

    Attributes:
        prior: of run 2, from the year's mean.
        negative: variable → whether its median is negative.
    """

    prior: Prior
    negative: Mapping[str, NDArray[np.bool_]]


def year_blocks(
    tb40: xr.Dataset, surfaces: Mapping[str, xr.Dataset], domain: xr.Dataset, settings: Retrieve
) -> Iterator[xr.Dataset]:
    """Soil moisture and VOD of a year, block by block of 31 days.

    Args:
        tb40: a year of `tb40`, lazy.
        surfaces: by overpass, `t_surface`, `t_deep`, `t_air`, `snow` (time, cell).
        domain: `clay`, land cover, and what tells of topography, water, urban area and ice (cell).
        settings: of the stage.

    Yields:
        `soil_moisture`, `vod`, their errors, `tb_rmse`, `scene_flags`, `processing_flags` (time,
        cell, overpass). Frozen ground and open water have flags but no values.

    Raises:
        GlabError: when files do not fit each other or lack a variable.
    """
    overpasses = check_together(tb40, surfaces)
    water = ("cell", flags.is_open_water(domain, settings.mask))
    static = static_ground(domain).assign(open_water=water)
    year = _whole_year(tb40, surfaces, static, overpasses, settings)
    lasting = flags.lasting_flags(domain, settings)
    for days in time_blocks(tb40["time"].values):
        block = _block(tb40, surfaces, static, overpasses, days, year, settings)
        for place, name in enumerate(overpasses):
            frozen = flags.is_frozen(surfaces[name].isel(time=days), settings.mask)
            block["scene_flags"][..., place] = lasting | np.where(frozen, flags.FROZEN, 0)
        yield xr.Dataset(
            {name: (DIMS, values) for name, values in block.items()},
            {"time": tb40["time"][days], "cell": domain["cell"], "overpass": overpasses},
        ).assign(processing_flags=(DIMS, block["processing_flags"], _processing_attributes()))


def _processing_attributes() -> dict[str, object]:
    masks = np.array(list(flags.PROCESSING.values()), np.int16)
    return {"flag_masks": masks, "flag_meanings": " ".join(flags.PROCESSING)}


def _part(
    tb40: xr.Dataset, surface: xr.Dataset, static: xr.Dataset, days: slice, cells: slice, name: str
) -> Part:
    """Read some days and cells of one overpass."""
    seen = tb40[list(NEEDED)].sel(overpass=name).isel(time=days, cell=cells)
    ordered = seen.sel(channel=["h", "v"]).transpose("time", "cell", "channel").load()
    return Part(ordered, surface.isel(time=days, cell=cells).load(), static.isel(cell=cells))


def run(
    part: Part, prior: Prior, settings: Retrieve, first: Mapping[str, NDArray] | None = None
) -> dict[str, NDArray]:
    """One run over all scenes of a part.

    Args:
        part: days and cells.
        prior: of VOD, broadcast to (time, cell).
        settings: of the stage.
        first: what run 1 found, for run 2.

    Returns:
        `VALUES`, float32 with NaN, and `converged`, (time, cell).
    """
    tb, error = (part.seen[name].values for name in ("tb", "tb_error"))
    shape = tb.shape[:2]
    hidden = flags.is_frozen(part.surface, settings.mask) | part.static["open_water"].values
    scenes = np.argwhere(np.isfinite(tb).all(axis=-1) & ~hidden)
    mean, sigma = (np.broadcast_to(values, shape) for values in (prior.mean, prior.sigma))
    out: dict[str, NDArray] = {name: np.full(shape, np.nan, np.float32) for name in VALUES}
    out["converged"] = np.ones(shape, bool)
    wetness = first["soil_moisture"] if first and settings.temperature_at == "first_run" else None
    for start in range(0, len(scenes), SCENES_AT_ONCE):
        day, cell = scenes[start : start + SCENES_AT_ONCE].T
        wet = None if wetness is None else wetness[day, cell].astype(np.float64)
        found = retrieve(
            tb[day, cell].astype(np.float64),
            error[day, cell].astype(np.float64),
            ground_of(part.static, part.surface, day, cell),
            mean[day, cell],
            sigma[day, cell],
            settings,
            wet,
        )
        for name in out:
            out[name][day, cell] = getattr(found, name)
    return out


def first_run(part: Part, settings: Retrieve) -> dict[str, NDArray]:
    """Run 1, with the same prior everywhere."""
    prior = Prior(np.array(settings.vod_prior), np.array(settings.vod_sigma), np.array(True))
    return run(part, prior, settings)


def _trusted(part: Part, first: Mapping[str, NDArray], settings: Retrieve) -> Floats:
    """VOD of run 1 that later priors are made of, (time, cell): without doubtful fits.

    A record of one angle has no misfit over angles, and nothing to doubt it by.
    """
    doubtful = part.seen["tb_rmse"].values > settings.prior_tb_rmse_max_k
    return np.where(doubtful, np.nan, first["vod"])


def _whole_year(
    tb40: xr.Dataset,
    surfaces: Mapping[str, xr.Dataset],
    static: xr.Dataset,
    overpasses: list[str],
    settings: Retrieve,
) -> YearOfCells:
    """Priors and negative medians of every cell."""
    shape = (tb40.sizes["cell"], len(overpasses))
    whole = Prior(np.empty(shape), np.empty(shape), np.empty(shape, bool))
    negative = {name: np.zeros(shape, bool) for name in ("soil_moisture", "vod")}
    for cells in cell_blocks(shape[0]):
        for place, name in enumerate(overpasses):
            part = _part(tb40, surfaces[name], static, slice(None), cells, name)
            first = first_run(part, settings)
            vod = _trusted(part, first, settings)
            prior = prior_of_year(vod, settings)
            whole.mean[cells, place] = prior.mean
            whole.sigma[cells, place] = prior.sigma
            whole.is_first[cells, place] = prior.is_first
            if settings.prior == "ten_days":
                prior = prior_of_days(vod, prior, settings)
            second = run(part, prior, settings, first)
            for variable, found in negative.items():
                found[cells, place] = flags.medians_negative(second[variable])
    return YearOfCells(whole, negative)


def _block(
    tb40: xr.Dataset,
    surfaces: Mapping[str, xr.Dataset],
    static: xr.Dataset,
    overpasses: list[str],
    days: slice,
    year: YearOfCells,
    settings: Retrieve,
) -> dict[str, NDArray]:
    """Layers of some days, (time, cell, overpass); `scene_flags` are still to be set."""
    shape = (days.stop - days.start, tb40.sizes["cell"], len(overpasses))
    whole = {name: np.empty(shape, np.float32) for name in (*VALUES, "tb_rmse")}
    whole |= {name: np.zeros(shape, np.int16) for name in ("scene_flags", "processing_flags")}
    lead = settings.prior_days if settings.prior == "ten_days" else 0
    start = max(0, days.start - lead)
    for cells in cell_blocks(shape[1]):
        for place, name in enumerate(overpasses):
            part = _part(tb40, surfaces[name], static, slice(start, days.stop), cells, name)
            prior = Prior(
                year.prior.mean[cells, place],
                year.prior.sigma[cells, place],
                year.prior.is_first[cells, place],
            )
            first = first_run(part, settings)
            if settings.prior == "ten_days":
                prior = prior_of_days(_trusted(part, first, settings), prior, settings)
            found = run(part, prior, settings, first)
            negative = {key: value[cells, place] for key, value in year.negative.items()}
            for layer, values in _finished(part, found, prior, negative, settings).items():
                whole[layer][:, cells, place] = values[days.start - start :]
    return whole


def _finished(
    part: Part,
    found: Mapping[str, NDArray],
    prior: Prior,
    negative: Mapping[str, NDArray[np.bool_]],
    settings: Retrieve,
) -> dict[str, NDArray]:
    """Values set to zero and clipped, with the flags that tell, (time, cell)."""
    bits = {"soil_moisture": flags.SOIL_MOISTURE_ZERO, "vod": flags.VOD_ZERO}
    top = {"soil_moisture": 1.0, "vod": 2.0}
    out = {name: found[name] for name in VALUES} | {"tb_rmse": part.seen["tb_rmse"].values}
    there = np.isfinite(found["vod"])
    processing = np.where(there & prior.is_first, flags.FIRST_PRIOR, 0)
    processing |= np.where(there & ~found["converged"], flags.NOT_CONVERGED, 0)
    for name, bit in bits.items():
        out[name] = flags.settled(found[name], negative[name], top[name])
        processing |= np.where(there & negative[name], bit, 0)
    return out | {"processing_flags": processing.astype(np.int16)}
