"""Derive scattering albedo and roughness of the soil from land cover (IGBP classes).

Values: SMOS-IC (Fernandez-Moran et al. 2017); docs/science.md, section 3.9.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from glab.arrays import Float64s, Floats
from glab.errors import GlabError

CLASSES = np.arange(1, 17)
"""Numbers of the IGBP classes with values; water is not among them."""

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


def weighted_mean(igbp_fraction: Floats, table: ArrayLike) -> Float64s:
    """Return the mean of a table's values over the land-cover classes of each cell.

    Args:
        igbp_fraction: fractions of classes 1…16, 0…1, shape (…, 16). Their sum may be below 1 (the
            rest is water): the weights are renormalised. NaN counts as 0.
        table: value of each class, shape (16,).

    Returns:
        shape (…), unit of the table; NaN where no class has a fraction.

    Reference: SMOS-IC, Fernandez-Moran et al. 2017, doi:10.3390/rs9050457.
    """
    fraction = np.nan_to_num(np.asarray(igbp_fraction, np.float64))
    total = fraction.sum(axis=-1)
    weighted = fraction @ np.asarray(table, np.float64)
    return np.divide(weighted, total, out=np.full(total.shape, np.nan), where=total > 0)


def landcover_parameters(domain: xr.Dataset) -> xr.Dataset:
    """Return albedo `omega` and roughness `h_r` (cell) of a domain's cells, both without unit.

    Args:
        domain: `igbp_fraction` (cell, igbp), or maps `omega` and `h_r` (cell), or both. The value
            of a map is used where it is finite, elsewhere the mean over the land-cover classes.

    Returns:
        NaN where neither is known.

    Raises:
        GlabError: where a domain has neither map nor land cover, or lacks classes.
    """
    parameters = {}
    for name, table in (("omega", OMEGA), ("h_r", ROUGHNESS)):
        if "igbp_fraction" in domain:
            values = weighted_mean(_class_fractions(domain), table)
        elif name in domain:
            values = np.full(domain.sizes["cell"], np.nan)
        else:
            raise GlabError(
                "the domain has no land cover",
                path=domain.encoding.get("source"),
                variable=name,
                expected=f"igbp_fraction, or a map {name}",
                remedy="add a land-cover map to the static maps of the domain",
            )
        if name in domain:
            known = domain[name].values.astype(np.float64)
            values = np.where(np.isfinite(known), known, values)
        parameters[name] = ("cell", values)
    return xr.Dataset(parameters)


def _class_fractions(domain: xr.Dataset) -> Floats:
    """Return the fractions of classes 1…16 in this order, shape (cell, 16)."""
    fraction = domain["igbp_fraction"]
    numbers = fraction["igbp"].values.tolist()
    if not set(CLASSES) <= set(numbers):
        raise GlabError(
            "land-cover classes are missing",
            path=domain.encoding.get("source"),
            variable="igbp_fraction",
            found=numbers,
            expected="classes 1 … 16",
        )
    return fraction.transpose("cell", "igbp").sel(igbp=CLASSES).values
