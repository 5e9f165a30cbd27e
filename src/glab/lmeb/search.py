"""Search the minimum of the cost over (SM, VOD) within bounds, compiled (Levenberg–Marquardt).

Each step is the exact minimum of the quadratic model of the cost within the bounds, with analytic
derivatives, and damped where the cost does not fall. Near a minimum Gauss–Newton steps can become
slow (dense canopies, weak data). Then two more gradients give the rest of the Hessian.

The cost has a kink at `m_t`, between bound and free water. A step may cross it. After a crossing
step has failed, steps end at the kink, and the search continues on both sides of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glab.lmeb.cost import Problem, State, evaluate_cost, pose_problem, tb_count
from glab.lmeb.dielectric import compiled_too

# Constants of the search. They change speed and robustness, not the minimum: tests compare the cost
# with that of scipy's least_squares.
STEPS_MAX = 80  # of one descent; a search that needs more is flagged as not converged
TOLERANCE = 1e-9  # predicted fall of the cost, relative, at which a search has converged
SLOW = 0.2  # ratio of successive predicted falls above which Gauss–Newton is slow
NEAR = 0.1  # predicted fall, relative to the cost, below which a minimum is near
SAME_SM, SAME_VOD = 0.01, 0.03  # a descent this close to a known minimum would end there
CURVATURE_MIN = 0.005  # lower bound of the eigenvalues of the scaled Hessian, so steps stay finite
DIFFERENCE = 1e-6  # m3 m-3 and 1, distance of the gradients whose difference gives the Hessian


class Symmetric(NamedTuple):
    """A symmetric 2 × 2 matrix over (SM, VOD)."""

    ss: float
    sv: float
    vv: float


class Step(NamedTuple):
    """End of a step, and the fall of the cost that the quadratic model predicts."""

    sm: float
    vod: float
    predicted: float


@compiled_too
def clip(value: float, low: float, high: float) -> float:
    """Limit `value` to low…high."""
    return min(max(value, low), high)


@compiled_too
def predicted_fall(state: State, m: Symmetric, d_sm: float, d_vod: float) -> float:
    """Return the fall of the quadratic model along a step."""
    curved = m.ss * d_sm * d_sm + 2.0 * m.sv * d_sm * d_vod + m.vv * d_vod * d_vod
    return 2.0 * (state.g_sm * d_sm + state.g_vod * d_vod) - curved


@compiled_too
def bounded_step(problem: Problem, state: State, m: Symmetric, low: float, high: float) -> Step:
    """Step to the minimum of the quadratic model for SM in low…high and VOD within its bounds."""
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
    """Return half the Hessian minus its Gauss–Newton part, from gradients on one side of `m_t`."""
    # The difference must not cross the kink at `m_t`.
    below = not free or state.sm > problem.soil.m_t + DIFFERENCE
    d_sm = -DIFFERENCE if below else DIFFERENCE
    by_sm = evaluate_cost(problem, state.sm + d_sm, state.vod, free)
    by_vod = evaluate_cost(problem, state.sm, state.vod + DIFFERENCE, free)
    sv = 0.5 * ((state.g_vod - by_sm.g_vod) / d_sm + (state.g_sm - by_vod.g_sm) / DIFFERENCE)
    return Symmetric(
        (state.g_sm - by_sm.g_sm) / d_sm - state.h_ss,
        sv - state.h_sv,
        (state.g_vod - by_vod.g_vod) / DIFFERENCE - state.h_vv,
    )


@compiled_too
def is_pinned(value: float, g: float, low: float, high: float) -> bool:
    """Return whether a variable lies on a bound and its gradient points outside."""
    return (value <= low and g < 0.0) or (value >= high and g > 0.0)


@compiled_too
def quadratic_model(state: State, bend: Symmetric, damping: float, pinned: bool) -> Symmetric:
    """Return the damped quadratic model, Gauss–Newton plus `bend`.

    Negative eigenvalues are replaced by their absolute values, so that the step reduces the cost.
    `pinned`: one variable lies on a bound, so the mixed curvature does not count.
    """
    if bend.ss == 0.0:
        return Symmetric(state.h_ss * (1.0 + damping), state.h_sv, state.h_vv * (1.0 + damping))
    # Scaled by the Gauss–Newton diagonal, so that SM and VOD have curvatures of order 1.
    scale = np.sqrt(state.h_ss * state.h_vv)
    a = 1.0 + bend.ss / state.h_ss
    b = 0.0 if pinned else (state.h_sv + bend.sv) / scale
    c = 1.0 + bend.vv / state.h_vv
    middle, radius = 0.5 * (a + c), np.sqrt(0.25 * (a - c) * (a - c) + b * b)
    low, high = middle - radius, middle + radius
    if low < CURVATURE_MIN:
        new_low, new_high = max(abs(low), CURVATURE_MIN), max(abs(high), CURVATURE_MIN)
        # A linear function of the matrix that maps both eigenvalues and keeps the eigenvectors.
        slope = (new_high - new_low) / max(high - low, 1e-12)
        shift = new_low - slope * low
        a, b, c = slope * a + shift, slope * b, slope * c + shift
    return Symmetric((a + damping) * state.h_ss, b * scale, (c + damping) * state.h_vv)


SOLUTION = np.dtype(
    [(name, np.float64) for name in ("sm", "vod", "sm_error", "vod_error", "tb_rmse_k", "cost")]
    + [("iterations", np.int32), ("converged", np.bool_)]
)


class Search(NamedTuple):
    """Minimum of a descent, its number of steps, and whether it converged."""

    state: State
    steps: int
    converged: bool


@compiled_too
def descend(
    problem: Problem, sm: float, vod: float, confined: bool, known_sm: float, known_vod: float
) -> Search:
    """Descend from (sm, vod) to a local minimum, or until close to a known one (NaN: none).

    `confined`: steps end at the kink instead of crossing it.
    """
    prior, m_t = problem.prior, problem.soil.m_t
    sm, vod = clip(sm, prior.sm_min, prior.sm_max), clip(vod, prior.vod_min, prior.vod_max)
    free = sm > m_t
    state = evaluate_cost(problem, sm, vod, free)
    bend, last, damping = Symmetric(0.0, 0.0, 0.0), np.inf, 0.0
    turned = False  # whether the other side of the kink has been tried from this state
    for steps in range(STEPS_MAX):
        low = max(prior.sm_min, m_t) if confined and free else prior.sm_min
        high = min(prior.sm_max, m_t) if confined and not free else prior.sm_max
        pinned = is_pinned(state.sm, state.g_sm, low, high) or is_pinned(
            state.vod, state.g_vod, prior.vod_min, prior.vod_max
        )
        step = bounded_step(
            problem, state, quadratic_model(state, bend, damping, pinned), low, high
        )
        # Slow near a minimum: two more gradients for the rest of the Hessian are worth their time.
        if SLOW * last < step.predicted < NEAR * state.cost:
            bend = missing_curvature(problem, state, free)
            step = bounded_step(
                problem, state, quadratic_model(state, bend, damping, pinned), low, high
            )
        last = step.predicted
        # "not >" also ends the search where the prediction is NaN; 1e-20 where the cost is 0.
        if not step.predicted > TOLERANCE * state.cost + 1e-20:
            # At the kink, converged on one side only: continue with the slopes of the other side.
            if not confined or turned or state.sm != m_t:
                return Search(state, steps, True)
            free, turned = not free, True
            state = evaluate_cost(problem, state.sm, state.vod, free)
            continue
        trial_free = step.sm > m_t or (step.sm == m_t and free)
        trial = evaluate_cost(problem, step.sm, step.vod, trial_free)
        # Trust the model more where it predicted the fall well, less where it did not. A step
        # that failed across the kink says nothing about damping.
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
    return Search(state, STEPS_MAX, False)


@compiled_too
def keep_lower(problem: Problem, best: Search, sm: float, vod: float, confined: bool) -> Search:
    """Descend from (sm, vod) too and return the lower minimum; steps add up."""
    known_sm = np.nan if confined else best.state.sm
    other = descend(problem, sm, vod, confined, known_sm, best.state.vod)
    steps = best.steps + other.steps
    if other.state.cost < best.state.cost:
        return Search(other.state, steps, other.converged)
    return Search(best.state, steps, best.converged)


@compiled_too
def find_minimum(problem: Problem) -> Search:
    """Descend from the prior, then from other points where a second, lower minimum can exist.

    Where the first minimum is a dense canopy above wet soil, a drier soil or another canopy is
    tried. Where the fit is poor or an upper bound is reached, four combinations of dry and wet soil
    and thin and dense canopy are tried. Close to the kink, its other side is tried.
    """
    # The conditions and their thresholds come from descents with 30 starting points in 1.1 million
    # simulated cells (docs/science.md, section 4.1).
    prior, m_t = problem.prior, problem.soil.m_t
    best = descend(problem, prior.sm, prior.vod, False, np.nan, np.nan)
    state = best.state
    sm_off, vod_off = state.sm - prior.sm, state.vod - prior.vod
    prior_cost = prior.sm_weight * sm_off * sm_off + prior.vod_weight * vod_off * vod_off
    poor = state.cost - prior_cost > 18.0 * problem.used
    odd = poor or state.vod >= prior.vod_max or state.sm >= prior.sm_max
    denser = vod_off + 0.3
    dense = state.vod > 0.65 and prior.vod_weight * denser * denser < state.cost
    wet = dense and sm_off > 0.0 and vod_off > 0.0 and prior_cost > 0.4
    dry, thin = max(prior.sm_min, 0.0), clip(0.3, prior.vod_min, prior.vod_max)
    if odd or wet:
        best = keep_lower(problem, best, dry, thin, False)
    if odd or (wet and state.vod > 1.5):
        best = keep_lower(problem, best, prior.sm_max, thin, False)
    if odd:
        best = keep_lower(problem, best, dry, prior.vod_max, False)
        best = keep_lower(problem, best, prior.sm_max, prior.vod_max, False)
    if abs(state.sm - m_t) < 0.002:
        other_side = m_t - np.copysign(0.002, state.sm - m_t)
        best = keep_lower(problem, best, other_side, state.vod, True)
    return best


@compiled_too
def solve_cell(problem: Problem, out: Any) -> None:
    """Write the solution of one cell and its posterior standard deviations to `out`."""
    best = find_minimum(problem)
    state = best.state
    determinant = state.h_ss * state.h_vv - state.h_sv * state.h_sv
    out.sm, out.vod, out.cost = state.sm, state.vod, state.cost
    out.sm_error = np.sqrt(state.h_vv / determinant)
    out.vod_error = np.sqrt(state.h_ss / determinant)
    out.tb_rmse_k = np.sqrt(state.squares / tb_count(problem))
    out.iterations, out.converged = best.steps, best.converged


@compiled_too
def is_complete(model: Any) -> bool:
    """Return whether every parameter of a cell is usable (σ of a prior may be infinite)."""
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
    """Solve every cell of a block; cells without a usable TB or parameter remain unchanged.

    Args:
        models, observed, views, flags: as for `pose_problem`, of all cells.
        solutions: SOLUTION records, written here.
    """
    for i in range(models.shape[0]):
        if is_complete(models[i]):
            problem = pose_problem(models[i], observed[i], views, flags)
            if problem.used > 0:
                solve_cell(problem, solutions[i])
