"""Compiled bounded Levenberg–Marquardt search on (SM, VOD), with second starts.

Gauss–Newton steps with analytic derivatives, each the exact minimum of the quadratic model of the
cost within the bounds, damped where they fail. Where they crawl near a minimum (dense canopies,
weak data), the rest of the Hessian is measured from two more gradients. Free and bound water are
two smooth branches that meet in a kink at `m_t`: a step may cross it, but once a crossing step has
failed, steps end at the kink, and there both branches are tried.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glab.lmeb.cost import Problem, State, evaluate, pose, tb_count
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


MAX_STEPS = 80
TOLERANCE = 1e-9  # predicted fall of the cost, relative, at which a search has arrived
SLOW = 0.2  # ratio of successive predicted falls above which Gauss–Newton crawls
NEAR = 0.1  # predicted fall, relative to the cost, below which a minimum is near
SAME_SM, SAME_VOD = 0.01, 0.03  # within this of a known minimum, a descent would find it again
SOLUTION = np.dtype(
    [(name, np.float64) for name in ("sm", "vod", "sm_error", "vod_error", "tb_rmse_k", "cost")]
    + [("iterations", np.int32), ("converged", np.bool_)]
)


class Search(NamedTuple):
    """What a descent found, in how many steps, and whether it arrived."""

    state: State
    steps: int
    converged: bool


@compiled_too
def descend(
    problem: Problem, sm: float, vod: float, confined: bool, known_sm: float, known_vod: float
) -> Search:
    """Descend from (sm, vod) to a local minimum, or until close to a known one (NaN: none).

    `confined`: no step crosses the kink.
    """
    prior, m_t = problem.prior, problem.soil.m_t
    sm, vod = clip(sm, prior.sm_min, prior.sm_max), clip(vod, prior.vod_min, prior.vod_max)
    free = sm > m_t
    state = evaluate(problem, sm, vod, free)
    bend, last, damping = Symmetric(0.0, 0.0, 0.0), np.inf, 0.0
    turned = False
    for steps in range(MAX_STEPS):
        low = max(prior.sm_min, m_t) if confined and free else prior.sm_min
        high = min(prior.sm_max, m_t) if confined and not free else prior.sm_max
        pinned = is_pinned(state.sm, state.g_sm, low, high) or is_pinned(
            state.vod, state.g_vod, prior.vod_min, prior.vod_max
        )
        step = bounded_step(
            problem, state, quadratic_model(state, bend, damping, pinned), low, high
        )
        if SLOW * last < step.predicted < NEAR * state.cost:
            bend = missing_curvature(problem, state, free)
            step = bounded_step(
                problem, state, quadratic_model(state, bend, damping, pinned), low, high
            )
        last = step.predicted
        if not step.predicted > TOLERANCE * state.cost + 1e-20:
            if not confined or turned or state.sm != m_t:
                return Search(state, steps, True)
            free, turned = not free, True
            state = evaluate(problem, state.sm, state.vod, free)
            continue
        trial_free = step.sm > m_t or (step.sm == m_t and free)
        trial = evaluate(problem, step.sm, step.vod, trial_free)
        fall = state.cost - trial.cost
        if fall > 0.25 * step.predicted:
            damping = 0.0 if damping < 0.01 else 0.1 * damping
        elif trial_free != free:
            confined = True
        else:
            damping = max(4.0 * damping, 0.1)
        if abs(trial.sm - known_sm) < SAME_SM and abs(trial.vod - known_vod) < SAME_VOD:
            return Search(trial, steps, True)
        if fall > 0.0:
            state, free, turned = trial, trial_free, False
    return Search(state, MAX_STEPS, False)


@compiled_too
def better(problem: Problem, found: Search, sm: float, vod: float, confined: bool) -> Search:
    """The lower of `found` and what a descent from (sm, vod) finds; steps add up."""
    known_sm = np.nan if confined else found.state.sm
    other = descend(problem, sm, vod, confined, known_sm, found.state.vod)
    steps = found.steps + other.steps
    if other.state.cost < found.state.cost:
        return Search(other.state, steps, other.converged)
    return Search(found.state, steps, found.converged)


@compiled_too
def search(problem: Problem) -> Search:
    """Descend from the prior; then from elsewhere where a lower minimum has been seen to hide.

    Three such places: the other side of the kink; under a dense, wet canopy, drier soil below a
    denser canopy, or the reverse; and anywhere, where the data fit badly or an upper bound is met.
    The conditions were found by descents from 30 starts in 1.1 million simulated cells.
    """
    prior, m_t = problem.prior, problem.soil.m_t
    found = descend(problem, prior.sm, prior.vod, False, np.nan, np.nan)
    state = found.state
    sm_off, vod_off = state.sm - prior.sm, state.vod - prior.vod
    prior_cost = prior.sm_weight * sm_off * sm_off + prior.vod_weight * vod_off * vod_off
    misfit = state.cost - prior_cost > 18.0 * problem.used
    odd = misfit or state.vod >= prior.vod_max or state.sm >= prior.sm_max
    denser = vod_off + 0.3
    dense = state.vod > 0.65 and prior.vod_weight * denser * denser < state.cost
    wet = dense and sm_off > 0.0 and vod_off > 0.0 and prior_cost > 0.4
    dry, thin = max(prior.sm_min, 0.0), clip(0.3, prior.vod_min, prior.vod_max)
    if odd or wet:
        found = better(problem, found, dry, thin, False)
    if odd or (wet and state.vod > 1.5):
        found = better(problem, found, prior.sm_max, thin, False)
    if odd:
        found = better(problem, found, dry, prior.vod_max, False)
        found = better(problem, found, prior.sm_max, prior.vod_max, False)
    if abs(state.sm - m_t) < 0.002:
        other_side = m_t - np.copysign(0.002, state.sm - m_t)
        found = better(problem, found, other_side, state.vod, True)
    return found


@compiled_too
def solve(problem: Problem, out: Any) -> None:
    """Write the solution of one cell and its posterior standard deviations to `out`."""
    found = search(problem)
    state = found.state
    determinant = state.h_ss * state.h_vv - state.h_sv * state.h_sv
    out.sm, out.vod, out.cost = state.sm, state.vod, state.cost
    out.sm_error = np.sqrt(state.h_vv / determinant)
    out.vod_error = np.sqrt(state.h_ss / determinant)
    out.tb_rmse_k = np.sqrt(state.squares / tb_count(problem))
    out.iterations, out.converged = found.steps, found.converged


@compiled_too
def is_complete(model: Any) -> bool:
    """Whether every parameter of a cell is usable (a prior's σ may be infinite)."""
    m = model
    ground = m.clay + m.t_ground_k + m.t_canopy_k + m.omega + m.h_r + m.q_r + m.n_rh + m.n_rv
    prior = m.tt_h + m.tt_v + m.sm_prior + m.vod_prior + m.sm_min + m.sm_max + m.vod_min + m.vod_max
    return np.isfinite(ground + prior) and m.sm_sigma > 0.0 and m.vod_sigma > 0.0


@compiled_too
def solve_cells(
    models: NDArray[np.void],
    observed: NDArray[np.void],
    flags: tuple[bool, bool],
    views: NDArray[np.void],
    solutions: NDArray[np.void],
) -> None:
    """Solve every cell of a block; cells without a usable TB or parameter stay as they are.

    `flags`: whether the dielectric is Mironov 2013, and whether the model is two-stream.
    """
    for i in range(models.shape[0]):
        if is_complete(models[i]):
            problem = pose(models[i], observed[i], views, flags)
            if problem.used > 0:
                solve(problem, solutions[i])
