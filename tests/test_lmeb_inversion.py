"""Results of the inversion: check values, truth, optimality, derivatives, uncertainty."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from fixtures_lmeb import MANY, ORACLE, angle_sets, observe, random_cells
from glab.lmeb import brightness_temperature, invert
from glab.lmeb.cost import MODEL, MODEL_FIELDS, OBSERVATION, VIEW, evaluate_cost, pose_problem


def residuals(x, tb, scene, options, tb_sigma_k):
    """The residual vector that the inversion minimises, for least_squares."""
    prior = {"sm_prior": 0.2, "sm_sigma": 0.2, "vod_prior": 0.5, "vod_sigma": 1.0}
    modelled = brightness_temperature(x[0], x[1], **scene, **options)
    off = [(x[0] - prior["sm_prior"]) / prior["sm_sigma"], x[1] - prior["vod_prior"]]
    return np.concatenate([np.ravel(np.subtract(tb, modelled)) / tb_sigma_k, off])


def test_oracle_rows():
    tb = brightness_temperature(0.20, 0.30, **ORACLE)
    solution = invert(*tb, **ORACLE, vod_prior=0.3, vod_sigma=0.19)
    np.testing.assert_allclose(
        [solution.sm, solution.vod, solution.cost], [0.2, 0.3, 0.0], atol=1e-4
    )
    solution = invert(*tb, **ORACLE, vod_prior=0.5, vod_sigma=0.25)
    result = [solution.sm, solution.vod, solution.tb_rmse_k, solution.cost]
    np.testing.assert_allclose(result, [0.20139, 0.30305, 0.06921, 0.63025], atol=1e-5)
    assert solution.converged


@angle_sets
@pytest.mark.parametrize("model", ["tau-omega", "two-stream"])
def test_noise_free_cells_return_the_truth(angles, model):
    sm, vod, scene = random_cells(100_000, seed=1, vod_max=2.0)
    tb = observe(sm, vod, scene, angles, model=model)
    common = {"incidence_deg": angles, "model": model, **scene}
    solution = invert(*tb, sm_prior=sm, vod_prior=vod, **common)
    assert solution.converged.all()
    np.testing.assert_allclose(solution.sm, sm, atol=1e-3)
    np.testing.assert_allclose(solution.vod, vod, atol=1e-3)


def test_without_priors_many_angles_return_the_truth():
    sm, vod, scene = random_cells(10_000, seed=2, vod_max=0.8)
    tb = observe(sm, vod, scene, MANY)
    solution = invert(*tb, incidence_deg=MANY, sm_sigma=np.inf, vod_sigma=np.inf, **scene)
    np.testing.assert_allclose(solution.sm, sm, atol=1e-3)
    np.testing.assert_allclose(solution.vod, vod, atol=1e-3)
    assert solution.cost.max() < 1e-6


def excess_over_scipy(count, angles, noise_k, seed, **options):
    """Relative excess of our cost over that of least_squares from the same start."""
    sm, vod, scene = random_cells(count, seed)
    tb_h, tb_v = observe(sm, vod, scene, angles, noise_k, seed, **options)
    solution = invert(tb_h, tb_v, incidence_deg=angles, **scene, **options)
    excess = np.empty(count)
    for i in range(count):
        cell = {"incidence_deg": angles} | {name: value[i] for name, value in scene.items()}
        fit = least_squares(
            residuals,
            [0.2, 0.5],
            bounds=([0.0, 0.0], [1.0, 2.0]),
            args=((tb_h[i], tb_v[i]), cell, options, 1.0),
        )
        excess[i] = (solution.cost[i] - 2.0 * fit.cost) / (2.0 * fit.cost + 1e-9)
    return excess


@angle_sets
@pytest.mark.parametrize("noise_k", [0.0, 4.0])
def test_cost_is_never_above_that_of_least_squares(angles, noise_k):
    assert excess_over_scipy(200, angles, noise_k, seed=3).max() < 1e-6


@pytest.mark.slow
@angle_sets
@pytest.mark.parametrize("model", ["tau-omega", "two-stream"])
@pytest.mark.parametrize("noise_k", [0.0, 1.0, 30.0])
def test_cost_is_never_above_that_of_least_squares_in_many_cells(angles, model, noise_k):
    assert excess_over_scipy(1000, angles, noise_k, seed=4, model=model).max() < 1e-6


@pytest.mark.parametrize("model", ["tau-omega", "two-stream"])
@given(
    sm=st.floats(-0.09, 0.6),
    vod=st.floats(-0.1, 1.9),
    q_r=st.floats(0.0, 0.3),
    clay=st.floats(0.0, 0.7),
    tt_v=st.floats(0.5, 2.0),
)
@settings(max_examples=60, deadline=None)
def test_gradient_agrees_with_finite_differences(model, sm, vod, q_r, clay, tt_v):
    scene = {
        "clay": clay,
        "t_ground_k": 291.0,
        "t_canopy_k": 287.0,
        "omega": 0.11,
        "h_r": 0.3,
        "q_r": q_r,
        "n_rh": 1.0,
        "n_rv": -1.0,
        "tt_h": 1.0,
        "tt_v": tt_v,
    }
    m_t = 0.0286 + 0.307 * clay
    if min(abs(sm - m_t), abs(sm)) < 1e-4:
        sm += 3e-4
    problem = pose_cell(scene, tb_h=230.0, tb_v=250.0, two_stream=model == "two-stream")

    def cost(m, v):
        x = np.array([m, v])
        options = {"model": model, "t_sky_k": 4.0}
        cell = {"incidence_deg": 47.0, **scene}
        return np.sum(residuals(x, (230.0, 250.0), cell, options, 2.0) ** 2)

    state = evaluate_cost(problem, sm, vod, sm > m_t)
    step = 1e-6
    by_sm = (cost(sm + step, vod) - cost(sm - step, vod)) / (2.0 * step)
    by_vod = (cost(sm, vod + step) - cost(sm, vod - step)) / (2.0 * step)
    assert state.cost == pytest.approx(cost(sm, vod), rel=1e-9)
    scale = np.sqrt(state.cost + 1.0)
    assert -2.0 * state.g_sm == pytest.approx(by_sm, rel=1e-4, abs=1e-3 * scale)
    assert -2.0 * state.g_vod == pytest.approx(by_vod, rel=1e-4, abs=1e-3 * scale)


def pose_cell(scene, tb_h, tb_v, two_stream):
    """The `Problem` of one cell, uncompiled."""
    values = scene | dict.fromkeys(MODEL_FIELDS[-4:], 0.0)
    values |= {"sm_prior": 0.2, "sm_sigma": 0.2, "vod_prior": 0.5, "vod_sigma": 1.0}
    model = np.array([tuple(values[name] for name in MODEL_FIELDS)], MODEL).view(np.recarray)[0]
    observed = np.array([(tb_h, tb_v, 47.0, 2.0, 4.0)], OBSERVATION).view(np.recarray)
    return pose_problem(model, observed, np.zeros(1, VIEW).view(np.recarray), (True, two_stream))


@angle_sets
def test_posterior_deviations_cover_the_errors(angles):
    rng = np.random.default_rng(5)
    _, _, scene = random_cells(20_000, seed=5)
    sm = np.clip(rng.normal(0.25, 0.05, 20_000), 0.08, 0.45)
    vod = np.clip(rng.normal(0.4, 0.1, 20_000), 0.1, 0.8)
    tb = observe(sm, vod, scene, angles, noise_k=2.0, seed=6)
    prior = {"sm_prior": 0.25, "sm_sigma": 0.05, "vod_prior": 0.4, "vod_sigma": 0.1}
    solution = invert(*tb, incidence_deg=angles, tb_sigma_k=2.0, **prior, **scene)
    for error, spread in (
        (solution.sm - sm, solution.sm_error),
        (solution.vod - vod, solution.vod_error),
    ):
        assert np.mean(np.abs(error) < spread) == pytest.approx(0.68, abs=0.03)
        assert np.mean(np.abs(error) < 2.0 * spread) == pytest.approx(0.95, abs=0.02)
