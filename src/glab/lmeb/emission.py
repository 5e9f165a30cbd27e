"""L-band emission of a vegetated soil: the tau-omega and the two-stream model.

Notation: p polarisation H or V, θ incidence, γ transmissivity, r rough reflectivity. Functions
marked `compiled_too` are plain numpy for arrays and are also compiled, for scalars, into the
inversion.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from glab.arrays import Float64s
from glab.errors import unknown_name
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
    """τ_p/cosθ per unit of nadir optical depth: (cos²θ + tt_p sin²θ)/cosθ."""
    return (cos * cos + tt * sin2) / cos


@compiled_too
def tau_omega(
    r: Value, gamma: Value, t_ground: Value, t_canopy: Value, omega: Value, t_sky: Value
) -> Value:
    """TB of the zeroth-order tau-omega model, K."""
    canopy = (1.0 - omega) * t_canopy * (1.0 - gamma) * (1.0 + gamma * r)
    return canopy + (1.0 - r) * gamma * t_ground + t_sky * r * gamma * gamma


@compiled_too
def tau_omega_slopes(
    r: Value, gamma: Value, t_ground: Value, t_canopy: Value, omega: Value, t_sky: Value
) -> tuple[Value, Value]:
    """Derivatives of `tau_omega` with respect to r and to γ, K."""
    source = (1.0 - omega) * t_canopy
    by_r = gamma * (source * (1.0 - gamma) - t_ground + t_sky * gamma)
    by_gamma = source * (r - 1.0 - 2.0 * gamma * r) + (1.0 - r) * t_ground
    return by_r, by_gamma + 2.0 * t_sky * r * gamma


@compiled_too
def canopy_layer(e: Value, r_inf: Value) -> tuple[Value, Value]:
    """Reflectivity and transmissivity of a layer with e = exp(−λT) in the two-stream model."""
    depth = 1.0 - r_inf * r_inf * e * e
    return r_inf * (1.0 - e * e) / depth, (1.0 - r_inf * r_inf) * e / depth


@compiled_too
def two_stream(r: Value, e: Value, t_ground: Value, t_canopy: Value, r_inf: Value) -> Value:
    """TB of the two-stream model, K; e = exp(−λT), no sky term."""
    r_l, t_l = canopy_layer(e, r_inf)
    emitted = (1.0 - r_l - t_l) * t_canopy
    upward = (1.0 - r) * t_ground + r * emitted
    return emitted + t_l / (1.0 - r * r_l) * upward


@compiled_too
def two_stream_slopes(
    r: Value, e: Value, t_ground: Value, t_canopy: Value, r_inf: Value
) -> tuple[Value, Value]:
    """Derivatives of `two_stream` with respect to r and to e, K."""
    r_l, t_l = canopy_layer(e, r_inf)
    rr = r_inf * r_inf
    depth = 1.0 - rr * e * e
    r_l_by_e = -2.0 * r_inf * e * (1.0 - rr) / (depth * depth)
    t_l_by_e = (1.0 - rr) * (1.0 + rr * e * e) / (depth * depth)
    emitted = (1.0 - r_l - t_l) * t_canopy
    emitted_by_e = -(r_l_by_e + t_l_by_e) * t_canopy
    upward = (1.0 - r) * t_ground + r * emitted
    bounce = 1.0 / (1.0 - r * r_l)
    by_r = t_l * bounce * (r_l * bounce * upward + emitted - t_ground)
    gain_by_e = t_l_by_e * bounce + t_l * r * r_l_by_e * bounce * bounce
    return by_r, emitted_by_e + gain_by_e * upward + t_l * bounce * r * emitted_by_e


@compiled_too
def infinite_canopy_reflectivity(omega: Value) -> Value:
    """r∞ = (1 − ω/2 − λ)/(ω/2) = (1 − λ)/(1 + λ), λ = √(1−ω), which is 0 at ω = 0."""
    scatter_root = np.sqrt(1.0 - omega)
    return (1.0 - scatter_root) / (1.0 + scatter_root)


def check_names(dielectric: str, model: str) -> None:
    """Raise GlabError where the dielectric or the emission model is not one we know."""
    if dielectric not in DIELECTRICS:
        raise unknown_name("dielectric model", dielectric, DIELECTRICS, variable="dielectric")
    if model not in MODELS:
        raise unknown_name("emission model", model, MODELS, variable="model")


def brightness_temperature(
    sm: ArrayLike,
    vod: ArrayLike,
    *,
    incidence_deg: ArrayLike,
    clay: ArrayLike,
    t_ground_k: ArrayLike,
    t_canopy_k: ArrayLike,
    omega: ArrayLike,
    h_r: ArrayLike,
    q_r: ArrayLike = 0.0,
    n_rh: ArrayLike = -1.0,
    n_rv: ArrayLike = -1.0,
    tt_h: ArrayLike = 1.0,
    tt_v: ArrayLike = 1.0,
    t_sky_k: ArrayLike = 0.0,
    dielectric: str = "mironov2013",
    model: str = "tau-omega",
) -> tuple[Float64s, Float64s]:
    """TB of a vegetated soil at L-band, by polarisation.

    Args:
        sm: soil moisture, m3 m-3, any shape; all arguments broadcast.
        vod: vegetation optical depth at nadir, 1.
        incidence_deg: incidence angle, degrees, 0 ≤ θ < 90.
        clay: clay fraction, 0…1.
        t_ground_k: effective temperature of the soil, K; also the one of `mironov2013`.
        t_canopy_k: effective temperature of the canopy, K.
        omega: single-scattering albedo, 0 ≤ ω < 1.
        h_r: roughness H_R, as are q_r, n_rh and n_rv: see `rough_reflectivity`.
        q_r: polarisation mixing Q.
        n_rh: angular exponent N_H.
        n_rv: angular exponent N_V.
        tt_h: angular shape of the optical depth, τ_p = τ (cos²θ + tt_p sin²θ), for H.
        tt_v: the same for V.
        t_sky_k: downwelling sky temperature, K; the two-stream model has no such term.
        dielectric: "mironov2013" or "mironov2009" (at 1.4 GHz).
        model: "tau-omega" or "two-stream"; they agree at ω = 0 and no sky.

    Returns:
        (tb_h, tb_v), K, shape of the broadcast arguments; NaN where any is NaN.

    Reference: tau-omega: Wigneron et al. 2007, doi:10.1016/j.rse.2006.10.014; two-stream with
    isotropic scattering: Schwank et al., Remote Sens. 10, 1868, 2018, doi:10.3390/rs10121868, and
    Li et al., Remote Sens. Environ. 236, 111502, 2020, doi:10.1016/j.rse.2019.111502.
    """
    check_names(dielectric, model)
    if dielectric == "mironov2009":
        permittivity = permittivity_mironov2009(sm, clay)
    else:
        permittivity = permittivity_mironov2013(sm, clay, t_ground_k)
    smooth = fresnel_reflectivity(permittivity, incidence_deg)
    r_h, r_v = rough_reflectivity(*smooth, incidence_deg, h_r, q_r, n_rh, n_rv)
    t_ground, t_canopy, albedo, sky, depth = (
        np.asarray(x, dtype=np.float64) for x in (t_ground_k, t_canopy_k, omega, t_sky_k, vod)
    )
    cos, sin2 = cos_sin2(incidence_deg)

    def emit(r: Float64s, tt: ArrayLike) -> Float64s:
        path = depth * vegetation_path(cos, sin2, np.asarray(tt, dtype=np.float64))
        if model == "tau-omega":
            return np.asarray(tau_omega(r, np.exp(-path), t_ground, t_canopy, albedo, sky))
        e = np.exp(-np.sqrt(1.0 - albedo) * path)
        return np.asarray(
            two_stream(r, e, t_ground, t_canopy, infinite_canopy_reflectivity(albedo))
        )

    tb_h, tb_v = np.broadcast_arrays(emit(r_h, tt_h), emit(r_v, tt_v))
    return tb_h, tb_v
