"""Compute the permittivity of moist soil at L-band (Mironov 2009, Mironov 2013).

Both models describe the complex refractive index of the soil, n + ik, as piecewise linear in soil
moisture: one slope for bound water up to the clay-dependent transition `m_t`, another for free
water above (docs/science.md, section 3.7).

Functions marked `compiled_too` are plain numpy for arrays. They are also compiled, for scalars,
into the inversion, so the physics exists once. Do not regroup their arithmetic: products must stay
equal bit by bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numpy.typing import ArrayLike, NDArray

VACUUM_PERMITTIVITY = 8.854e-12  # F m-1, as rounded in the Mironov papers
FREQUENCY_HZ = 1.4e9  # of SMOS and SMAP (1.41 GHz), and the one of Mironov 2013
ZERO_CELSIUS_K = 273.15
HIGH_FREQUENCY_PERMITTIVITY = 4.9  # of soil water, far above its relaxation frequency
COLDEST_C, WARMEST_C = 0.0, 40.0  # limits of T in Mironov 2013: measured for 10…40 °C
K_DRY_MIN = 1e-3  # keeps the loss positive at clay above 95 %, where neither model has measurements

Value = Any
"""A float in compiled code, an array in the public functions."""

# numpy's division (no exception at 0) and fused multiply-add, the same in all compiled functions.
compiled_too = register_jitable(error_model="numpy", fastmath={"contract"})


class SoilRefraction(NamedTuple):
    """Refractive index of one soil as a function of soil moisture.

    Attributes:
        n_dry, k_dry: refractive index and extinction of dry soil.
        m_t: soil moisture at which bound water ends and free water begins, m3 m-3.
        n_bound, k_bound: slopes of n and k below `m_t`, per m3 m-3.
        n_free, k_free: slopes above it.
    """

    n_dry: Value
    k_dry: Value
    m_t: Value
    n_bound: Value
    k_bound: Value
    n_free: Value
    k_free: Value


@compiled_too
def debye_refraction(
    static: Value, relaxation_s: Value, conductivity: Value, frequency_hz: Value
) -> tuple[Value, Value]:
    """Return refractive index n and extinction k of one kind of soil water (Debye's equation).

    Args:
        static: permittivity at low frequency.
        relaxation_s: relaxation time, s.
        conductivity: ohmic conductivity, S m-1.
        frequency_hz: frequency, Hz.
    """
    angular = 2.0 * np.pi * frequency_hz
    wt = angular * relaxation_s
    strength = (static - HIGH_FREQUENCY_PERMITTIVITY) / (1.0 + wt * wt)
    real = HIGH_FREQUENCY_PERMITTIVITY + strength
    imaginary = strength * wt + conductivity / (angular * VACUUM_PERMITTIVITY)
    modulus = np.sqrt(real * real + imaginary * imaginary)
    return np.sqrt(0.5 * (modulus + real)), np.sqrt(0.5 * (modulus - real))


@compiled_too
def mironov2009_refraction(clay: Value, frequency_hz: Value) -> SoilRefraction:
    """Return the refraction of a soil after Mironov 2009; clay 0…1, frequency in Hz."""
    c = 100.0 * clay  # the paper gives clay in per cent
    # Static permittivity, relaxation time and conductivity of bound water, then of free water.
    n_b, k_b = debye_refraction(
        79.8 - 85.4e-2 * c + 32.7e-4 * c * c,
        1.062e-11 + 3.450e-14 * c,
        0.3112 + 0.467e-2 * c,
        frequency_hz,
    )
    n_u, k_u = debye_refraction(100.0, 8.5e-12, 0.3631 + 1.217e-2 * c, frequency_hz)
    n_d = 1.634 - 0.539e-2 * c + 0.2748e-4 * c * c
    k_d = np.maximum(0.03952 - 0.04038e-2 * c, K_DRY_MIN)
    return SoilRefraction(n_d, k_d, 0.02863 + 0.30673e-2 * c, n_b - 1.0, k_b, n_u - 1.0, k_u)


@compiled_too
def mironov2013_refraction(clay: Value, temperature_k: Value) -> SoilRefraction:
    """Return the refraction of a soil after Mironov 2013; clay 0…1, T limited to 0…40 °C."""
    c = 100.0 * clay  # the paper gives clay in per cent
    t = np.minimum(np.maximum(temperature_k - ZERO_CELSIUS_K, COLDEST_C), WARMEST_C)
    cc, tt = c * c, t * t
    n_b = 8.86 + 0.00321 * t + (-0.0644 + 7.96e-4 * t) * c + (2.97e-4 - 9.6e-6 * t) * cc
    k_b = (
        (0.738 - 0.00903 * t + 8.57e-5 * tt)
        + (-0.00215 + 1.47e-4 * t) * c
        + (7.36e-5 - 1.03e-6 * t + 1.05e-8 * tt) * cc
    )
    n_u = 10.3 - 0.0173 * t + (6.5e-4 + 8.82e-5 * t) * c + (-6.34e-6 - 6.32e-7 * t) * cc
    k_u = (
        (0.7 - 0.017 * t + 1.78e-4 * tt)
        + (0.0161 + 7.25e-4 * t) * c
        + (-1.46e-4 - 6.03e-6 * t - 7.87e-9 * tt) * cc
    )
    n_d = 1.634 - 0.00539 * c + 2.75e-5 * cc
    k_d = np.maximum(0.0395 - 4.038e-4 * c, K_DRY_MIN)
    return SoilRefraction(n_d, k_d, 0.0286 + 0.00307 * c, n_b - 1.0, k_b, n_u - 1.0, k_u)


@compiled_too
def refraction(sm: Value, soil: SoilRefraction) -> tuple[Value, Value]:
    """Return n and k of a soil at moisture `sm`, m3 m-3; continuous in value and slope at 0.

    The inversion searches below zero, so that noise around dry soil stays symmetric. There n falls
    towards 1 and k towards 0, with the slopes of bound water at 0: n − 1 = (n_d − 1)/(1 − a sm),
    a = (n_b − 1)/(n_d − 1). A straight line would pass n = 1, where the reflectivity increases
    again.
    """
    # Minima and maxima instead of branches, so that arrays and scalars take the same code.
    below = np.minimum(sm, 0.0)
    bound = np.minimum(np.maximum(sm, 0.0), soil.m_t)
    free = np.maximum(sm - soil.m_t, 0.0)
    contrast = soil.n_dry - 1.0
    n_base = contrast * contrast / (contrast - soil.n_bound * below)
    k_base = soil.k_dry * soil.k_dry / (soil.k_dry - soil.k_bound * below)
    n = 1.0 + n_base + soil.n_bound * bound + soil.n_free * free
    return n, k_base + soil.k_bound * bound + soil.k_free * free


@compiled_too
def refraction_slope(sm: float, soil: SoilRefraction, free: bool) -> tuple[Value, Value]:
    """Return the derivatives of n and k by a scalar `sm`; `free`: on the side of free water."""
    if free:
        return soil.n_free, soil.k_free
    if sm >= 0.0:
        return soil.n_bound, soil.k_bound
    n_ratio = (soil.n_dry - 1.0) / (soil.n_dry - 1.0 - soil.n_bound * sm)
    k_ratio = soil.k_dry / (soil.k_dry - soil.k_bound * sm)
    return soil.n_bound * n_ratio * n_ratio, soil.k_bound * k_ratio * k_ratio


def _permittivity(sm: ArrayLike, soil: SoilRefraction) -> NDArray[np.complex128]:
    n, k = refraction(np.asarray(sm, dtype=np.float64), soil)
    return np.asarray((n + 1j * k) ** 2)


def permittivity_mironov2009(
    sm: ArrayLike, clay: ArrayLike, frequency_hz: ArrayLike = FREQUENCY_HZ
) -> NDArray[np.complex128]:
    """Return the complex relative permittivity of moist soil after Mironov et al. 2009.

    The model does not depend on temperature.

    Args:
        sm: soil moisture, m3 m-3, any shape (below 0: the extension of `refraction`).
        clay: clay fraction 0…1, broadcast with `sm`.
        frequency_hz: frequency, Hz.

    Returns:
        ε' + iε'' with positive loss, shape of the broadcast arguments; NaN where any is NaN.

    Valid for 0.3–26.5 GHz, 20–22 °C, clay 0–62 % (range of the measurements).

    Reference: Mironov, Kosolapova, Fomin, IEEE TGRS 47(7), 2059–2070, 2009,
    doi:10.1109/TGRS.2008.2011631; docs/science.md, section 3.7.
    """
    clay, frequency_hz = np.asarray(clay, np.float64), np.asarray(frequency_hz, np.float64)
    return _permittivity(sm, mironov2009_refraction(clay, frequency_hz))


def permittivity_mironov2013(
    sm: ArrayLike, clay: ArrayLike, temperature_k: ArrayLike
) -> NDArray[np.complex128]:
    """Return the complex relative permittivity of moist soil at 1.4 GHz, Mironov et al. 2013.

    Args:
        sm: soil moisture, m3 m-3, any shape (below 0: the extension of `refraction`).
        clay: clay fraction 0…1, broadcast with `sm`.
        temperature_k: soil temperature, K, limited to 273.15–313.15 K.

    Returns:
        ε' + iε'' with positive loss, shape of the broadcast arguments; NaN where any is NaN.

    Valid for 10–40 °C and clay 0–76 % (range of the measurements).

    Reference: Mironov, Kerr, Wigneron, Kosolapova, Demontoux, IEEE GRSL 10(3), 419–423, 2013,
    doi:10.1109/LGRS.2012.2207878; docs/science.md, section 3.7.
    """
    clay, temperature_k = np.asarray(clay, np.float64), np.asarray(temperature_k, np.float64)
    return _permittivity(sm, mironov2013_refraction(clay, temperature_k))
