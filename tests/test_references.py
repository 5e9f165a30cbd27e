"""Other references: what is taken from samples, and what training gains by it."""

import numpy as np
import pytest
import torch
import xarray as xr
from pydantic import ValidationError

from glab.config import Link, Network, Train
from glab.learning.rebasing import (
    SAMPLES_MIN,
    SEASONS,
    Batches,
    build_rebase_pool,
    rebase,
    rebase_fractions,
)
from glab.learning.train import train_network

NAMES = ["tb_h_residual", "tb_h_mean91_past", "tb_h_climatology", "target_vod_climatology"]
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
    return xr.Dataset(
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
            "feature": NAMES,
            "target_name": ["vod"],
            "sample_cell": ("sample", flat["cell"].astype("i4")),
            "sample_block": ("sample", (flat["cell"] // 3).astype("i4")),
            "sample_day": ("sample", day.ravel().astype("datetime64[ns]")),
        },
    )


def test_a_reference_is_the_mean_of_a_cell_s_year():
    samples = world()
    found = build_rebase_pool(samples)
    assert len(found.features) == 60 * 5 + 1 and not found.features[-1].any()
    assert (found.number == 5).all()
    row = 7
    cell, first = int(samples["sample_cell"][row]), int(found.first[found.place[row]])
    mine = samples["sample_cell"].values == cell
    years = samples["sample_day"].dt.year.values
    for place, year in enumerate(range(2015, 2020)):
        own = mine & (years == year)
        expected = samples["features"].values[own, 0].mean()
        np.testing.assert_allclose(
            found.features[first + place, :2], expected, rtol=1e-4, atol=1e-6
        )
        np.testing.assert_allclose(
            found.target[first + place], samples["target"].values[own].mean(0), atol=1e-6
        )
        np.testing.assert_allclose(found.features[first + place, 2], -expected, rtol=1e-4)
        np.testing.assert_allclose(found.features[first + place, 3], -found.target[first + place])


def test_another_reference_is_another_baseline():
    """Values and cycles stay what they are: residual + cycle is the same, whatever the year."""
    samples = world(noise=0.0)
    tensors = tuple(torch.from_numpy(samples[n].values) for n in ("features", "target"))
    for share in ((1.0, 0.0), (0.9, 0.5)):
        shift = rebase(build_rebase_pool(samples), share, 3, CPU)
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
    named = samples.assign_coords(feature=["tb_h_mean18", "tb_h_mean91", "lat", "sin_lon"])
    found = build_rebase_pool(named)
    np.testing.assert_array_equal(found.features[:, 0], found.features[:, 1])
    assert found.features[:, 0].any() and not found.features[:, 2:].any()


def test_few_samples_make_no_reference_and_records_stay_apart():
    samples = world()
    years = samples["sample_day"].dt.year.values
    samples["sensor"].values[years >= 2018] = 1
    kept = np.ones(len(years), bool)
    kept[
        np.flatnonzero((years == 2016) & (samples["sample_cell"].values == 3))[SAMPLES_MIN - 1 :]
    ] = 0
    found = build_rebase_pool(samples.isel(sample=np.flatnonzero(kept)))
    cell, record = samples["sample_cell"].values[kept], samples["sensor"].values[kept]
    number = found.number[found.place]
    assert set(number[(record == 0) & (cell != 3)]) == {3}
    assert set(number[record == 1]) == {2}
    assert set(number[(record == 0) & (cell == 3)]) == {2}


def test_what_is_drawn_belongs_to_the_cell_and_follows_the_share():
    samples = world()
    found = build_rebase_pool(samples)
    drawn, place = found.draw(0.7, 0.0, np.random.default_rng(1))
    none = drawn == len(found.features) - 1
    assert 0.27 < none.mean() < 0.33
    np.testing.assert_array_equal(place, found.place)
    np.testing.assert_array_equal(found.owner[drawn[~none]], place[~none])


def test_a_share_is_told_relative_to_other_cells_where_those_have_a_season():
    samples = world()
    samples = samples.isel(sample=np.flatnonzero(~_winter(samples, cell=4)))
    found = build_rebase_pool(samples)
    drawn, place = found.draw(0.9, 0.5, np.random.default_rng(1))
    elsewhere = place != found.place
    assert 0.46 < elsewhere.mean() < 0.51  # one in sixty is drawn at home
    none = drawn == len(found.features) - 1
    np.testing.assert_array_equal(found.owner[drawn[~none]], place[~none])
    assert 0.03 < none.mean() < 0.07
    missing = ~found.known[found.place[samples["sample_cell"].values == 4][0]]
    assert missing.sum() == 5 and found.known.sum() == 60 * SEASONS - 5
    told_by_4 = elsewhere & (place == found.place[samples["sample_cell"].values == 4][0])
    assert told_by_4.any() and not missing[found.season[told_by_4]].any()


def test_records_are_not_told_relative_to_each_other():
    """Two sensors, each with a calibration of its own, are never mixed."""
    samples = world()
    samples["sensor"].values[samples["sample_day"].dt.year.values >= 2018] = 1
    found = build_rebase_pool(samples)
    drawn, place = found.draw(0.0, 1.0, np.random.default_rng(2))
    record = np.zeros(len(found.number), int)
    record[found.place] = samples["sensor"].values
    np.testing.assert_array_equal(record[place], samples["sensor"].values)
    assert (place != found.place).mean() > 0.9 and (drawn < len(found.owner)).all()


def _winter(samples, cell):
    return (samples["sample_cell"].values == cell) & (
        samples["sample_day"].dt.dayofyear <= 90
    ).values


def test_another_cell_moves_running_means_by_its_smoothed_cycle():
    samples = world(noise=0.0, trend=0.0, cells=2)
    season = 30 * np.cos(2 * np.pi * (samples["sample_day"].dt.dayofyear.values - 1) / 360)
    of_one = np.where(samples["sample_cell"].values == 1, season, 0.0)
    samples["features"].values[:, 2] += of_one
    found = build_rebase_pool(samples)
    one, two = (found.place[samples["sample_cell"].values == n][0] for n in (0, 1))
    step = found.cycle_features[two] - found.cycle_features[one]
    amplitude = [np.ptp(step[:, column]) / 2 for column in range(3)]
    smooth = np.sin(np.pi * 90 / 360) / (5 * np.sin(np.pi * 18 / 360))  # of five seasons of twenty
    np.testing.assert_allclose(amplitude, [30, 30 * smooth, 30], rtol=0.02)
    np.testing.assert_allclose(step[:, 2], -step[:, 0], rtol=1e-5)


def test_places_without_cycles_are_refused():
    record = {"baseline": "own", "inputs": [{"source": "a", "variable": "tb"}]}
    target = {"source": "b", "variable": "vod"}
    network, features = {"places_fraction": 0.5}, {"climatology": False}
    with pytest.raises(ValidationError, match="needs features.climatology"):
        Link(sensors=[record], target=target, network=network, features=features)


def test_other_cells_serve_the_first_epochs():
    network = Network(rebased_fraction=0.9, places_fraction=0.5, places_epochs=0.3, epochs=20)
    found = [rebase_fractions(network, epoch) for epoch in range(20)]
    assert found == [(0.9, 0.5)] * 6 + [(0.9, 0.0)] * 14


def test_places_teach_what_years_do_not_hold(tmp_path):
    """A network that saw small changes alone knows of large ones by places that differ so."""
    samples = world(noise=0.0, cells=120, trend=0.05)
    place = np.random.default_rng(5).normal(0, 3, 120)[samples["sample_cell"].values]
    samples["features"].values[:, 2] = place
    samples["features"].values[:, 3] = samples["target_climatology"].values[:, 0] = place
    errors = []
    for share in (0.0, 0.5):
        network = Network(hidden=[32], epochs=20, batch_size=256, loss="mse", rebased_fraction=0.9)
        network = network.model_copy(update={"places_fraction": share})
        made = train_network(
            samples, Train(name="toy", seed=1, network=network), 0, tmp_path / f"{share}"
        )
        probe = np.zeros((50, 4), np.float32)
        probe[:, 0] = probe[:, 1] = np.linspace(-4, 4, 50)
        with torch.inference_mode():
            told = made.network(torch.from_numpy(probe)).numpy().ravel()
        errors.append(np.abs(told - probe[:, 0]).mean())
    assert errors[1] < 0.5 * errors[0], errors


def test_batches_take_the_same_year_from_input_and_target():
    samples = world(noise=0.0)
    tensors = tuple(torch.from_numpy(samples[n].values) for n in ("features", "target"))
    shift = rebase(build_rebase_pool(samples), (1.0, 0.0), 3, CPU)
    rows = torch.arange(len(tensors[0]))
    parts = list(Batches(tensors, rows, 500, shift))
    features, target = (torch.cat(part) for part in zip(*parts))
    torch.testing.assert_close(features[:, :1], target)
    assert float(target.std()) > 1.2 * float(tensors[1].std())


def test_slow_change_keeps_more_of_its_slope(tmp_path):
    """A fast part that the target does not follow makes a network doubt the slow one, too."""
    samples = world(noise=1.0, cells=120, trend=0.3)
    samples["features"].values[:, 1] = samples["features"].values[:, 0]
    slopes = []
    for share in (0.0, 1.0):
        network = Network(
            hidden=[],
            epochs=15,
            batch_size=256,
            loss="mse",
            learning_rate=0.02,
            rebased_fraction=share,
        )
        made = train_network(
            samples, Train(name="toy", seed=1, network=network), 0, tmp_path / f"{share}"
        )
        probe = np.repeat(samples["features"].values[:1], 2, axis=0)
        probe[:, :2] = [[0.0, 0.0], [1.0, 1.0]]
        with torch.inference_mode():
            low, high = made.network(torch.from_numpy(probe)).numpy().ravel()
        slopes.append(high - low)
    # least squares: variance of the slow part 2 × 0.09 within five years, twice that between two
    np.testing.assert_allclose(slopes, [0.18 / 1.18, 0.36 / 1.41], rtol=0.15)
