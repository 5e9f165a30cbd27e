"""Invert 40° TB for soil moisture and VOD, one year in two passes.

Run 1 of the inversion gives the priors of run 2. The first pass over the year goes tile by tile
and finds each cell's priors and negative medians; the second goes month by month and returns the
values, so that a year is never in memory at once. Run 2 is computed in both passes, because that
is faster than reading its results back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Float64s, Floats
from glab.calendar import time_blocks
from glab.config import PriorDays, Retrieve
from glab.lmeb import invert
from glab.retrieval import flags
from glab.retrieval.angles import TARGET_DEG
from glab.retrieval.scene import (
    Ground,
    cell_blocks,
    check_overpasses,
    emission_arguments,
    ground_of,
    sky_tb,
    static_ground,
)


@dataclass(frozen=True)
class Retrieval:
    """Soil moisture and VOD of scenes, shape (scene,); NaN where nothing was retrieved.

    Attributes:
        soil_moisture, soil_moisture_error: m3 m-3; the error is the posterior standard deviation.
        vod, vod_error: 1.
        converged: whether the search arrived.
    """

    soil_moisture: Float64s
    vod: Float64s
    soil_moisture_error: Float64s
    vod_error: Float64s
    converged: NDArray[np.bool_]


def retrieve(
    tb_k: Float64s,
    tb_error_k: Float64s,
    ground: Ground,
    vod_prior: Float64s | float,
    vod_sigma: Float64s | float,
    settings: Retrieve,
    sm_of_temperature: Float64s | float | None = None,
) -> Retrieval:
    """One run of the inversion.

    Args:
        tb_k: 40° TB at the ground, shape (scene, channel [h, v]).
        tb_error_k: its standard error, the same shape; used where `tb_sigma_k` is "tb_error", as
            the mean over the polarisations.
        ground: the scenes.
        vod_prior, vod_sigma: mean and standard deviation of VOD before the observation.
        settings: of the stage.
        sm_of_temperature: soil moisture at which the soil's effective temperature is taken; None:
            its prior.

    Reference: Li et al. 2022 (SMAP-IB), doi:10.1016/j.rse.2022.112921.
    """
    at = settings.sm_prior if sm_of_temperature is None else sm_of_temperature
    sigma = settings.tb_sigma_k
    if sigma == "tb_error":
        spread = np.sqrt(np.square(tb_error_k).mean(axis=-1, keepdims=True))
    else:
        spread = np.full((len(tb_k), 1), sigma)
    angle = np.full((len(tb_k), 1), TARGET_DEG)
    found = invert(
        tb_k[:, :1],
        tb_k[:, 1:],
        incidence_deg=angle,
        tb_sigma_k=spread,
        t_sky_k=sky_tb(ground, settings.lmeb, angle),
        sm_prior=settings.sm_prior,
        sm_sigma=settings.sm_sigma,
        vod_prior=vod_prior,
        vod_sigma=vod_sigma,
        sm_bounds=settings.sm_bounds,
        vod_bounds=settings.vod_bounds,
        **emission_arguments(ground, settings.lmeb, at),
    )
    return Retrieval(found.sm, found.vod, found.sm_error, found.vod_error, found.converged)


# --- priors of the second run --------------------------------------------------------------------


@dataclass(frozen=True)
class PriorFields:
    """VOD before the observation of run 2.

    Attributes:
        mean, sigma: any shape.
        is_first: where too few values stood for it, so that it is run 1's.
    """

    mean: Float64s
    sigma: Float64s
    is_first: NDArray[np.bool_]


def prior_of_year(vod: Floats, settings: Retrieve) -> PriorFields:
    """From the mean of run 1's VOD over the year, (time, cell) → (cell,); run 1's where few."""
    count = np.isfinite(vod).sum(axis=0)
    return _prior(np.nansum(vod, axis=0), count, "year", settings.prior_values_min, settings)


def prior_of_days(vod: Floats, year: PriorFields, settings: Retrieve) -> PriorFields:
    """From the mean of run 1's VOD over the preceding days, (time, cell); the year's where few.

    Reference: SMOS-IC V2, Wigneron et al. 2021, doi:10.1016/j.rse.2020.112238.
    """
    total, count = preceding(vod, settings.prior_days)
    days = _prior(total, count, "ten_days", settings.prior_days_values_min, settings)
    return PriorFields(
        np.where(days.is_first, year.mean, days.mean),
        np.where(days.is_first, year.sigma, days.sigma),
        days.is_first & year.is_first,
    )


def _prior(
    total: Floats, count: NDArray[np.integer], over: PriorDays, least: int, settings: Retrieve
) -> PriorFields:
    """Prior from the sum and number of run 1's VOD, σ = min(a + b VOD, c) (`prior_sigma`).

    A negative mean stands for 0 in σ.
    """
    least_sigma, growth, most = getattr(settings.prior_sigma, over)
    few = count < least
    mean = np.where(few, settings.vod_prior, total / np.maximum(count, 1))
    sigma = np.minimum(least_sigma + growth * np.maximum(mean, 0.0), most)
    return PriorFields(mean, np.where(few, settings.vod_sigma, sigma), few)


def preceding(values: Floats, days: int) -> tuple[Floats, NDArray[np.integer]]:
    """Sum and number of the values of the preceding days, that day left out.

    Args:
        values: shape (time, …), NaN where missing, day after day.
        days: how many.

    Returns:
        sum and number, shape (time, …).
    """
    there = np.isfinite(values)
    sums = _cumulated(np.where(there, values, 0.0))
    counts = _cumulated(there.astype(np.int64))
    last = np.arange(len(values))
    first = np.maximum(last - days, 0)
    return sums[last] - sums[first], counts[last] - counts[first]


def _cumulated(values: NDArray) -> NDArray:
    """Sums before each place, and of all, shape (time + 1, …)."""
    return np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])


NEEDED = ("tb", "tb_error", "tb_rmse")
VALUES = ("soil_moisture", "vod", "soil_moisture_error", "vod_error")
DIMS = ("time", "cell", "overpass")
SCENES_AT_ONCE = 131072


@dataclass(frozen=True)
class YearSlice:
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

    prior: PriorFields
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
    overpasses = check_overpasses(tb40, surfaces)
    water = ("cell", flags.is_open_water(domain, settings.mask))
    static = static_ground(domain).assign(open_water=water)
    year = _whole_year(tb40, surfaces, static, overpasses, settings)
    lasting = flags.static_scene_flags(domain, settings)
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
) -> YearSlice:
    """Read some days and cells of one overpass."""
    seen = tb40[list(NEEDED)].sel(overpass=name).isel(time=days, cell=cells)
    ordered = seen.sel(channel=["h", "v"]).transpose("time", "cell", "channel").load()
    return YearSlice(ordered, surface.isel(time=days, cell=cells).load(), static.isel(cell=cells))


def second_run(
    part: YearSlice,
    prior: PriorFields,
    settings: Retrieve,
    first: Mapping[str, NDArray] | None = None,
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


def first_run(part: YearSlice, settings: Retrieve) -> dict[str, NDArray]:
    """Run 1, with the same prior everywhere."""
    prior = PriorFields(np.array(settings.vod_prior), np.array(settings.vod_sigma), np.array(True))
    return second_run(part, prior, settings)


def _trusted(part: YearSlice, first: Mapping[str, NDArray], settings: Retrieve) -> Floats:
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
    whole = PriorFields(np.empty(shape), np.empty(shape), np.empty(shape, bool))
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
            second = second_run(part, prior, settings, first)
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
            prior = PriorFields(
                year.prior.mean[cells, place],
                year.prior.sigma[cells, place],
                year.prior.is_first[cells, place],
            )
            first = first_run(part, settings)
            if settings.prior == "ten_days":
                prior = prior_of_days(_trusted(part, first, settings), prior, settings)
            found = second_run(part, prior, settings, first)
            negative = {key: value[cells, place] for key, value in year.negative.items()}
            for layer, values in _finished(part, found, prior, negative, settings).items():
                whole[layer][:, cells, place] = values[days.start - start :]
    return whole


def _finished(
    part: YearSlice,
    found: Mapping[str, NDArray],
    prior: PriorFields,
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
        out[name] = flags.zero_and_clip(found[name], negative[name], top[name])
        processing |= np.where(there & negative[name], bit, 0)
    return out | {"processing_flags": processing.astype(np.int16)}
