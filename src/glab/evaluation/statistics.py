"""Measures of agreement: pure functions of arrays with gaps, vectorised over cells.

Product p and truth t are arrays of one shape whose first axis is time. Only pairs count, where both
are finite. Every measure is NaN where there are too few pairs. `Moments` are the sums from which
correlations, errors and slopes are computed, so that cells can be pooled.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numba import njit

from glab.arrays import Array, Float64s, Floats
from glab.calendar import DAYS_PER_YEAR, Days
from glab.climatology import harmonics

PAIRS_MIN = 3
"""Fewest pairs of a correlation: two points always lie on a line."""


@dataclass(frozen=True)
class Moments:
    """Sufficient statistics of pairs, one of each per cell; `pooled` joins cells exactly.

    Attributes:
        n: number of pairs.
        mean_p, mean_t: means over the pairs.
        m_pp, m_tt, m_pt: sums of squared deviations from the means, and of their products.
    """

    n: Float64s
    mean_p: Float64s
    mean_t: Float64s
    m_pp: Float64s
    m_tt: Float64s
    m_pt: Float64s

    def pooled(self, cells: Array | slice = slice(None)) -> Moments:
        """Return the moments of all pairs of some cells together (Chan et al. 1983, eq. 1.5)."""
        n, p, t, m_pp, m_tt, m_pt = (np.atleast_1d(sums)[cells] for sums in astuple(self))
        p, t, total = np.where(n > 0, p, 0.0), np.where(n > 0, t, 0.0), n.sum()
        mean_p, mean_t = ratio((n * p).sum(), total), ratio((n * t).sum(), total)
        dp, dt = p - mean_p, t - mean_t
        spread = [(n * a * b).sum() for a, b in ((dp, dp), (dt, dt), (dp, dt))]
        inner = [sums.sum() for sums in (m_pp, m_tt, m_pt)]
        return Moments(total, mean_p, mean_t, *(a + b for a, b in zip(spread, inner)))

    @property
    def bias(self) -> Float64s:
        """Mean of p − t."""
        return self.mean_p - self.mean_t

    @property
    def ubrmse(self) -> Float64s:
        """√(mean (p' − t')²), where p' and t' are deviations from their means."""
        return np.sqrt(np.maximum(ratio(self.m_pp + self.m_tt - 2 * self.m_pt, self.n), 0.0))

    @property
    def rmse(self) -> Float64s:
        """√(mean (p − t)²) = √(ubrmse² + bias²)."""
        return np.hypot(self.ubrmse, self.bias)

    @property
    def slope(self) -> Float64s:
        """Regression of p on t: Σ p't' / Σ t'²."""
        return ratio(self.m_pt, self.m_tt)

    @property
    def r(self) -> Float64s:
        """Pearson's correlation; NaN below `PAIRS_MIN` pairs or where one side is constant."""
        variance = self.m_pp * self.m_tt
        enough = (self.n >= PAIRS_MIN) & (variance > 0)
        return ratio(self.m_pt, np.sqrt(np.where(enough, variance, 0.0)))


def ratio(numerator: Any, denominator: Any) -> Any:
    """Divide, with NaN where the denominator is zero."""
    safe = np.where(denominator != 0, denominator, 1.0)
    return np.where(denominator != 0, numerator / safe, np.nan)


def moments(product: Floats, truth: Floats) -> Moments:
    """Compute moments over the first axis, pair by pair, in two passes.

    Args:
        product, truth: shape (time, …), in one unit, NaN where missing.
    """
    p, t = np.asarray(product), np.asarray(truth)
    cells = int(np.prod(p.shape[1:]))
    sums = np.zeros((6, cells))
    # Compiled: gaps differ from cell to cell, and NumPy would need masked copies of both.
    _sum_pairs(p.reshape(len(p), cells), t.reshape(len(p), cells), sums)
    n, *rest = sums.reshape(6, *p.shape[1:])
    means = [np.where(n > 0, mean, np.nan) for mean in rest[:2]]
    return Moments(n, *means, *rest[2:])


@njit(cache=True, nogil=True)
def _sum_pairs(p: Any, t: Any, sums: Any) -> None:  # pragma: no cover - compiled
    """Fill n, both means and the three sums of each cell, shape (6, cell)."""
    steps, cells = p.shape
    for i in range(steps):
        for c in range(cells):
            a, b = float(p[i, c]), float(t[i, c])
            if np.isfinite(a) and np.isfinite(b):
                sums[0, c] += 1.0
                sums[1, c] += a
                sums[2, c] += b
    for c in range(cells):
        number = max(sums[0, c], 1.0)
        sums[1, c] /= number
        sums[2, c] /= number
    # Deviations from the means: sums of squares of TB itself would lose their digits.
    for i in range(steps):
        for c in range(cells):
            a, b = p[i, c] - sums[1, c], t[i, c] - sums[2, c]
            if np.isfinite(a) and np.isfinite(b):
                sums[3, c] += a * a
                sums[4, c] += b * b
                sums[5, c] += a * b


def keep_pairs(product: Floats, truth: Floats) -> tuple[Float64s, Float64s]:
    """Return both as float64, NaN wherever either is missing."""
    p, t = np.asarray(product, float), np.asarray(truth, float)
    both = np.isfinite(p) & np.isfinite(t)
    return np.where(both, p, np.nan), np.where(both, t, np.nan)


def correlation(product: Floats, truth: Floats) -> Float64s:
    """Return Pearson's R over time, shape (…)."""
    return moments(product, truth).r


def rank_correlation(product: Floats, truth: Floats) -> float:
    """Return Spearman's rank correlation of all pairs: Pearson's R of their ranks.

    Args:
        product, truth: any shape, each in its own unit, NaN where missing.
    """
    from scipy.stats import rankdata

    both = np.isfinite(product) & np.isfinite(truth)
    return float(moments(rankdata(product[both]), rankdata(truth[both])).r)


def rmse(product: Floats, truth: Floats) -> Float64s:
    """Return the root mean square of p − t over time, shape (…)."""
    return moments(product, truth).rmse


def bias(product: Floats, truth: Floats) -> Float64s:
    """Return the mean of p − t over time, shape (…)."""
    return moments(product, truth).bias


def ubrmse(product: Floats, truth: Floats) -> Float64s:
    """Return the RMSE after both means are removed, shape (…)."""
    return moments(product, truth).ubrmse


def deseasonalise(values: Floats, days: Days, *, cycles: int = 3, values_min: int = 15) -> Float64s:
    """Subtract each cell's own mean and annual harmonics (least squares over its values).

    Args:
        values: shape (time, cell), NaN where missing.
        days: dates, shape (time,).
        cycles: number of annual harmonics.
        values_min: cells with fewer values become NaN. The default is about twice the seven
            coefficients of three harmonics.
    """
    series = np.asarray(values, float)
    enough = np.isfinite(series).sum(axis=0) >= values_min
    result = np.full(series.shape, np.nan)
    if enough.any():
        # No ridge: a rest of the cycle in both anomalies would raise their correlation.
        coefficients = harmonics.fit(series[:, enough], days, cycles, ridge=0.0)
        result[:, enough] = series[:, enough] - harmonics.evaluate(coefficients, days)
    return result


def slopes(values: Floats, days: Days) -> Float64s:
    """Return the least-squares slope of each cell, per year: Σ(x−x̄)(y−ȳ)/Σ(x−x̄)².

    Args:
        values: shape (time, cell), NaN where missing.
        days: dates, shape (time,).
    """
    years = (days - days[0]).astype("timedelta64[D]").astype(float) / DAYS_PER_YEAR
    return moments(values, np.broadcast_to(years[:, None], values.shape)).slope


def trends(
    product: Floats, truth: Floats, days: Days, *, fraction_min: float = 0.4
) -> tuple[Float64s, Float64s]:
    """Return the slopes of product and truth per year, over the dates where both exist.

    Args:
        product, truth: shape (time, cell); truth NaN where the ground is frozen.
        days: dates, shape (time,).
        fraction_min: cells with pairs on a smaller fraction of the record become NaN.
    """
    p, t = keep_pairs(product, truth)
    enough = np.isfinite(p).mean(axis=0) >= fraction_min
    estimated, true = slopes(p, days), slopes(t, days)
    return np.where(enough, estimated, np.nan), np.where(enough, true, np.nan)


def gain(estimated: Floats, true: Floats) -> float:
    """Return Σ e·t / Σ t² over cells: 1 if the whole true signal is recovered, 0 if none is."""
    e, t = keep_pairs(estimated, true)
    return float(ratio(np.nansum(e * t), np.nansum(t * t)))


def skill(estimated: Floats, true: Floats) -> float:
    """Return 1 − Σ(e − t)² / Σ t² over cells: 1 if perfect, 0 if no better than no signal."""
    e, t = keep_pairs(estimated, true)
    return float(1.0 - ratio(np.nansum((e - t) ** 2), np.nansum(t * t)))


def false_trend(estimated: Floats, true: Floats) -> float:
    """Return the standard deviation over cells of e − t: trends that the truth does not have."""
    e, t = keep_pairs(estimated, true)
    present = np.isfinite(e)
    return float(np.std((e - t)[present])) if present.any() else float("nan")


def coverage(product: Floats, truth: Floats, std: Floats, width: float) -> Float64s:
    """Return the fraction of truths within ± `width` standard deviations, over time, shape (…).

    A correct Gaussian uncertainty gives 0.683 for width 1 and 0.954 for width 2.
    """
    inside = np.abs(product - truth) <= width * std
    present = np.isfinite(product) & np.isfinite(truth) & np.isfinite(std)
    return ratio((inside & present).sum(axis=0).astype(float), present.sum(axis=0).astype(float))


def spread_against_error(
    product: Floats, truth: Floats, std: Floats, bins: int = 10
) -> tuple[Float64s, Float64s, Float64s]:
    """Return root mean squares of uncertainty and error in classes of equal number.

    Pairs are sorted by their uncertainty. A reliable uncertainty lies on the diagonal
    (Leutbecher & Palmer 2008, doi:10.1016/j.jcp.2007.02.014).

    Returns:
        uncertainty, error and number of pairs, each of shape (bins,).
    """
    present = np.isfinite(product) & np.isfinite(truth) & np.isfinite(std)
    order = np.argsort(std[present], kind="stable")
    spread, error = np.asarray(std, float)[present][order], (product - truth)[present][order]
    classes = [pairs for pairs in np.array_split(np.arange(order.size), bins) if pairs.size]
    root = [[np.sqrt(np.mean(x[pairs] ** 2)) for pairs in classes] for x in (spread, error)]
    return np.array(root[0]), np.array(root[1]), np.array([float(pairs.size) for pairs in classes])


def noise(values: Floats) -> Float64s:
    """Return the noise of each series: standard deviation of successive differences over √2.

    Successive values may have a gap between them.

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
