"""Areas on the WGS 84 ellipsoid: authalic latitude, forward and inverse."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SEMI_MAJOR_M = 6378137.0
ECCENTRICITY = float(np.sqrt(2 / 298.257223563 - 298.257223563**-2))


def authalic_q(sin_lat: ArrayLike) -> Floats:
    """q of the authalic latitude: 2 × the area from the equator per radian, over a².

    Args:
        sin_lat: sine of the geodetic latitude, any shape.

    Reference: Snyder (1987), Map Projections, USGS PP 1395, eq. 3-12.
    """
    e, s = ECCENTRICITY, np.asarray(sin_lat, float)
    return (1 - e**2) * (s / (1 - (e * s) ** 2) + np.arctanh(e * s) / e)


POLAR_Q = float(authalic_q(1.0))


def sin_authalic(lat: ArrayLike) -> Floats:
    """Sine of the authalic latitude, proportional to the area between equator and `lat` (deg)."""
    return authalic_q(np.sin(np.radians(lat))) / POLAR_Q


def latitude_from_q(q: ArrayLike) -> Floats:
    """Geodetic latitude in degrees for authalic q (inverse of `authalic_q`, by Newton's method)."""
    q = np.asarray(q, float)
    s = np.clip(q / POLAR_Q, -1, 1)
    for _ in range(6):
        slope = 2 * (1 - ECCENTRICITY**2) / (1 - (ECCENTRICITY * s) ** 2) ** 2
        s = np.clip(s - (authalic_q(s) - q) / slope, -1, 1)
    return np.degrees(np.arcsin(s))
