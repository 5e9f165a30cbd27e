"""Declare the canonical variables: unit, names, valid range, packing, flags.

Every variable of a work file or product is declared here once. `io` takes attributes and encoding
from the declaration and refuses undeclared variables. Families (`<name>_residual`, `<name>_std`, …)
are derived from their base variable by `lookup`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from glab.errors import unknown_name


@dataclass(frozen=True)
class Variable:
    """The declaration of a variable, the same in all files.

    Attributes:
        units: UDUNITS string; "1" for dimensionless.
        long_name: name for readers.
        standard_name: CF standard name, empty where CF has none.
        valid_range: physically possible values in `units`; None: any value.
        scale: step of int16 packing in work files; None keeps float32 (or `dtype`).
        offset: value of raw 0 when packed.
        dtype: type on disk when not packed.
        flags: for flag variables, meaning of each value, in order of `flag_values`.
        flag_masks: True when the flags are bits 1, 2, 4, … rather than values 0, 1, 2, …
    """

    units: str
    long_name: str
    standard_name: str = ""
    valid_range: tuple[float, float] | None = None
    scale: float | None = None
    offset: float = 0.0
    dtype: str = "float32"
    flags: tuple[str, ...] = ()
    flag_masks: bool = False


def _kelvin(long_name: str, top: float = 400.0, standard_name: str = "") -> Variable:
    # 16 bits of 0.01 K about 200 K reach from −127 to 527 K
    return Variable("K", long_name, standard_name, (0.0, top), scale=0.01, offset=200.0)


def _fraction(long_name: str, standard_name: str = "") -> Variable:
    return Variable("1", long_name, standard_name, (0.0, 1.0), scale=1e-4)


def _count(long_name: str) -> Variable:
    return Variable("1", long_name, dtype="int16", valid_range=(0, 32767))


def _flag(long_name: str, *flags: str, masks: bool = False) -> Variable:
    return Variable("1", long_name, dtype="int16", flags=flags, flag_masks=masks)


def _bits(long_name: str) -> Variable:
    """Return a bit field of a data provider, whose 16 bits need 32 with a sign."""
    return Variable("1", long_name, dtype="int32", flag_masks=True)


VARIABLES: dict[str, Variable] = {
    "tb": _kelvin("brightness temperature", standard_name="brightness_temperature"),
    "tb_accuracy": _kelvin("radiometric accuracy of the brightness temperature", 100.0),
    "tb_std": _kelvin("standard deviation of the brightness temperatures within a bin", 100.0),
    "tb_error": _kelvin("standard error of the brightness temperature", 100.0),
    "tb_rmse": _kelvin("root mean square of observed minus modelled brightness temperature", 200.0),
    "incidence": Variable("degree", "incidence angle", "angle_of_incidence", (0, 90), scale=0.01),
    "rfi_fraction": _fraction("fraction of views flagged for radio-frequency interference"),
    "view_count": _count("number of views in a bin"),
    "angle_count": _count("number of angle bins used"),
    "count": _count("number of observations"),
    "tb_h": _kelvin(
        "L-band brightness temperature, horizontal polarisation", 400.0, "brightness_temperature"
    ),
    "tb_v": _kelvin(
        "L-band brightness temperature, vertical polarisation", 400.0, "brightness_temperature"
    ),
    "tb_pr": Variable("1", "polarisation ratio (V - H) / (V + H)", "", (-1.0, 1.0), scale=5e-5),
    "tb_pd": Variable("K", "polarisation difference V - H", "", (-400.0, 400.0), scale=0.02),
    "VOD": Variable("1", "L-band vegetation optical depth at nadir", "", (-0.5, 3.0)),
    "vod": Variable("1", "L-band vegetation optical depth at nadir", "", (-0.5, 3.0), scale=2e-4),
    "vod_error": Variable("1", "standard error of L-band vegetation optical depth", "", (0, 3)),
    "soil_moisture": Variable(
        "m3 m-3",
        "volumetric soil moisture of the top layer",
        "volume_fraction_of_condensed_water_in_soil",
        (-0.2, 1.0),
        scale=1e-4,
    ),
    "soil_moisture_error": Variable("m3 m-3", "standard error of soil moisture", "", (0, 1)),
    "t_surface": _kelvin("soil temperature near the surface", standard_name="soil_temperature"),
    "t_deep": _kelvin("soil temperature at depth", standard_name="soil_temperature"),
    "t_air": _kelvin("air temperature at 2 m", standard_name="air_temperature"),
    "snow": Variable("kg m-2", "snow water equivalent", "surface_snow_amount", (0, 3000), 0.1),
    "frozen": _flag("frozen or snow-covered ground", "no", "yes"),
    "water_fraction": _fraction("fraction of open water in a cell"),
    "urban_fraction": _fraction("fraction of urban area in a cell"),
    "ice_fraction": _fraction("fraction of permanent snow and ice in a cell"),
    "land_fraction": _fraction("fraction of land in a cell", "land_area_fraction"),
    "igbp_fraction": _fraction("fraction of each IGBP land-cover class in a cell"),
    "clay": _fraction("mass fraction of clay in the soil"),
    "topography": _flag("topography", "flat", "moderate", "strong"),
    "altitude": Variable("m", "height above sea level", "surface_altitude", (-500, 9000)),
    "omega": Variable("1", "effective scattering albedo", "", (0, 1)),
    "h_r": Variable("1", "soil roughness parameter H_R", "", (0, 5)),
    "scene_flags": _flag(
        "scene flags",
        "moderate_topography",
        "strong_topography",
        "polluted_scene",
        "frozen",
        masks=True,
    ),
    "acquisition_time": Variable("h", "time of observation after 00:00 UTC of the day"),
    "tb_quality": _bits("quality bits of the brightness temperature"),
    "retrieval_quality": _bits("quality bits of the retrieval"),
    "surface_flags": _bits("surface condition bits of the data provider"),
    "processing_flags": _flag("processing flags", masks=True),
    "sensor": _flag("number of the sensor whose inputs a network received"),
    "shortened": _count("number of running means replaced by a shorter window (too few values)"),
    "features": Variable("1", "feature vector of a sample, each feature in its own unit"),
    "target": Variable("1", "target of a sample, in the unit of its variable"),
    "split": _flag(
        "split of the sample",
        "train",
        "validation",
        "held_out_years",
        "held_out_blocks",
        "held_out_blocks_and_years",
    ),
    "offset": Variable("1", "offset of a cell, in the unit of the target"),
    "offset_count": _count("number of days behind an offset"),
    "variance": Variable("1", "data variance, in the square of the target's unit"),
    # Flags of the default run; `compose` states those of its own references and sensors.
    "origin": _flag(
        "origin of a brightness temperature",
        "none",
        "smos",
        "amsre_network",
        "amsr2_network",
        "smos_and_amsre_network",
        "smos_and_amsr2_network",
    ),
    "vod_wood": Variable("1", "true VOD of wood", "", (0.0, 3.0), scale=2e-4),
    "vod_leaf": Variable("1", "true VOD of leaves", "", (0.0, 3.0), scale=2e-4),
    "t_surface_0130": _kelvin("true surface temperature at 01:30 local time"),
    "t_surface_0600": _kelvin("true surface temperature at 06:00 local time"),
    "t_surface_1330": _kelvin("true surface temperature at 13:30 local time"),
    "skin_moisture": Variable("m3 m-3", "true moisture of the skin", "", (0.0, 1.0), scale=1e-4),
    "canopy_opacity": Variable(
        "1", "opacity of the canopy at high frequencies, relative", "", (0.0, 5.0), scale=2e-4
    ),
    "humidity": Variable("1", "moisture of the air, relative", "", (0.0, 5.0), scale=2e-4),
    "rain": Variable("kg m-2", "true precipitation of the day", "", (0.0, 500.0), scale=0.02),
    "biome": _flag(
        "biome with the largest fraction",
        "desert",
        "shrub",
        "grass",
        "savanna",
        "crop",
        "temperate_forest",
        "boreal_forest",
        "tropical_forest",
    ),
    "change_kind": _flag("kind of long-term change", "none", "browning", "greening", "clearing"),
    "vod_trend": Variable("year-1", "relative change of VOD in a year, without clearings"),
    "clearing_day": Variable("days since 2000-01-01", "day of clearing, -1: none", dtype="int32"),
    "clearing_drop": Variable("1", "fraction of VOD lost by clearing", "", (0.0, 1.0)),
    "reference": Variable("1", "values of a validation set, in its own unit"),
    "row": Variable("1", "row of the 25 km EASE-Grid 2.0, from north", dtype="int32"),
    "col": Variable("1", "column of the 25 km EASE-Grid 2.0, from 180 W", dtype="int32"),
    "lat": Variable("degrees_north", "latitude of the cell centre", "latitude", dtype="float64"),
    "lon": Variable("degrees_east", "longitude of the cell centre", "longitude", dtype="float64"),
    "area": Variable("m2", "area of the cell", "cell_area", dtype="float64"),
    "tile": Variable("1", "tile of consecutive cells", dtype="int32"),
    "block": Variable("1", "spatial block of the splits", dtype="int32"),
}

SUFFIXES: dict[str, str] = {
    "_residual": "{}, minus its seasonal cycle",
    "_climatology": "{}, seasonal cycle",
    "_coefficients": "{}, coefficients of the seasonal cycle",
    "_fit": "{}, kind of fit of the seasonal cycle",
    "_count": "{}, number of values behind the seasonal cycle",
    "_std": "{}, structural uncertainty (standard deviation over the ensemble)",
    "_std_data": "{}, data uncertainty (standard deviation)",
    "_std_total": "{}, total uncertainty (standard deviation)",
    "_error": "{}, standard error",
    "_trend": "{}, linear trend",
    "_bias": "{}, mean difference from the truth",
    "_rmse": "{}, root mean square difference from the truth",
    "_r": "{}, temporal correlation with the truth",
    "_coverage": "{}, fraction of truths within one total standard deviation",
    "_truth": "{}, truth",
}

NOT_QUANTITIES: dict[str, Variable] = {
    "_fit": _flag("", "none", "median", "cycle"),
    "_count": _count(""),
}
"""Members of a family that are flags or counts, not quantities like the base variable."""


def lookup(name: str) -> Variable:
    """Return the declaration of a variable, or of a member of its family (`<name>_residual`, …).

    Raises:
        GlabError: for an undeclared name; it suggests the nearest declared one.
    """
    if name in VARIABLES:
        return VARIABLES[name]
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        base = name.removesuffix(suffix)
        if base != name and _is_declared(base):
            return _derive(lookup(base), suffix)
    raise unknown_name("variable", name, VARIABLES)


def _is_declared(name: str) -> bool:
    """Return whether a name is declared, or belongs to the family of a declared variable."""
    bases = (name.removesuffix(suffix) for suffix in SUFFIXES)
    return name in VARIABLES or any(base != name and _is_declared(base) for base in bases)


def _derive(base: Variable, suffix: str) -> Variable:
    """Return the declaration of a family member.

    It has the unit of the base variable, except trends and correlations. Residuals are packed about
    0, seasonal cycles like the base variable. Other members are stored as floats, because their
    range is not known.
    """
    if suffix in NOT_QUANTITIES:
        return replace(NOT_QUANTITIES[suffix], long_name=SUFFIXES[suffix].format(base.long_name))
    packing = base.scale if suffix in ("_residual", "_climatology") else None
    offset = base.offset if suffix == "_climatology" else 0.0
    return replace(
        base,
        units=_derive_units(base.units, suffix),
        long_name=SUFFIXES[suffix].format(base.long_name),
        standard_name=base.standard_name if suffix == "_climatology" else "",
        valid_range=None,
        scale=packing,
        offset=offset,
    )


def _derive_units(units: str, suffix: str) -> str:
    """Return the unit per year for trends, "1" for correlations and fractions, else the unit."""
    if suffix in ("_r", "_coverage"):
        return "1"
    if suffix == "_trend":
        return "year-1" if units == "1" else f"{units} year-1"
    return units
