"""Fit a mean and annual harmonics at a fixed period to series with gaps."""

from __future__ import annotations

import numpy as np

from glab.arrays import Float64s
from glab.calendar import Days, annual_phase

RIDGE_FLOOR = 1e-12
"""Smallest ridge: values in few months leave the system without it singular."""


def coefficient_names(harmonics: int) -> list[str]:
    """Return the names of the coefficients, in order: mean, cos_1, sin_1, cos_2, …"""
    numbers = range(1, harmonics + 1)
    return ["mean", *(f"{wave}_{number}" for number in numbers for wave in ("cos", "sin"))]


def basis(days: Days, harmonics: int) -> Float64s:
    """Return 1, cos x, sin x, cos 2x, … on each day, shape (time, 1 + 2 · harmonics)."""
    phases = annual_phase(days)[:, None] * np.arange(1, harmonics + 1)
    waves = np.stack([np.cos(phases), np.sin(phases)], axis=2).reshape(len(phases), -1)
    return np.hstack([np.ones((len(phases), 1)), waves])


def fit(values: Float64s, days: Days, harmonics: int, ridge: float) -> Float64s:
    """Fit all series at once by least squares.

    The normal equations of all series are matrix products with the mask of finite values, so that
    each series has its own gaps. The ridge reduces the harmonics but not the mean, so that the
    residuals of a series have zero mean.

    Args:
        values: shape (time, series); NaN where missing, some values in every series.
        days: shape (time,).
        harmonics: number of annual harmonics.
        ridge: fraction of a series' number of values that is added to the diagonal.

    Returns:
        shape (series, 1 + 2 · harmonics), in the order of `coefficient_names`.
    """
    design = basis(days, harmonics)
    present = np.isfinite(values)
    size = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), size * size)
    normal = (present.astype(float).T @ products).reshape(-1, size, size)
    right = np.where(present, values, 0.0).T @ design
    # The ridge grows with the number of values, as the diagonal itself does.
    penalty = np.diag([0.0] + [max(ridge, RIDGE_FLOOR)] * (size - 1))
    normal += present.sum(axis=0)[:, None, None] * penalty
    return np.asarray(np.linalg.solve(normal, right[:, :, None])[:, :, 0], np.float64)


def evaluate(coefficients: Float64s, days: Days) -> Float64s:
    """Evaluate the cycles of all series on any dates, shape (time, series).

    Args:
        coefficients: shape (series, 1 + 2 · harmonics); NaN gives NaN.
        days: shape (time,).
    """
    return basis(days, coefficients.shape[1] // 2) @ coefficients.T
