"""Rebasing: what is subtracted from samples, and what training gains by it."""

import numpy as np
import pytest
import torch
import xarray as xr
from pydantic import ValidationError

from glab.config import Link, Network, Train
from glab.learning.columns import Feature, describe_columns
from glab.learning.rebasing import (
    SAMPLES_MIN,
    SEASONS,
    Batches,
    build_rebase_pool,
    rebase,
    rebase_fractions,
)
from glab.learning.train import train_network

COLUMNS = [
    Feature("tb_h", "residual"),
    Feature("tb_h", "mean", 91, "past"),
    Feature("tb_h", "climatology"),
    Feature("vod", "climatology", of_target=True),
]
CPU = torch.device("cpu")


def world(slope=1.0, cells=60, noise=0.5, seed=0, years=range(2015, 2020), trend=0.15):
    """Input and target that change slowly together, beside a fast part of the input alone."""
    rng = np.random.default_rng(seed)
    year, window, cell = np.meshgrid(list(years), np.arange(20), np.arange(cells), indexing="ij")
    rate = rng.normal(0, trend, cells)[cell]
    slow = rate * (year - 2017)
    fast = noise * rng.standard_normal(year.shape)
    cycles = rng.normal(0, 20, (2, cells))[:, cell]  # places differ by far more than years
    x = np.stack([slow + fast, slow, *cycles], axis=-1).astype("f4")
    split = np.where(cell % 5 == 0, 1, 0)
    day = np.char.add(year.astype(str), "-01-01").astype("datetime64[D]") + window * 18
    flat = {name: values.ravel() for name, values in {"cell": cell, "split": split}.items()}
    samples = xr.Dataset(
        {
            "features": (("sample", "feature"), x.reshape(-1, 4)),
            "target": (("sample", "target_name"), slope * slow.reshape(-1, 1).astype("f4")),
            "target_climatology": (
                ("sample", "target_name"),
                x[..., 3].reshape(-1, 1),
            ),
            "sensor": ("sample", np.zeros(slow.size, "i2")),
            "split": ("sample", flat["split"].astype("i2")),
        },
        {
            "target_name": ["vod"],
            "sample_cell": ("sample", flat["cell"].astype("i4")),
            "sample_block": ("sample", (flat["cell"] // 3).astype("i4")),
            "sample_day": ("sample", day.ravel().astype("datetime64[ns]")),
        },
    )
    return describe_columns(samples, COLUMNS)


def test_a_reference_is_the_mean_of_a_cell_s_year():
    samples = world()
    pool = build_rebase_pool(samples)
    assert len(pool.features) == 60 * 5 + 1 and not pool.features[-1].any()
    assert (pool.number == 5).all()
    row = 7
    cell, first = int(samples["sample_cell"][row]), int(pool.first[pool.site[row]])
    mine = samples["sample_cell"].values == cell
    years = samples["sample_day"].dt.year.values
    for position, year in enumerate(range(2015, 2020)):
        rows = mine & (years == year)
        expected = samples["features"].values[rows, 0].mean()
        np.testing.assert_allclose(
            pool.features[first + position, :2], expected, rtol=1e-4, atol=1e-6
        )
        np.testing.assert_allclose(
            pool.target[first + position], samples["target"].values[rows].mean(0), atol=1e-6
        )
        np.testing.assert_allclose(pool.features[first + position, 2], -expected, rtol=1e-4)
        np.testing.assert_allclose(
            pool.features[first + position, 3], -pool.target[first + position]
        )


def test_another_reference_is_another_baseline():
    """Residual + cycle stays the same for every reference."""
    samples = world(noise=0.0)
    tensors = tuple(torch.from_numpy(samples[n].values) for n in ("features", "target"))
    for fraction in ((1.0, 0.0), (0.9, 0.5)):
        shift = rebase(build_rebase_pool(samples), fraction, 3, CPU)
        (features, target), *_ = Batches(tensors, torch.arange(3000), 3000, shift)
        assert float((features[:, 0] - tensors[0][:3000, 0]).abs().mean()) > 0.1
        exact = {"rtol": 0.0, "atol": 1e-4}
        before = tensors[0][:3000]
        now, then = features[:, 0] + features[:, 2], before[:, 0] + before[:, 2]
        torch.testing.assert_close(now, then, **exact)
        values = tensors[1][:3000, 0] + before[:, 3]
        torch.testing.assert_close(target[:, 0] + features[:, 3], values, **exact)


def test_coordinates_have_no_reference_and_means_alone_have_one():
    samples = world()
    means = [Feature("tb_h", "mean", days) for days in (18, 91)]
    coordinates = [Feature(name, "coordinate") for name in ("lat", "sin_lon")]
    pool = build_rebase_pool(describe_columns(samples, [*means, *coordinates]))
    np.testing.assert_array_equal(pool.features[:, 0], pool.features[:, 1])
    assert pool.features[:, 0].any() and not pool.features[:, 2:].any()


def test_few_samples_give_no_reference_and_sensors_are_separate():
    samples = world()
    years = samples["sample_day"].dt.year.values
    samples["sensor"].values[years >= 2018] = 1
    kept = np.ones(len(years), bool)
    kept[
        np.flatnonzero((years == 2016) & (samples["sample_cell"].values == 3))[SAMPLES_MIN - 1 :]
    ] = 0
    pool = build_rebase_pool(samples.isel(sample=np.flatnonzero(kept)))
    cell, sensor = samples["sample_cell"].values[kept], samples["sensor"].values[kept]
    number = pool.number[pool.site]
    assert set(number[(sensor == 0) & (cell != 3)]) == {3}
    assert set(number[sensor == 1]) == {2}
    assert set(number[(sensor == 0) & (cell == 3)]) == {2}


def test_what_is_drawn_belongs_to_the_cell_and_follows_the_fraction():
    samples = world()
    pool = build_rebase_pool(samples)
    drawn, site = pool.draw(0.7, 0.0, np.random.default_rng(1))
    none = drawn == len(pool.features) - 1
    assert 0.27 < none.mean() < 0.33
    np.testing.assert_array_equal(site, pool.site)
    np.testing.assert_array_equal(pool.reference_site[drawn[~none]], site[~none])


def test_samples_are_relative_to_other_cells_only_where_those_have_a_season():
    samples = world()
    samples = samples.isel(sample=np.flatnonzero(~_winter(samples, cell=4)))
    pool = build_rebase_pool(samples)
    drawn, site = pool.draw(0.9, 0.5, np.random.default_rng(1))
    elsewhere = site != pool.site
    assert 0.46 < elsewhere.mean() < 0.51  # one in sixty is drawn at home
    none = drawn == len(pool.features) - 1
    np.testing.assert_array_equal(pool.reference_site[drawn[~none]], site[~none])
    assert 0.03 < none.mean() < 0.07
    missing = ~pool.cycle_known[pool.site[samples["sample_cell"].values == 4][0]]
    assert missing.sum() == 5 and pool.cycle_known.sum() == 60 * SEASONS - 5
    relative_to_4 = elsewhere & (site == pool.site[samples["sample_cell"].values == 4][0])
    assert relative_to_4.any() and not missing[pool.season[relative_to_4]].any()


def test_samples_of_a_sensor_are_never_relative_to_another_sensor():
    """Two sensors, each with a calibration of its own, are never mixed."""
    samples = world()
    samples["sensor"].values[samples["sample_day"].dt.year.values >= 2018] = 1
    pool = build_rebase_pool(samples)
    drawn, site = pool.draw(0.0, 1.0, np.random.default_rng(2))
    sensor = np.zeros(len(pool.number), int)
    sensor[pool.site] = samples["sensor"].values
    np.testing.assert_array_equal(sensor[site], samples["sensor"].values)
    assert (site != pool.site).mean() > 0.9 and (drawn < len(pool.reference_site)).all()


def _winter(samples, cell):
    return (samples["sample_cell"].values == cell) & (
        samples["sample_day"].dt.dayofyear <= 90
    ).values


def test_another_cell_moves_running_means_by_its_smoothed_cycle():
    samples = world(noise=0.0, trend=0.0, cells=2)
    season = 30 * np.cos(2 * np.pi * (samples["sample_day"].dt.dayofyear.values - 1) / 360)
    of_one = np.where(samples["sample_cell"].values == 1, season, 0.0)
    samples["features"].values[:, 2] += of_one
    pool = build_rebase_pool(samples)
    one, two = (pool.site[samples["sample_cell"].values == n][0] for n in (0, 1))
    step = pool.cycle_features[two] - pool.cycle_features[one]
    amplitude = [np.ptp(step[:, column]) / 2 for column in range(3)]
    smooth = np.sin(np.pi * 90 / 360) / (5 * np.sin(np.pi * 18 / 360))  # of five seasons of twenty
    np.testing.assert_allclose(amplitude, [30, 30 * smooth, 30], rtol=0.02)
    np.testing.assert_allclose(step[:, 2], -step[:, 0], rtol=1e-5)


def test_other_cells_need_cycles_as_features():
    sensor = {"baseline": "own", "inputs": [{"source": "a", "variable": "tb"}]}
    target = {"source": "b", "variable": "vod"}
    network, features = {"places_fraction": 0.5}, {"climatology": False}
    with pytest.raises(ValidationError, match="needs features.climatology"):
        Link(sensors=[sensor], target=target, network=network, features=features)


def test_other_cells_serve_the_first_epochs():
    network = Network(rebased_fraction=0.9, places_fraction=0.5, places_epochs=0.3, epochs=20)
    fractions = [rebase_fractions(network, epoch) for epoch in range(20)]
    assert fractions == [(0.9, 0.5)] * 6 + [(0.9, 0.0)] * 14


def test_other_cells_teach_changes_that_years_do_not_contain(tmp_path):
    """A network trained on small changes learns large ones from cells that differ as much."""
    samples = world(noise=0.0, cells=120, trend=0.05)
    level = np.random.default_rng(5).normal(0, 3, 120)[samples["sample_cell"].values]
    samples["features"].values[:, 2] = level
    samples["features"].values[:, 3] = samples["target_climatology"].values[:, 0] = level
    errors = []
    for fraction in (0.0, 0.5):
        network = Network(hidden=[32], epochs=20, batch_size=256, loss="mse", rebased_fraction=0.9)
        network = network.model_copy(update={"places_fraction": fraction})
        trained = train_network(
            samples, Train(name="toy", seed=1, network=network), 0, tmp_path / f"{fraction}"
        )
        probe = np.zeros((50, 4), np.float32)
        probe[:, 0] = probe[:, 1] = np.linspace(-4, 4, 50)
        with torch.inference_mode():
            output = trained.network(torch.from_numpy(probe)).numpy().ravel()
        errors.append(np.abs(output - probe[:, 0]).mean())
    assert errors[1] < 0.5 * errors[0], errors


def test_batches_take_the_same_year_from_input_and_target():
    samples = world(noise=0.0)
    tensors = tuple(torch.from_numpy(samples[n].values) for n in ("features", "target"))
    shift = rebase(build_rebase_pool(samples), (1.0, 0.0), 3, CPU)
    rows = torch.arange(len(tensors[0]))
    parts = list(Batches(tensors, rows, 500, shift))
    features, target = (torch.cat(tensors) for tensors in zip(*parts))
    torch.testing.assert_close(features[:, :1], target)
    assert float(target.std()) > 1.2 * float(tensors[1].std())


def test_slow_change_keeps_more_of_its_slope(tmp_path):
    """A fast part that the target does not follow makes a network damp the slow one, too."""
    samples = world(noise=1.0, cells=120, trend=0.3)
    samples["features"].values[:, 1] = samples["features"].values[:, 0]
    slopes = []
    for fraction in (0.0, 1.0):
        network = Network(
            hidden=[],
            epochs=15,
            batch_size=256,
            loss="mse",
            learning_rate=0.02,
            rebased_fraction=fraction,
        )
        trained = train_network(
            samples, Train(name="toy", seed=1, network=network), 0, tmp_path / f"{fraction}"
        )
        probe = np.repeat(samples["features"].values[:1], 2, axis=0)
        probe[:, :2] = [[0.0, 0.0], [1.0, 1.0]]
        with torch.inference_mode():
            low, high = trained.network(torch.from_numpy(probe)).numpy().ravel()
        slopes.append(high - low)
    # least squares: variance of the slow part 2 × 0.09 within five years, twice that between two
    np.testing.assert_allclose(slopes, [0.18 / 1.18, 0.36 / 1.41], rtol=0.15)
