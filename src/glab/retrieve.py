"""Soil moisture and VOD from 40° TB: one run of the inversion, and the priors of the second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glab.angles import TARGET_DEG
from glab.config import PriorDays, Retrieve
from glab.lmeb import invert
from glab.scene import Ground, emission_arguments, sky

Array = NDArray[np.float64]
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Retrieval:
    """Soil moisture and VOD of scenes, shape (scene,); NaN where nothing was retrieved.

    Attributes:
        soil_moisture, soil_moisture_error: m3 m-3; the error is the posterior standard deviation.
        vod, vod_error: 1.
        converged: whether the search arrived.
    """

    soil_moisture: Array
    vod: Array
    soil_moisture_error: Array
    vod_error: Array
    converged: NDArray[np.bool_]


def retrieve(
    tb_k: Array,
    tb_error_k: Array,
    ground: Ground,
    vod_prior: Array | float,
    vod_sigma: Array | float,
    settings: Retrieve,
    sm_of_temperature: Array | float | None = None,
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
        t_sky_k=sky(ground, settings.lmeb, angle),
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
class Prior:
    """VOD before the observation of run 2.

    Attributes:
        mean, sigma: any shape.
        is_first: where too few values stood for it, so that it is run 1's.
    """

    mean: Array
    sigma: Array
    is_first: NDArray[np.bool_]


def prior_of_year(vod: Floats, settings: Retrieve) -> Prior:
    """From the mean of run 1's VOD over the year, (time, cell) → (cell,); run 1's where few."""
    count = np.isfinite(vod).sum(axis=0)
    return _prior(np.nansum(vod, axis=0), count, "year", settings.prior_values_min, settings)


def prior_of_days(vod: Floats, year: Prior, settings: Retrieve) -> Prior:
    """From the mean of run 1's VOD over the preceding days, (time, cell); the year's where few.

    Reference: SMOS-IC V2, Wigneron et al. 2021, doi:10.1016/j.rse.2020.112238.
    """
    total, count = preceding(vod, settings.prior_days)
    days = _prior(total, count, "ten_days", settings.prior_days_values_min, settings)
    return Prior(
        np.where(days.is_first, year.mean, days.mean),
        np.where(days.is_first, year.sigma, days.sigma),
        days.is_first & year.is_first,
    )


def _prior(
    total: Floats, count: NDArray[np.integer], over: PriorDays, least: int, settings: Retrieve
) -> Prior:
    """Prior from the sum and number of run 1's VOD, σ = min(a + b VOD, c) (`prior_sigma`).

    A negative mean stands for 0 in σ.
    """
    least_sigma, growth, most = getattr(settings.prior_sigma, over)
    few = count < least
    mean = np.where(few, settings.vod_prior, total / np.maximum(count, 1))
    sigma = np.minimum(least_sigma + growth * np.maximum(mean, 0.0), most)
    return Prior(mean, np.where(few, settings.vod_sigma, sigma), few)


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
