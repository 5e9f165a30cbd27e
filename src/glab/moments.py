"""Sufficient statistics of pairs: what correlations, errors and slopes are made of."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FloatArray = NDArray[np.floating]

PAIRS_MIN = 3
"""Fewest pairs a correlation is taken from."""


@dataclass(frozen=True)
class Moments:
    """Sufficient statistics of pairs, one of each per cell; `pooled` joins cells exactly.

    Attributes:
        n: number of pairs.
        mean_p, mean_t: means over the pairs.
        m_pp, m_tt, m_pt: sums of squared deviations from the means, and of their products.
    """

    n: Floats
    mean_p: Floats
    mean_t: Floats
    m_pp: Floats
    m_tt: Floats
    m_pt: Floats

    def pooled(self, cells: NDArray | slice = slice(None)) -> Moments:
        """Moments of all pairs of some cells together (Chan et al. 1983, eq. 1.5)."""
        n, p, t, m_pp, m_tt, m_pt = (np.atleast_1d(part)[cells] for part in astuple(self))
        p, t, total = np.where(n > 0, p, 0.0), np.where(n > 0, t, 0.0), n.sum()
        mean_p, mean_t = ratio((n * p).sum(), total), ratio((n * t).sum(), total)
        dp, dt = p - mean_p, t - mean_t
        spread = [(n * a * b).sum() for a, b in ((dp, dp), (dt, dt), (dp, dt))]
        within = [part.sum() for part in (m_pp, m_tt, m_pt)]
        return Moments(total, mean_p, mean_t, *(a + b for a, b in zip(spread, within)))

    @property
    def bias(self) -> Floats:
        """Mean of p − t."""
        return self.mean_p - self.mean_t

    @property
    def ubrmse(self) -> Floats:
        """√(mean (p' − t')²), p' and t' being deviations from their means."""
        return np.sqrt(np.maximum(ratio(self.m_pp + self.m_tt - 2 * self.m_pt, self.n), 0.0))

    @property
    def rmse(self) -> Floats:
        """√(mean (p − t)²) = √(ubrmse² + bias²)."""
        return np.hypot(self.ubrmse, self.bias)

    @property
    def slope(self) -> Floats:
        """Regression of p on t: Σ p't' / Σ t'²."""
        return ratio(self.m_pt, self.m_tt)

    @property
    def r(self) -> Floats:
        """Pearson's correlation; NaN below `PAIRS_MIN` pairs or where one side is constant."""
        variance = self.m_pp * self.m_tt
        enough = (self.n >= PAIRS_MIN) & (variance > 0)
        return ratio(self.m_pt, np.sqrt(np.where(enough, variance, 0.0)))


def ratio(numerator: Any, denominator: Any) -> Any:
    """Quotient, NaN where the denominator is zero."""
    safe = np.where(denominator != 0, denominator, 1.0)
    return np.where(denominator != 0, numerator / safe, np.nan)


def moments(product: FloatArray, truth: FloatArray) -> Moments:
    """Moments over the first axis, pair by pair, in two passes.

    Args:
        product, truth: shape (time, …), one unit, NaN where missing.
    """
    p, t = np.asarray(product), np.asarray(truth)
    cells = int(np.prod(p.shape[1:]))
    sums = np.zeros((6, cells))
    _sum_pairs(p.reshape(len(p), cells), t.reshape(len(p), cells), sums)
    n, *rest = sums.reshape(6, *p.shape[1:])
    means = [np.where(n > 0, part, np.nan) for part in rest[:2]]
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
    for i in range(steps):
        for c in range(cells):
            a, b = p[i, c] - sums[1, c], t[i, c] - sums[2, c]
            if np.isfinite(a) and np.isfinite(b):
                sums[3, c] += a * a
                sums[4, c] += b * b
                sums[5, c] += a * b


def paired(product: FloatArray, truth: FloatArray) -> tuple[Floats, Floats]:
    """Both as float64, NaN wherever either is missing."""
    p, t = np.asarray(product, float), np.asarray(truth, float)
    both = np.isfinite(p) & np.isfinite(t)
    return np.where(both, p, np.nan), np.where(both, t, np.nan)
