"""Breaks at sensor changes and drops at clearings, on records whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from glab.calendar import annual_phase, days_between
from glab.config import Period
from glab.evaluation import breaks
from glab.evaluation.breaks import Segment
from glab.evaluation.statistics import gain

DAYS = days_between("2003-01-04", "2013-12-31")[::18]
CHANGE = np.datetime64("2010-06-01")
BEFORE = Segment("one", np.datetime64("2003-01-01"), CHANGE - 1)
AFTER = Segment("two", CHANGE, np.datetime64("2013-12-31"))


def difference(jump: float, cells: int = 40, noise: float = 0.01, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    season = 0.2 * np.cos(annual_phase(DAYS))[:, None] * rng.normal(1.0, 0.2, cells)
    field = season + rng.normal(0.0, noise, (len(DAYS), cells))
    field[DAYS >= CHANGE] += jump
    return field


@pytest.mark.parametrize("jump", [0.0, 0.05, -0.02])
def test_a_break_does_not_depend_on_the_season_of_the_error(jump):
    value = breaks.sensor_break(difference(jump), DAYS, BEFORE, AFTER)
    assert value.shape == (40,)
    assert np.nanmean(value) == pytest.approx(jump, abs=0.005)


def test_only_the_same_calendar_days_are_compared():
    """A winter-only segment after: the season of the error must not look like a break."""
    winter = Segment("winter", CHANGE, CHANGE + 120)
    value = np.nanmean(breaks.sensor_break(difference(0.03, noise=0.0), DAYS, BEFORE, winter))
    naive = difference(0.03, noise=0.0)
    late = np.isin(DAYS, np.arange(winter.start, winter.end + 1))
    assert value == pytest.approx(0.03, abs=0.01)
    assert abs(naive[late].mean() - naive[DAYS < CHANGE].mean() - 0.03) > 0.05


def test_gaps_and_empty_segments():
    field = difference(0.05)
    field[:, 0] = np.nan
    field[np.random.default_rng(0).random(field.shape) < 0.3] = np.nan
    value = breaks.sensor_break(field, DAYS, BEFORE, AFTER)
    assert np.isnan(value[0]) and np.nanmean(value) == pytest.approx(0.05, abs=0.02)
    never = Segment("never", np.datetime64("1999-01-01"), np.datetime64("1999-12-31"))
    assert np.isnan(breaks.sensor_break(field, DAYS, never, AFTER)).all()


def test_segments_are_cut_to_the_record():
    sensors = {
        "one": Period(start="2003-01-01", end="2010-05-31"),
        "none": Period(start="2000-01-01", end="2000-12-31"),
    }
    segments = breaks.find_segments(sensors, DAYS)
    assert [s.name for s in segments] == ["one"] and segments[0].start == DAYS[0]


def test_placebo_dates_lie_within_segments_and_show_no_break():
    field = difference(0.05, noise=0.02)
    each = breaks.placebo_breaks(field, DAYS, [BEFORE, AFTER], BEFORE, AFTER)
    placebos = np.nanmean(each, axis=1)
    assert each.shape == (len(placebos), field.shape[1])
    assert len(placebos) > 20
    low, high = np.percentile(placebos, [5, 95])
    assert low < 0.0 < high and max(-low, high) < 0.02
    real = np.nanmean(breaks.sensor_break(field, DAYS, BEFORE, AFTER))
    assert not low <= real <= high


def test_short_segments_have_no_placebo():
    short = Segment("short", CHANGE, CHANGE + 100)
    assert breaks.placebo_breaks(difference(0.0), DAYS, [short], BEFORE, AFTER).size == 0


def clearing(fraction: float, early: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    cleared = CHANGE + rng.integers(-400, 400, 30).astype("timedelta64[D]")
    drop = rng.uniform(0.2, 0.6, 30)
    after = DAYS[:, None] >= cleared
    ahead = (DAYS[:, None] >= cleared - 182) & ~after
    weather = 0.05 * rng.standard_normal((len(DAYS), 1))
    truth = 0.8 - drop * after + weather
    product = 0.8 - fraction * drop * (after + early * ahead) + weather
    return product, truth, cleared


@pytest.mark.parametrize("fraction", [1.0, 0.4])
def test_the_gain_of_drops(fraction):
    product, truth, cleared = clearing(fraction)
    drops = breaks.clearing_drops(product, truth, DAYS, cleared)
    assert gain(*drops) == pytest.approx(fraction, abs=0.02)


@pytest.mark.parametrize("early", [0.0, 0.3])
def test_the_early_fraction_of_a_drop(early):
    product, truth, cleared = clearing(1.0, early)
    value = breaks.early_fraction(product, truth, DAYS, cleared)
    drop, true = breaks.clearing_drops(product, truth, DAYS, cleared)
    assert value == pytest.approx(early * np.sum(drop * true) / np.sum(drop**2), abs=0.02)


def test_no_clearing_is_missing():
    never = np.array([], "datetime64[D]")
    none = np.zeros((9, 0))
    assert np.isnan(gain(*breaks.clearing_drops(none, none, DAYS[:9], never)))
