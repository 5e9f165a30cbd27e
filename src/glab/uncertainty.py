"""Data variance of an ensemble: a linear model of what its spread does not explain.

The squared error of an ensemble's mean is, on average, its structural variance, the variance of
the target's own noise, and a data variance that depends on the window's number of observations,
on the seasonal cycle, and on the structural variance itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.floating]

ROUNDS = 4
"""Rounds of weighting: squared errors scatter as the square of their expectation."""


def regressors(
    terms: Sequence[str],
    structural: Floats,
    count: NDArray,
    climatology: Floats,
    anomaly: Floats,
) -> NDArray[np.float64]:
    """What the data variance may depend on, shape (…, term).

    Args:
        terms: "constant", "structural" (the ensemble's variance), "inverse_count",
            "climatology" (the square of the target's seasonal cycle), "anomaly" (the square of
            what the ensemble adds to it: what lies far from the baseline is known less well).
        structural: standard deviation over the ensemble, shape (…).
        count: number of observations, shape (…).
        climatology: seasonal cycle of the target in its unit, shape (…).
        anomaly: the ensemble's mean, relative to that cycle, shape (…).
    """
    known = {
        "constant": np.ones_like(structural),
        "structural": structural**2,
        "inverse_count": 1.0 / np.maximum(count, 1),
        "climatology": climatology**2,
        "anomaly": anomaly**2,
    }
    return np.stack([known[term] for term in terms], axis=-1).astype(np.float64)


def fit_data_variance(
    squared_error: Floats, structural: Floats, predictors: Floats, noise: float
) -> NDArray[np.float64]:
    """Coefficients, none negative, of the data variance.

    Args:
        squared_error: of the ensemble mean against the target, held out of training, (sample,).
        structural: standard deviation over the ensemble, (sample,).
        predictors: from `regressors`, (sample, term).
        noise: standard error of the target, whose variance is taken out.

    Returns:
        shape (term,), in the square of the target's unit; zeros without samples.
    """
    size = predictors.shape[-1]
    if not len(squared_error):
        return np.zeros(size)
    left = squared_error.astype(np.float64) - structural.astype(np.float64) ** 2 - noise**2
    expected = np.full(len(left), squared_error.mean(dtype=np.float64))
    coefficients = np.zeros(size)
    for _ in range(ROUNDS):
        weight = 1.0 / np.maximum(expected, 1e-6 * squared_error.mean(dtype=np.float64) + 1e-30)
        coefficients = _non_negative(predictors * weight[:, None], left * weight)
        expected = structural**2 + noise**2 + predictors @ coefficients
    return coefficients


def data_deviation(predictors: Floats, coefficients: Floats) -> NDArray[np.float32]:
    """Standard deviation of the data error, shape (…), from predictors (…, term)."""
    return np.sqrt(np.maximum(predictors @ coefficients, 0.0)).astype(np.float32)


def _non_negative(matrix: Floats, values: Floats) -> NDArray[np.float64]:
    """Non-negative least squares of many rows, by way of a triangle of few; scaled columns."""
    size = np.maximum(np.sqrt((matrix**2).mean(axis=0)), 1e-30)
    q, r = np.linalg.qr(matrix / size)
    return nnls(r, q.T @ values)[0] / size
