"""Compute the reflectivity of the soil surface: Fresnel and the H-Q-N roughness model.

Notation: θ incidence, q = u + iw = √(ε − sin²θ); docs/science.md, sections 3.1 and 3.2. Functions
marked `compiled_too` are plain numpy for arrays and are also compiled, for scalars, into the
inversion.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from glab.arrays import Float64s
from glab.lmeb.dielectric import Value, compiled_too


@compiled_too
def refracted(eps_real: Value, eps_imag: Value, sin2: Value) -> tuple[Value, Value]:
    """Return real and imaginary part of q = √(ε − sin²θ), for ε' ≥ 1 and ε'' ≥ 0."""
    # In real numbers, because slopes need u and w separately.
    x = eps_real - sin2
    u = np.sqrt(0.5 * (np.sqrt(x * x + eps_imag * eps_imag) + x))
    # The bound avoids a division by zero at ε = 1 and θ = 90°.
    return u, eps_imag / (2.0 * np.maximum(u, 1e-150))


@compiled_too
def power_ratio(u: Value, w: Value, g: Value) -> Value:
    """Return |(q − g)/(q + g)|² of q = u + iw and real g."""
    inverse = 1.0 / ((u + g) * (u + g) + w * w)
    return ((u - g) * (u - g) + w * w) * inverse


@compiled_too
def power_ratio_slope(u: Value, w: Value, du: Value, dw: Value, g: Value) -> Value:
    """Return the derivative of `power_ratio` where q changes at the rate du + i·dw."""
    inverse = 1.0 / ((u + g) * (u + g) + w * w)
    turn = du * (u * u - w * w - g * g) + 2.0 * u * w * dw
    return 4.0 * g * turn * inverse * inverse


@compiled_too
def mix_and_roughen(r_p: Value, r_q: Value, q_r: Value, roughness: Value) -> Value:
    """Return the rough reflectivity of polarisation p; r_q is that of the other polarisation.

    `roughness` is exp(−H_R cos^N θ). The result is linear in both reflectivities, so the function
    applies to their derivatives too.
    """
    return ((1.0 - q_r) * r_p + q_r * r_q) * roughness


def cos_sin2(incidence_deg: ArrayLike) -> tuple[Float64s, Float64s]:
    """Return cosθ and sin²θ of angles in degrees."""
    theta = np.deg2rad(np.asarray(incidence_deg, dtype=np.float64))
    return np.cos(theta), np.sin(theta) ** 2


def fresnel_reflectivity(
    permittivity: ArrayLike, incidence_deg: ArrayLike
) -> tuple[Float64s, Float64s]:
    """Return the power reflectivity of a smooth surface (Fresnel).

    Args:
        permittivity: complex relative permittivity ε' + iε'', ε' ≥ 1, ε'' ≥ 0, any shape.
        incidence_deg: incidence angle, degrees, 0 ≤ θ < 90.

    Returns:
        (r_h, r_v), 0…1, shape of the broadcast arguments; NaN where any is NaN.

    Reference: Wigneron et al., Remote Sens. Environ. 107, 639–655, 2007,
    doi:10.1016/j.rse.2006.10.014. With q = √(ε − sin²θ), r_h = |(cosθ − q)/(cosθ + q)|², and
    |(ε cosθ − q)/(ε cosθ + q)|² is written as r_v = r_h·|(q − g)/(q + g)|², g = sin²θ/cosθ.
    """
    permittivity = np.asarray(permittivity, dtype=np.complex128)
    cos, sin2 = cos_sin2(incidence_deg)
    u, w = refracted(permittivity.real, permittivity.imag, sin2)
    r_h = power_ratio(u, w, cos)
    # The factor has no ε, so both polarisations share u and w.
    return r_h, r_h * power_ratio(u, w, sin2 / cos)


def rough_reflectivity(
    r_h: ArrayLike,
    r_v: ArrayLike,
    incidence_deg: ArrayLike,
    h_r: ArrayLike,
    q_r: ArrayLike = 0.0,
    n_rh: ArrayLike = -1.0,
    n_rv: ArrayLike = -1.0,
) -> tuple[Float64s, Float64s]:
    """Return the reflectivity of a rough surface, [(1−Q) r*_p + Q r*_q]·exp(−H_R cos^{N_p} θ).

    Args:
        r_h: smooth reflectivity r*_H, 0…1.
        r_v: smooth reflectivity r*_V, 0…1.
        incidence_deg: incidence angle, degrees, 0 ≤ θ < 90.
        h_r: roughness H_R ≥ 0, 1.
        q_r: polarisation mixing Q, 0…1.
        n_rh: angular exponent N_H.
        n_rv: angular exponent N_V.

    Returns:
        (r_h, r_v), shape of the broadcast arguments; NaN where any is NaN.

    Reference: Wigneron et al. 2007, doi:10.1016/j.rse.2006.10.014; values of H_R by land cover and
    N = −1: Fernandez-Moran et al. 2017, doi:10.3390/rs9050457.
    """
    r_h, r_v, h_r, q_r = (np.asarray(x, dtype=np.float64) for x in (r_h, r_v, h_r, q_r))
    cos, _ = cos_sin2(incidence_deg)
    rough_h = np.exp(-h_r * cos ** np.asarray(n_rh, dtype=np.float64))
    rough_v = np.exp(-h_r * cos ** np.asarray(n_rv, dtype=np.float64))
    return mix_and_roughen(r_h, r_v, q_r, rough_h), mix_and_roughen(r_v, r_h, q_r, rough_v)
