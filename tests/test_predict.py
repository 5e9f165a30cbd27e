"""Prediction: ensemble statistics, gaps, sensors, windows, and files from end to end."""

import numpy as np
import pytest
import torch
import xarray as xr

from fixtures_learning import AMSR, INPUT, link, sampling, toy_world
from glab import io
from glab.calendar import days_of_year, window_starts
from glab.config import Calibrate, Features, LinkInput, Network, Predict, SensorInputs, Train
from glab.errors import GlabError
from glab.learning.network import load, mean_and_spread, new_network, noise_spread
from glab.learning.predict import LinkPredictor
from glab.steps.calibrate import calibrate as calibrate_step
from glab.steps.predict import predict as predict_step
from glab.steps.samples import samples as samples_step
from glab.steps.train import train as train_step


def settings(**changes):
    options = {"name": "toy", "seed": 3, "footprint": None, "detail": "target"}
    options |= {"noise_fraction": None, "noise_runs": 3, "batch_size": 4096}
    return Predict(**link().model_dump() | options | changes)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return toy_world(tmp_path_factory.mktemp("world"), bias=1.0)


@pytest.fixture(scope="module")
def chain(world):
    """Samples, two networks and a calibration, from the steps."""
    root, network = world.root, Network(hidden=[16], epochs=6, batch_size=512, learning_rate=1e-2)
    domain = root / "domain.nc"
    samples_step(
        residuals=world.residuals, climatology=world.climatologies, domain=domain,
        output=root / "toy.nc", settings=sampling(),
    )  # fmt: skip
    networks = []
    for member in range(2):
        networks.append(root / "train" / str(member) / "network.safetensors")
        options = Train(name="toy", seed=1, network=network, member_fraction=0.8)
        train_step(samples=root / "toy.nc", output=networks[-1], settings=options, member=member)
    options = Calibrate(
        name="toy", offset_pairs=20.0, target_noise=0.0, variance_terms=["constant", "structural"],
        batch_size=4096,
    )  # fmt: skip
    calibrate_step(
        samples=root / "toy.nc", networks=networks, domain=domain,
        output=root / "calibrate.nc", settings=options,
    )  # fmt: skip
    return networks, root / "calibrate.nc"


def run(world, chain, output, year=2015, **changes):
    networks, calibrate = chain
    residuals = [path for path in world.residuals if path.parent.name == "amsr2"]
    predict_step(
        networks=networks, calibrate=calibrate, residuals=residuals, year=year, output=output,
        domain=world.root / "domain.nc", climatology=world.climatologies,
        settings=settings(**changes),
    )  # fmt: skip
    return io.read(output).load()


def members(number, features=("a",), targets=("t",)):
    return [new_network(features, targets, Network(hidden=[4]), seed) for seed in range(number)]


def test_mean_and_standard_deviation_over_members():
    networks, features = members(4), np.linspace(-3, 3, 50, dtype="f4")[:, None]
    mean, spread = mean_and_spread(networks, features, 7)
    with torch.inference_mode():
        each = np.stack([network(torch.from_numpy(features)).numpy() for network in networks])
    np.testing.assert_allclose(mean, each.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(spread, each.std(axis=0, ddof=1), atol=1e-6)
    assert (mean_and_spread(networks[:1], features, 7)[1] == 0).all()
    assert mean_and_spread(networks, features[:0], 7)[0].shape == (0, 1)


def test_noise_in_the_inputs_spreads_the_outputs_of_a_linear_network():
    (network,) = members(1)
    network = new_network(["a"], ["t"], Network(hidden=[]), 0)
    slope = abs(network.layers[0].weight.item())
    features = np.zeros((20000, 1), "f4")
    spread = noise_spread([network, network], features, np.full_like(features, 0.3), 10, 999, 1)
    assert np.sqrt(np.mean(spread**2)) == pytest.approx(0.3 * slope, rel=0.02)
    still = noise_spread([network], features[:5], np.zeros((5, 1), "f4"), 3, 999, 1)
    assert (still == 0).all()


def test_a_held_out_year_is_predicted(world, chain, tmp_path):
    predicted = run(world, chain, tmp_path / "2015.nc")
    assert predicted["tb"].dims == ("time", "cell", "channel")
    assert predicted["channel"].values.tolist() == ["h", "v"]
    inputs = world.inputs()
    target = inputs.residual("both", link().target, days_of_year(2015), slice(0, 144))
    both = np.isfinite(target) & np.isfinite(predicted["tb_residual"].values)
    error = (predicted["tb_residual"].values - target)[both]
    assert np.corrcoef(predicted["tb_residual"].values[both], target[both])[0, 1] > 0.85
    total = predicted["tb_std_total"].values[both]
    assert np.mean(np.abs(error) < total) == pytest.approx(0.75, abs=0.15)
    cycle = inputs.cycle("both", link().target, days_of_year(2015), slice(0, 144))
    rest = predicted["tb"].values - predicted["tb_residual"].values - cycle
    np.testing.assert_allclose(rest[both], 0, atol=0.02)
    total = np.hypot(predicted["tb_std"], predicted["tb_std_data"])
    np.testing.assert_allclose(total, predicted["tb_std_total"], atol=0.02)


def test_missing_inputs_give_missing_values(world, chain, tmp_path):
    predicted = run(world, chain, tmp_path / "2015.nc")
    residual = world.inputs().residual("both", INPUT, days_of_year(2015), slice(0, 144))
    finite = np.isfinite(residual).all(axis=-1)
    np.testing.assert_array_equal(np.isfinite(predicted["tb"].values).all(axis=-1), finite)
    np.testing.assert_array_equal(predicted["sensor"].values, np.where(finite, 0, -1))
    np.testing.assert_array_equal(predicted["count"].values, finite)


def test_value_is_mean_and_offset(world, chain, tmp_path):
    networks, path = chain
    predicted = run(world, chain, tmp_path / "2015.nc")
    calibration, inputs = io.read(path).load(), world.inputs()
    day = days_of_year(2015)[30:31]
    spec = settings()
    block = world.features(spec, inputs).block(day, slice(0, 144))
    rows = block.complete[0]
    mean, _ = mean_and_spread([load(n) for n in networks], block.values[0][rows], 4096)
    offset = calibration["offset"].values[0][rows]
    assert np.abs(offset).max() > 0.5
    residual = predicted["tb_residual"].values[30][rows]
    np.testing.assert_allclose(residual, mean + offset, atol=0.006)


def test_the_same_bytes_twice(world, chain, tmp_path):
    for name in ("one", "two"):
        run(world, chain, tmp_path / name / "2015.nc")
    one, two = (tmp_path / name / "2015.nc" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_published_data_uncertainty_by_perturbed_inputs(world, chain, tmp_path):
    fitted = run(world, chain, tmp_path / "a.nc")["tb_std_data"].values
    perturbed = run(world, chain, tmp_path / "b.nc", noise_fraction=0.1)["tb_std_data"].values
    finite = np.isfinite(fitted)
    np.testing.assert_array_equal(np.isfinite(perturbed), finite)
    # slope of tb_h: 0.6 on 10h and 2/4 at most on 10v, whose residuals have a spread of 3.6 K
    assert 0.1 < np.mean(perturbed[finite][::2]) < 0.1 * 3.6 * 0.8


def windowed(world, calibration_terms=("constant",)):
    spec = settings(window_days=18)
    inputs = world.inputs()
    names = world.features(spec, inputs).names()
    networks = members(2, names, ("tb_h", "tb_v"))
    shape = (1, 144, 2), (1, 2, len(calibration_terms))
    calibration = xr.Dataset(
        {
            "offset": (("sensor_number", "cell", "target_name"), np.zeros(shape[0], "f4")),
            "variance_coefficients": (("sensor_number", "target_name", "term"), np.ones(shape[1])),
        },
        {"term": list(calibration_terms)},
    )
    return spec, inputs, networks, calibration


def test_windows_have_bounds_and_counts(world):
    spec, inputs, networks, calibration = windowed(world)
    predictor = LinkPredictor(world.sensors(spec, inputs), networks, calibration, spec)
    (block,) = predictor.blocks(predictor.predict_year(2014))
    starts = window_starts(2014, 18).astype("datetime64[ns]")
    np.testing.assert_array_equal(block["time"], starts)
    np.testing.assert_array_equal(block["time_bnds"][:, 1], starts + np.timedelta64(18, "D"))
    assert 5 < float(block["count"].mean()) < 13
    possible = np.isfinite(block["tb"].values)
    assert (block["tb_std_data"].values[possible] == 1).all()


def test_inputs_are_averaged_to_the_footprint_of_the_target(world, chain, tmp_path):
    """A smoother map; a cell whose own inputs are missing stays missing."""
    fine, coarse = (
        run(world, chain, tmp_path / f"{detail}.nc", footprint=100.0, detail=detail)
        for detail in ("inputs", "target")
    )
    plain = run(world, chain, tmp_path / "plain.nc")
    np.testing.assert_array_equal(fine["tb"], plain["tb"])
    detailed, smooth = fine["tb_residual"].values, coarse["tb_residual"].values
    assert not np.isfinite(smooth[~np.isfinite(detailed)]).any()
    both = np.isfinite(detailed) & np.isfinite(smooth)
    assert both.sum() > 0.5 * np.isfinite(detailed).sum()
    assert np.std(smooth[both]) < 0.9 * np.std(detailed[both])
    assert np.corrcoef(smooth[both], detailed[both])[0, 1] > 0.3


def test_impossible_values_are_missing(world):
    spec, inputs, networks, calibration = windowed(world)
    calibration["offset"][0, 3, 0] = 1000.0
    predictor = LinkPredictor(world.sensors(spec, inputs), networks, calibration, spec)
    (block,) = predictor.blocks(predictor.predict_year(2014))
    assert np.isnan(block["tb"].values[:, 3, 0]).all()
    assert np.isnan(block["tb_std_total"].values[:, 3, 0]).all()
    assert np.isfinite(block["tb"].values[:, 3, 1]).all()


def test_the_first_sensor_with_a_value_counts(world):
    spec, inputs, networks, calibration = windowed(world)
    sparse = LinkInput(source="smos_l3", variable="tb", channels=["h", "v"])
    inputs.cycles["both", "other"] = inputs.cycles["both", "smos_l3"]
    sensors = [
        SensorInputs(baseline="both", inputs=[INPUT], role="train"),
        SensorInputs(baseline="both", inputs=[sparse.model_copy(update={"channels": ["h", "v"]})]),
    ]
    spec = settings(window_days=1, sensors=sensors, features=Features(climatology=False))
    names = world.sensors(spec, inputs)[1].names()
    networks = members(2, names, ("tb_h", "tb_v"))
    calibration = xr.concat([calibration] * 2, "sensor_number")
    calibration["offset"] = calibration["offset"] + xr.DataArray([5.0, 0.0], dims="sensor_number")
    predictor = LinkPredictor(world.sensors(spec, inputs), networks, calibration, spec)
    predicted = predictor.predict_year(2014)
    assert set(np.unique(predicted.sensor)) == {-1, 1}


def test_years_and_networks_that_do_not_fit(world, chain):
    networks, path = chain
    calibration, sensors = io.read(path).load(), world.sensors(settings())
    loaded = [load(network) for network in networks]
    with pytest.raises(GlabError, match="cannot predict 2016"):
        LinkPredictor(sensors, loaded, calibration, settings()).predict_year(2016)
    other = settings(features=Features(climatology=False))
    with pytest.raises(GlabError, match="other features"):
        LinkPredictor(world.sensors(other), loaded, calibration, other).predict_year(2015)


def test_channels_of_the_input_may_be_chosen(world):
    spec = link(sensors=[SensorInputs(baseline="both", inputs=[
        INPUT.model_copy(update={"channels": AMSR[::-1]})])])  # fmt: skip
    names = world.features(spec).names()
    assert names[:2] == ["tb_10v_residual", "tb_10h_residual"]
    starts = days_of_year(2014)[:1]
    whole = slice(0, 144)
    turned = world.features(spec).block(starts, whole)
    plain = world.features(link()).block(starts, whole)
    np.testing.assert_array_equal(turned.values[..., 0], plain.values[..., 1])
