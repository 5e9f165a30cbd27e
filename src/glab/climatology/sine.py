"""Fit the published seasonal cycle: one bounded sine with a fitted period.

y = A sin(2π t/P + φ) + b by least squares with A, b and P within bounds. For a fixed P the model
is linear in u = A cos φ, v = A sin φ and b, so that only P needs a search. All sums over time in
the normal equations are smooth functions of P. They are computed once at Chebyshev nodes, by
matrix products over all series, and interpolated to rounding error, so that the search does not
read the values again. The bounds of A restrict (u, v) to an annulus.

Reference: Skulovich et al. (2024), Sci. Data 11 (PMC11358485).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.arrays import Float64s
from glab.calendar import DAYS_PER_YEAR, Days, day_of_year

START_ANGLES = 32
"""Angles of the ring from which Newton's method starts.

The function on the circle has two minima at most, both wider than the 11° between angles, so that
the best angle lies beside the deeper one.
"""

NEWTON_STEPS = 8
"""Newton's method doubles the correct digits with each step: 8 steps reach rounding error."""


def least_in_annulus(
    q11: Float64s,
    q12: Float64s,
    q22: Float64s,
    p1: Float64s,
    p2: Float64s,
    radii: tuple[float, float],
) -> tuple[Float64s, Float64s]:
    """Minimise q11 u² + 2 q12 u v + q22 v² − 2 (p1 u + p2 v) in an annulus.

    The form is convex: if its minimum lies inside the inner circle, or outside the outer one, the
    bounded minimum lies on that circle. A singular form is solved with a small ridge.

    Args:
        q11, q12, q22, p1, p2: coefficients of the form, shape (n,).
        radii: bounds of |(u, v)|.

    Returns:
        u and v, each of shape (n,).
    """
    trace = q11 + q22
    # Relative to the form, so that it changes the result in the last digits only.
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
    q11: Float64s, q12: Float64s, q22: Float64s, p1: Float64s, p2: Float64s, radius: Float64s
) -> tuple[Float64s, Float64s]:
    """Minimise the form for |(u, v)| = radius: best of a ring of angles, then Newton's method.

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
        # Where the curve is concave, Newton's step would lead to a maximum: go downhill instead.
        step = np.where(bend > 0, slope / np.where(bend > 0, bend, 1.0), np.sign(slope) * limit / 4)
        angle = angle - np.clip(step, -limit, limit)
    return radius * np.cos(angle), radius * np.sin(angle)


Range = tuple[float, float]

COEFFICIENTS = ("offset", "amplitude", "phase", "period")
"""Names of b, A, φ and P, in the order of the array."""

ORIGIN = np.datetime64("2000-01-01", "D")
"""Day of t = 0, to which φ refers."""

GRID_POINTS = 17
"""Least number of periods at which the cost is compared before the refinement."""

GOLDEN_STEPS = 26
"""Golden sections: 26 of them narrow an interval to 4 millionths, or 1e-6 day."""

GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
"""Ratio of the golden section."""


@dataclass(frozen=True)
class Bounds:
    """Bounds of the parameters: A and b in units of the variable, P in days."""

    amplitude: Range
    offset: Range
    period_days: Range


@dataclass(frozen=True)
class PeriodMoments:
    """Sums over the valid days of a series, at one period each; every field has shape (series,).

    With s = sin(2πt/P), c = cos(2πt/P): n, Σs, Σc, Σss, Σsc, Σcc, Σsy, Σcy, Σy, Σyy.
    """

    n: Float64s
    s: Float64s
    c: Float64s
    ss: Float64s
    sc: Float64s
    cc: Float64s
    sy: Float64s
    cy: Float64s
    y: Float64s
    yy: Float64s

    def cost(self, u: Float64s, v: Float64s, b: Float64s) -> Float64s:
        """Return the sum of squared residuals of u s + v c + b."""
        linear = u * self.sy + v * self.cy + b * self.y
        mixed = u * v * self.sc + b * (u * self.s + v * self.c)
        return self.yy - 2 * linear + u**2 * self.ss + v**2 * self.cc + b**2 * self.n + 2 * mixed


@dataclass(frozen=True)
class Profile:
    """Moments of many series as polynomials in the period, between its bounds."""

    range_days: Range
    at_nodes: Float64s  # (moment s, c, ss, sc, sy, cy; node; series)
    n: Float64s
    y: Float64s
    yy: Float64s

    def at(self, period: Float64s) -> PeriodMoments:
        """Return the moments of every series at its own period, shape (series,) in days."""
        weights = _lagrange(self.at_nodes.shape[1], self.range_days, period)
        s, c, ss, sc, sy, cy = np.einsum("mjs,js->ms", self.at_nodes, weights)
        return PeriodMoments(self.n, s, c, ss, sc, self.n - ss, sy, cy, self.y, self.yy)


def fit(values: Float64s, days: Days, bounds: Bounds) -> Float64s:
    """Fit the bounded sine of all series by least squares.

    Args:
        values: shape (time, series); NaN where missing, some values in every series.
        days: shape (time,).
        bounds: of A, b and P.

    Returns:
        shape (series, 4): b, A, φ (0…2π, with t in days since 2000-01-01) and P in days.
    """
    # Time from the middle and anomalies from the mean: both keep the moments small, so that their
    # differences lose few digits.
    elapsed = (np.asarray(days, "datetime64[D]") - ORIGIN).astype(float)
    middle = (elapsed[0] + elapsed[-1]) / 2
    mean = np.nansum(values, axis=0) / np.isfinite(values).sum(axis=0)
    profile = _profile(values - mean, elapsed - middle, bounds.period_days)
    period = _best_period(profile, bounds, mean)
    u, v, b = _solve(profile.at(period), bounds, mean)
    phase = np.mod(np.arctan2(v, u) - 2 * np.pi * middle / period, 2 * np.pi)
    return np.stack([b + mean, np.hypot(u, v), phase, period], axis=1)


def evaluate(coefficients: Float64s, days: Days, years: tuple[int, int]) -> Float64s:
    """Return the median of the cycle over the baseline's years, for the day of year of each date.

    Day of year 366 is the 366th day from 1 January in every baseline year, so that 31 December of
    leap years has a value too.

    Args:
        coefficients: shape (series, 4), from `fit`; NaN gives NaN.
        days: shape (time,).
        years: first and last year of the baseline.

    Returns:
        shape (time, series).
    """
    wanted, back = np.unique(day_of_year(days), return_inverse=True)
    offset, amplitude, phase, period = coefficients.T
    first_days = np.arange(f"{years[0]:04d}", f"{years[1] + 1:04d}", dtype="datetime64[Y]")
    elapsed = (first_days.astype("datetime64[D]") - ORIGIN).astype(float)[:, None] + wanted - 1.0
    cycles = np.sin(2 * np.pi * elapsed[:, :, None] / period + phase)
    return (amplitude * np.median(cycles, axis=0) + offset)[back]


def constant(level: Float64s) -> Float64s:
    """Return coefficients of a cycle with the same level on all days, shape (series, 4)."""
    zero = np.zeros_like(level)
    return np.stack([level, zero, zero, zero + DAYS_PER_YEAR], axis=1)


def _profile(values: Float64s, elapsed: Float64s, period_days: Range) -> Profile:
    """Return moments at Chebyshev nodes of P; `elapsed` days from the baseline's middle."""
    present = np.isfinite(values)
    filled = np.where(present, values, 0.0)
    periods = _nodes(_node_count(elapsed, period_days), period_days)
    angle = 2 * np.pi * elapsed / periods[:, None]
    s, c = np.sin(angle), np.cos(angle)
    weights = present.astype(float)
    at_nodes = [wave @ weights for wave in (s, c, s * s, s * c)] + [s @ filled, c @ filled]
    return Profile(
        period_days, np.stack(at_nodes), weights.sum(0), filled.sum(0), (filled**2).sum(0)
    )


def _node_count(elapsed: Float64s, period_days: Range) -> int:
    """Return how many nodes give the moments to rounding error.

    The error of interpolation decreases as (phase / 4)^n / n! with the number of nodes n.
    """
    low, high = period_days
    phase = 4 * np.pi * np.abs(elapsed).max() * (1 / low - 1 / high) / 2
    return 9 + int(np.ceil(2 * phase))


def _nodes(count: int, period_days: Range) -> Float64s:
    """Return Chebyshev nodes of the first kind between the bounds of the period."""
    low, high = period_days
    x = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    return (low + high) / 2 + (high - low) / 2 * x


def _lagrange(count: int, period_days: Range, period: Float64s) -> Float64s:
    """Return the weight of each node in the interpolation at each period, (node, series)."""
    low, high = period_days
    x = np.clip((2 * period - low - high) / max(high - low, 1e-12), -1.0, 1.0)
    orders = np.arange(count)[:, None]
    node_angles = np.pi * (np.arange(count) + 0.5) / count
    terms = np.cos(orders * np.arccos(x))
    scale = np.where(orders == 0, 1.0, 2.0) / count
    return (scale * np.cos(orders * node_angles)).T @ terms


def _best_period(profile: Profile, bounds: Bounds, mean: Float64s) -> Float64s:
    """Return the period of least cost: the best of a grid, refined by golden sections."""
    low, high = bounds.period_days
    # Longer baselines have more nodes and a narrower minimum: four periods for each node.
    count = max(GRID_POINTS, 4 * profile.at_nodes.shape[1])

    def cost(period: Float64s) -> Float64s:
        moments = profile.at(period)
        return moments.cost(*_solve(moments, bounds, mean))

    grid = np.linspace(low, high, count)
    best = np.argmin([cost(np.full(mean.shape, period)) for period in grid], axis=0)
    left, right = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, count - 1)]
    for _ in range(GOLDEN_STEPS):
        inner, outer = right - GOLDEN * (right - left), left + GOLDEN * (right - left)
        lower = cost(inner) <= cost(outer)
        left, right = np.where(lower, left, inner), np.where(lower, outer, right)
    candidates = np.stack([grid[best], (left + right) / 2, left, right])
    costs = np.stack([cost(period) for period in candidates])
    return np.take_along_axis(candidates, np.argmin(costs, axis=0)[None], axis=0)[0]


def _solve(m: PeriodMoments, bounds: Bounds, mean: Float64s) -> tuple[Float64s, Float64s, Float64s]:
    """Return the bounded u, v, b of least cost at given periods, relative to `mean`.

    With b free, u and v solve the system from which b is eliminated. If that b is outside its
    bounds, it takes the better of the two bounds.
    """
    radii = bounds.amplitude
    free = (m.ss - m.s**2 / m.n, m.sc - m.s * m.c / m.n, m.cc - m.c**2 / m.n)
    u, v = least_in_annulus(*free, m.sy - m.s * m.y / m.n, m.cy - m.c * m.y / m.n, radii)
    b = (m.y - u * m.s - v * m.c) / m.n
    outside = (b + mean < bounds.offset[0]) | (b + mean > bounds.offset[1])
    if not outside.any():
        return u, v, b
    held = [_solve_held(m, level - mean, radii) for level in bounds.offset]
    costs = [m.cost(*solution) for solution in held]
    better = [np.where(costs[0] <= costs[1], *pair) for pair in zip(*held)]
    u, v, b = (np.where(outside, *pair) for pair in zip(better, (u, v, b)))
    return u, v, b


def _solve_held(m: PeriodMoments, b: Float64s, radii: Range) -> tuple[Float64s, Float64s, Float64s]:
    """Return u and v of least cost for a given b."""
    u, v = least_in_annulus(m.ss, m.sc, m.cc, m.sy - b * m.s, m.cy - b * m.c, radii)
    return u, v, b
