"""Compare the inversion of L-band TB with scipy.optimize.least_squares, one call per cell.

Run: ``NUMBA_NUM_THREADS=2 python benchmarks/inversion.py [cells] [cells for scipy]``. Each case has
one line:

* inversions per second of `invert` on all threads, and per second of processor time, which a shared
  machine disturbs little (median of five runs, all cells in one call);
* inversions per second of processor time of scipy with numerical derivatives of the same forward
  model, and of scipy with compiled residuals and Jacobian, its best case;
* the gain over both, per second of processor time;
* for the cells of scipy, the largest excess of our cost over that of scipy, the fraction of cells
  where scipy stopped at a higher minimum, and the median distance of the solutions elsewhere.

Truth: SM 0.01–0.6, VOD 0–1.3, clay 0–60 %, 273–310 K, TB noise as assumed, prior 0.2 ± 0.2 and
0.5 ± 1. Most cells of the Earth are easier.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from numba import config, njit
from scipy.optimize import least_squares

from glab.lmeb import brightness_temperature, invert
from glab.lmeb.cost import MODEL, OBSERVATION, VIEW, pose_problem, view_slopes
from glab.lmeb.dielectric import refraction, refraction_slope

PRIOR = {"sm_prior": 0.2, "sm_sigma": 0.2, "vod_prior": 0.5, "vod_sigma": 1.0}
FIXED = {"n_rh": -1.0, "n_rv": -1.0, "tt_h": 1.0, "tt_v": 1.0, "sm_max": 1.0, "vod_max": 2.0}
BOUNDS = ([0.0, 0.0], [1.0, 2.0])
CASES = {
    "40°, 1 K": (np.array([40.0]), 1.0),
    "40°, 4 K": (np.array([40.0]), 4.0),
    "20…55°, 4 K": (np.arange(20.0, 56.0, 5.0), 4.0),
}


def simulate(count, angles, noise_k, seed=0):
    """Return scene parameters and noisy TB of `count` cells."""
    rng = np.random.default_rng(seed)
    t_ground = rng.uniform(273.0, 310.0, count)
    scene = {
        "clay": rng.uniform(0.0, 0.6, count),
        "t_ground_k": t_ground,
        "t_canopy_k": t_ground,
        "omega": rng.uniform(0.05, 0.13, count),
        "h_r": rng.uniform(0.0, 0.5, count),
    }
    sm, vod = rng.uniform(0.01, 0.6, (count, 1)), rng.uniform(0.0, 1.3, (count, 1))
    columns = {name: value[:, None] for name, value in scene.items()}
    tb = brightness_temperature(sm, vod, incidence_deg=angles, **columns)
    return scene, np.add(tb, rng.normal(0.0, noise_k, np.shape(tb)))


def scipy_numerical(tb, scene, angles, sigma):
    """Run least_squares with its own derivatives of the public forward model."""

    def residuals(x):
        off = np.subtract(tb, brightness_temperature(*x, incidence_deg=angles, **scene)) / sigma
        return np.concatenate([off.ravel(), [(x[0] - 0.2) / 0.2, x[1] - 0.5]])

    return least_squares(residuals, [0.2, 0.5], bounds=BOUNDS)


@njit(error_model="numpy")
def compiled_residuals(x, model, observed, views):
    """Return residuals and their Jacobian, compiled."""
    problem = pose_problem(model[0], observed, views, (True, False))
    n, k = refraction(x[0], problem.soil)
    dn, dk = refraction_slope(x[0], problem.soil, x[0] > problem.soil.m_t)
    count = 2 * problem.used
    values, jacobian = np.zeros(count + 2), np.zeros((count + 2, 2))
    for j in range(problem.used):
        view = views[j]
        h, v = view_slopes(problem.scene, view, n, k, dn, dk, x[1])
        root_h, root_v = np.sqrt(view.weight_h), np.sqrt(view.weight_v)
        values[2 * j], values[2 * j + 1] = root_h * (h[0] - view.tb_h), root_v * (v[0] - view.tb_v)
        jacobian[2 * j, 0], jacobian[2 * j, 1] = root_h * h[1], root_h * h[2]
        jacobian[2 * j + 1, 0], jacobian[2 * j + 1, 1] = root_v * v[1], root_v * v[2]
    values[count], values[count + 1] = (x[0] - 0.2) / 0.2, x[1] - 0.5
    jacobian[count, 0], jacobian[count + 1, 1] = 5.0, 1.0
    return values, jacobian


def scipy_compiled(tb, scene, angles, sigma):
    """Run least_squares with compiled residuals and Jacobian."""
    model, observed = np.zeros(1, MODEL), np.zeros(angles.size, OBSERVATION)
    for name, value in (scene | PRIOR | FIXED).items():
        model[name] = value
    observed["tb_h"], observed["tb_v"] = tb
    observed["incidence_deg"], observed["tb_sigma_k"] = angles, sigma
    views = np.zeros(angles.size, VIEW)
    return least_squares(
        lambda x: compiled_residuals(x, model, observed, views)[0],
        [0.2, 0.5],
        jac=lambda x: compiled_residuals(x, model, observed, views)[1],
        bounds=BOUNDS,
    )


def cell_by_cell(method, tb, scene, angles, sigma, count):
    """Return solutions (cell, [sm, vod, cost]) of scipy, and cells per processor second."""
    cells = [{name: value[i] for name, value in scene.items()} for i in range(count)]
    method(tb[:, 0], cells[0], angles, sigma)
    start = time.process_time()
    fits = [method(tb[:, i], cells[i], angles, sigma) for i in range(count)]
    rate = count / (time.process_time() - start)
    return np.array([[*fit.x, 2.0 * fit.cost] for fit in fits]), rate


def ours(tb, scene, angles, sigma):
    """Return our solutions, inversions per second and per processor second."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter(), time.process_time()
        solution = invert(*tb, incidence_deg=angles, tb_sigma_k=sigma, **scene)
        seconds.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return solution, *(solution.sm.size / np.median(seconds, axis=0))


def compare(name, angles, sigma, count, scipy_count):
    """Print one line of the table."""
    scene, tb = simulate(count if angles.size == 1 else count // 4, angles, sigma)
    solution, wall, rate = ours(tb, scene, angles, sigma)
    fits, numerical = cell_by_cell(scipy_numerical, tb, scene, angles, sigma, scipy_count)
    _, compiled = cell_by_cell(scipy_compiled, tb, scene, angles, sigma, scipy_count)
    excess = solution.cost[:scipy_count] / fits[:, 2] - 1.0
    same = excess > -1e-4
    distance = np.abs(solution.sm[:scipy_count] - fits[:, 0])[same]
    rates = f"{wall:10,.0f} {rate:10,.0f} {numerical:8,.0f} {compiled:8,.0f}"
    gains = f"{rate / numerical:8,.0f} {rate / compiled:8,.0f}"
    quality = f"{excess.max():9.1e} {np.mean(~same):8.2%} {np.median(distance):9.1e}"
    print(f"{name:12} {rates} {gains} {quality}")


def main(count=400_000, scipy_count=200):
    scene, tb = simulate(2, np.array([40.0]), 1.0)
    ours(tb, scene, np.array([40.0]), 1.0)
    print(f"{config.NUMBA_NUM_THREADS} threads, {count} cells (a quarter at eight angles)")
    rates = f"{'ours, wall':>10} {'ours':>10} {'scipy':>8} {'compiled':>8}"
    print(f"{'case':12} {rates} {'gain':>8} {'gain':>8} {'excess':>9} {'higher':>8} {'|ΔSM|':>9}")
    for name, (angles, sigma) in CASES.items():
        compare(name, angles, sigma, count, scipy_count)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
