"""Days, leap years, and windows of one fixed epoch."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glab import calendar

DATES = st.dates(dt.date(1995, 1, 1), dt.date(2035, 12, 31))
YEARS = st.integers(1995, 2035)


def day(text):
    return np.datetime64(text, "D")


@pytest.mark.parametrize(("year", "length"), [(2011, 365), (2012, 366), (2000, 366), (2100, 365)])
def test_a_year_has_every_day(year, length):
    days = calendar.days_of_year(year)
    assert len(days) == length
    assert days[0] == day(f"{year}-01-01")
    assert days[-1] == day(f"{year}-12-31")


def test_29_february_is_day_60_and_no_day_is_missing():
    days = calendar.days_of_year(2012)
    numbers = calendar.day_of_year(days)
    assert numbers[days == day("2012-02-29")] == 60
    assert calendar.day_of_year(np.array([day("2011-03-01")])) == 60
    np.testing.assert_array_equal(numbers, np.arange(1, 367))


@given(DATES)
def test_year_month_and_day_agree_with_the_standard_library(date):
    days = np.array([date], "datetime64[D]")
    assert calendar.year_of(days) == date.year
    assert calendar.month_of(days) == date.month
    assert calendar.day_of_year(days) == date.timetuple().tm_yday


def test_days_between_includes_both_ends():
    days = calendar.days_between("2011-12-31", dt.date(2012, 1, 2))
    assert [str(d) for d in days] == ["2011-12-31", "2012-01-01", "2012-01-02"]
    assert len(calendar.days_between("2012-01-02", "2012-01-02")) == 1


@given(DATES)
def test_the_annual_phase_advances_evenly_across_every_turn_of_the_year(date):
    days = np.array([date, date + dt.timedelta(days=1)], "datetime64[D]")
    phase = calendar.annual_phase(days)
    assert ((phase >= 0) & (phase < 2 * np.pi)).all()
    step = np.mod(np.diff(phase), 2 * np.pi)
    np.testing.assert_allclose(step, 2 * np.pi / calendar.DAYS_PER_YEAR, rtol=1e-9)


def test_the_annual_phase_returns_after_four_centuries():
    first, last = calendar.annual_phase(np.array([day("2000-01-01"), day("2400-01-01")]))
    assert np.isclose(np.mod(last - first + 1, 2 * np.pi), 1, atol=1e-6)


def test_the_first_window_begins_with_amsre():
    starts = calendar.window_starts(2002, 18)
    assert day("2002-06-19") in starts
    assert starts[-1] <= day("2002-12-31")


@given(YEARS, st.integers(2, 40))
def test_every_day_lies_in_one_window_of_the_fixed_epoch(year, length):
    starts = np.concatenate([calendar.window_starts(y, length) for y in (year - 1, year, year + 1)])
    np.testing.assert_array_equal(np.diff(starts).astype(int), length)
    assert ((starts - calendar.WINDOW_EPOCH).astype(int) % length == 0).all()
    days = calendar.days_of_year(year)
    holding = np.searchsorted(starts, days, side="right") - 1
    np.testing.assert_array_equal(
        calendar.window_number(days, length), calendar.window_number(starts[holding], length)
    )


@given(YEARS, st.integers(2, 40))
def test_a_window_belongs_to_the_year_of_its_first_day(year, length):
    starts = calendar.window_starts(year, length)
    assert (calendar.year_of(starts) == year).all()
    assert calendar.year_of(starts[:1] - np.timedelta64(length, "D")) < year
    assert calendar.year_of(starts[-1:] + np.timedelta64(length, "D")) > year


def test_windows_of_one_day_are_the_days():
    np.testing.assert_array_equal(calendar.window_starts(2012, 1), calendar.days_of_year(2012))


def test_windows_before_the_epoch_are_negative():
    days = np.array(["2002-06-18", "2002-06-19", "2002-07-06", "2002-07-07"], "datetime64[D]")
    np.testing.assert_array_equal(calendar.window_number(days, 18), [-1, 0, 0, 1])


@given(st.integers(0, 400), st.integers(1, 50))
def test_time_blocks_cover_all_days_once(count, length):
    days = np.arange(count).astype("datetime64[D]")
    blocks = calendar.time_blocks(days, length)
    joined = np.concatenate([days[block] for block in blocks]) if blocks else days
    np.testing.assert_array_equal(joined, days)
    assert all(len(days[block]) <= length for block in blocks)
