"""Samples: splits that never leak, quotas, footprints, and links without overlap."""

import json
from contextlib import closing

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures_learning import COL, INPUT, ROW, TARGET, sampling, toy_domain, toy_world
from glab import io
from glab.calendar import year_of
from glab.config import LinkInput, SensorInputs, Splits
from glab.errors import GlabError
from glab.grids import M25
from glab.learning.inputs import open_inputs
from glab.learning.samples import draw_samples
from glab.splits import (
    BUFFER,
    HELD_OUT_BLOCKS,
    HELD_OUT_BOTH,
    HELD_OUT_YEARS,
    TRAIN,
    VALIDATION,
    cell_labels,
    draw_blocks,
    sample_labels,
)
from glab.steps.samples import samples as step


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return toy_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def samples(world):
    return world.samples(sampling())


@settings(max_examples=40, deadline=None)
@given(
    held_out=st.floats(0, 0.6),
    validation=st.floats(0, 0.6),
    width=st.integers(0, 2),
    seed=st.integers(0, 1000),
    side=st.integers(6, 20),
    block=st.integers(2, 6),
    shift=st.integers(0, 1),
)
def test_no_training_cell_lies_in_a_buffer(held_out, validation, width, seed, side, block, shift):
    domain = toy_domain(side, block=block)
    if shift:  # across the date line
        domain["col"] = (domain["col"] - COL - side // 2) % M25.shape[1]
    splits = Splits(held_out_fraction=held_out, validation_fraction=validation, buffer_cells=width)
    labels = cell_labels(domain, splits, seed)
    row, col = (domain[name].values.astype(int) for name in ("row", "col"))
    columns = np.abs(col[:, None] - col)
    distance = np.maximum(np.abs(row[:, None] - row), np.minimum(columns, M25.shape[1] - columns))
    near = distance <= width
    held = labels == HELD_OUT_BLOCKS
    used = (labels == TRAIN) | (labels == VALIDATION)
    assert not (near & held[:, None] & used).any()
    assert not (near & (labels == VALIDATION)[:, None] & (labels == TRAIN)).any()
    assert held.any() == (held_out > 0 and len(np.unique(domain["block"])) > 1)
    blocks = domain["block"].values
    assert not set(blocks[held]) & set(blocks[used])


def test_buffer_is_one_ring():
    domain = toy_domain(block=4)
    labels = cell_labels(domain, Splits(held_out_fraction=0.12, validation_fraction=0), 1)
    held = labels == HELD_OUT_BLOCKS
    assert held.sum() == 16
    row, col = domain["row"].values - ROW, domain["col"].values - COL
    ring = np.zeros((14, 14), bool)
    for r, c in zip(row[held], col[held]):
        ring[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2] = True
    np.testing.assert_array_equal(labels != TRAIN, ring[row, col])


def test_blocks_depend_on_seed_and_purpose_alone():
    blocks = np.repeat(np.arange(50), 4)
    first = draw_blocks(blocks, 0.2, 1, "held_out")
    assert len(first) == 10
    np.testing.assert_array_equal(first, draw_blocks(blocks[::-1], 0.2, 1, "held_out"))
    assert not np.array_equal(first, draw_blocks(blocks, 0.2, 2, "held_out"))
    assert not np.array_equal(first, draw_blocks(blocks, 0.2, 1, "validation"))
    assert len(draw_blocks(blocks, 1.0, 1)) == 49
    assert len(draw_blocks(blocks, 0.0, 1)) == 0


def test_held_out_years_win_over_every_cell_but_the_buffer():
    cells = np.array([TRAIN, VALIDATION, HELD_OUT_BLOCKS, BUFFER], np.int16)
    labels = sample_labels(cells, np.array([False, True]))
    np.testing.assert_array_equal(labels[0], cells)
    years, both = HELD_OUT_YEARS, HELD_OUT_BOTH
    np.testing.assert_array_equal(labels[1], [years, years, both, BUFFER])


def test_labels_agree_with_days_and_cells(world, samples):
    settings = sampling()
    labels = cell_labels(world.domain, settings.splits, settings.seed)
    cell = np.searchsorted(world.domain["cell"].values, samples["sample_cell"].values)
    years = year_of(samples["sample_day"].values.astype("datetime64[D]"))
    expected = sample_labels(labels, np.array([False, True]))[(years == 2015).astype(int), cell]
    np.testing.assert_array_equal(samples["split"].values, expected)
    assert set(np.unique(samples["split"])) == {0, 1, 2, 3, 4}
    assert (samples["sensor"] == 0).all()
    assert samples.sizes["sample"] <= settings.samples_max
    for name in ("features", "target", "target_climatology"):
        assert np.isfinite(samples[name].values).all()


def test_a_smaller_draw_keeps_the_fractions_of_splits_and_years(world, samples):
    few = world.samples(sampling(samples_max=3000))
    assert 2900 <= few.sizes["sample"] <= 3000
    for name in ("split", "sample_day"):
        values = [s[name].values for s in (samples, few)]
        if name == "sample_day":
            values = [year_of(v.astype("datetime64[D]")) for v in values]
        for value in np.unique(values[0]):
            fractions = [np.mean(v == value) for v in values]
            assert fractions[0] == pytest.approx(fractions[1], abs=0.01)


def test_the_same_draw_twice_and_another_by_another_seed(world):
    settings = sampling(samples_max=500)
    first, second = (world.samples(settings) for _ in range(2))
    xr.testing.assert_identical(first, second)
    other = world.samples(sampling(samples_max=500, seed=4))
    assert not np.array_equal(first["sample_cell"].values, other["sample_cell"].values)


def test_little_memory_thins_the_days_over_the_whole_year(world):
    samples = world.samples(sampling(memory_mb=1))
    days = samples["sample_day"].values.astype("datetime64[D]")
    in_2014 = np.unique(days[year_of(days) == 2014])
    assert 80 < len(in_2014) < 130
    assert np.diff(in_2014).max() < np.timedelta64(9, "D")
    with pytest.raises(GlabError, match="fits into memory"):
        world.samples(sampling().model_copy(update={"memory_mb": 0}))


def test_only_days_of_the_baseline_or_of_named_years(world):
    period = {"start": "2013-06-01", "end": "2014-12-31"}
    samples = world.samples(sampling(baselines={"both": period}))
    days = samples["sample_day"].values.astype("datetime64[D]")
    assert days.min() == np.datetime64("2013-06-01")
    assert days.max().astype("datetime64[Y]") == np.datetime64("2015")
    samples = world.samples(sampling(training_years=[2014]))
    days = samples["sample_day"].values.astype("datetime64[D]")
    assert set(year_of(days)) == {2014, 2015}


def test_no_training_window_reaches_into_a_held_out_year(world):
    """The window of 2014-12-31… would: its first day belongs to 2014."""
    samples = world.samples(sampling(window_days=18))
    days = samples["sample_day"].values.astype("datetime64[D]")
    last = days + 17
    training = samples["split"].values <= VALIDATION
    assert year_of(last[training]).max() == 2014
    period = {"start": "2013-01-01", "end": "2014-06-15"}
    settings = sampling(window_days=18, baselines={"both": period})
    samples = world.samples(settings)
    training = samples["split"].values <= VALIDATION
    last = samples["sample_day"].values.astype("datetime64[D]")[training].max() + 17
    assert last <= np.datetime64("2014-06-15")


def test_windows_need_days_with_a_target(world):
    wanted = [world.samples(sampling(window_days=18, target_days_min=least)) for least in (1, 12)]
    assert 0 < wanted[1].sizes["sample"] < wanted[0].sizes["sample"]
    with pytest.raises(GlabError, match="do not overlap"):
        world.samples(sampling(window_days=18, target_days_min=19))


def test_several_sensors_are_pooled_and_numbered(world):
    sensors = [SensorInputs(baseline="both", inputs=[INPUT])] * 2
    other = SensorInputs(baseline="both", inputs=[INPUT], role="predict")
    settings = sampling(sensors=[*sensors, other], samples_max=4000)
    samples = world.samples(settings)
    fraction = np.bincount(samples["sensor"].values) / samples.sizes["sample"]
    np.testing.assert_allclose(fraction, [0.5, 0.5], atol=0.01)
    assert samples["sensor"].attrs["flag_meanings"] == "amsr2 amsr2 amsr2"


def test_no_overlap_names_sources_baselines_and_years(world):
    with pytest.raises(GlabError) as caught:
        draw_samples(world.sensors(sampling(), world.inputs({2016})), sampling())
    for word in ("toy", "both", "amsr2", "smos_l3", "no year"):
        assert word in str(caught.value)
    period = {"start": "1999-01-01", "end": "1999-12-31"}
    settings = sampling(baselines={"both": period}, splits=Splits())
    with pytest.raises(GlabError, match="2013, 2014, 2015"):
        world.samples(settings)


def test_matching_footprints_takes_the_attenuation_out_of_a_slope(world):
    """The target sees the mean over blocks of 4 × 4 cells, the inputs single cells."""
    rng = np.random.default_rng(0)
    blocks = np.unique(world.domain["block"].values, return_inverse=True)[1]

    def coarse(values):
        means = np.stack([values[..., blocks == b].mean(-1) for b in range(9)], axis=-1)
        return means[..., blocks]

    inputs = world.inputs()
    fine = rng.normal(0, 3, (365, 144, 1)).astype("f4")
    large = coarse(rng.normal(0, 3, (365, 144))[..., :]).astype("f4")[..., None]
    for (_, source, _), dataset in inputs.residuals.items():
        days = dataset["time"].size
        values = np.resize(fine + large, (days, 144, 1)) * np.ones(2, "f4")
        if source == "smos_l3":
            values = coarse(values[..., 0])[..., None] * np.ones(2, "f4")
        dataset["tb_residual"] = ("time", "cell", "channel"), values

    def slope(footprint):
        settings = sampling(samples_max=5000)
        samples = draw_samples(world.sensors(settings, inputs, footprint), settings)
        x, y = samples["features"].values[:, 0], samples["target"].values[:, 0]
        return np.polyfit(x, y, 1)[0]

    assert slope(None) < 0.8
    assert slope(coarse) == pytest.approx(1.0, abs=0.02)


def test_step_writes_the_same_file_twice(world, tmp_path):
    settings = sampling(samples_max=1000, footprint="M36")
    arguments = {
        "residuals": world.residuals,
        "climatology": world.climatologies,
        "domain": world.root / "domain.nc",
        "settings": settings,
    }
    for name in ("one", "two"):
        step(output=tmp_path / name / "toy.nc", **arguments)
    first, second = ((tmp_path / name / "toy.nc").read_bytes() for name in ("one", "two"))
    assert first == second
    with io.read(tmp_path / "one" / "toy.nc") as samples:
        assert samples["target_name"].values.tolist() == ["tb_h", "tb_v"]
        assert json.loads(samples.attrs["glab_settings"])["footprint"] == "M36"
        assert samples["sample_day"].dtype.kind == "M"
        assert samples["features"].dtype == np.float32
    arguments["settings"] = settings.model_copy(update={"footprint": 60.0})
    step(output=tmp_path / "wide.nc", **arguments)
    assert (tmp_path / "wide.nc").exists()


def test_files_of_another_domain_and_names_without_a_year(world, tmp_path):
    other = toy_domain(side=11)
    arguments = {
        "residuals": world.residuals,
        "climatology": world.climatologies,
        "output": tmp_path / "toy.nc",
        "settings": sampling(),
    }
    io.write(other, tmp_path / "other.nc", io.Provenance("domain"))
    with pytest.raises(GlabError, match="another domain"):
        step(domain=tmp_path / "other.nc", **arguments)
    (tmp_path / "odd.nc").write_bytes(world.residuals[0].read_bytes())
    arguments["residuals"] = [tmp_path / "odd.nc"]
    with pytest.raises(GlabError, match="is not a year"):
        step(domain=world.root / "domain.nc", **arguments)
    assert not (tmp_path / "toy.nc").exists()


def test_no_file_stays_open_when_one_of_them_cannot_be_used(world, monkeypatch):
    opened = []

    def read(path):
        opened.append(xr.open_dataset(path))
        opened[-1].set_close(lambda: closed.append(path))
        return opened[-1]

    closed = []
    monkeypatch.setattr(io, "read", read)
    with pytest.raises(GlabError, match="another domain"):
        open_inputs(world.residuals, [], toy_domain(side=11))
    assert closed == world.residuals[:1]
    closed.clear()
    with closing(open_inputs(world.residuals, [], world.domain)):
        assert not closed
    assert closed == world.residuals


def test_a_target_that_is_an_input_too_keeps_both_names(world):
    entry = LinkInput(source="smos_l3", variable="tb")
    settings = sampling(sensors=[SensorInputs(baseline="both", inputs=[entry])], target=TARGET)
    samples = world.samples(settings)
    names = samples["feature"].values.tolist()
    assert "tb_h_climatology" in names and "target_tb_h_climatology" in names
