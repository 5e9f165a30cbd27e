"""Which angle bins of SMOS are used, and how much each of them brings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glab.arrays import Float64s, Floats
from glab.config import Tb40Options
from glab.errors import GlabError

TARGET_DEG = 40.0
NEIGHBOUR_DEG = 2.5
"""The 40° bin holds half of the views of each of the bins centred this far from it."""


def select_bins(centre_deg: Floats, settings: Tb40Options) -> NDArray[np.intp]:
    """Places of the bins that are looked at.

    Raises:
        GlabError: when there are not two.
    """
    inside = (centre_deg >= settings.angle_min_deg) & (centre_deg <= settings.angle_max_deg)
    if settings.shared_bin == "left_out":
        inside &= ~_is_shared(centre_deg)
    places = np.flatnonzero(inside)
    if places.size < 2:
        raise GlabError(
            "a fit over angles needs more of them",
            variable="tb40.angle_min_deg, tb40.angle_max_deg",
            found=np.round(centre_deg, 1).tolist(),
            expected=f"two or more in {settings.angle_min_deg} … {settings.angle_max_deg}",
        )
    return places


def bin_weights(valid: NDArray[np.bool_], centre_deg: Floats, settings: Tb40Options) -> Float64s:
    """Share of its own information that each bin brings beside its neighbours; 0: it is not used.

    The 40° bin holds views of the bins at 37.5° and 42.5°. For bins of correlation R the weights
    of a mean are R⁻¹·1, times the inverse variances: at a correlation of ½ the 40° bin brings
    nothing where both neighbours are there, and beside one of them both bring two thirds.

    Args:
        valid: which bins have a value, shape (scene, angle).
        centre_deg: centres of the bins, shape (angle,).
        settings: how the 40° bin is treated, and the range of angles that a scene needs.

    Returns:
        shape (scene, angle); 0 throughout for scenes without that range.
    """
    share = valid.astype(np.float64)
    shared = np.flatnonzero(_is_shared(centre_deg))
    if shared.size:
        near = np.flatnonzero(_is_neighbour(centre_deg))
        count = np.where(valid[:, shared].any(axis=1), valid[:, near].sum(axis=1), -1)
        own, beside = correlated_bin_weights(settings.shared_bin_correlation)
        share[:, shared] *= own[count][:, np.newaxis]
        share[:, near] *= beside[count][:, np.newaxis]
    used = share > 0
    first = np.where(used, centre_deg, np.inf).min(axis=1)
    last = np.where(used, centre_deg, -np.inf).max(axis=1)
    enough = last - first >= settings.angle_range_min_deg - 1e-6
    return share * enough[:, np.newaxis]


def correlated_bin_weights(correlation: float) -> tuple[Float64s, Float64s]:
    """R⁻¹·1 of the shared bin and of its neighbours, beside 0, 1 and 2 of them; last: without it.

    Where the shared bin's would be negative it is left out.
    """
    c = correlation
    middle, beside = (1.0 - 2.0 * c) / (1.0 - 2.0 * c * c), (1.0 - c) / (1.0 - 2.0 * c * c)
    if middle <= 0.0:
        middle, beside = 0.0, 1.0
    one = 1.0 / (1.0 + c)
    return np.array([1.0, one, middle, 0.0]), np.array([0.0, one, beside, 1.0])


def _is_shared(centre_deg: Floats) -> NDArray[np.bool_]:
    return abs(centre_deg - TARGET_DEG) < NEIGHBOUR_DEG / 2


def _is_neighbour(centre_deg: Floats) -> NDArray[np.bool_]:
    return ~_is_shared(centre_deg) & (abs(centre_deg - TARGET_DEG) < 1.5 * NEIGHBOUR_DEG)
