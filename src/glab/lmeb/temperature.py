"""Compute the temperatures of the emission model: effective soil temperature, sky, atmosphere.

Equations: docs/science.md, sections 3.5 and 3.6.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from glab.arrays import Float64s
from glab.lmeb.surface import cos_sin2

COSMIC_BACKGROUND_K = 2.7
"""Brightness temperature of the cosmic background at L-band, without the galaxy, K."""

DRIEST_SM = 0.01
"""Soil moisture below which the effective temperature no longer changes, m3 m-3."""


def effective_temperature(
    t_surface_k: ArrayLike,
    t_deep_k: ArrayLike,
    sm: ArrayLike,
    w0: ArrayLike = 0.3,
    b0: ArrayLike = 0.3,
) -> Float64s:
    """Return the effective soil temperature, T_deep + C_T (T_surface − T_deep).

    C_T = min(1, (SM/w0)^b0): dry soil emits from deeper layers than moist soil.

    Args:
        t_surface_k: soil temperature near the surface, K.
        t_deep_k: soil temperature at about 50 cm, K.
        sm: soil moisture, m3 m-3; values below 0.01 count as 0.01.
        w0: soil moisture from which on only the surface counts, m3 m-3.
        b0: exponent, 1.

    Returns:
        Temperature, K, shape of the broadcast arguments; NaN where any is NaN.

    The slope with respect to `sm` is infinite at 0. In an inversion, compute the temperature once,
    at a fixed soil moisture.

    Reference: Wigneron et al. 2007, doi:10.1016/j.rse.2006.10.014.
    """
    t_deep = np.asarray(t_deep_k, dtype=np.float64)
    moisture = np.maximum(np.asarray(sm, dtype=np.float64), DRIEST_SM)
    c_t = np.minimum(1.0, (moisture / np.asarray(w0)) ** np.asarray(b0))
    return np.asarray(t_deep + c_t * (np.asarray(t_surface_k, dtype=np.float64) - t_deep))


def sky_temperature(
    incidence_deg: ArrayLike,
    altitude_km: ArrayLike,
    t_air_k: ArrayLike,
    q_air_g_kg: ArrayLike,
    rain_mm_h: ArrayLike = 0.0,
) -> Float64s:
    """Return the downwelling sky brightness temperature: atmosphere and cosmic background.

    Args:
        incidence_deg: incidence angle, degrees.
        altitude_km: altitude of the surface, km.
        t_air_k: 2 m air temperature, K.
        q_air_g_kg: 2 m specific humidity, g kg-1.
        rain_mm_h: rain rate, mm h-1.

    Returns:
        Temperature, K, shape of the broadcast arguments; NaN where any is NaN.

    Valid at 1.4 GHz.

    Reference: Pellarin et al., IEEE TGRS 41(9), 2135–2139, 2003, doi:10.1109/TGRS.2003.815417.
    """
    opacity, t_atmosphere = atmosphere(altitude_km, t_air_k, q_air_g_kg, rain_mm_h)
    loss = np.exp(-opacity / cos_sin2(incidence_deg)[0])
    return np.asarray(t_atmosphere * (1.0 - loss) + COSMIC_BACKGROUND_K * loss)


def atmosphere(
    altitude_km: ArrayLike, t_air_k: ArrayLike, q_air_g_kg: ArrayLike, rain_mm_h: ArrayLike
) -> tuple[Float64s, Float64s]:
    """Return zenith opacity (1) and equivalent temperature (K) of the atmosphere.

    Arguments and reference are those of `sky_temperature`. The same layer emits upward: the TB at
    the top of the atmosphere is TB_ground·exp(−τ/cosθ) + T_eq·(1 − exp(−τ/cosθ)).
    """
    z, t_air, q_air, rain = (
        np.asarray(x, dtype=np.float64) for x in (altitude_km, t_air_k, q_air_g_kg, rain_mm_h)
    )
    opacity = np.exp(-4.011 - 0.2193 * z - 0.00334 * t_air + 0.0145 * rain)
    return opacity, np.exp(5.051 + 0.001727 * t_air + 0.00192 * q_air - 0.0069 * z)
