"""Prepare the inputs of L-MEB for scenes: ground, temperatures, sky, atmosphere, overpasses, flags.

A scene is one cell on one day at one overpass. Arrays here have the shape (scene,).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from glab.arrays import Float64s, Indices, Int16s, blocks
from glab.config import Lmeb, Overpass, Retrieve
from glab.errors import GlabError
from glab.lmeb import (
    EmissionParameters,
    atmosphere,
    effective_temperature,
    landcover_parameters,
    sky_temperature,
)
from glab.mask import select_days

TARGET_DEG = 40.0
"""Incidence angle of the 40° TB: that of SMAP, degrees."""

MODERATE_TOPOGRAPHY, STRONG_TOPOGRAPHY, POLLUTED, FROZEN = 1, 2, 4, 8
"""Bits of `scene_flags`, fixed by the product format (docs/science.md, section 4.4). Ground of
unknown state counts as frozen."""

POLLUTING = {"water_fraction": None, "urban_fraction": 13, "ice_fraction": 15}
"""Maps of what disturbs the emission of soil, and the IGBP class that replaces a missing map."""

CELLS_AT_ONCE = 8192
"""Cells that are read at once: the length of the chunks of work files."""


@dataclass(frozen=True)
class Ground:
    """Temperatures and static properties of scenes, each of shape (scene,); NaN where unknown.

    Attributes:
        t_surface_k, t_deep_k: soil temperature near the surface and at about 50 cm.
        t_air_k: air temperature at 2 m.
        clay: clay fraction, 0…1.
        omega: effective scattering albedo.
        h_r: roughness H_R.
        altitude_km: height above the sea.
    """

    t_surface_k: Float64s
    t_deep_k: Float64s
    t_air_k: Float64s
    clay: Float64s
    omega: Float64s
    h_r: Float64s
    altitude_km: Float64s


def emission_parameters(ground: Ground, lmeb: Lmeb, sm: Float64s | float) -> EmissionParameters:
    """Return the emission parameters of scenes.

    Args:
        ground: the scenes.
        lmeb: settings of the model.
        sm: soil moisture at which the effective temperature of the soil is computed, m3 m-3.
    """
    canopy_k = {"t_surface": ground.t_surface_k, "t_air": ground.t_air_k}
    return EmissionParameters(
        clay=ground.clay,
        t_ground_k=ground_temperature(ground, lmeb, sm),
        t_canopy_k=canopy_k[lmeb.canopy_temperature],
        omega=ground.omega,
        h_r=ground.h_r,
        q_r=lmeb.q_r,
        n_rh=lmeb.n_rh,
        n_rv=lmeb.n_rv,
        tt_h=lmeb.tt_h,
        tt_v=lmeb.tt_v,
        dielectric=lmeb.dielectric,
        model=lmeb.model,
    )


def ground_temperature(ground: Ground, lmeb: Lmeb, sm: Float64s | float) -> Float64s:
    """Return the effective temperature of the soil at a soil moisture, K.

    Reference: Wigneron et al. 2007, doi:10.1016/j.rse.2006.10.014, or a constant weight `c_t`,
    Choudhury et al. 1982, doi:10.1029/JC087iC02p01301; docs/science.md, section 3.5.
    """
    if lmeb.effective_temperature == "wigneron2007":
        return effective_temperature(ground.t_surface_k, ground.t_deep_k, sm, lmeb.w0, lmeb.b0)
    return ground.t_deep_k + lmeb.c_t * (ground.t_surface_k - ground.t_deep_k)


def sky_tb(ground: Ground, lmeb: Lmeb, incidence_deg: Float64s) -> Float64s:
    """Return the downwelling sky temperature at the angles of each scene, K, (scene, angle).

    The surface temperature replaces an unknown air temperature, sea level an unknown altitude.
    """
    if lmeb.sky == "none":
        return np.zeros(np.shape(incidence_deg))
    altitude_km, t_air_k = _air(ground)
    return sky_temperature(incidence_deg, altitude_km, t_air_k, lmeb.q_air_g_kg)


def remove_atmosphere(
    tb_k: Float64s, ground: Ground, lmeb: Lmeb, incidence_deg: Float64s
) -> Float64s:
    """Convert TB at the top of the atmosphere to TB at the ground.

    Upwelling emission is subtracted and the loss is corrected; rain is not considered.

    Args:
        tb_k: TB, K, shape (scene, angle, channel).
        ground: the scenes.
        lmeb: humidity of the air.
        incidence_deg: incidence angle, degrees, shape (scene, angle).

    Returns:
        K, shape of `tb_k`; NaN where an argument is NaN.

    Reference: Pellarin et al. 2003, doi:10.1109/TGRS.2003.815417; docs/science.md, section 3.6.
    """
    altitude_km, t_air_k = _air(ground)
    opacity, t_atmosphere = atmosphere(altitude_km, t_air_k, lmeb.q_air_g_kg, 0.0)
    transmissivity = np.exp(-opacity / np.cos(np.deg2rad(incidence_deg)))
    upwelling = t_atmosphere * (1.0 - transmissivity)
    return (tb_k - upwelling[..., np.newaxis]) / transmissivity[..., np.newaxis]


def _air(ground: Ground) -> tuple[Float64s, Float64s]:
    """Return altitude, km, and air temperature, K, with a last axis for the angle."""
    t_air_k = np.where(np.isfinite(ground.t_air_k), ground.t_air_k, ground.t_surface_k)
    return np.nan_to_num(ground.altitude_km)[:, np.newaxis], t_air_k[:, np.newaxis]


# --- scenes from files -------------------------------------------------------------------------


def static_ground(domain: xr.Dataset) -> xr.Dataset:
    """Return `clay`, `omega`, `h_r` and `altitude` (cell) of a domain; NaN where unknown.

    Raises:
        GlabError: where the domain lacks clay or land cover.
    """
    if "clay" not in domain:
        raise GlabError(
            "the domain has no map of clay",
            path=domain.encoding.get("source"),
            variable="clay",
            found=", ".join(map(str, domain.data_vars)),
            remedy="add a map of clay to the static maps of the domain",
        )
    # Altitude only enters the atmosphere, so a domain without a map of it is accepted.
    unknown = xr.full_like(domain["clay"], np.nan)
    known = {"clay": domain["clay"], "altitude": domain.get("altitude", unknown)}
    return landcover_parameters(domain).assign(known).load()


def ground_of(static: xr.Dataset, surface: xr.Dataset, day: Indices, cell: Indices) -> Ground:
    """Return the ground of the scenes at some days and cells.

    Args:
        static: from `static_ground` (cell).
        surface: `t_surface`, `t_deep` and, where known, `t_air` (time, cell), K.
        day, cell: positions along `time` and `cell`, shape (scene,).

    Raises:
        GlabError: where a soil temperature is missing.
    """
    for name in ("t_surface", "t_deep"):
        if name not in surface:
            raise GlabError(
                "the surface file lacks a soil temperature",
                path=surface.encoding.get("source"),
                variable=name,
                found=", ".join(map(str, surface.data_vars)),
            )

    def daily(name: str) -> Float64s:
        if name not in surface:
            return np.full(day.shape, np.nan)
        return surface[name].values[day, cell].astype(np.float64)

    def constant(name: str) -> Float64s:
        return static[name].values[cell].astype(np.float64)

    return Ground(
        t_surface_k=daily("t_surface"),
        t_deep_k=daily("t_deep"),
        t_air_k=daily("t_air"),
        clay=constant("clay"),
        omega=constant("omega"),
        h_r=constant("h_r"),
        altitude_km=constant("altitude") / 1000.0,
    )


def static_scene_flags(domain: xr.Dataset, settings: Retrieve) -> Int16s:
    """Return the scene flags that do not change in time: topography and pollution, (cell,).

    Args:
        domain: `topography` (0 flat, 1 moderate, 2 strong), `water_fraction`, `urban_fraction`,
            `ice_fraction`, 0…1. Without a map, urban area and ice are classes 13 and 15 of
            `igbp_fraction`. An unknown map or value sets no flag.
        settings: the fraction above which a scene is polluted.
    """

    def known(name: str, igbp: int | None = None) -> Float64s:
        if name in domain:
            return np.nan_to_num(domain[name].values.astype(np.float64))
        if igbp is not None and "igbp_fraction" in domain:
            return np.nan_to_num(domain["igbp_fraction"].sel(igbp=igbp).values.astype(np.float64))
        return np.zeros(domain.sizes["cell"])

    topography = known("topography")
    polluting = sum(known(name, igbp) for name, igbp in POLLUTING.items())
    flags = np.select([topography == 1, topography >= 2], [MODERATE_TOPOGRAPHY, STRONG_TOPOGRAPHY])
    return (flags | np.where(polluting > settings.polluted_min, POLLUTED, 0)).astype(np.int16)


# --- files by overpass -------------------------------------------------------------------------


def cell_blocks(cells: int) -> list[slice]:
    """Return consecutive slices of cells, as the chunks of work files are."""
    return blocks(cells, CELLS_AT_ONCE)


def with_overpass(source: xr.Dataset, overpass: str = "ascending") -> xr.Dataset:
    """Give a source without overpasses, such as the composed TB, a single overpass.

    Its total standard deviation becomes the error of its TB; it has no TB-RMSE.
    """
    if "overpass" in source.dims:
        return source
    named = source[["tb", "tb_std_total"]].rename(tb_std_total="tb_error")
    unknown = xr.full_like(source["tb"].isel(channel=0, drop=True), np.nan)
    return named.assign(tb_rmse=unknown).expand_dims(overpass=[overpass])


def surfaces_by_overpass(
    by_source: Mapping[str, xr.Dataset], sources: Mapping[Overpass, str | None]
) -> dict[str, xr.Dataset]:
    """Return the surface of each overpass; an overpass without a source is left out.

    Args:
        by_source: surface files by the name of their source.
        sources: the source of each overpass.
    """
    return {
        overpass: by_source[source]
        for overpass, source in sources.items()
        if source is not None and source in by_source
    }


def match_surfaces(source: xr.Dataset, surfaces: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Return the surfaces of the overpasses of a source, on its days.

    Args:
        source: (time, cell, overpass, …).
        surfaces: by overpass, (time, cell).

    Raises:
        GlabError: where no overpass has a surface, for other cells, or days that are missing.
    """
    overpasses = [str(name) for name in source["overpass"].values]
    matched = {name: select_days(surfaces[name], source) for name in overpasses if name in surfaces}
    if not matched:
        raise GlabError(
            "no surface file for the overpasses of a source",
            path=source.encoding.get("source"),
            variable="overpass",
            found=", ".join(surfaces) or "none",
            expected=", ".join(overpasses),
            remedy="set tb40.surface to the sources of temperature at each overpass",
        )
    return matched
