"""Gap-aware means and positions, against plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glab.arrays import finite_mean, positions


def test_mean_of_the_finite_values_is_numpy_s_nanmean() -> None:
    values = np.random.default_rng(1).normal(size=(7, 5, 3))
    values[np.random.default_rng(2).random(values.shape) < 0.3] = np.nan
    values[:, 0, 0] = np.nan
    got = finite_mean(values, axis=0)
    assert np.isnan(got[0, 0])
    np.testing.assert_allclose(got.ravel()[1:], np.nanmean(values, axis=0).ravel()[1:], rtol=1e-14)
    np.testing.assert_allclose(finite_mean(values, (0, 1)), np.nanmean(values, axis=(0, 1)))


def test_infinite_values_are_no_values() -> None:
    assert finite_mean(np.array([1.0, np.inf, 3.0]), 0) == 2.0


def test_float32_values_may_be_summed_in_float64() -> None:
    values = np.full(2**16, 0.1, np.float32)
    exact = float(np.float32(0.1))
    assert finite_mean(values, 0, np.float64) == pytest.approx(exact, abs=1e-12)


@given(st.lists(st.integers(-50, 50), min_size=1, unique=True), st.lists(st.integers(-60, 60)))
def test_positions_are_those_of_a_search(known: list[int], wanted: list[int]) -> None:
    got = positions(np.array(wanted, int), np.array(known))
    expected = [known.index(number) if number in known else -1 for number in wanted]
    assert got.tolist() == expected
