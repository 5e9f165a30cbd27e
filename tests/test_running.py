"""Running and window means over gaps, against pandas and analytic cases."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glab.calendar import days_between, days_of_year, window_starts
from glab.climatology.running import interval_means, running_mean, running_means, window_mean
from glab.errors import GlabError

DAYS = days_between("2011-01-01", "2013-12-31")
YEAR = days_of_year(2012)


def gappy(shape, seed=0, gaps=0.5):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape).astype(np.float32)
    values[rng.random(shape) < gaps] = np.nan
    return values


SERIES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 60), st.integers(1, 3)),
    elements=st.one_of(st.floats(-100, 100, width=32), st.just(np.nan)),
)


@pytest.mark.parametrize("width", [1, 2, 7, 18, 91, 364, 365, 400])
@pytest.mark.parametrize("values_min", [1, 5])
def test_centred_means_agree_with_pandas(width, values_min):
    values = gappy((800, 3))
    frame = pd.DataFrame(values.astype(float))
    enough = max(1, min(values_min, width))
    expected = frame.rolling(width, center=True, min_periods=enough).mean()
    got = running_mean(values, width, enough)
    np.testing.assert_allclose(got, expected.to_numpy(), atol=2e-6)


@pytest.mark.parametrize("width", [1, 9, 91])
def test_one_sided_means_agree_with_pandas(width):
    values = gappy((300, 2))
    frame = pd.DataFrame(values.astype(float))
    past = frame.rolling(width, min_periods=1).mean()
    future = frame[::-1].rolling(width, min_periods=1).mean()[::-1]
    np.testing.assert_allclose(running_mean(values, width, 1, "past"), past, atol=2e-6)
    np.testing.assert_allclose(running_mean(values, width, 1, "future"), future, atol=2e-6)


@given(SERIES, st.integers(1, 80))
@settings(max_examples=40, deadline=None)
def test_a_mean_lies_between_the_extremes_and_keeps_a_constant(values, width):
    mean = running_mean(values, width)
    finite = np.isfinite(mean)
    low, high = np.nanmin(np.append(values, 0)), np.nanmax(np.append(values, 0))
    assert ((mean[finite] >= low - 1e-3) & (mean[finite] <= high + 1e-3)).all()
    level = np.where(np.isnan(values), np.nan, np.float32(3.25))
    np.testing.assert_allclose(running_mean(level, width)[finite], 3.25, rtol=1e-6)


@given(SERIES, st.integers(1, 30), st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_a_shifted_series_has_shifted_means(values, width, shift):
    padding = np.full((shift, values.shape[1]), np.nan, np.float32)
    moved = running_mean(np.concatenate([padding, values]), width)[shift:]
    np.testing.assert_allclose(moved, running_mean(values, width), atol=1e-4)


@given(SERIES, st.integers(1, 30), st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=40, deadline=None)
def test_means_are_linear(values, width, a, b):
    other = np.where(np.isnan(values), np.nan, np.cos(np.arange(len(values)))[:, None])
    mixed = running_mean(a * values.astype(float) + b * other, width)
    expected = a * running_mean(values, width) + b * running_mean(other, width)
    np.testing.assert_allclose(mixed, expected, atol=1e-3)


def test_a_linear_trend_survives_centred_means():
    values = np.arange(1000.0)[:, None]
    np.testing.assert_allclose(running_mean(values, 365)[182:-182], values[182:-182], rtol=1e-6)


def test_a_step_moves_half_a_window_early_when_centred_and_not_at_all_when_past():
    values = np.where(np.arange(400) < 200, 0.0, 1.0)[:, None]
    centred, past = running_mean(values, 91), running_mean(values, 91, 1, "past")
    future = running_mean(values, 91, 1, "future")
    assert np.flatnonzero(centred[:, 0] > 0)[0] == 200 - 45
    assert np.flatnonzero(past[:, 0] > 0)[0] == 200
    assert np.flatnonzero(future[:, 0] > 0)[0] == 200 - 90


def test_two_series_are_never_in_one_mean():
    first, second = np.zeros((50, 1)), np.ones((50, 1))
    assert running_mean(first, 91).max() == 0
    assert running_mean(second, 91).min() == 1


def test_small_values_survive_beside_large_ones():
    values = np.concatenate([np.full((500, 1), 300.0), np.full((500, 1), 1e-4)]).astype(np.float32)
    np.testing.assert_allclose(running_mean(values, 91)[-300:], 1e-4, rtol=1e-5)


def test_further_dimensions_and_many_series_are_kept_separate():
    values = gappy((40, 101, 3))
    mean = running_mean(values, 5)
    assert mean.shape == values.shape
    one = running_mean(values[:, 100, 2:], 5)
    np.testing.assert_array_equal(mean[:, 100, 2], one[:, 0])


def test_intervals_beyond_the_series_are_missing():
    mean, count = interval_means(np.ones((4, 1)), np.array([-9, -1, 3, 4]), np.array([0, 1, 9, 9]))
    np.testing.assert_array_equal(count[:, 0], [0, 1, 1, 0])
    np.testing.assert_array_equal(np.isnan(mean[:, 0]), [True, False, False, True])


@pytest.mark.parametrize("length", [9, 18])
def test_window_means_read_the_next_year(length):
    values = gappy((len(DAYS), 2))
    starts = window_starts(2012, length)
    mean, count = window_mean(values, DAYS, starts, length)
    for number in (0, len(starts) // 2, len(starts) - 1):
        inside = np.isin(DAYS, starts[number] + np.arange(length))
        assert inside.sum() == length
        np.testing.assert_allclose(mean[number], np.nanmean(values[inside], axis=0), atol=1e-6)
        np.testing.assert_array_equal(count[number], np.isfinite(values[inside]).sum(axis=0))
    assert starts[-1] + np.timedelta64(length - 1, "D") > YEAR[-1]


def test_a_window_at_the_end_of_the_series_shrinks():
    values = np.ones((len(YEAR), 1), np.float32)
    _, count = window_mean(values, YEAR, window_starts(2012, 18), 18)
    assert count[-1, 0] < 18
    assert (count[:-1] == 18).all()


def test_running_means_give_the_day_and_the_running_means():
    values = gappy((len(DAYS), 4))
    got = running_means(values, DAYS, YEAR)
    inside = np.isin(DAYS, YEAR)
    np.testing.assert_array_equal(got.value, values[inside])
    np.testing.assert_array_equal(got.count, np.isfinite(values[inside]))
    for number, width in enumerate((91, 365)):
        np.testing.assert_allclose(
            got.means[number], running_mean(values, width)[inside], atol=1e-6
        )
    assert (got.shortened == 0).all()


def test_windows_take_their_means_in_the_middle():
    values = gappy((len(DAYS), 4))
    starts = window_starts(2012, 18)
    got = running_means(values, DAYS, starts, window_days=18)
    np.testing.assert_array_equal(got.value, window_mean(values, DAYS, starts, 18)[0])
    middle = np.searchsorted(DAYS, starts) + 9
    np.testing.assert_allclose(got.means[0], running_mean(values, 91)[middle], atol=1e-6)


def test_too_few_values_fall_back_to_the_next_shorter_mean_with_a_flag():
    values = np.full((1096, 4), np.nan, np.float32)
    centre = 500
    values[centre, :] = 1.0
    values[centre + 2 : centre + 6, 1:] = 3.0  # five values within 91 days
    values[centre + 60 : centre + 75, 2] = 5.0  # and fifteen more within 365
    values[centre, 3] = np.nan  # four values, none on the day
    got = running_means(values, DAYS, DAYS[[centre]])
    np.testing.assert_array_equal(got.shortened[:, 0], [[1, 0, 0, 1], [2, 1, 0, 2]])
    shorter, long = (1 + 4 * 3) / 5, (1 + 4 * 3 + 15 * 5) / 20
    np.testing.assert_allclose(got.means[0, 0], [1, shorter, shorter, np.nan])
    np.testing.assert_allclose(got.means[1, 0], [1, shorter, long, np.nan])


def test_the_series_may_lack_the_years_beside():
    values = np.ones((len(YEAR), 1), np.float32)
    got = running_means(values, YEAR, YEAR)
    np.testing.assert_array_equal(got.means, 1)


@pytest.mark.parametrize("alignment", ["past", "future"])
def test_running_means_can_be_one_sided(alignment):
    values = gappy((len(DAYS), 2))
    got = running_means(
        values, DAYS, YEAR, means_days=(31,), means_values_min=(1,), alignment=alignment
    )
    finite = got.shortened[0] == 0
    expected = running_mean(values, 31, 1, alignment)[np.isin(DAYS, YEAR)]
    np.testing.assert_allclose(got.means[0][finite], expected[finite], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"days": np.delete(DAYS, 40)[: len(DAYS) - 1], "drop": 1}, "must be consecutive"),
        ({"days": DAYS[:-1]}, "needs a day"),
        ({"starts": window_starts(2014, 18)}, "outside of the residuals"),
        ({"means_days": (365, 91)}, "ascending"),
        ({"means_days": (91,)}, "ascending"),
        ({"means_days": (0, 91)}, "at least one day"),
    ],
)
def test_bad_input_is_an_error(change, message):
    values = np.zeros((len(DAYS) - change.pop("drop", 0), 1))
    arguments = {"days": DAYS, "starts": YEAR} | change
    with pytest.raises(GlabError, match=message):
        running_means(values, **arguments)
