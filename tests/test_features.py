"""Feature vectors: their columns, and that samples and prediction form the same ones."""

import numpy as np
import pytest

from fixtures_learning import AMSR, INPUT, link, plain_samples, sampling, toy_world
from glab import io
from glab.calendar import days_of_year, window_starts
from glab.config import Features, LinkInput, SensorInputs
from glab.errors import GlabError
from glab.learning.columns import Feature, describe_columns, input_columns, read_columns
from glab.learning.inputs import tiles_of
from glab.learning.samples import STYLE

ALL = slice(0, 144)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return toy_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def inputs(world):
    return world.inputs()


def form_block(world, inputs, starts, spec=None, cells=ALL):
    return world.features(spec or link(), inputs).block(starts, cells)


def names_of(world, inputs, spec=None):
    return world.features(spec or link(), inputs).names()


def test_names_follow_the_columns(world, inputs):
    spec = link(features=Features(coordinates=True, means_alignment=["centred", "past"]))
    names = names_of(world, inputs, spec)
    assert names[:4] == ["tb_10h_residual", "tb_10v_residual", "tb_10h_mean91", "tb_10v_mean91"]
    assert "tb_10v_mean365_past" in names
    assert names[-4:] == ["target_tb_h_climatology", "target_tb_v_climatology", "lat", "sin_lon"]
    block = form_block(world, inputs, days_of_year(2014)[:3], spec)
    assert block.values.shape == (3, 144, len(names))
    columns = world.features(spec, inputs).columns()
    assert input_columns(columns) == list(range(len(names) - 4))


def test_published_features_are_residuals_and_coordinates(world, inputs):
    features = Features(means_days=[], means_values_min=[], climatology=False, coordinates=True)
    spec = link(features=features)
    names = names_of(world, inputs, spec)
    assert names == ["tb_10h_residual", "tb_10v_residual", "lat", "sin_lon"]
    block = form_block(world, inputs, days_of_year(2014)[:1], spec)
    lat, lon = world.domain["lat"].values, world.domain["lon"].values
    np.testing.assert_allclose(block.values[0, :, 2], lat, rtol=1e-6)
    np.testing.assert_allclose(block.values[0, :, 3], np.sin(np.deg2rad(lon)), rtol=1e-5)


def test_residual_mean_and_cycle(world, inputs):
    spec, starts = link(), days_of_year(2014)[100:103]
    block = form_block(world, inputs, starts)
    year = inputs.residual("both", INPUT, days_of_year(2014), ALL)
    np.testing.assert_array_equal(block.values[..., :2], year[100:103])
    mean = np.nanmean(year[100 - 45 : 100 + 46, :, 1], axis=0)
    column = block.values[0, :, names_of(world, inputs, spec).index("tb_10v_mean91")]
    np.testing.assert_allclose(column, mean, atol=1e-4)
    cycle = inputs.cycle("both", INPUT, starts, ALL)
    column = block.values[..., names_of(world, inputs, spec).index("tb_10h_climatology")]
    np.testing.assert_allclose(column, cycle[..., 0], rtol=1e-6)


def test_means_reach_into_the_neighbouring_years_but_not_beyond_what_is_given(world, inputs):
    starts = days_of_year(2014)[:1]
    column = names_of(world, inputs).index("tb_10h_mean91")
    both = form_block(world, inputs, starts).values[0, :, column]
    alone = form_block(world, world.inputs({2014}), starts).values[0, :, column]
    year = inputs.residual("both", INPUT, days_of_year(2014), ALL)
    np.testing.assert_allclose(alone, np.nanmean(year[:46, :, 0], axis=0), atol=1e-4)
    assert np.abs(both - alone).max() > 0.1


def test_too_few_values_are_replaced_by_the_shorter_mean_and_counted(world, inputs):
    spec = link(features=Features(means_values_min=[5, 1000]))
    block = form_block(world, inputs, days_of_year(2014)[:2], spec)
    for channel in AMSR:
        short, long = (
            block.values[..., names_of(world, inputs, spec).index(f"tb_{channel}_mean{n}")]
            for n in (91, 365)
        )
        np.testing.assert_array_equal(short, long)
    assert (block.shortened == 2).all()
    assert (form_block(world, inputs, days_of_year(2014)[:2]).shortened == 0).all()


def test_a_missing_input_makes_a_vector_incomplete(world, inputs):
    block = form_block(world, inputs, days_of_year(2014)[:5])
    finite = np.isfinite(inputs.residual("both", INPUT, days_of_year(2014)[:5], ALL)).all(-1)
    np.testing.assert_array_equal(block.complete, finite)
    assert 0 < finite.mean() < 1


def test_windows_are_means_over_their_days(world, inputs):
    spec = link(window_days=18)
    starts = window_starts(2014, 18)[3:5]
    features = world.features(spec, inputs)
    block = features.block(starts, ALL)
    days = starts[0] + np.arange(18)
    daily = inputs.residual("both", INPUT, days, ALL)
    np.testing.assert_allclose(block.values[0, :, :2], np.nanmean(daily, axis=0), atol=1e-4)
    np.testing.assert_array_equal(block.count[0], np.isfinite(daily[..., 0]).sum(axis=0))
    cycle = features.window_cycle(spec.target, starts, ALL)
    daily = inputs.cycle("both", spec.target, days, ALL)
    np.testing.assert_allclose(cycle[0], daily.mean(axis=0), rtol=1e-5)
    target, count = features.target_windows(starts, ALL)
    assert target.shape == (2, 144, 2) and count.max() <= 18


def test_tiles_give_what_the_whole_gives(world, inputs):
    starts = days_of_year(2014)[40:42]
    whole = form_block(world, inputs, starts).values
    for tile in tiles_of(world.domain):
        np.testing.assert_array_equal(
            form_block(world, inputs, starts, cells=tile).values, whole[:, tile]
        )


def test_samples_contain_the_vectors_of_prediction(world, inputs):
    samples = world.samples(sampling(samples_max=300))
    cell = world.domain["cell"].values.tolist().index(int(samples["sample_cell"][7]))
    day = samples["sample_day"].values[7:8].astype("datetime64[D]")
    block = form_block(world, inputs, day, cells=slice(cell, cell + 1))
    np.testing.assert_array_equal(block.values[0, 0], samples["features"].values[7])


def test_spread_of_residuals_for_noise(world, inputs):
    spec = link()
    spread = world.features(spec, inputs).residual_spread(days_of_year(2014), ALL)
    days = np.arange("2013-01-01", "2016-01-01", dtype="datetime64[D]")
    expected = np.nanstd(inputs.residual("both", INPUT, days, ALL), axis=0)
    np.testing.assert_allclose(spread[:, :2], expected, rtol=1e-4)
    assert (spread[:, 2:] == 0).all()


def test_samples_describe_their_columns(world, inputs, tmp_path):
    """Kind, layer and width survive a file; nothing needs the names."""
    options = Features(coordinates=True, means_alignment=["centred", "future"])
    settings = sampling(samples_max=300, features=options.model_dump())
    samples = world.samples(settings)
    io.write(samples, tmp_path / "toy.nc", io.Provenance("samples"), style=STYLE)
    with io.read(tmp_path / "toy.nc") as stored:
        columns = read_columns(stored)
        names = stored["feature"].values.tolist()
    assert columns == world.features(settings, inputs).columns()
    assert [column.name for column in columns] == names
    assert columns[3] == Feature("tb_10v", "mean", 91)
    assert columns[-7] == Feature("tb_10v", "mean", 365, "future")
    assert columns[-3] == Feature("tb_v", "climatology", of_target=True)
    assert columns[-1] == Feature("sin_lon", "coordinate")


def test_an_unknown_kind_or_undescribed_features_are_an_error():
    with pytest.raises(GlabError, match="did you mean 'residual'"):
        Feature("tb_10h", "residuals")
    samples = plain_samples(10)
    assert read_columns(samples)[1] == Feature("v1", "residual")
    other = samples.assign_coords(feature_kind=("feature", ["residual", "median", "mean"]))
    with pytest.raises(GlabError, match="unknown kind of feature 'median'"):
        read_columns(other)
    with pytest.raises(GlabError, match="do not describe their features"):
        read_columns(samples.drop_vars("feature_kind"))
    same = describe_columns(samples, read_columns(samples))
    assert same.identical(samples)


def test_unknown_channel_source_and_repeated_names(world, inputs):
    for entry, match in (
        (INPUT.model_copy(update={"channels": ["11h"]}), "unknown channel"),
        (LinkInput(source="amsr", variable="tb"), "no climatology"),
        (LinkInput(source="amsr2", variable="tbb"), "unknown variable"),
    ):
        spec = link(sensors=[SensorInputs(baseline="both", inputs=[entry])])
        with pytest.raises(GlabError, match=match):
            names_of(world, inputs, spec)
    spec = link(sensors=[SensorInputs(baseline="both", inputs=[INPUT, INPUT])])
    with pytest.raises(GlabError, match="same variable and channel"):
        names_of(world, inputs, spec)
