"""Feature vectors: what they hold, and that samples and prediction form the same ones."""

import numpy as np
import pytest

from fixtures_learning import AMSR, INPUT, link, sampling, toy_world
from glab.calendar import days_of_year, window_starts
from glab.config import Features, LinkInput, SensorInputs
from glab.errors import GlabError
from glab.learning.features import (
    feature_block,
    feature_names,
    input_columns,
    residual_spread,
    target_windows,
    window_cycle,
)
from glab.learning.inputs import tiles_of
from glab.learning.samples import draw_samples

ALL = slice(0, 144)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return toy_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def catalogue(world):
    return world.catalogue()


def formed(world, catalogue, starts, spec=None, cells=ALL):
    spec = spec or link()
    return feature_block(catalogue, spec, spec.sensors[0], world.domain, starts, cells)


def column(catalogue, spec, name):
    return feature_names(catalogue, spec, spec.sensors[0]).index(name)


def test_names_follow_the_columns(world, catalogue):
    spec = link(features=Features(coordinates=True, means_alignment=["centred", "past"]))
    names = feature_names(catalogue, spec, spec.sensors[0])
    assert names[:4] == ["tb_10h_residual", "tb_10v_residual", "tb_10h_mean91", "tb_10v_mean91"]
    assert "tb_10v_mean365_past" in names
    assert names[-4:] == ["target_tb_h_climatology", "target_tb_v_climatology", "lat", "sin_lon"]
    given = formed(world, catalogue, days_of_year(2014)[:3], spec)
    assert given.values.shape == (3, 144, len(names))
    assert input_columns(names) == list(range(len(names) - 4))


def test_published_features_are_residuals_and_coordinates(world, catalogue):
    features = Features(means_days=[], means_values_min=[], climatology=False, coordinates=True)
    spec = link(features=features)
    names = feature_names(catalogue, spec, spec.sensors[0])
    assert names == ["tb_10h_residual", "tb_10v_residual", "lat", "sin_lon"]
    given = formed(world, catalogue, days_of_year(2014)[:1], spec)
    lat, lon = world.domain["lat"].values, world.domain["lon"].values
    np.testing.assert_allclose(given.values[0, :, 2], lat, rtol=1e-6)
    np.testing.assert_allclose(given.values[0, :, 3], np.sin(np.deg2rad(lon)), rtol=1e-5)


def test_residual_mean_and_cycle(world, catalogue):
    spec, starts = link(), days_of_year(2014)[100:103]
    given = formed(world, catalogue, starts)
    year = catalogue.residual("both", INPUT, days_of_year(2014), ALL)
    np.testing.assert_array_equal(given.values[..., :2], year[100:103])
    mean = np.nanmean(year[100 - 45 : 100 + 46, :, 1], axis=0)
    found = given.values[0, :, column(catalogue, spec, "tb_10v_mean91")]
    np.testing.assert_allclose(found, mean, atol=1e-4)
    cycle = catalogue.cycle("both", INPUT, starts, ALL)
    found = given.values[..., column(catalogue, spec, "tb_10h_climatology")]
    np.testing.assert_allclose(found, cycle[..., 0], rtol=1e-6)


def test_means_reach_into_the_neighbouring_years_but_not_beyond_what_is_given(world, catalogue):
    starts = days_of_year(2014)[:1]
    place = column(catalogue, link(), "tb_10h_mean91")
    both = formed(world, catalogue, starts).values[0, :, place]
    alone = formed(world, world.catalogue({2014}), starts).values[0, :, place]
    year = catalogue.residual("both", INPUT, days_of_year(2014), ALL)
    np.testing.assert_allclose(alone, np.nanmean(year[:46, :, 0], axis=0), atol=1e-4)
    assert np.abs(both - alone).max() > 0.1


def test_too_few_values_fall_back_to_the_shorter_mean_and_say_so(world, catalogue):
    spec = link(features=Features(means_values_min=[5, 1000]))
    given = formed(world, catalogue, days_of_year(2014)[:2], spec)
    for channel in AMSR:
        short, long = (
            given.values[..., column(catalogue, spec, f"tb_{channel}_mean{n}")] for n in (91, 365)
        )
        np.testing.assert_array_equal(short, long)
    assert (given.shortened == 2).all()
    assert (formed(world, catalogue, days_of_year(2014)[:2]).shortened == 0).all()


def test_a_missing_input_makes_a_vector_incomplete(world, catalogue):
    given = formed(world, catalogue, days_of_year(2014)[:5])
    there = np.isfinite(catalogue.residual("both", INPUT, days_of_year(2014)[:5], ALL)).all(-1)
    np.testing.assert_array_equal(given.complete, there)
    assert 0 < there.mean() < 1


def test_windows_hold_means_over_their_days(world, catalogue):
    spec = link(window_days=18)
    starts = window_starts(2014, 18)[3:5]
    given = formed(world, catalogue, starts, spec)
    days = starts[0] + np.arange(18)
    daily = catalogue.residual("both", INPUT, days, ALL)
    np.testing.assert_allclose(given.values[0, :, :2], np.nanmean(daily, axis=0), atol=1e-4)
    np.testing.assert_array_equal(given.count[0], np.isfinite(daily[..., 0]).sum(axis=0))
    cycle = window_cycle(catalogue, spec, spec.sensors[0], spec.target, starts, ALL)
    daily = catalogue.cycle("both", spec.target, days, ALL)
    np.testing.assert_allclose(cycle[0], daily.mean(axis=0), rtol=1e-5)
    target, count = target_windows(catalogue, spec, spec.sensors[0], starts, ALL)
    assert target.shape == (2, 144, 2) and count.max() <= 18


def test_tiles_give_what_the_whole_gives(world, catalogue):
    starts = days_of_year(2014)[40:42]
    whole = formed(world, catalogue, starts).values
    for tile in tiles_of(world.domain):
        np.testing.assert_array_equal(
            formed(world, catalogue, starts, cells=tile).values, whole[:, tile]
        )


def test_samples_hold_the_vectors_of_prediction(world, catalogue):
    samples = draw_samples(catalogue, world.domain, sampling(samples_max=300))
    cell = world.domain["cell"].values.tolist().index(int(samples["sample_cell"][7]))
    day = samples["sample_day"].values[7:8].astype("datetime64[D]")
    given = formed(world, catalogue, day, cells=slice(cell, cell + 1))
    np.testing.assert_array_equal(given.values[0, 0], samples["features"].values[7])


def test_spread_of_residuals_for_noise(world, catalogue):
    spec = link()
    spread = residual_spread(catalogue, spec, spec.sensors[0], days_of_year(2014), ALL)
    days = np.arange("2013-01-01", "2016-01-01", dtype="datetime64[D]")
    expected = np.nanstd(catalogue.residual("both", INPUT, days, ALL), axis=0)
    np.testing.assert_allclose(spread[:, :2], expected, rtol=1e-4)
    assert (spread[:, 2:] == 0).all()


def test_unknown_channel_source_and_repeated_names(world, catalogue):
    for entry, match in (
        (INPUT.model_copy(update={"channels": ["11h"]}), "unknown channel"),
        (LinkInput(source="amsr", variable="tb"), "no climatology"),
        (LinkInput(source="amsr2", variable="tbb"), "unknown variable"),
    ):
        spec = link(sensors=[SensorInputs(baseline="both", inputs=[entry])])
        with pytest.raises(GlabError, match=match):
            feature_names(catalogue, spec, spec.sensors[0])
    spec = link(sensors=[SensorInputs(baseline="both", inputs=[INPUT, INPUT])])
    with pytest.raises(GlabError, match="same variable and channel"):
        feature_names(catalogue, spec, spec.sensors[0])
