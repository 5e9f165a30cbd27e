"""Compute the L-band emission of a vegetated soil: the tau-omega and the two-stream model.

Notation: p polarisation H or V, θ incidence, γ transmissivity, r rough reflectivity. Equations:
docs/science.md, sections 3.3, 3.4 and 3.8. Functions marked `compiled_too` are plain numpy for
arrays and are also compiled, for scalars, into the inversion.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from glab.arrays import Float64s
from glab.errors import GlabError, unknown_name
from glab.lmeb.dielectric import (
    Value,
    compiled_too,
    permittivity_mironov2009,
    permittivity_mironov2013,
)
from glab.lmeb.surface import cos_sin2, fresnel_reflectivity, rough_reflectivity

DIELECTRICS = ("mironov2009", "mironov2013")
MODELS = ("tau-omega", "two-stream")


@compiled_too
def vegetation_path(cos: Value, sin2: Value, tt: Value) -> Value:
    """Return τ_p/cosθ per unit of nadir optical depth, (cos²θ + tt_p sin²θ)/cosθ."""
    return (cos * cos + tt * sin2) / cos


@compiled_too
def tau_omega(
    r: Value, gamma: Value, t_ground: Value, t_canopy: Value, omega: Value, t_sky: Value
) -> Value:
    """Return the TB of the zeroth-order tau-omega model, K (Wigneron et al. 2007)."""
    # Emission of the canopy upward, and downward with reflection; then soil; then reflected sky.
    canopy = (1.0 - omega) * t_canopy * (1.0 - gamma) * (1.0 + gamma * r)
    return canopy + (1.0 - r) * gamma * t_ground + t_sky * r * gamma * gamma


@compiled_too
def tau_omega_slopes(
    r: Value, gamma: Value, t_ground: Value, t_canopy: Value, omega: Value, t_sky: Value
) -> tuple[Value, Value]:
    """Return the derivatives of `tau_omega` with respect to r and to γ, K."""
    source = (1.0 - omega) * t_canopy
    by_r = gamma * (source * (1.0 - gamma) - t_ground + t_sky * gamma)
    by_gamma = source * (r - 1.0 - 2.0 * gamma * r) + (1.0 - r) * t_ground
    return by_r, by_gamma + 2.0 * t_sky * r * gamma


@compiled_too
def canopy_layer(e: Value, r_inf: Value) -> tuple[Value, Value]:
    """Return reflectivity and transmissivity of a two-stream layer with e = exp(−λT)."""
    depth = 1.0 - r_inf * r_inf * e * e
    return r_inf * (1.0 - e * e) / depth, (1.0 - r_inf * r_inf) * e / depth


@compiled_too
def two_stream(r: Value, e: Value, t_ground: Value, t_canopy: Value, r_inf: Value) -> Value:
    """Return the TB of the two-stream model, K; e = exp(−λT), no sky term (Schwank et al. 2018)."""
    r_l, t_l = canopy_layer(e, r_inf)
    emitted = (
        1.0 - r_l - t_l
    ) * t_canopy  # Kirchhoff: emissivity = 1 − reflectivity − transmissivity
    upward = (1.0 - r) * t_ground + r * emitted
    # 1/(1 − r r_l) sums the multiple reflections between soil and canopy.
    return emitted + t_l / (1.0 - r * r_l) * upward


@compiled_too
def two_stream_slopes(
    r: Value, e: Value, t_ground: Value, t_canopy: Value, r_inf: Value
) -> tuple[Value, Value]:
    """Return the derivatives of `two_stream` with respect to r and to e, K."""
    r_l, t_l = canopy_layer(e, r_inf)
    rr = r_inf * r_inf
    depth = 1.0 - rr * e * e
    r_l_by_e = -2.0 * r_inf * e * (1.0 - rr) / (depth * depth)
    t_l_by_e = (1.0 - rr) * (1.0 + rr * e * e) / (depth * depth)
    emitted = (1.0 - r_l - t_l) * t_canopy
    emitted_by_e = -(r_l_by_e + t_l_by_e) * t_canopy
    upward = (1.0 - r) * t_ground + r * emitted
    bounce = 1.0 / (1.0 - r * r_l)  # multiple reflections
    by_r = t_l * bounce * (r_l * bounce * upward + emitted - t_ground)
    gain_by_e = t_l_by_e * bounce + t_l * r * r_l_by_e * bounce * bounce
    return by_r, emitted_by_e + gain_by_e * upward + t_l * bounce * r * emitted_by_e


@compiled_too
def infinite_canopy_reflectivity(omega: Value) -> Value:
    """Return r∞ = (1 − ω/2 − λ)/(ω/2), with λ = √(1−ω)."""
    # The equal form (1 − λ)/(1 + λ) has no division 0/0 at ω = 0.
    scatter_root = np.sqrt(1.0 - omega)
    return (1.0 - scatter_root) / (1.0 + scatter_root)


class EmissionParameters(TypedDict):
    """Parameters of L-MEB for scenes, the same for `brightness_temperature` and `invert`.

    Numbers or arrays that broadcast with the scenes; NaN gives NaN.

    Attributes:
        clay: clay fraction of the soil, 0…1.
        t_ground_k: effective temperature of the soil, K; `mironov2013` uses it too.
        t_canopy_k: effective temperature of the canopy, K.
        omega: effective scattering albedo ω, 0 ≤ ω < 1.
        h_r: roughness H_R ≥ 0, 1.
        q_r: polarisation mixing Q, 0…1; default 0.
        n_rh, n_rv: angular exponents of roughness for H and V; default −1.
        tt_h, tt_v: angular shape of the optical depth, τ_p = τ (cos²θ + tt_p sin²θ), for H and V;
            default 1, an isotropic canopy.
        dielectric: "mironov2013" (default) or "mironov2009" (at 1.4 GHz).
        model: "tau-omega" (default) or "two-stream" (without sky term).
    """

    clay: ArrayLike
    t_ground_k: ArrayLike
    t_canopy_k: ArrayLike
    omega: ArrayLike
    h_r: ArrayLike
    q_r: NotRequired[ArrayLike]
    n_rh: NotRequired[ArrayLike]
    n_rv: NotRequired[ArrayLike]
    tt_h: NotRequired[ArrayLike]
    tt_v: NotRequired[ArrayLike]
    dielectric: NotRequired[str]
    model: NotRequired[str]


DEFAULTS: dict[str, Any] = {
    "q_r": 0.0,
    "n_rh": -1.0,  # as in SMOS-IC
    "n_rv": -1.0,
    "tt_h": 1.0,
    "tt_v": 1.0,
    "dielectric": "mironov2013",
    "model": "tau-omega",
}
"""Values of the parameters that may be left out (docs/science.md, sections 3.2, 3.3 and 3.7)."""

REQUIRED = [name for name in EmissionParameters.__annotations__ if name not in DEFAULTS]

CLAY_MAX = 1.01
"""Largest clay fraction that is accepted; packing and regridding may exceed 1 by a little."""

KELVIN_MIN = 150.0
"""A ground or canopy that is nowhere warmer than this is not given in kelvin, K."""


def complete_parameters(parameters: EmissionParameters) -> dict[str, Any]:
    """Return emission parameters with the defaults added, after a check of names and units.

    Raises:
        GlabError: for a parameter that is missing or unknown, an unknown model, clay in per cent,
            temperatures in °C.
    """
    for name in parameters:
        if name not in EmissionParameters.__annotations__:
            raise unknown_name("emission parameter", name, EmissionParameters.__annotations__)
    # The annotations cannot do this: at run time, keyword arguments are an ordinary dictionary.
    complete = {**DEFAULTS, **parameters}
    missing = [name for name in REQUIRED if name not in complete]
    if missing:
        raise GlabError("emission parameters are missing", expected=", ".join(missing))
    for kind, known in (("dielectric", DIELECTRICS), ("model", MODELS)):
        if complete[kind] not in known:
            raise unknown_name(f"{kind} model", complete[kind], known, variable=kind)
    if (clay := _largest(complete["clay"])) > CLAY_MAX:
        raise GlabError("clay is a fraction", variable="clay", found=clay, expected="0 … 1")
    for name in ("t_ground_k", "t_canopy_k"):
        if np.isfinite(warmest := _largest(complete[name])) and warmest < KELVIN_MIN:
            raise GlabError("temperatures are in kelvin", variable=name, found=warmest)
    return complete


def _largest(values: ArrayLike) -> float:
    """Return the largest value, without NaN; minus infinity where there is none."""
    return float(np.fmax.reduce(np.asarray(values), axis=None, initial=-np.inf))


def brightness_temperature(
    sm: ArrayLike,
    vod: ArrayLike,
    *,
    incidence_deg: ArrayLike,
    t_sky_k: ArrayLike = 0.0,
    **parameters: Unpack[EmissionParameters],
) -> tuple[Float64s, Float64s]:
    """Return the L-band TB of a vegetated soil at both polarisations.

    Args:
        sm: soil moisture, m3 m-3, any shape; all arguments broadcast.
        vod: vegetation optical depth at nadir, 1.
        incidence_deg: incidence angle, degrees, 0 ≤ θ < 90.
        t_sky_k: downwelling sky temperature, K; the two-stream model has no such term.
        **parameters: soil and vegetation, see `EmissionParameters`; `clay` (0…1), `t_ground_k` (K),
            `t_canopy_k` (K), `omega` (1) and `h_r` (1) are required.

    Returns:
        (tb_h, tb_v), K, shape of the broadcast arguments; NaN where any argument is NaN.

    Raises:
        GlabError: see `complete_parameters`.

    Valid at 1.4 GHz, for thawed ground without snow; clay and temperature as for the permittivity.

    Reference: tau-omega: Wigneron et al. 2007, doi:10.1016/j.rse.2006.10.014; two-stream with
    isotropic scattering: Schwank et al., Remote Sens. 10, 1868, 2018, doi:10.3390/rs10121868, and
    Li et al., Remote Sens. Environ. 236, 111502, 2020, doi:10.1016/j.rse.2019.111502. Equations:
    docs/science.md, sections 3.1 to 3.8.
    """
    p = complete_parameters(parameters)
    if p["dielectric"] == "mironov2009":
        permittivity = permittivity_mironov2009(sm, p["clay"])
    else:
        permittivity = permittivity_mironov2013(sm, p["clay"], p["t_ground_k"])
    smooth = fresnel_reflectivity(permittivity, incidence_deg)
    roughness = (p[name] for name in ("h_r", "q_r", "n_rh", "n_rv"))
    r_h, r_v = rough_reflectivity(*smooth, incidence_deg, *roughness)
    t_ground, t_canopy, omega, t_sky, depth = (
        np.asarray(x, dtype=np.float64)
        for x in (p["t_ground_k"], p["t_canopy_k"], p["omega"], t_sky_k, vod)
    )
    cos, sin2 = cos_sin2(incidence_deg)

    def emit(r: Float64s, tt: ArrayLike) -> Float64s:
        # H and V differ in reflectivity and in the shape of the canopy, `tt`.
        path = depth * vegetation_path(cos, sin2, np.asarray(tt, dtype=np.float64))
        if p["model"] == "tau-omega":
            return np.asarray(tau_omega(r, np.exp(-path), t_ground, t_canopy, omega, t_sky))
        e = np.exp(-np.sqrt(1.0 - omega) * path)
        return np.asarray(two_stream(r, e, t_ground, t_canopy, infinite_canopy_reflectivity(omega)))

    tb_h, tb_v = np.broadcast_arrays(emit(r_h, p["tt_h"]), emit(r_v, p["tt_v"]))
    return tb_h, tb_v
