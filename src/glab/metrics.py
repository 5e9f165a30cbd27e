"""Measures of skill: pure functions of arrays with gaps, vectorised over cells.

Product p and truth t are arrays of one shape with time as the first axis; only pairs, where both
are finite, count. Every measure is NaN where there are too few pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from glab import harmonics
from glab.calendar import DAYS_PER_YEAR, Days
from glab.moments import FloatArray, Floats, moments, paired, ratio


def correlation(product: FloatArray, truth: FloatArray) -> Floats:
    """Pearson's R over time, shape (…)."""
    return moments(product, truth).r


def rmse(product: FloatArray, truth: FloatArray) -> Floats:
    """Root mean square of p − t over time, shape (…)."""
    return moments(product, truth).rmse


def bias(product: FloatArray, truth: FloatArray) -> Floats:
    """Mean of p − t over time, shape (…)."""
    return moments(product, truth).bias


def ubrmse(product: FloatArray, truth: FloatArray) -> Floats:
    """RMSE after both means are removed, shape (…)."""
    return moments(product, truth).ubrmse


def deseasonalised(
    values: FloatArray, days: Days, *, cycles: int = 3, values_min: int = 15
) -> Floats:
    """Values minus the cell's own mean and annual harmonics (least squares at what is there).

    Args:
        values: shape (time, cell), NaN where missing.
        days: dates, shape (time,).
        cycles: number of annual harmonics.
        values_min: cells with fewer values become NaN.
    """
    series = np.asarray(values, float)
    enough = np.isfinite(series).sum(axis=0) >= values_min
    result = np.full(series.shape, np.nan)
    if enough.any():
        coefficients = harmonics.fit(series[:, enough], days, cycles, ridge=0.0)
        result[:, enough] = series[:, enough] - harmonics.evaluate(coefficients, days)
    return result


def slopes(values: FloatArray, days: Days) -> Floats:
    """Ordinary least-squares slope of each cell, per year: Σ(x−x̄)(y−ȳ)/Σ(x−x̄)².

    Args:
        values: shape (time, cell), NaN where missing.
        days: dates, shape (time,).
    """
    years = (days - days[0]).astype("timedelta64[D]").astype(float) / DAYS_PER_YEAR
    return moments(values, np.broadcast_to(years[:, None], values.shape)).slope


def trends(
    product: FloatArray, truth: FloatArray, days: Days, *, share_min: float = 0.4
) -> tuple[Floats, Floats]:
    """Slopes of product and truth per year, over the dates where both exist.

    Args:
        product, truth: shape (time, cell); truth NaN where the ground is frozen.
        days: dates, shape (time,).
        share_min: cells with pairs on a smaller share of the record become NaN.
    """
    p, t = paired(product, truth)
    enough = np.isfinite(p).mean(axis=0) >= share_min
    found, true = slopes(p, days), slopes(t, days)
    return np.where(enough, found, np.nan), np.where(enough, true, np.nan)


def gain(found: FloatArray, true: FloatArray) -> float:
    """Σ f·t / Σ t² over cells: 1 where the whole of the true signal is found, 0 where none is."""
    f, t = paired(found, true)
    return float(ratio(np.nansum(f * t), np.nansum(t * t)))


def skill(found: FloatArray, true: FloatArray) -> float:
    """1 − Σ(f − t)² / Σ t² over cells: 1 perfect, 0 no better than no signal at all."""
    f, t = paired(found, true)
    return float(1.0 - ratio(np.nansum((f - t) ** 2), np.nansum(t * t)))


def false_trend(found: FloatArray, true: FloatArray) -> float:
    """Standard deviation over cells of f − t: trends that are not there."""
    f, t = paired(found, true)
    present = np.isfinite(f)
    return float(np.std((f - t)[present])) if present.any() else float("nan")


def coverage(product: FloatArray, truth: FloatArray, std: FloatArray, width: float) -> Floats:
    """Share of truths within ± `width` standard deviations, over time, shape (…).

    0.683 for width 1 and 0.954 for width 2 where a Gaussian spread is right.
    """
    inside = np.abs(product - truth) <= width * std
    present = np.isfinite(product) & np.isfinite(truth) & np.isfinite(std)
    return ratio((inside & present).sum(axis=0).astype(float), present.sum(axis=0).astype(float))


def spread_against_error(
    product: FloatArray, truth: FloatArray, std: FloatArray, bins: int = 10
) -> tuple[Floats, Floats, Floats]:
    """Root mean square of stated spread and of error in classes of equal number, by spread.

    Returns:
        spread, error and number of pairs, each of shape (bins,); a reliable spread lies on the
        diagonal (Leutbecher & Palmer 2008, doi:10.1016/j.jcp.2007.02.014).
    """
    present = np.isfinite(product) & np.isfinite(truth) & np.isfinite(std)
    order = np.argsort(std[present], kind="stable")
    spread, error = np.asarray(std, float)[present][order], (product - truth)[present][order]
    parts = [part for part in np.array_split(np.arange(order.size), bins) if part.size]
    root = [[np.sqrt(np.mean(x[part] ** 2)) for part in parts] for x in (spread, error)]
    return np.array(root[0]), np.array(root[1]), np.array([float(part.size) for part in parts])


def noise(values: FloatArray) -> Floats:
    """Noise of each series: standard deviation of successive differences over √2.

    Successive are values that follow each other, whatever gap lies between.

    Args:
        values: shape (time, cell), NaN where missing.
    """
    series = np.asarray(values)
    sums = np.zeros((3, series.shape[1]))
    _sum_differences(series, sums)
    number, _, square = sums
    return np.where(number >= 2, np.sqrt(ratio(square, number) / 2.0), np.nan)


@njit(cache=True, nogil=True)
def _sum_differences(values: Any, sums: Any) -> None:  # pragma: no cover - compiled
    """Fill number, mean and sum of squared deviations of successive differences (Welford 1962)."""
    steps, cells = values.shape
    last = np.full(cells, np.nan)
    for i in range(steps):
        for c in range(cells):
            value = float(values[i, c])
            if not np.isfinite(value):
                continue
            if np.isfinite(last[c]):
                difference = value - last[c]
                sums[0, c] += 1.0
                away = difference - sums[1, c]
                sums[1, c] += away / sums[0, c]
                sums[2, c] += away * (difference - sums[1, c])
            last[c] = value
