"""Inputs of L-MEB for a scene: ground, temperatures, sky and atmosphere, overpasses.

A scene is one cell on one day at one overpass; arrays here have the shape (scene,).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from glab import io
from glab.arrays import Float64s
from glab.config import Lmeb, Overpass
from glab.errors import GlabError
from glab.grids.cells import check_cells
from glab.lmeb import effective_temperature, sky_temperature
from glab.lmeb.landcover import landcover_parameters
from glab.lmeb.temperature import atmosphere


@dataclass(frozen=True)
class Ground:
    """Temperatures and lasting properties, each of shape (scene,); NaN where unknown.

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


def emission_arguments(ground: Ground, lmeb: Lmeb, sm: Float64s | float) -> dict[str, Any]:
    """Arguments that `brightness_temperature` and `invert` share, but the angle and the sky.

    Args:
        ground: the scenes.
        lmeb: the model's choices.
        sm: soil moisture at which the effective temperature of the soil is taken, m3 m-3.
    """
    chosen = ("q_r", "n_rh", "n_rv", "tt_h", "tt_v", "dielectric", "model")
    canopy = {"t_surface": ground.t_surface_k, "t_air": ground.t_air_k}
    return {
        "clay": ground.clay,
        "t_ground_k": ground_temperature(ground, lmeb, sm),
        "t_canopy_k": canopy[lmeb.canopy_temperature],
        "omega": ground.omega,
        "h_r": ground.h_r,
        **{name: getattr(lmeb, name) for name in chosen},
    }


def ground_temperature(ground: Ground, lmeb: Lmeb, sm: Float64s | float) -> Float64s:
    """Effective temperature of the soil at a soil moisture, K."""
    if lmeb.effective_temperature == "wigneron2007":
        return effective_temperature(ground.t_surface_k, ground.t_deep_k, sm, lmeb.w0, lmeb.b0)
    return ground.t_deep_k + lmeb.c_t * (ground.t_surface_k - ground.t_deep_k)


def sky_tb(ground: Ground, lmeb: Lmeb, incidence_deg: Float64s) -> Float64s:
    """Downwelling sky temperature at the angles of each scene, K, shape (scene, angle).

    Where air temperature or altitude are unknown the surface's temperature and sea level stand in.
    """
    if lmeb.sky == "none":
        return np.zeros(np.shape(incidence_deg))
    altitude, t_air = _air(ground)
    return sky_temperature(incidence_deg, altitude, t_air, lmeb.q_air_g_kg)


def remove_atmosphere(
    tb_k: Float64s, ground: Ground, lmeb: Lmeb, incidence_deg: Float64s
) -> Float64s:
    """TB at the ground from TB at the top of the atmosphere: upwelling and loss taken out.

    Args:
        tb_k: shape (scene, angle, channel).
        ground: the scenes.
        lmeb: humidity of the air.
        incidence_deg: shape (scene, angle).

    Reference: Pellarin et al. 2003, doi:10.1109/TGRS.2003.815417.
    """
    altitude, t_air = _air(ground)
    opacity, t_atmosphere = atmosphere(altitude, t_air, lmeb.q_air_g_kg, 0.0)
    passed = np.exp(-opacity / np.cos(np.deg2rad(incidence_deg)))
    upwelling = t_atmosphere * (1.0 - passed)
    return (tb_k - upwelling[..., np.newaxis]) / passed[..., np.newaxis]


def _air(ground: Ground) -> tuple[Float64s, Float64s]:
    """Altitude, km, and air temperature, K, with a last axis for the angle."""
    t_air = np.where(np.isfinite(ground.t_air_k), ground.t_air_k, ground.t_surface_k)
    return np.nan_to_num(ground.altitude_km)[:, np.newaxis], t_air[:, np.newaxis]


def static_ground(domain: xr.Dataset) -> xr.Dataset:
    """`clay`, `omega`, `h_r` and `altitude` (cell) of a domain; altitude NaN where unknown.

    Raises:
        GlabError: when the domain lacks clay or land cover.
    """
    if "clay" not in domain:
        raise GlabError(
            "the domain tells nothing of its soil",
            path=domain.encoding.get("source"),
            variable="clay",
            found=", ".join(map(str, domain.data_vars)),
            remedy="add a map of clay to the static maps of the domain",
        )
    nothing = xr.full_like(domain["clay"], np.nan)
    lasting = {"clay": domain["clay"], "altitude": domain.get("altitude", nothing)}
    return landcover_parameters(domain).assign(lasting).load()


def ground_of(
    static: xr.Dataset, surface: xr.Dataset, day: NDArray[np.intp], cell: NDArray[np.intp]
) -> Ground:
    """The scenes at some places of a dataset.

    Args:
        static: from `static_ground` (cell).
        surface: `t_surface`, `t_deep` and, where known, `t_air` (time, cell), K.
        day, cell: places along `time` and `cell`, shape (scene,).

    Raises:
        GlabError: when a soil temperature is missing.
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

    def lasting(name: str) -> Float64s:
        return static[name].values[cell].astype(np.float64)

    return Ground(
        t_surface_k=daily("t_surface"),
        t_deep_k=daily("t_deep"),
        t_air_k=daily("t_air"),
        clay=lasting("clay"),
        omega=lasting("omega"),
        h_r=lasting("h_r"),
        altitude_km=lasting("altitude") / 1000.0,
    )


CELLS_AT_ONCE = 8192


def cell_blocks(cells: int) -> list[slice]:
    """Consecutive slices of cells, as the chunks of work files are."""
    return [slice(n, min(n + CELLS_AT_ONCE, cells)) for n in range(0, cells, CELLS_AT_ONCE)]


def with_overpass(source: xr.Dataset, overpass: str = "ascending") -> xr.Dataset:
    """A record that has no overpasses, as the composed TB, as one seen at a single overpass.

    Its total standard deviation is the error of its TB; it has no misfit over angles.
    """
    if "overpass" in source.dims:
        return source
    named = source[["tb", "tb_std_total"]].rename(tb_std_total="tb_error")
    unknown = xr.full_like(source["tb"].isel(channel=0, drop=True), np.nan)
    return named.assign(tb_rmse=unknown).expand_dims(overpass=[overpass])


def check_overpasses(source: xr.Dataset, surfaces: Mapping[str, xr.Dataset]) -> list[str]:
    """The overpasses that both a source-year and the surface have, after a check of days and cells.

    Args:
        source: (time, cell, overpass, …).
        surfaces: by overpass, (time, cell).

    Raises:
        GlabError: when there is none, or days or cells differ.
    """
    names = [str(name) for name in source["overpass"].values if str(name) in surfaces]
    if not names:
        raise GlabError(
            "no surface file for the overpasses of a source",
            path=source.encoding.get("source"),
            variable="overpass",
            found=", ".join(surfaces) or "none",
            expected=", ".join(source["overpass"].values.astype(str)),
            remedy="set tb40.surface to the sources of temperature at each overpass",
        )
    for name in names:
        check_cells(source, surfaces[name])
        if not np.array_equal(source["time"].values, surfaces[name]["time"].values):
            raise GlabError(
                "the surface file has other days than the source",
                path=surfaces[name].encoding.get("source"),
                variable="time",
                found=f"{surfaces[name]['time'].values[[0, -1]]}",
                expected=f"{source['time'].values[[0, -1]]}",
            )
    return names


def surfaces_of(
    paths: Sequence[Path], names: Mapping[Overpass, str | None]
) -> dict[str, xr.Dataset]:
    """Surface files by overpass: a file lies in the folder of its source.

    Args:
        paths: year files, `…/<source>/<year>.nc`.
        names: overpass → its source.
    """
    by_source = {Path(path).parent.name: Path(path) for path in paths}
    return {
        overpass: io.read(by_source[source])
        for overpass, source in names.items()
        if source is not None and source in by_source
    }
