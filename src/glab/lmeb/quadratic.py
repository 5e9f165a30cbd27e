"""The quadratic model of the cost and its exact minimum within bounds, compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from glab.lmeb.cost import Problem, State, evaluate
from glab.lmeb.dielectric import compiled_too

LEAST_CURVATURE = 0.005  # eigenvalues of the scaled Hessian are held above
DIFFERENCE = 1e-6  # m3 m-3 and 1, distance of the gradients that measure the Hessian


class Symmetric(NamedTuple):
    """A symmetric 2 × 2 matrix over (SM, VOD)."""

    ss: float
    sv: float
    vv: float


class Step(NamedTuple):
    """Where a step leads, and the fall of the cost that the quadratic model predicts."""

    sm: float
    vod: float
    predicted: float


@compiled_too
def clip(value: float, low: float, high: float) -> float:
    """`value` held within bounds."""
    return min(max(value, low), high)


@compiled_too
def predicted_fall(state: State, m: Symmetric, d_sm: float, d_vod: float) -> float:
    """Fall of the quadratic model along a step."""
    curved = m.ss * d_sm * d_sm + 2.0 * m.sv * d_sm * d_vod + m.vv * d_vod * d_vod
    return 2.0 * (state.g_sm * d_sm + state.g_vod * d_vod) - curved


@compiled_too
def bounded_step(problem: Problem, state: State, m: Symmetric, low: float, high: float) -> Step:
    """The exact minimum of the quadratic model for SM in low…high and VOD in its bounds."""
    vod_min, vod_max = problem.prior.vod_min, problem.prior.vod_max
    inverse = 1.0 / (m.ss * m.vv - m.sv * m.sv)
    d_sm = (m.vv * state.g_sm - m.sv * state.g_vod) * inverse
    d_vod = (m.ss * state.g_vod - m.sv * state.g_sm) * inverse
    sm, vod = state.sm + d_sm, state.vod + d_vod
    if low <= sm <= high and vod_min <= vod <= vod_max:
        return Step(sm, vod, predicted_fall(state, m, d_sm, d_vod))
    # The bounded minimum lies on an edge that the free minimum violates.
    edge_sm, edge_vod = clip(sm, low, high), clip(vod, vod_min, vod_max)
    d_sm, d_vod = edge_sm - state.sm, edge_vod - state.vod
    along_vod = clip(state.vod + (state.g_vod - m.sv * d_sm) / m.vv, vod_min, vod_max)
    along_sm = clip(state.sm + (state.g_sm - m.sv * d_vod) / m.ss, low, high)
    fall_vod = predicted_fall(state, m, d_sm, along_vod - state.vod)
    fall_sm = predicted_fall(state, m, along_sm - state.sm, d_vod)
    if fall_vod >= fall_sm:
        return Step(edge_sm, along_vod, fall_vod)
    return Step(along_sm, edge_vod, fall_sm)


@compiled_too
def missing_curvature(problem: Problem, state: State, free: bool) -> Symmetric:
    """Half the Hessian less its Gauss–Newton part, from gradients on the same side of `m_t`."""
    below = not free or state.sm > problem.soil.m_t + DIFFERENCE
    d_sm = -DIFFERENCE if below else DIFFERENCE
    by_sm = evaluate(problem, state.sm + d_sm, state.vod, free)
    by_vod = evaluate(problem, state.sm, state.vod + DIFFERENCE, free)
    sv = 0.5 * ((state.g_vod - by_sm.g_vod) / d_sm + (state.g_sm - by_vod.g_sm) / DIFFERENCE)
    return Symmetric(
        (state.g_sm - by_sm.g_sm) / d_sm - state.h_ss,
        sv - state.h_sv,
        (state.g_vod - by_vod.g_vod) / DIFFERENCE - state.h_vv,
    )


@compiled_too
def is_pinned(value: float, g: float, low: float, high: float) -> bool:
    """Whether a variable rests on a bound that its gradient pushes it against."""
    return (value <= low and g < 0.0) or (value >= high and g > 0.0)


@compiled_too
def quadratic_model(state: State, bend: Symmetric, damping: float, pinned: bool) -> Symmetric:
    """Gauss–Newton + `bend`, damped; with |eigenvalues|, so that it points downhill.

    `pinned`: one variable rests on a bound, so that the curvature across does not count.
    """
    if bend.ss == 0.0:
        return Symmetric(state.h_ss * (1.0 + damping), state.h_sv, state.h_vv * (1.0 + damping))
    scale = np.sqrt(state.h_ss * state.h_vv)
    a = 1.0 + bend.ss / state.h_ss
    b = 0.0 if pinned else (state.h_sv + bend.sv) / scale
    c = 1.0 + bend.vv / state.h_vv
    middle, radius = 0.5 * (a + c), np.sqrt(0.25 * (a - c) * (a - c) + b * b)
    low, high = middle - radius, middle + radius
    if low < LEAST_CURVATURE:
        new_low, new_high = max(abs(low), LEAST_CURVATURE), max(abs(high), LEAST_CURVATURE)
        slope = (new_high - new_low) / max(high - low, 1e-12)
        shift = new_low - slope * low
        a, b, c = slope * a + shift, slope * b, slope * c + shift
    return Symmetric((a + damping) * state.h_ss, b * scale, (c + damping) * state.h_vv)
