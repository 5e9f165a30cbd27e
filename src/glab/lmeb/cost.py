"""Compute the cost of (SM, VOD) of one cell and its derivatives, compiled.

J = Σ (TB − model)²/σ² over angles and polarisations + (SM − prior)²/σ_SM² + (VOD − prior)²/σ_VOD²
(docs/science.md, section 4.1). Scalars go in named tuples, angles and cells in structured arrays:
both cost compiled code nothing and keep its arguments few.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glab.lmeb.dielectric import (
    FREQUENCY_HZ,
    SoilRefraction,
    Value,
    compiled_too,
    mironov2009_refraction,
    mironov2013_refraction,
    refraction,
    refraction_slope,
)
from glab.lmeb.emission import (
    infinite_canopy_reflectivity,
    tau_omega,
    tau_omega_slopes,
    two_stream,
    two_stream_slopes,
    vegetation_path,
)
from glab.lmeb.surface import mix_and_roughen, power_ratio, power_ratio_slope, refracted

Record = Value
"""One element of a structured array."""

OBSERVATION_FIELDS = ("tb_h", "tb_v", "incidence_deg", "tb_sigma_k", "t_sky_k")
"""Of one angle of a cell."""

MODEL_FIELDS = (
    *("clay", "t_ground_k", "t_canopy_k", "omega", "h_r", "q_r", "n_rh", "n_rv", "tt_h", "tt_v"),
    *("sm_prior", "sm_sigma", "vod_prior", "vod_sigma", "sm_min", "sm_max", "vod_min", "vod_max"),
)
"""Of one cell: emission parameters, priors and bounds."""

VIEW_FIELDS = (
    *("cos", "sin2", "grazing", "path_h", "path_v", "rough_h", "rough_v"),
    *("tb_h", "tb_v", "weight_h", "weight_v", "t_sky"),
)
"""Of one angle, computed once for a cell: geometry, roughness, TB and weights."""

OBSERVATION = np.dtype([(name, np.float64) for name in OBSERVATION_FIELDS])
MODEL = np.dtype([(name, np.float64) for name in MODEL_FIELDS])
VIEW = np.dtype([(name, np.float64) for name in VIEW_FIELDS])


class Scene(NamedTuple):
    """Emission parameters of one cell, K and 1.

    The transmissivity of a view is exp(−slowness · path · VOD); `slowness` is 1 in the tau-omega
    model and √(1 − ω) in the two-stream model.
    """

    t_ground: float
    t_canopy: float
    omega: float
    q_r: float
    two_stream: bool
    r_inf: float
    slowness: float


class Prior(NamedTuple):
    """Prior means, inverse variances and bounds of one cell."""

    sm: float
    vod: float
    sm_weight: float
    vod_weight: float
    sm_min: float
    sm_max: float
    vod_min: float
    vod_max: float


class Problem(NamedTuple):
    """One cell and everything that does not depend on (SM, VOD).

    Only the first `used` views have a TB.
    """

    soil: SoilRefraction
    scene: Scene
    prior: Prior
    views: NDArray[np.void]
    used: int


class State(NamedTuple):
    """Cost at one (sm, vod) and its derivatives.

    `g_…` is minus half the gradient, `h_…` half the Gauss–Newton Hessian, `squares` Σ (ΔTB)², K².
    """

    sm: float
    vod: float
    cost: float
    g_sm: float
    g_vod: float
    h_ss: float
    h_sv: float
    h_vv: float
    squares: float


@compiled_too
def angular_power(cos: float, exponent: float) -> float:
    """Return cos^exponent."""
    # The exponents in use need no pow(), which is slow.
    if exponent == 0.0:
        return 1.0
    if exponent == -1.0:
        return 1.0 / cos
    return cos**exponent


@compiled_too
def fill_view(view: Record, observed: Record, model: Record) -> None:
    """Fill the view of one angle; a missing TB has weight 0."""
    cos = np.cos(np.deg2rad(observed.incidence_deg))
    view.cos, view.sin2 = cos, 1.0 - cos * cos
    view.grazing = view.sin2 / cos
    view.path_h = vegetation_path(cos, view.sin2, model.tt_h)
    view.path_v = vegetation_path(cos, view.sin2, model.tt_v)
    view.rough_h = np.exp(-model.h_r * angular_power(cos, model.n_rh))
    view.rough_v = view.rough_h
    # One exponential instead of two where both exponents are equal, which is the default.
    if model.n_rh != model.n_rv:
        view.rough_v = np.exp(-model.h_r * angular_power(cos, model.n_rv))
    # Weight 0 and TB 0 for a missing value, because 0 · NaN would be NaN.
    weight = 1.0 / (observed.tb_sigma_k * observed.tb_sigma_k)
    has_h, has_v = np.isfinite(observed.tb_h), np.isfinite(observed.tb_v)
    view.tb_h, view.weight_h = (observed.tb_h, weight) if has_h else (0.0, 0.0)
    view.tb_v, view.weight_v = (observed.tb_v, weight) if has_v else (0.0, 0.0)
    view.t_sky = observed.t_sky_k


@compiled_too
def fill_views(views: NDArray[np.void], observed: NDArray[np.void], model: Record) -> int:
    """Fill `views` with the usable angles of a cell and return their number."""
    used = 0
    for j in range(observed.shape[0]):
        o = observed[j]
        # "> 0" is also false for NaN, and the sum is NaN if one of both is.
        has_tb = np.isfinite(o.tb_h) or np.isfinite(o.tb_v)
        if has_tb and o.tb_sigma_k > 0.0 and np.isfinite(o.incidence_deg + o.t_sky_k):
            fill_view(views[used], o, model)
            used += 1
    return used


@compiled_too
def pose_problem(
    model: Record, observed: NDArray[np.void], views: NDArray[np.void], flags: tuple[bool, bool]
) -> Problem:
    """Return the problem of one cell.

    Args:
        model: MODEL record of the cell.
        observed: OBSERVATION records of its angles.
        views: VIEW records, as many; they are overwritten.
        flags: whether the dielectric is Mironov 2013, and whether the model is two-stream.
    """
    mironov2013, two = flags
    if mironov2013:
        soil = mironov2013_refraction(model.clay, model.t_ground_k)
    else:
        soil = mironov2009_refraction(model.clay, FREQUENCY_HZ)
    m = model
    r_inf = infinite_canopy_reflectivity(m.omega) if two else 0.0
    slowness = np.sqrt(1.0 - m.omega) if two else 1.0
    scene = Scene(m.t_ground_k, m.t_canopy_k, m.omega, m.q_r, two, r_inf, slowness)
    sm_weight, vod_weight = 1.0 / (m.sm_sigma * m.sm_sigma), 1.0 / (m.vod_sigma * m.vod_sigma)
    bounds = (m.sm_min, m.sm_max, m.vod_min, m.vod_max)
    prior = Prior(m.sm_prior, m.vod_prior, sm_weight, vod_weight, *bounds)
    return Problem(soil, scene, prior, views, fill_views(views, observed, model))


@compiled_too
def reflectivity_slopes(
    n: float, k: float, dn: float, dk: float, view: Record
) -> tuple[float, float, float, float]:
    """Return Fresnel r_h, r_v and their derivatives where n + ik changes at the rate dn + i·dk."""
    u, w = refracted(n * n - k * k, 2.0 * n * k, view.sin2)
    # q² = ε − sin²θ, so q' = (n + ik)(n' + ik')/q, whose parts are du and dw.
    inverse = 1.0 / (u * u + w * w)
    real, imaginary = n * dn - k * dk, n * dk + k * dn
    du, dw = (real * u + imaginary * w) * inverse, (imaginary * u - real * w) * inverse
    r_h, ratio = power_ratio(u, w, view.cos), power_ratio(u, w, view.grazing)
    dr_h = power_ratio_slope(u, w, du, dw, view.cos)
    d_ratio = power_ratio_slope(u, w, du, dw, view.grazing)
    return r_h, r_h * ratio, dr_h, dr_h * ratio + r_h * d_ratio


@compiled_too
def emission_slopes(
    scene: Scene, r: float, gamma: float, rate: float, t_sky: float
) -> tuple[float, float, float]:
    """Return TB and its derivatives by r and by VOD; γ = exp(−rate·VOD)."""
    t_g, t_c = scene.t_ground, scene.t_canopy
    if scene.two_stream:
        tb = two_stream(r, gamma, t_g, t_c, scene.r_inf)
        by_r, by_gamma = two_stream_slopes(r, gamma, t_g, t_c, scene.r_inf)
    else:
        tb = tau_omega(r, gamma, t_g, t_c, scene.omega, t_sky)
        by_r, by_gamma = tau_omega_slopes(r, gamma, t_g, t_c, scene.omega, t_sky)
    return tb, by_r, -rate * gamma * by_gamma


@compiled_too
def view_slopes(
    scene: Scene, view: Record, n: float, k: float, dn: float, dk: float, vod: float
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return (TB, ∂TB/∂SM, ∂TB/∂VOD) of one angle, for H and for V."""
    r_h, r_v, dr_h, dr_v = reflectivity_slopes(n, k, dn, dk, view)
    rate_h, rate_v = scene.slowness * view.path_h, scene.slowness * view.path_v
    gamma_h = np.exp(-rate_h * vod)
    # An isotropic canopy, the default, needs one exponential only.
    gamma_v = gamma_h if rate_v == rate_h else np.exp(-rate_v * vod)
    q_r = scene.q_r
    rough_h = mix_and_roughen(r_h, r_v, q_r, view.rough_h)
    rough_v = mix_and_roughen(r_v, r_h, q_r, view.rough_v)
    tb_h, h_by_r, h_by_vod = emission_slopes(scene, rough_h, gamma_h, rate_h, view.t_sky)
    tb_v, v_by_r, v_by_vod = emission_slopes(scene, rough_v, gamma_v, rate_v, view.t_sky)
    # Mixing and roughness are linear, so they apply to the slopes as to the reflectivities.
    h_by_sm = h_by_r * mix_and_roughen(dr_h, dr_v, q_r, view.rough_h)
    v_by_sm = v_by_r * mix_and_roughen(dr_v, dr_h, q_r, view.rough_v)
    return (tb_h, h_by_sm, h_by_vod), (tb_v, v_by_sm, v_by_vod)


@compiled_too
def evaluate_cost(problem: Problem, sm: float, vod: float, free: bool) -> State:
    """Return cost and derivatives at (sm, vod).

    `free`: whether the slopes at `m_t`, where the cost has a kink, are those of free water.
    """
    n, k = refraction(sm, problem.soil)
    dn, dk = refraction_slope(sm, problem.soil, free)
    sm_off, vod_off = problem.prior.sm - sm, problem.prior.vod - vod
    # The prior is the first term of each sum, the views add the others.
    h_ss, h_sv, h_vv = problem.prior.sm_weight, 0.0, problem.prior.vod_weight
    g_sm, g_vod = h_ss * sm_off, h_vv * vod_off
    cost, squares = g_sm * sm_off + g_vod * vod_off, 0.0
    for j in range(problem.used):
        view = problem.views[j]
        (tb_h, h_s, h_v), (tb_v, v_s, v_v) = view_slopes(problem.scene, view, n, k, dn, dk, vod)
        weight_h, weight_v = view.weight_h, view.weight_v
        off_h = view.tb_h - tb_h if weight_h > 0.0 else 0.0
        off_v = view.tb_v - tb_v if weight_v > 0.0 else 0.0
        pull_h, pull_v = weight_h * off_h, weight_v * off_v
        squares += off_h * off_h + off_v * off_v
        cost += pull_h * off_h + pull_v * off_v
        g_sm += pull_h * h_s + pull_v * v_s
        g_vod += pull_h * h_v + pull_v * v_v
        h_ss += weight_h * h_s * h_s + weight_v * v_s * v_s
        h_sv += weight_h * h_s * h_v + weight_v * v_s * v_v
        h_vv += weight_h * h_v * h_v + weight_v * v_v * v_v
    return State(sm, vod, cost, g_sm, g_vod, h_ss, h_sv, h_vv, squares)


@compiled_too
def tb_count(problem: Problem) -> int:
    """Return the number of TB values used."""
    count = 0
    for j in range(problem.used):
        count += (problem.views[j].weight_h > 0.0) + (problem.views[j].weight_v > 0.0)
    return count
