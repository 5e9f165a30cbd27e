"""Least value of a convex quadratic form of two variables between two circles.

The bounded amplitude of a sine makes this the inner problem of its fit: A sin(x + φ) with
A_min ≤ A ≤ A_max asks for (A cos φ, A sin φ) in an annulus.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

START_ANGLES = 32
NEWTON_STEPS = 8


def least_in_annulus(
    q11: Floats, q12: Floats, q22: Floats, p1: Floats, p2: Floats, radii: tuple[float, float]
) -> tuple[Floats, Floats]:
    """u, v that minimise q11 u² + 2 q12 u v + q22 v² − 2 (p1 u + p2 v) for radii[0] ≤ |(u, v)|
    ≤ radii[1].

    The form is convex: where its own minimum lies within the hole, or beyond the outer circle, the
    bounded minimum lies on that circle. All arrays have shape (n,); a singular form is solved with
    a small ridge.
    """
    trace = q11 + q22
    ridge = 1e-12 * trace + np.finfo(float).tiny
    a, d = q11 + ridge, q22 + ridge
    determinant = a * d - q12**2
    safe = np.where(determinant > 0, determinant, np.inf)
    u, v = (d * p1 - q12 * p2) / safe, (a * p2 - q12 * p1) / safe
    radius = np.hypot(u, v)
    target = np.clip(radius, *radii)
    bound = target != radius
    if bound.any():
        rows = (q11, q12, q22, p1, p2, target)
        u[bound], v[bound] = _least_on_circle(*(row[bound] for row in rows))
    return u, v


def _least_on_circle(
    q11: Floats, q12: Floats, q22: Floats, p1: Floats, p2: Floats, radius: Floats
) -> tuple[Floats, Floats]:
    """u, v of least value with |(u, v)| = radius: best of a ring of angles, then Newton's method.

    On the circle the form is r² (h1 cos 2ψ + q12 sin 2ψ) − 2 r (p1 cos ψ + p2 sin ψ) + const with
    h1 = (q11 − q22) / 2, which has two minima at most.
    """
    half = (q11 - q22) / 2
    wave2, cross2 = radius**2 * half, radius**2 * q12
    wave1, cross1 = -2 * radius * p1, -2 * radius * p2
    ring = np.arange(START_ANGLES)[:, None] * (2 * np.pi / START_ANGLES)
    value = wave2 * np.cos(2 * ring) + cross2 * np.sin(2 * ring)
    value = value + wave1 * np.cos(ring) + cross1 * np.sin(ring)
    angle = ring[np.argmin(value, axis=0), 0]
    limit = 2 * np.pi / START_ANGLES
    for _ in range(NEWTON_STEPS):
        sin1, cos1, sin2, cos2 = np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)
        slope = 2 * (cross2 * cos2 - wave2 * sin2) + cross1 * cos1 - wave1 * sin1
        bend = -4 * (wave2 * cos2 + cross2 * sin2) - wave1 * cos1 - cross1 * sin1
        step = np.where(bend > 0, slope / np.where(bend > 0, bend, 1.0), np.sign(slope) * limit / 4)
        angle = angle - np.clip(step, -limit, limit)
    return radius * np.cos(angle), radius * np.sin(angle)
