"""Derive the VOD prior of the second run from the results of the first run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glab.arrays import Booleans, Float64s, Floats
from glab.config import PriorDays, Retrieve


@dataclass(frozen=True)
class PriorFields:
    """Prior of VOD, each of any shape, 1.

    Attributes:
        mean, sigma: its mean and standard deviation.
        is_first: True where too few values exist, so that it is the prior of run 1.
    """

    mean: Float64s
    sigma: Float64s
    is_first: Booleans


def prior_of_year(vod: Floats, settings: Retrieve) -> PriorFields:
    """Return the prior from the mean of run 1 over the year, or that of run 1 with few values.

    Args:
        vod: VOD of run 1, shape (time, cell), NaN where missing.
        settings: of the stage.

    Returns:
        shape (cell,).

    Reference: SMAP-IB, Li et al. 2022, doi:10.1016/j.rse.2022.112921.
    """
    count = np.isfinite(vod).sum(axis=0)
    return _prior(np.nansum(vod, axis=0), count, "year", settings.prior_values_min, settings)


def prior_of_days(vod: Floats, year: PriorFields, settings: Retrieve) -> PriorFields:
    """Return the prior from the mean of run 1 over the preceding days, or that of the year.

    Args:
        vod: VOD of run 1, shape (time, cell), NaN where missing, consecutive days.
        year: from `prior_of_year`, used where the preceding days have too few values.
        settings: of the stage.

    Returns:
        shape (time, cell).

    Reference: SMOS-IC V2, Wigneron et al. 2021, doi:10.1016/j.rse.2020.112238.
    """
    total, count = sum_preceding(vod, settings.prior_days)
    days = _prior(total, count, "ten_days", settings.prior_days_values_min, settings)
    return PriorFields(
        np.where(days.is_first, year.mean, days.mean),
        np.where(days.is_first, year.sigma, days.sigma),
        days.is_first & year.is_first,
    )


def _prior(
    total: Floats, count: NDArray[np.integer], over: PriorDays, values_min: int, settings: Retrieve
) -> PriorFields:
    """Return the prior from sum and number of VOD values, with σ = min(a + b VOD, c)."""
    least_sigma, growth, most = getattr(settings.prior_sigma, over)
    few = count < values_min
    mean = np.where(few, settings.vod_prior, total / np.maximum(count, 1))
    # Noise can make the mean negative; then σ is that of bare soil.
    sigma = np.minimum(least_sigma + growth * np.maximum(mean, 0.0), most)
    return PriorFields(mean, np.where(few, settings.vod_sigma, sigma), few)


def sum_preceding(values: Floats, days: int) -> tuple[Floats, NDArray[np.integer]]:
    """Return sum and number of the values of the preceding days, without the day itself.

    Args:
        values: shape (time, …), NaN where missing, consecutive days.
        days: number of preceding days.

    Returns:
        sum and number, shape (time, …).
    """
    valid = np.isfinite(values)

    def sum_before(terms: NDArray) -> NDArray:  # of all preceding steps, shape (time + 1, …)
        return np.concatenate([np.zeros_like(terms[:1]), np.cumsum(terms, axis=0)])

    sums = sum_before(np.where(valid, values, 0.0))
    counts = sum_before(valid.astype(np.int64))
    last = np.arange(len(values))
    first = np.maximum(last - days, 0)
    return sums[last] - sums[first], counts[last] - counts[first]
