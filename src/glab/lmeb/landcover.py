"""Scattering albedo and roughness of the soil from land cover (IGBP classes)."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from glab.errors import GlabError

CLASSES = 16

OMEGA = (
    *(0.06, 0.06, 0.06, 0.06, 0.06, 0.10, 0.08, 0.06),
    *(0.10, 0.10, 0.10, 0.12, 0.10, 0.12, 0.10, 0.12),
)
"""Effective scattering albedo ω of classes 1…16: needleleaf evergreen, broadleaf evergreen,
needleleaf deciduous, broadleaf deciduous and mixed forest, closed shrub, open shrub, woody savanna,
savanna, grass, wetland, crop, urban, mosaic, snow and ice, barren."""

ROUGHNESS = (
    *(0.30, 0.30, 0.30, 0.30, 0.30, 0.27, 0.17, 0.30),
    *(0.23, 0.12, 0.19, 0.17, 0.21, 0.22, 0.12, 0.02),
)
"""Roughness H_R of classes 1…16."""


def weighted_mean(igbp_fraction: NDArray[np.floating], table: ArrayLike) -> NDArray[np.float64]:
    """Mean of a table's values over the land-cover classes of each cell.

    Args:
        igbp_fraction: share of classes 1…16, shape (…, 16); they need not add up to one (the rest
            is water): weights are renormalised. NaN counts as none.
        table: value of each class, shape (16,).

    Returns:
        shape (…); NaN where no class has a share.

    Reference: SMOS-IC, Fernandez-Moran et al. 2017, doi:10.3390/rs9050457.
    """
    share = np.nan_to_num(np.asarray(igbp_fraction, np.float64))
    total = share.sum(axis=-1)
    weighted = share @ np.asarray(table, np.float64)
    return np.divide(weighted, total, out=np.full(total.shape, np.nan), where=total > 0)


def landcover_parameters(domain: xr.Dataset) -> xr.Dataset:
    """`omega` and `h_r` (cell) of a domain's cells.

    Args:
        domain: `igbp_fraction` (cell, igbp 1…16), or maps `omega` and `h_r` (cell), or both; where
            a map has a value it stands, elsewhere the table's mean over the classes.

    Returns:
        NaN where neither is known.

    Raises:
        GlabError: when the domain tells nothing of one of them.
    """
    tables = {"omega": OMEGA, "h_r": ROUGHNESS}
    return xr.Dataset({name: ("cell", _of(domain, name, tables[name])) for name in tables})


def _of(domain: xr.Dataset, name: str, table: tuple[float, ...]) -> NDArray[np.float64]:
    """One parameter: the user's map where there is one, else by land cover."""
    known = domain[name].values.astype(np.float64) if name in domain else None
    if "igbp_fraction" not in domain:
        if known is None:
            raise GlabError(
                "the domain tells nothing of its land cover",
                path=domain.encoding.get("source"),
                variable=name,
                expected=f"igbp_fraction, or a map {name}",
                remedy="add a land-cover map to the static maps of the domain",
            )
        return known
    classes = weighted_mean(_fractions(domain), table)
    return classes if known is None else np.where(np.isfinite(known), known, classes)


def _fractions(domain: xr.Dataset) -> NDArray[np.floating]:
    """Shares of classes 1…16 in this order, shape (cell, 16)."""
    fraction = domain["igbp_fraction"]
    numbers = fraction["igbp"].values.tolist()
    if not set(range(1, CLASSES + 1)) <= set(numbers):
        raise GlabError(
            "land-cover classes are missing",
            path=domain.encoding.get("source"),
            variable="igbp_fraction",
            found=numbers,
            expected="classes 1 … 16",
        )
    return fraction.transpose("cell", "igbp").sel(igbp=np.arange(1, CLASSES + 1)).values
