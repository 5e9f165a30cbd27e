"""Choose the angle bins of SMOS and weight them."""

from __future__ import annotations

import numpy as np

from glab.arrays import Booleans, Float64s, Floats, Indices
from glab.config import Tb40Options
from glab.errors import GlabError

SHARED_DEG = 40.0
"""Centre of the bin of SMOS L3 that contains half of the views of each neighbour."""

NEIGHBOUR_DEG = 2.5
"""Distance of its neighbours."""

RANGE_TOLERANCE_DEG = 1e-6
"""Rounding of bin centres, which files store as float32."""


def select_bins(centre_deg: Floats, settings: Tb40Options) -> Indices:
    """Return the positions of the bins that the fit may use.

    Args:
        centre_deg: centres of the bins, degrees, shape (angle,).
        settings: range of angles, and whether the 40° bin is left out.

    Raises:
        GlabError: for fewer than two bins.
    """
    inside = (centre_deg >= settings.angle_min_deg) & (centre_deg <= settings.angle_max_deg)
    if settings.shared_bin == "left_out":
        inside &= abs(centre_deg - SHARED_DEG) >= NEIGHBOUR_DEG / 2
    bins = np.flatnonzero(inside)
    if bins.size < 2:
        raise GlabError(
            "a fit over angles needs at least two angle bins",
            variable="tb40.angle_min_deg, tb40.angle_max_deg",
            found=np.round(centre_deg, 1).tolist(),
            expected=f"two or more in {settings.angle_min_deg} … {settings.angle_max_deg}",
        )
    return bins


def bin_weights(valid: Booleans, centre_deg: Floats, settings: Tb40Options) -> Float64s:
    """Return the weight of each bin before the division by its variance; 0: the bin is not used.

    The 40° bin contains views of the bins at 37.5° and 42.5°. For bins with correlation matrix R,
    the weights of a mean are R⁻¹·1. At a correlation of ½ the 40° bin has no weight where both
    neighbours exist; beside one neighbour, both have two thirds.

    Args:
        valid: bins with a value, shape (scene, angle).
        centre_deg: centres of the bins, degrees, shape (angle,).
        settings: treatment of the 40° bin, and the range of angles that a scene needs.

    Returns:
        shape (scene, angle); 0 for all bins of a scene with too small a range of angles.
    """
    weight = valid.astype(np.float64)
    distance_deg = abs(centre_deg - SHARED_DEG)
    is_shared = distance_deg < NEIGHBOUR_DEG / 2
    shared = np.flatnonzero(is_shared)
    if shared.size:
        near = np.flatnonzero(~is_shared & (distance_deg < 1.5 * NEIGHBOUR_DEG))
        # Number of neighbours with a value; −1, the last entry, where the 40° bin has none.
        count = np.where(valid[:, shared].any(axis=1), valid[:, near].sum(axis=1), -1)
        middle, beside = correlated_bin_weights(settings.shared_bin_correlation)
        weight[:, shared] *= middle[count][:, np.newaxis]
        weight[:, near] *= beside[count][:, np.newaxis]
    used = weight > 0
    first = np.where(used, centre_deg, np.inf).min(axis=1)
    last = np.where(used, centre_deg, -np.inf).max(axis=1)
    enough = last - first >= settings.angle_range_min_deg - RANGE_TOLERANCE_DEG
    return weight * enough[:, np.newaxis]


def correlated_bin_weights(correlation: float) -> tuple[Float64s, Float64s]:
    """Return R⁻¹·1 for the 40° bin and for its neighbours.

    The 40° bin is left out where its weight would be negative.

    Args:
        correlation: of the 40° bin and each neighbour; the neighbours are independent.

    Returns:
        two arrays of shape (4,): beside 0, 1 and 2 neighbours, and without the 40° bin.
    """
    c = correlation
    middle, beside = (1.0 - 2.0 * c) / (1.0 - 2.0 * c * c), (1.0 - c) / (1.0 - 2.0 * c * c)
    if middle <= 0.0:
        middle, beside = 0.0, 1.0
    one = 1.0 / (1.0 + c)
    return np.array([1.0, one, middle, 0.0]), np.array([0.0, one, beside, 1.0])
