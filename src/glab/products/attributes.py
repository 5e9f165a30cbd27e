"""What catalogues and readers want to know of a product (ACDD-1.3, after CF's own attributes)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import glab
from glab.calendar import Days
from glab.config import Creator, Product
from glab.grids.cells import Extent


@dataclass(frozen=True)
class ProductForm:
    """What a product is, in words.

    Attributes:
        title, summary, keywords, processing_level: for its readers and for catalogues; "{days}"
            stands for the time between two fields.
        main: its main variables, to which the others belong.
    """

    title: str
    summary: str
    keywords: str
    processing_level: str
    main: tuple[str, ...]


PRODUCTS = {
    "glab_tb": ProductForm(
        "GLAB-TB: daily L-band brightness temperature",
        "L-band (1.4 GHz) brightness temperature of the land surface at the 25 km EASE-Grid 2.0, "
        "every day, at both polarisations: SMOS where it observes, networks that map AMSR-E and "
        "AMSR2 onto SMOS elsewhere, with their structural, data and total uncertainty, the part "
        "beyond the seasonal cycle, and a flag that says where each value comes from.",
        "brightness temperature, L-band, passive microwave, SMOS, AMSR-E, AMSR2, land surface",
        "4",
        ("tb_h", "tb_v"),
    ),
    "glab_vod": ProductForm(
        "GLAB-VOD: {days}-day L-band vegetation optical depth",
        "Vegetation optical depth at L-band (1.4 GHz) of the land surface at the 25 km EASE-Grid "
        "2.0, in windows of {days} days that share one epoch (2002-06-19), with its seasonal "
        "cycle, the part beyond it, structural, data and total uncertainty, and the number of "
        "observations in each window.",
        "vegetation optical depth, L-band, vegetation water content, biomass, passive microwave",
        "4",
        ("VOD",),
    ),
    "smos_ib": ProductForm(
        "SMOS-IB: daily 40 degree brightness temperature, soil moisture and VOD",
        "SMOS brightness temperature at 40 degrees, fitted to all angles of an overpass, and the "
        "soil moisture and vegetation optical depth (L-band, 1.4 GHz) inverted from it, at the 25 "
        "km EASE-Grid 2.0, with standard errors, the misfit over the angles, and scene flags.",
        "soil moisture, vegetation optical depth, brightness temperature, L-band, SMOS",
        "3",
        ("tb_h", "tb_v", "soil_moisture", "vod"),
    ),
}


def global_attributes(settings: Product, window: Extent, year: int, time: Days) -> dict[str, Any]:
    """Attributes of a product file after ACDD-1.3; no clock, dates of the data alone.

    Args:
        settings: the product and who signs it.
        window: the rectangle it covers.
        year: calendar year of the file.
        time: its time axis.
    """
    form = PRODUCTS[settings.product]
    days = int(np.diff(time).min().astype(int)) if len(time) > 1 else 1
    last = time[-1] + np.timedelta64(days - 1, "D")
    return {
        "Conventions": "CF-1.11, ACDD-1.3",
        "title": f"{form.title.format(days=days)}, {year}",
        "summary": form.summary.format(days=days),
        "keywords": form.keywords,
        "id": f"{settings.product}_{year}",
        "naming_authority": "io.github.glab",
        "product": settings.product,
        "product_version": glab.__version__,
        "processing_level": f"Level {form.processing_level}",
        "history": f"made by glab {glab.__version__}, stage product, from the files glab_inputs",
        "comment": "Missing values are NaN. Times are UTC days.",
        "acknowledgement": "Made from the records cited in references; please cite them too.",
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
        **_signature(settings.creator),
    }


def _extent(window: Extent) -> dict[str, Any]:
    """The box that a rectangle of the grid covers."""
    grid = window.grid
    south, north = float(grid.lat_bounds.min()), float(grid.lat_bounds.max())
    west, east = float(grid.lon_bounds.min()), float(grid.lon_bounds.max())
    corners = [(south, west), (north, west), (north, east), (south, east), (south, west)]
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


def _signature(creator: Creator) -> dict[str, str]:
    signed = {f"{role}_name": creator.name for role in ("creator", "publisher")}
    keys = ("type", "email", "url", "institution")
    for role in ("creator", "publisher"):
        signed |= {f"{role}_{key}": getattr(creator, key) for key in keys}
    signed |= {"institution": creator.institution}
    return {key: value for key, value in signed.items() if value}
