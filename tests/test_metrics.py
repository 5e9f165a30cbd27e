"""Measures of skill, against analytic answers and independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from glab.calendar import annual_phase, days_between
from glab.evaluation import statistics as metrics
from glab.evaluation.statistics import keep_pairs, moments

DAYS = days_between("2003-01-01", "2008-12-31")[::18]


def pair(cells: int = 6, gaps: float = 0.3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(250.0, 8.0, (len(DAYS), cells))
    product = 20.0 + 0.9 * truth + rng.normal(0.0, 3.0, truth.shape)
    product[rng.random(truth.shape) < gaps] = np.nan
    truth[rng.random(truth.shape) < gaps] = np.nan
    return product, truth


def both(product, truth, cell):
    present = np.isfinite(product[:, cell]) & np.isfinite(truth[:, cell])
    return product[present, cell], truth[present, cell]


# --- pairs ---


def test_measures_agree_with_scipy_cell_by_cell():
    product, truth = pair()
    for cell in range(product.shape[1]):
        p, t = both(product, truth, cell)
        assert metrics.correlation(product, truth)[cell] == pytest.approx(stats.pearsonr(p, t)[0])
        assert metrics.bias(product, truth)[cell] == pytest.approx(np.mean(p - t))
        assert metrics.rmse(product, truth)[cell] == pytest.approx(np.sqrt(np.mean((p - t) ** 2)))
        assert metrics.ubrmse(product, truth)[cell] == pytest.approx(np.std(p - t))


def test_pooled_moments_are_those_of_all_pairs_together():
    product, truth = pair()
    cells = np.array([0, 2, 5])
    pooled = moments(product, truth).pooled(cells)
    p, t = keep_pairs(product[:, cells], truth[:, cells])
    p, t = p[np.isfinite(p)], t[np.isfinite(t)]
    assert pooled.n == p.size
    assert pooled.r == pytest.approx(stats.pearsonr(p, t)[0])
    assert pooled.rmse == pytest.approx(np.sqrt(np.mean((p - t) ** 2)))
    assert pooled.bias == pytest.approx(np.mean(p - t))
    assert pooled.ubrmse == pytest.approx(np.std(p - t))


def test_a_cell_without_pairs_is_missing_and_harmless_when_pooled():
    product, truth = pair()
    product[:, 1] = np.nan
    sums = moments(product, truth)
    assert sums.n[1] == 0 and np.isnan(sums.rmse[1]) and np.isnan(sums.r[1])
    rest = np.delete(np.arange(6), 1)
    assert sums.pooled().rmse == pytest.approx(sums.pooled(rest).rmse)


def test_nothing_at_all_is_missing_without_a_warning():
    empty = np.full((4, 3), np.nan)
    with np.errstate(all="raise"):
        assert np.isnan(metrics.rmse(empty, empty)).all()
        assert np.isnan(moments(empty, empty).pooled().r)
        assert np.isnan(metrics.noise(empty)).all()


def test_a_constant_has_no_correlation():
    truth = np.arange(10.0)[:, None]
    assert np.isnan(metrics.correlation(np.full_like(truth, 3.0), truth)).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(-300, 300), st.floats(0.1, 10))
def test_invariances(seed, shift, scale):
    product, truth = pair(seed=seed)
    moved = moments(product + shift, truth)
    same = moments(product, truth)
    assert np.allclose(moved.r, same.r) and np.allclose(moved.ubrmse, same.ubrmse, atol=1e-6)
    assert np.allclose(moved.bias, same.bias + shift)
    assert np.allclose(metrics.correlation(scale * product, truth), same.r)
    assert np.allclose(metrics.rmse(truth, product), same.rmse)


def test_rmse_of_the_residual_is_that_of_the_full_signal_where_the_climatology_is_shared():
    product, truth = pair()
    climatology = 10.0 * np.sin(annual_phase(DAYS))[:, None] + np.arange(6) * 5.0
    full = metrics.rmse(product, truth)
    residual = metrics.rmse(product - climatology, truth - climatology)
    assert np.allclose(full, residual, rtol=1e-9)
    assert not np.allclose(
        metrics.correlation(product, truth),
        metrics.correlation(product - climatology, truth - climatology),
        rtol=1e-3,
    )


# --- seasons and trends ---


def test_deseasonalised_leaves_what_is_no_mean_and_no_harmonic():
    phase = annual_phase(DAYS)
    cycle = 5 + sum(np.cos(k * phase + k) / k for k in (1, 2, 3))
    anomaly = np.where(np.arange(len(DAYS)) == 40, 7.0, 0.0)
    left = metrics.deseasonalise((cycle + anomaly)[:, None], DAYS)[:, 0]
    assert metrics.deseasonalise(cycle[:, None], DAYS) == pytest.approx(0.0, abs=1e-8)
    assert left[40] > 5.5 and np.abs(np.delete(left, 40)).max() < 1.0


def test_deseasonalised_equals_numpys_least_squares_with_gaps():
    product, _ = pair()
    phase = annual_phase(DAYS)
    design = np.stack(
        [np.ones_like(phase)] + [f(k * phase) for k in (1, 2, 3) for f in (np.cos, np.sin)], 1
    )
    left = metrics.deseasonalise(product, DAYS)
    for cell in range(product.shape[1]):
        present = np.isfinite(product[:, cell])
        fit = np.linalg.lstsq(design[present], product[present, cell], rcond=None)[0]
        assert np.allclose(left[present, cell], product[present, cell] - design[present] @ fit)
        assert np.isnan(left[~present, cell]).all()


def test_deseasonalised_needs_values():
    few = np.full((len(DAYS), 2), np.nan)
    few[:10, 0] = 1.0
    assert np.isnan(metrics.deseasonalise(few, DAYS)).all()


def test_slopes_agree_with_scipy():
    product, _ = pair()
    years = (DAYS - DAYS[0]).astype(int) / 365.2425
    for cell, slope in enumerate(metrics.slopes(product, DAYS)):
        present = np.isfinite(product[:, cell])
        expected = stats.linregress(years[present], product[present, cell]).slope
        assert slope == pytest.approx(expected)


def test_trends_use_common_dates_and_need_a_share_of_the_record():
    years = (DAYS - DAYS[0]).astype(int) / 365.2425
    truth = np.repeat((0.01 * years)[:, None], 3, axis=1)
    product = 0.5 * truth + 1.0
    product[len(DAYS) // 2 :, 1] = np.nan
    product[len(DAYS) // 3 :, 2] = np.nan
    estimated, true = metrics.trends(product, truth, DAYS)
    assert estimated[:2] == pytest.approx([0.005, 0.005]) and true[:2] == pytest.approx(
        [0.01, 0.01]
    )
    assert np.isnan(estimated[2]) and np.isnan(true[2])


def test_gain_and_skill_of_a_damped_trend():
    true = np.array([0.01, -0.02, 0.005, np.nan])
    assert metrics.gain(0.3 * true, true) == pytest.approx(0.3)
    assert metrics.skill(0.3 * true, true) == pytest.approx(1 - 0.7**2)
    assert metrics.gain(true, true) == metrics.skill(true, true) == pytest.approx(1.0)
    assert metrics.skill(0 * true, true) == pytest.approx(0.0)
    assert metrics.false_trend(true + 0.001, true) == pytest.approx(0.0, abs=1e-12)
    assert metrics.false_trend(np.array([0.001, -0.001]), np.zeros(2)) == pytest.approx(0.001)
    assert np.isnan(metrics.gain(np.array([np.nan]), np.array([1.0])))


# --- uncertainty and noise ---


def test_coverage_of_a_right_spread_is_gaussian():
    rng = np.random.default_rng(1)
    std = rng.uniform(0.5, 2.0, (4000, 3))
    truth = np.zeros_like(std)
    product = rng.normal(0.0, std)
    product[rng.random(std.shape) < 0.2] = np.nan
    for width, expected in ((1.0, 0.6827), (2.0, 0.9545)):
        assert metrics.coverage(product, truth, std, width) == pytest.approx(expected, abs=0.03)
    assert np.isnan(metrics.coverage(truth * np.nan, truth, std, 1.0)).all()


def test_spread_lies_on_the_diagonal_where_it_is_right():
    rng = np.random.default_rng(2)
    std = rng.uniform(0.5, 4.0, (20_000, 2))
    error = rng.normal(0.0, std)
    spread, rms, number = metrics.spread_against_error(error, np.zeros_like(std), std)
    assert number.sum() == std.size and len(spread) == 10
    assert np.all(np.diff(spread) > 0)
    assert rms == pytest.approx(spread, rel=0.08)


def test_noise_of_white_noise_is_its_standard_deviation_whatever_the_slow_signal():
    rng = np.random.default_rng(3)
    days = np.arange(4000)
    slow = 20 * np.sin(2 * np.pi * days / 365)[:, None]
    series = slow + rng.normal(0, [1.0, 3.0], (4000, 2))
    series[rng.random(series.shape) < 0.4] = np.nan
    assert metrics.noise(series) == pytest.approx([1.0, 3.0], rel=0.08)


def test_noise_bridges_gaps():
    series = np.array([1.0, np.nan, 2.0, np.nan, np.nan, 1.0, 2.0])[:, None]
    expected = np.std(np.diff([1.0, 2.0, 1.0, 2.0])) / np.sqrt(2)
    assert metrics.noise(series)[0] == pytest.approx(expected)
    assert np.isnan(metrics.noise(series[:3])).all()
