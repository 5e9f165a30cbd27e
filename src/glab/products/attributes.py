"""Describe product files: titles and global attributes (ACDD-1.3), attributes of variables (CF)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import glab
from glab.calendar import Days
from glab.config import Creator, Product
from glab.grids.cells import Extent
from glab.variables import lookup

STD_SUFFIXES = ("_std", "_std_data", "_std_total")
QUALITY_SUFFIXES = (*STD_SUFFIXES, "_error", "_count", "_rmse")
QUALITY = {"coverage_content_type": "qualityInformation"}

ANCILLARY = ("origin", "count", "scene_flags", "processing_flags", "tb_rmse")
"""Variables that describe all main variables of a product."""


@dataclass(frozen=True)
class ProductDescription:
    """Texts and main variables of a product.

    Attributes:
        title, summary, keywords, processing_level: for readers and catalogues; "{days}" is replaced
            by the number of days between two fields.
        main: its main variables; the others describe them.
    """

    title: str
    summary: str
    keywords: str
    processing_level: str
    main: tuple[str, ...]


PRODUCTS = {
    "glab_tb": ProductDescription(
        "GLAB-TB: daily L-band brightness temperature",
        "Daily L-band (1.4 GHz) brightness temperature of the land surface at both polarisations, "
        "on the 25 km EASE-Grid 2.0. SMOS and further L-band references are used where "
        "they observe; networks map AMSR-E and AMSR2 to SMOS. The product contains structural, "
        "data and total uncertainty, the residual from the seasonal cycle, and a flag with the "
        "sensors of each value.",
        "brightness temperature, L-band, passive microwave, SMOS, AMSR-E, AMSR2, land surface",
        "4",
        ("tb_h", "tb_v"),
    ),
    "glab_vod": ProductDescription(
        "GLAB-VOD: {days}-day L-band vegetation optical depth",
        "Vegetation optical depth at L-band (1.4 GHz) of the land surface on the 25 km EASE-Grid "
        "2.0, in windows of {days} days with one epoch (2002-06-19). The product contains its "
        "seasonal cycle and residual, structural, data and total uncertainty, and the number of "
        "observations in each window.",
        "vegetation optical depth, L-band, vegetation water content, biomass, passive microwave",
        "4",
        ("VOD",),
    ),
    "smos_ib": ProductDescription(
        "SMOS-IB: daily 40 degree brightness temperature, soil moisture and VOD",
        "SMOS brightness temperature at 40 degrees, fitted to all angles of an overpass, and soil "
        "moisture and vegetation optical depth (L-band, 1.4 GHz) inverted from it, on the 25 km "
        "EASE-Grid 2.0, with standard errors, the root mean square difference of observed and "
        "modelled brightness temperature over the angles, and flags.",
        "soil moisture, vegetation optical depth, brightness temperature, L-band, SMOS",
        "3",
        ("tb_h", "tb_v", "soil_moisture", "vod"),
    ),
}


def global_attributes(settings: Product, window: Extent, year: int, time: Days) -> dict[str, Any]:
    """Return the global attributes of a product file (ACDD-1.3), without time of creation.

    Args:
        settings: product, creator and licence.
        window: the rectangle of the grid that the file covers.
        year: calendar year of the file.
        time: its time axis.
    """
    product = PRODUCTS[settings.product]
    days = int(np.diff(time).min().astype(int)) if len(time) > 1 else 1
    last = time[-1] + np.timedelta64(days - 1, "D")
    return {
        "Conventions": "CF-1.11, ACDD-1.3",
        "title": f"{product.title.format(days=days)}, {year}",
        "summary": product.summary.format(days=days),
        "keywords": product.keywords,
        "id": f"{settings.product}_{year}",
        "naming_authority": "io.github.glab",
        "product": settings.product,
        "product_version": glab.__version__,
        "processing_level": f"Level {product.processing_level}",
        "history": f"written by glab {glab.__version__}, stage product, from glab_inputs",
        "comment": "Missing values are NaN. Times are UTC days.",
        "acknowledgement": "Derived from the data cited in references; please cite them too.",
        "license": settings.license,
        "standard_name_vocabulary": "CF Standard Name Table v93",
        "cdm_data_type": "Grid",
        "project": "GLAB",
        "platform": "SMOS, Aqua, GCOM-W1, SMAP",
        "instrument": "MIRAS, AMSR-E, AMSR2, SMAP radiometer",
        **_extent(window),
        "time_coverage_start": f"{time[0]}T00:00:00Z",
        "time_coverage_end": f"{last}T23:59:59Z",
        "time_coverage_duration": f"P{(last - time[0]).astype(int) + 1}D",
        "time_coverage_resolution": f"P{days}D",
        **_creator(settings.creator),
    }


def _extent(window: Extent) -> dict[str, Any]:
    """Return the geographic bounds of a rectangle of the grid."""
    grid = window.grid
    south, north = float(grid.lat_bounds.min()), float(grid.lat_bounds.max())
    west, east = float(grid.lon_bounds.min()), float(grid.lon_bounds.max())
    corners = [(south, west), (north, west), (north, east), (south, east), (south, west)]
    # WKT in EPSG:4326 has latitude first; ACDD asks for a closed ring.
    ring = ", ".join(f"{lat:.4f} {lon:.4f}" for lat, lon in corners)
    return {
        "geospatial_bounds": f"POLYGON (({ring}))",
        "geospatial_bounds_crs": "EPSG:4326",
        "geospatial_lat_min": south,
        "geospatial_lat_max": north,
        "geospatial_lat_units": "degrees_north",
        "geospatial_lon_min": west,
        "geospatial_lon_max": east,
        "geospatial_lon_units": "degrees_east",
    }


def _creator(creator: Creator) -> dict[str, str]:
    """Return creator and publisher, the same; empty entries are left out."""
    attributes = {"institution": creator.institution}
    for role in ("creator", "publisher"):
        attributes[f"{role}_name"] = creator.name
        for key in ("type", "email", "url", "institution"):
            attributes[f"{role}_{key}"] = getattr(creator, key)
    return {key: value for key, value in attributes.items() if value}


def variable_attributes(product: str, name: str, names: Sequence[str]) -> dict[str, Any]:
    """Return the CF attributes of a product variable that its declaration does not contain.

    Args:
        product: a key of `PRODUCTS`.
        name: the variable.
        names: all variables of the product.
    """
    if name in ("origin", "scene_flags", "processing_flags"):
        return {"standard_name": "status_flag", **QUALITY}
    if name == "count":
        return {"standard_name": "number_of_observations", **QUALITY}
    attributes: dict[str, Any] = {}
    is_main = name in PRODUCTS[product].main
    if lookup(name).units == "K":
        attributes["units_metadata"] = f"temperature: {'on_scale' if is_main else 'difference'}"
    if is_main:
        companions = [other for other in names if other.startswith(f"{name}_")]
        shared = [other for other in ANCILLARY if other in names]
        averaged = "area: mean time: mean" if "time_bnds" in names else "area: mean"
        attributes["cell_methods"] = averaged
        attributes["ancillary_variables"] = " ".join([*companions, *shared])
    if name.endswith(STD_SUFFIXES):
        attributes["valid_min"] = np.float32(0.0)
    is_quality = name.endswith(QUALITY_SUFFIXES)
    return attributes | (QUALITY if is_quality else {"coverage_content_type": "modelResult"})
