"""Steps at sensor changes and drops at clearings, on records whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from glab.calendar import annual_phase, days_between
from glab.evaluation import breaks
from glab.evaluation.breaks import Segment

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
def test_a_step_is_found_whatever_the_season_of_the_error(jump):
    found = breaks.sensor_break(difference(jump), DAYS, BEFORE, AFTER)
    assert found.shape == (40,)
    assert breaks.mean_break(found) == pytest.approx(jump, abs=0.005)


def test_only_the_same_calendar_days_are_compared():
    """A winter-only segment after: the season of the error must not look like a step."""
    winter = Segment("winter", CHANGE, CHANGE + 120)
    found = breaks.mean_break(
        breaks.sensor_break(difference(0.03, noise=0.0), DAYS, BEFORE, winter)
    )
    naive = difference(0.03, noise=0.0)
    late = np.isin(DAYS, np.arange(winter.start, winter.end + 1))
    assert found == pytest.approx(0.03, abs=0.01)
    assert abs(naive[late].mean() - naive[DAYS < CHANGE].mean() - 0.03) > 0.05


def test_gaps_and_empty_segments():
    field = difference(0.05)
    field[:, 0] = np.nan
    field[np.random.default_rng(0).random(field.shape) < 0.3] = np.nan
    found = breaks.sensor_break(field, DAYS, BEFORE, AFTER)
    assert np.isnan(found[0]) and breaks.mean_break(found) == pytest.approx(0.05, abs=0.02)
    never = Segment("never", np.datetime64("1999-01-01"), np.datetime64("1999-12-31"))
    assert np.isnan(breaks.mean_break(breaks.sensor_break(field, DAYS, never, AFTER)))


def test_segments_are_cut_to_the_record():
    cut = breaks.clip_segments(
        [Segment("none", *(BEFORE.start - np.array([900, 800]))), BEFORE], DAYS
    )
    assert [s.name for s in cut] == ["one"] and cut[0].start == DAYS[0]


def test_placebo_dates_lie_within_segments_and_show_no_step():
    field = difference(0.05, noise=0.02)
    each = breaks.placebo_breaks(field, DAYS, [BEFORE, AFTER], BEFORE, AFTER)
    placebos = breaks.mean_break(each)
    assert each.shape == (len(placebos), field.shape[1])
    assert len(placebos) > 20
    low, high = np.percentile(placebos, [5, 95])
    assert low < 0.0 < high and max(-low, high) < 0.02
    real = breaks.mean_break(breaks.sensor_break(field, DAYS, BEFORE, AFTER))
    assert not low <= real <= high


def test_short_segments_have_no_placebo():
    short = Segment("short", CHANGE, CHANGE + 100)
    assert breaks.placebo_breaks(difference(0.0), DAYS, [short], BEFORE, AFTER).size == 0


def clearing(share: float, early: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    cleared = CHANGE + rng.integers(-400, 400, 30).astype("timedelta64[D]")
    drop = rng.uniform(0.2, 0.6, 30)
    after = DAYS[:, None] >= cleared
    ahead = (DAYS[:, None] >= cleared - 182) & ~after
    weather = 0.05 * rng.standard_normal((len(DAYS), 1))
    truth = 0.8 - drop * after + weather
    product = 0.8 - share * drop * (after + early * ahead) + weather
    return product, truth, cleared


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_the_gain_of_a_clearing(share):
    assert breaks.clearing_gain(*clearing(share)[:2], DAYS, clearing(share)[2]) == pytest.approx(
        share, abs=0.02
    )


@pytest.mark.parametrize("early", [0.0, 0.3])
def test_the_share_of_a_drop_that_is_seen_too_early(early):
    product, truth, cleared = clearing(1.0, early)
    found = breaks.early_fraction(product, truth, DAYS, cleared)
    drop, true = breaks.clearing_drops(product, truth, DAYS, cleared)
    assert found == pytest.approx(early * np.sum(drop * true) / np.sum(drop**2), abs=0.02)


def test_no_clearing_is_missing():
    never = np.array([], "datetime64[D]")
    assert np.isnan(breaks.clearing_gain(np.zeros((9, 0)), np.zeros((9, 0)), DAYS[:9], never))
