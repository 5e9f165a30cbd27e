"""Other years as reference: what is taken from samples, and what training gains by it."""

import numpy as np
import torch
import xarray as xr

from glab.batches import Batches, moved
from glab.config import Network, Train
from glab.references import SAMPLES_MIN, references
from glab.train import train

NAMES = ["tb_h_residual", "tb_h_mean91_past", "tb_h_climatology", "target_vod_climatology"]


def world(slope=1.0, cells=60, noise=0.5, seed=0, years=range(2015, 2020), trend=0.15):
    """Input and target that change slowly together, beside a fast part of the input alone."""
    rng = np.random.default_rng(seed)
    year, window, cell = np.meshgrid(list(years), np.arange(20), np.arange(cells), indexing="ij")
    rate = rng.normal(0, trend, cells)[cell]
    slow = rate * (year - 2017)
    fast = noise * rng.standard_normal(year.shape)
    cycles = rng.normal(0, 20, (2, cells))[:, cell]  # places differ by far more than years
    x = np.stack([slow + fast, slow, *cycles], axis=-1)
    split = np.where(cell % 5 == 0, 1, 0)
    day = np.char.add(year.astype(str), "-01-01").astype("datetime64[D]") + window * 18
    flat = {name: values.ravel() for name, values in {"cell": cell, "split": split}.items()}
    return xr.Dataset(
        {
            "features": (("sample", "feature"), x.reshape(-1, 4).astype("f4")),
            "target": (("sample", "target_name"), slope * slow.reshape(-1, 1).astype("f4")),
            "record": ("sample", np.zeros(slow.size, "i2")),
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
    found = references(samples)
    assert len(found.features) == 60 * 5 + 1 and not found.features[-1].any()
    assert (found.number == 5).all()
    row = 7
    cell, first = int(samples["sample_cell"][row]), int(found.first[row])
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
    shift = moved(references(samples), 1.0, 3, torch.device("cpu"))
    (features, target), *_ = Batches(tensors, torch.arange(3000), 3000, shift)
    before = tensors[0][:3000]
    torch.testing.assert_close(features[:, 0] + features[:, 2], before[:, 0] + before[:, 2])
    values = tensors[1][:3000, 0] + tensors[0][:3000, 3]
    torch.testing.assert_close(target[:, 0] + features[:, 3], values)


def test_coordinates_have_no_reference_and_means_alone_have_one():
    samples = world()
    named = samples.assign_coords(feature=["tb_h_mean18", "tb_h_mean91", "lat", "sin_lon"])
    found = references(named)
    np.testing.assert_array_equal(found.features[:, 0], found.features[:, 1])
    assert found.features[:, 0].any() and not found.features[:, 2:].any()


def test_few_samples_make_no_reference_and_records_stay_apart():
    samples = world()
    years = samples["sample_day"].dt.year.values
    samples["record"].values[years >= 2018] = 1
    kept = np.ones(len(years), bool)
    kept[
        np.flatnonzero((years == 2016) & (samples["sample_cell"].values == 3))[SAMPLES_MIN - 1 :]
    ] = 0
    found = references(samples.isel(sample=np.flatnonzero(kept)))
    cell, record = samples["sample_cell"].values[kept], samples["record"].values[kept]
    assert set(found.number[(record == 0) & (cell != 3)]) == {3}
    assert set(found.number[record == 1]) == {2}
    assert set(found.number[(record == 0) & (cell == 3)]) == {2}


def test_what_is_drawn_belongs_to_the_cell_and_follows_the_share():
    samples = world()
    found = references(samples)
    drawn = found.drawn(0.7, np.random.default_rng(1))
    none = drawn == len(found.features) - 1
    assert 0.27 < none.mean() < 0.33
    inside = (drawn >= found.first) & (drawn < found.first + found.number)
    assert inside[~none].all()


def test_batches_take_the_same_year_from_input_and_target():
    samples = world(noise=0.0)
    tensors = tuple(torch.from_numpy(samples[n].values) for n in ("features", "target"))
    shift = moved(references(samples), 1.0, 3, torch.device("cpu"))
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
            rebased_share=share,
        )
        made = train(samples, Train(name="toy", seed=1, network=network), 0, tmp_path / f"{share}")
        probe = np.repeat(samples["features"].values[:1], 2, axis=0)
        probe[:, :2] = [[0.0, 0.0], [1.0, 1.0]]
        with torch.inference_mode():
            low, high = made.network(torch.from_numpy(probe)).numpy().ravel()
        slopes.append(high - low)
    # least squares: variance of the slow part 2 × 0.09 within five years, twice that between two
    np.testing.assert_allclose(slopes, [0.18 / 1.18, 0.36 / 1.41], rtol=0.15)
