"""Antenna footprints: what part of the ground around a place an instrument sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from glab.simulate.world.box import Land

FWHM_TO_SIGMA = 1.0 / 2.3548
KM_PER_DEGREE = 111.195
REACH = 2.8  # standard deviations


@dataclass(frozen=True)
class Footprint:
    """Weights of the land cells in each view.

    Attributes:
        weights: sparse, shape (view, cell); rows add up to one, or are empty.
        seen_land: share of the antenna's pattern that falls on the land of the box, 0…1.
    """

    weights: sparse.csr_array
    seen_land: np.ndarray

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Cell values, shape (…, cell), as seen, shape (…, view); NaN where no land is seen."""
        flat = values.reshape(-1, values.shape[-1])
        seen = np.ascontiguousarray((self.weights @ flat.T).T)
        seen[:, self.seen_land <= 0.0] = np.nan
        return seen.reshape(*values.shape[:-1], -1)


def footprint(land: Land, lat: np.ndarray, lon: np.ndarray, fwhm_km: float) -> Footprint:
    """Gaussian footprints centred at given places.

    Args:
        land: the cells that can be seen.
        lat, lon: centres of the views, degrees, shape (view,).
        fwhm_km: full width at half maximum.

    The pattern is cut at the edge of the box and at coasts: what is seen is the land inside.
    """
    sigma = fwhm_km * FWHM_TO_SIGMA
    order = np.argsort(-land.lat, kind="stable")
    sorted_lat = -land.lat[order]
    reach_deg = REACH * sigma / KM_PER_DEGREE
    begin = np.searchsorted(sorted_lat, -lat - reach_deg)
    end = np.searchsorted(sorted_lat, -lat + reach_deg)
    rows, cells, weights = [], [], []
    for view, (first, last) in enumerate(zip(begin, end)):
        near = order[first:last]
        north = (land.lat[near] - lat[view]) * KM_PER_DEGREE
        east = (land.lon[near] - lon[view]) * KM_PER_DEGREE * np.cos(np.deg2rad(lat[view]))
        squared = (north**2 + east**2) / sigma**2
        inside = squared < REACH**2
        rows.append(np.full(inside.sum(), view))
        cells.append(near[inside])
        weights.append(np.exp(-0.5 * squared[inside]))
    shape = (len(lat), len(land.lat))
    entries = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(cells)))
    matrix = sparse.csr_array(sparse.coo_array(entries, shape=shape))
    total = matrix.sum(axis=1)
    cell_km2 = land.area_km2
    seen = np.minimum(total * cell_km2 / (2.0 * np.pi * sigma**2), 1.0)
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return Footprint(sparse.csr_array(sparse.diags_array(scale) @ matrix).astype(np.float32), seen)
