"""Calibration: shrunk offsets, and a variance that covers held-out errors."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from fixtures_learning import plain_samples
from glab.config import Calibrate, Network
from glab.errors import GlabError
from glab.learning.calibrate import (
    data_std,
    fit_calibration,
    fit_data_variance,
    variance_predictors,
)
from glab.learning.network import mean_and_spread, new_network

TERMS = ["constant", "structural", "inverse_count"]


def settings(**changes):
    options = {"name": "toy", "offset_pairs": 20.0, "target_noise": 0.0, "batch_size": 512}
    return Calibrate(**options | {"variance_terms": TERMS} | changes)


def domain(cells=60):
    return xr.Dataset(coords={"cell": np.arange(cells, dtype="i4")[::-1]})


def members(samples, number=3):
    names = [samples[key].values.tolist() for key in ("feature", "target_name")]
    return [new_network(*names, Network(hidden=[4]), seed) for seed in range(number)]


@pytest.fixture
def samples():
    return plain_samples(targets=2)


def test_offset_is_the_shrunk_mean_error_of_the_cell(samples):
    networks = members(samples)
    calibration = fit_calibration(samples, networks, domain(), settings())
    mean, _ = mean_and_spread(networks, samples["features"].values, 512)
    error = samples["target"].values - mean
    used = np.isin(samples["split"], (0, 1))
    for cell in (0, 17, 49):
        rows = used & (samples["sample_cell"].values == cell)
        number = rows.sum()
        expected = number / (number + 20) * error[rows].mean(axis=0) if number else [0, 0]
        np.testing.assert_allclose(calibration["offset"].sel(cell=cell)[0], expected, atol=1e-5)
        assert calibration["offset_count"].sel(cell=cell)[0] == number


def test_held_out_cells_and_unseen_cells_have_no_offset(samples):
    samples["split"].values[samples["sample_cell"].values == 5] = 3
    calibration = fit_calibration(samples, members(samples), domain(), settings())
    for cell in (5, 55):
        assert (calibration["offset"].sel(cell=cell) == 0).all()


def test_offsets_can_be_left_out(samples):
    calibration = fit_calibration(samples, members(samples), domain(), settings(offset_pairs=None))
    assert (calibration["offset"] == 0).all()


def test_sensors_have_their_own_offsets_and_one_without_samples_the_common_variance(samples):
    samples["sensor"].attrs["flag_meanings"] = "amsre amsr2 compose"
    samples["sensor"].values[:] = np.arange(samples.sizes["sample"]) // 50 % 2
    samples["target"].values[samples["sensor"].values == 1] += 9
    calibration = fit_calibration(samples, members(samples), domain(), settings())
    assert calibration.sizes["sensor_number"] == 3
    offset = calibration["offset"].sel(cell=2).values
    assert (offset[1] - offset[0] > 1).all()
    assert (offset[2] == 0).all()
    assert (calibration["variance_coefficients"][2].sum("term") > 0).all()


@pytest.mark.parametrize("kind,label", [("held out", 4), ("validation", 1), ("training", 0)])
def test_variance_is_fitted_outside_of_training(samples, kind, label):
    samples["split"].values[:] = np.where(np.arange(samples.sizes["sample"]) % 2, label, 0)
    calibration = fit_calibration(samples, members(samples), domain(), settings())
    assert calibration["variance_coefficients"].attrs["fitted_on"] == kind


def test_samples_of_another_domain(samples):
    with pytest.raises(GlabError, match="another domain"):
        fit_calibration(samples, members(samples), domain(40), settings())


def test_an_ensemble_needs_a_member_and_the_right_columns(samples):
    with pytest.raises(GlabError, match="needs a network"):
        fit_calibration(samples, [], domain(), settings())
    with pytest.raises(GlabError, match="other targets"):
        fit_calibration(samples, members(plain_samples(targets=1)), domain(), settings())


@given(
    constant=st.floats(0.05, 2), per_count=st.floats(0, 2), factor=st.floats(0, 3),
    noise=st.floats(0, 0.5),
)  # fmt: skip
def test_a_known_variance_is_recovered(constant, per_count, factor, noise):
    rng = np.random.default_rng(1)
    structural = rng.gamma(4, 0.1, 20000)
    count = rng.integers(1, 10, 20000)
    predictors = variance_predictors(TERMS, structural, count, structural, structural)
    data = constant + factor * structural**2 + per_count / count
    error = rng.normal(0, np.sqrt(data + structural**2 + noise**2))
    deviation = data_std(predictors, fit_data_variance(error**2, structural, predictors, noise))
    assert np.mean(deviation**2) == pytest.approx(np.mean(data), rel=0.08)
    total = np.hypot(deviation, structural)
    truth = rng.normal(0, np.sqrt(data + structural**2))
    assert np.mean(np.abs(truth) < total) == pytest.approx(0.683, abs=0.03)
    assert np.mean(np.abs(truth) < 2 * total) == pytest.approx(0.954, abs=0.02)


def test_variance_is_never_negative():
    structural = np.full(1000, 2.0)
    predictors = variance_predictors(
        [*TERMS, "climatology"], structural, np.ones(1000), structural, structural
    )
    coefficients = fit_data_variance(np.full(1000, 0.1), structural, predictors, 0.5)
    np.testing.assert_array_equal(coefficients, np.zeros(4))
    assert (fit_data_variance(np.zeros(0), np.zeros(0), np.zeros((0, 4)), 0.0) == 0).all()


def test_errors_that_grow_with_the_anomaly_are_covered_far_from_the_baseline():
    rng = np.random.default_rng(2)
    near, far = rng.normal(0, 0.02, 20000), rng.normal(0, 0.2, 20000)
    spread, count, cycle = np.full(20000, 0.005), np.ones(20000), np.full(20000, 0.5)
    terms = ["constant", "anomaly"]
    error = rng.normal(0, np.hypot(0.01, 0.4 * near))
    predictors = variance_predictors(terms, spread, count, cycle, near)
    coefficients = fit_data_variance(error**2, spread, predictors, 0.0)
    total = np.hypot(
        data_std(variance_predictors(terms, spread, count, cycle, far), coefficients), spread
    )
    truth = rng.normal(0, np.hypot(0.01, 0.4 * far))
    assert np.mean(np.abs(truth) < total) == pytest.approx(0.683, abs=0.03)
