"""Footprints: cells → another grid → cells, and a Gaussian pattern, both gap-aware."""

import numpy as np
import pytest

from glab.errors import GlabError
from glab.grids import M25, M36, from_edges
from glab.regrid.footprint import footprint, gaussian_footprint
from glab.regrid.weights import separable_weights

ROWS, COLS = np.arange(280, 310), np.arange(700, 735)


def cells_of(rows, cols):
    row, col = np.meshgrid(rows, cols, indexing="ij")
    return (row * M25.shape[1] + col).ravel()


CELLS = cells_of(ROWS, COLS)


def test_there_and_back_is_the_product_of_both_weights():
    rng = np.random.default_rng(0)
    some = rng.random(CELLS.size) < 0.6
    cell, values = CELLS[some], rng.normal(0.3, 0.1, (2, some.sum())).astype("f4")
    values[rng.random(values.shape) < 0.2] = np.nan
    window = M25.window(ROWS, COLS)
    there, back = separable_weights(window, M36), separable_weights(M36, window)
    plane = np.full((2, window.lat.size * window.lon.size), np.nan)
    plane[:, some] = values
    plane = plane.reshape(2, *window.shape)
    coarse = _mean(there, plane)
    fine = _mean(back, coarse).reshape(2, -1)[:, some]
    np.testing.assert_allclose(
        footprint(values, cell, "M36", valid_fraction_min=0.0), fine, atol=2e-6
    )


def _mean(weights, values):
    rows, cols = weights.y.dense(), weights.x.dense()
    bottom = rows @ np.isfinite(values).astype(float) @ cols.T
    with np.errstate(invalid="ignore"):
        mean = (rows @ np.nan_to_num(values) @ cols.T) / bottom
    return np.where(bottom > 1e-5, mean, np.nan)


SEEN = {
    "there and back": lambda values, cell: footprint(values, cell, M36),
    "gaussian": lambda values, cell: gaussian_footprint(values, cell, 43.0),
}


@pytest.mark.parametrize("see", SEEN.values(), ids=SEEN)
class TestEveryFootprint:
    def test_keeps_a_constant_up_to_the_coast(self, see):
        island = CELLS[np.random.default_rng(1).random(CELLS.size) < 0.3]
        np.testing.assert_allclose(see(np.full((1, island.size), 0.4), island), 0.4, rtol=1e-6)

    def test_smooths_and_keeps_the_mean(self, see):
        values = np.random.default_rng(2).normal(0, 1, (20, CELLS.size)).astype("f4")
        seen = see(values, CELLS)
        assert 0.3 < seen.std() < 0.75
        assert seen.mean() == pytest.approx(values.mean(), abs=0.01)

    def test_order_of_the_cells_does_not_matter(self, see):
        rng = np.random.default_rng(3)
        values, order = rng.random((3, CELLS.size)).astype("f4"), rng.permutation(CELLS.size)
        seen = see(values[:, order], CELLS[order])
        np.testing.assert_allclose(seen, see(values, CELLS)[:, order], atol=1e-6)

    def test_fills_a_gap_and_drops_a_lonely_value(self, see):
        values = np.ones((2, CELLS.size), "f4")
        middle = CELLS.size // 2 + COLS.size // 2
        values[0, middle] = np.nan
        values[1] = np.nan
        values[1, middle] = 1
        seen = see(values, CELLS)
        assert seen[0, middle] == pytest.approx(1)
        assert np.isnan(seen[1]).all()

    def test_leading_dimensions_and_many_fields(self, see):
        values = np.random.default_rng(4).random((3, 7, CELLS.size)).astype("f4")
        seen = see(values, CELLS)
        assert seen.shape == values.shape and seen.dtype == np.float32
        np.testing.assert_array_equal(seen[2, 6], see(values[2, 6], CELLS))


STRADDLING = from_edges(np.linspace(20, -20, 101), np.linspace(-179.8, 180.2, 901))


@pytest.mark.parametrize(
    "see",
    [SEEN["gaussian"], lambda values, cell: footprint(values, cell, STRADDLING)],
    ids=["gaussian", "there and back"],
)
def test_a_footprint_goes_across_the_date_line(see):
    cell = cells_of(np.arange(280, 290), np.r_[1378:1388, 0:10])
    values = np.where(cell % M25.shape[1] == 1387, 1.0, 0.0)[None]
    east = (cell % M25.shape[1] == 0) & (cell // M25.shape[1] == 285)
    assert 0.02 < see(values, cell)[0][east].item() < 0.6


def test_a_gaussian_has_the_width_asked_for():
    row, col, fwhm = 290, 717, 120.0
    near = np.abs(np.arange(M25.shape[1]) - col) <= 12
    cell = cells_of(np.arange(row - 12, row + 13), np.flatnonzero(near))
    values = (cell == row * M25.shape[1] + col).astype("f4")[None]
    seen = gaussian_footprint(values, cell, fwhm, valid_fraction_min=0.0)[0].reshape(25, 25)
    lon_km = (M25.lon[near] - M25.lon[col]) * 111.195 * np.cos(np.radians(M25.lat[row]))
    lat_km = (M25.lat[row - 12 : row + 13] - M25.lat[row]) * 111.195
    for profile, km in ((seen[12], lon_km), (seen[:, 12], lat_km)):
        sigma = np.sqrt((profile * km**2).sum() / profile.sum())
        # the variance of a cell adds to that of the pattern; the cut at 3 sigma takes 1.5 %
        assert sigma == pytest.approx(fwhm / 2.3548, rel=0.03)


def test_a_wide_gaussian_widens_in_columns_towards_the_pole():
    counts = []
    for row in (292, 10):
        cell = cells_of([row], np.arange(600, 800))
        values = (cell % M25.shape[1] == 700).astype("f4")[None]
        counts.append((gaussian_footprint(values, cell, 60.0, valid_fraction_min=0.0) > 0).sum())
    assert counts[1] > 2 * counts[0]


def test_what_no_footprint_is():
    with pytest.raises(GlabError, match="M37"):
        footprint(np.ones((1, CELLS.size)), CELLS, "M37")
    with pytest.raises(GlabError, match="width"):
        gaussian_footprint(np.ones((1, CELLS.size)), CELLS, 0.0)


def test_any_grid_will_do():
    grid = from_edges(np.linspace(30, -30, 31), np.linspace(0, 60, 31))
    seen = footprint(np.full((1, CELLS.size), 2.0), CELLS, grid)
    np.testing.assert_allclose(seen, 2.0)
