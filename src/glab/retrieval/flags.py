"""Flags of scenes and of retrievals."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab.arrays import Float64s, Floats
from glab.config import Mask, Retrieve

MODERATE_TOPOGRAPHY, STRONG_TOPOGRAPHY, POLLUTED, FROZEN = 1, 2, 4, 8
"""Bits of `scene_flags`."""

SOIL_MOISTURE_ZERO, VOD_ZERO, FIRST_PRIOR, NOT_CONVERGED = 1, 2, 4, 8
PROCESSING = {
    "soil_moisture_set_to_zero": SOIL_MOISTURE_ZERO,
    "vod_set_to_zero": VOD_ZERO,
    "prior_of_first_run": FIRST_PRIOR,
    "search_not_converged": NOT_CONVERGED,
}
"""Bits of `processing_flags`: the median of a cell's year was negative (the first two); too few
values for a prior of its own; the search did not arrive."""


def is_frozen(surface: xr.Dataset, mask: Mask) -> NDArray[np.bool_]:
    """Where the ground is frozen or under snow, (time, cell); unknown counts as not."""
    frozen = surface["t_surface"].values < mask.t_surface_min_k
    if "snow" in surface:
        frozen = frozen | (surface["snow"].values > mask.snow_max_kg_m2)
    return frozen


def static_scene_flags(domain: xr.Dataset, settings: Retrieve) -> NDArray[np.int16]:
    """Scene flags that stay, shape (cell,): topography and polluted scenes; unknown sets none.

    Args:
        domain: `topography` (0 flat, 1 moderate, 2 strong), `water_fraction`, `urban_fraction`,
            `ice_fraction`, as far as they are known. Without a map of its own urban area and ice
            are classes 13 and 15 of `igbp_fraction`.
        settings: from which share on a scene is polluted.
    """
    cells = domain.sizes["cell"]
    topography = _known(domain, "topography", cells)
    names = {"water_fraction": None, "urban_fraction": 13, "ice_fraction": 15}
    polluting = sum(_known(domain, name, cells, igbp) for name, igbp in names.items())
    flags = np.select([topography == 1, topography >= 2], [MODERATE_TOPOGRAPHY, STRONG_TOPOGRAPHY])
    return (flags | np.where(polluting > settings.polluted_min, POLLUTED, 0)).astype(np.int16)


def _known(domain: xr.Dataset, name: str, cells: int, igbp: int | None = None) -> Float64s:
    """A static map, else a land-cover class, else zero; zero where missing."""
    if name in domain:
        return np.nan_to_num(domain[name].values.astype(np.float64))
    if igbp is not None and "igbp_fraction" in domain:
        return np.nan_to_num(domain["igbp_fraction"].sel(igbp=igbp).values.astype(np.float64))
    return np.zeros(cells)


def is_open_water(domain: xr.Dataset, mask: Mask) -> NDArray[np.bool_]:
    """Where open water takes too large a share, (cell,)."""
    return _known(domain, "water_fraction", domain.sizes["cell"]) > mask.water_fraction_max


def medians_negative(values: Floats) -> NDArray[np.bool_]:
    """Where the median over `time` is negative; False where there is no value.

    Args:
        values: shape (time, …), NaN where missing.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        return np.nanmedian(values, axis=0) < 0


def zero_and_clip(values: Floats, to_zero: NDArray[np.bool_], top: float) -> Floats:
    """Values set to 0 where a cell's year is, then held in 0…top; NaN stays."""
    return np.clip(np.where(to_zero & np.isfinite(values), 0.0, values), 0.0, top)
