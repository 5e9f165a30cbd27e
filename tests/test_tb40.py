"""40° TB: choice of angles, fit, error, and the step."""

import numpy as np
import pytest
import xarray as xr

from fixtures_smos import (
    ANGLES,
    NO_SKY,
    PLAIN,
    domain,
    ground,
    modelled,
    smos,
    surface,
    written,
)
from glab import io
from glab.config import Lmeb, Tb40
from glab.errors import GlabError
from glab.retrieval.angles import bin_weights, correlated_bin_weights, select_bins
from glab.retrieval.scene import remove_atmosphere, sky_tb
from glab.retrieval.tb40 import Views, estimate_tb40, year_blocks
from glab.steps.tb40 import tb40

RNG = np.random.default_rng(0)


def views(tb, accuracy=4.0, incidence=None, centre=ANGLES):
    """Bins of scenes; the accuracy broadcast."""
    seen_at = np.broadcast_to(centre if incidence is None else incidence, tb.shape[:2])
    return Views(
        tb, np.broadcast_to(accuracy, tb.shape).astype(float), seen_at.astype(float), centre
    )


def selected(tb, settings, centre=ANGLES, **more):
    """The bins that the settings select."""
    places = select_bins(centre, settings)
    return views(tb[:, places], centre=centre[places], **more)


def world(scenes, seed=1):
    """Random soil moisture and VOD, and their scenes."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.05, 0.45, scenes), rng.uniform(0.05, 0.9, scenes), ground(scenes)


# --- angles ------------------------------------------------------------------------------------


def test_bins_lie_within_the_range_and_the_shared_one_is_left_out():
    assert ANGLES[select_bins(ANGLES, PLAIN)].tolist() == [22.5, 27.5, 32.5, 37.5, 42.5, 47.5, 52.5]
    with_40 = PLAIN.model_copy(update={"shared_bin": "covariance"})
    assert 40.0 in ANGLES[select_bins(ANGLES, with_40)]
    with pytest.raises(GlabError, match="at least two angle bins"):
        select_bins(ANGLES, PLAIN.model_copy(update={"angle_max_deg": 24.0}))


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.5, 0.6])
@pytest.mark.parametrize("neighbours", [0, 1, 2])
def test_bin_weights_are_those_of_generalised_least_squares(correlation, neighbours):
    middle, beside = correlated_bin_weights(correlation)
    matrix = np.eye(neighbours + 1)
    matrix[0, 1:] = matrix[1:, 0] = correlation
    right = np.linalg.solve(matrix, np.ones(neighbours + 1))
    if right[0] < 0:
        right = np.array([0.0] + [1.0] * neighbours)
    assert middle[neighbours] == pytest.approx(right[0], abs=1e-12)
    if neighbours:
        assert beside[neighbours] == pytest.approx(right[1])


def test_the_40_degree_bin_fills_in_for_a_missing_neighbour():
    centre = np.array([27.5, 37.5, 40.0, 42.5])
    settings = Tb40(shared_bin="covariance")
    valid = np.array(
        [[1, 1, 1, 1], [1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 1], [0, 1, 1, 1]], dtype=bool
    )
    expected = [[1, 1, 0, 1], [1, 2 / 3, 2 / 3, 0], [1, 0, 1, 0], [1, 1, 0, 1], [0, 0, 0, 0]]
    np.testing.assert_allclose(bin_weights(valid, centre, settings), expected, atol=1e-12)


def test_scenes_need_a_range_of_angles():
    centre = np.array([32.5, 37.5, 42.5])
    valid = np.array([[True, True, False], [True, False, True]])
    np.testing.assert_array_equal(bin_weights(valid, centre, Tb40()).any(axis=1), [False, True])


# --- the fit -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["observation", "model"])
def test_noise_free_bins_give_the_model_at_40(form):
    sm, vod, scenes = world(500)
    settings = PLAIN.model_copy(
        update={"form": form, "sm_sigma": 50.0, "vod_sigma": 50.0, "tb_sigma_min_k": 0.1}
    )
    incidence = ANGLES + RNG.uniform(-1, 1, (500, len(ANGLES)))
    tb = modelled(sm, vod, scenes, incidence)
    places = select_bins(ANGLES, settings)
    bins = views(tb[:, places], 0.1, incidence[:, places], ANGLES[places])
    got = estimate_tb40(bins, scenes, settings)
    np.testing.assert_allclose(got.tb_k, modelled(sm, vod, scenes, [[40.0]])[:, 0], atol=0.02)
    assert (got.angles == 7).all() and got.rmse_k.max() < 0.02


def test_with_its_prior_the_observation_hardly_moves():
    sm, vod, scenes = world(500)
    got = estimate_tb40(selected(modelled(sm, vod, scenes, ANGLES[None]), PLAIN), scenes, PLAIN)
    off = got.tb_k - modelled(sm, vod, scenes, [[40.0]])[:, 0]
    assert np.abs(off).max() < 0.5 and np.abs(off.mean(axis=0)).max() < 0.1


@pytest.mark.parametrize("form", ["observation", "model"])
def test_the_standard_error_is_the_standard_deviation_of_the_error(form):
    sm, vod, scenes = world(4000)
    settings = PLAIN.model_copy(update={"form": form, "common_error_k": 1.0})
    clean = modelled(sm, vod, scenes, ANGLES[None])
    noisy = clean + 4.0 * RNG.standard_normal(clean.shape) + RNG.standard_normal((4000, 1, 2))
    got = estimate_tb40(selected(noisy, settings), scenes, settings)
    truth = estimate_tb40(
        selected(clean, settings), scenes, settings
    )  # with the same influence of the prior
    ratio = np.std((got.tb_k - truth.tb_k) / got.error_k, axis=0)
    np.testing.assert_allclose(ratio, 1.0, atol=0.06)
    single = np.std(noisy[:, 6] - clean[:, 6])
    assert np.std(got.tb_k - truth.tb_k) < 0.55 * single


def test_fewer_angles_are_less_certain():
    sm, vod, scenes = world(50)
    tb = modelled(sm, vod, scenes, ANGLES[None])
    fewer = tb.copy()
    fewer[:, :5] = np.nan
    many, few = (estimate_tb40(selected(x, PLAIN), scenes, PLAIN) for x in (tb, fewer))
    assert (few.error_k > many.error_k).all()
    assert set(few.angles) == {3} and set(many.angles) == {7}


def test_tb_rmse_shows_an_outlier_and_a_missing_polarisation_removes_its_bin():
    sm, vod, scenes = world(20)
    tb = modelled(sm, vod, scenes, ANGLES[None])
    tb[0, 6] += 30.0
    tb[1, 6, 0] = np.nan
    got = estimate_tb40(selected(tb, PLAIN), scenes, PLAIN)
    assert got.rmse_k[0] > 5 and (got.rmse_k[1:] < 2).all()
    assert got.angles[1] == 6 and (got.angles[2:] == 7).all()


def test_missing_inputs_give_no_value():
    sm, vod, scenes = world(4)
    tb = modelled(sm, vod, scenes, ANGLES[None])
    tb[0] = np.nan
    tb[1, :, 1] = np.nan
    scenes.clay[2] = np.nan
    got = estimate_tb40(selected(tb, PLAIN), scenes, PLAIN)
    for values in (got.tb_k[:, 0], got.error_k[:, 1], got.rmse_k):
        np.testing.assert_array_equal(np.isfinite(values), [False, False, False, True])
    np.testing.assert_array_equal(got.angles, [0, 0, 0, 7])


def test_extreme_scenes_give_finite_values():
    tb = np.zeros((4, len(ANGLES), 2))
    tb[0], tb[1] = 0.0, 400.0
    tb[2, :, 0], tb[2, :, 1] = 280.0, 200.0
    tb[3] = 150.0
    got = estimate_tb40(selected(tb, PLAIN), ground(4), PLAIN)
    assert np.isfinite(got.tb_k).all() and np.isfinite(got.error_k).all()


# --- sky and atmosphere ------------------------------------------------------------------------


def test_the_atmosphere_is_removed():
    lmeb, scenes = Lmeb(), ground(300)
    sm, vod, _ = world(300)
    t_sky = sky_tb(scenes, lmeb, np.broadcast_to(ANGLES, (300, len(ANGLES))))
    assert 3.0 < t_sky.min() < t_sky.max() < 9.0
    at_surface = modelled(sm, vod, scenes, ANGLES[None], lmeb, t_sky)
    passed = np.exp(-np.exp(-4.011 - 0.2193 * 0.3 - 0.00334 * 296.0) / np.cos(np.deg2rad(ANGLES)))
    t_up = np.exp(5.051 + 0.001727 * 296.0 + 0.00192 * lmeb.q_air_g_kg - 0.0069 * 0.3)
    above = at_surface * passed[:, None] + t_up * (1 - passed)[:, None]
    angles = np.broadcast_to(ANGLES, above.shape[:2])
    np.testing.assert_allclose(
        remove_atmosphere(above, scenes, lmeb, angles), at_surface, atol=1e-9
    )
    settings = Tb40(sm_sigma=50.0, vod_sigma=50.0, tb_sigma_min_k=0.1)
    got = estimate_tb40(selected(above, settings, accuracy=0.1), scenes, settings)
    at_40 = modelled(sm, vod, scenes, [[40.0]], lmeb, sky_tb(scenes, lmeb, np.full((300, 1), 40.0)))
    np.testing.assert_allclose(got.tb_k, at_40[:, 0], atol=0.02)


def test_unknown_altitude_is_sea_level_and_unknown_air_has_the_temperature_of_the_ground():
    unknown = ground(2, altitude_km=np.nan, t_air_k=np.nan)
    known = ground(2, altitude_km=0.0, t_air_k=295.0)
    angles = np.full((2, 1), 40.0)
    np.testing.assert_array_equal(sky_tb(unknown, Lmeb(), angles), sky_tb(known, Lmeb(), angles))
    assert (sky_tb(known, NO_SKY, angles) == 0).all()


# --- the year ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def year():
    """A year of two overpasses over six cells, one day in three unseen."""
    cells = domain()
    warm = surface(cells, 2011)
    rng = np.random.default_rng(3)
    shape = (warm.sizes["time"], cells.sizes["cell"])
    sm, vod = rng.uniform(0.1, 0.4, shape), rng.uniform(0.1, 0.6, shape)
    surfaces = {"ascending": warm, "descending": surface(cells, 2011, warmer_k=8.0)}
    seen = smos(cells, surfaces, sm, vod, noise_k=1.0)
    seen["tb"][::3] = np.nan
    return cells, surfaces, seen, sm, vod


def test_a_year_has_both_overpasses_each_with_its_own_temperature(year, tmp_path):
    cells, surfaces, seen, _, _ = year
    smos_path, surface_paths, land = written(tmp_path, 2011, seen, surfaces, cells)
    tb40(smos_path, surface_paths, land, tmp_path / "tb40.nc", PLAIN)
    got = io.read(tmp_path / "tb40.nc")
    assert got["tb"].dims == ("time", "cell", "overpass", "channel")
    assert {*got.data_vars} == {"tb", "tb_error", "tb_rmse", "angle_count"}
    np.testing.assert_array_equal(got["cell"], cells["cell"])
    there = np.isfinite(got["tb"].values).all(axis=-1)
    np.testing.assert_array_equal(there[:, 0, 0], np.arange(365) % 3 != 0)
    np.testing.assert_array_equal(got["angle_count"].values > 0, there)
    bin_40 = seen["tb"].sel(angle=40.0).values
    off = (got["tb"].values - bin_40)[there]
    assert abs(off.mean()) < 0.1 and off.std() < 1.4
    assert (got["tb_rmse"].values[there] < 3).all()
    first = (tmp_path / "tb40.nc").read_bytes()
    tb40(smos_path, surface_paths, land, tmp_path / "tb40.nc", PLAIN)
    assert (tmp_path / "tb40.nc").read_bytes() == first


def test_an_overpass_without_a_surface_is_left_out(year):
    cells, surfaces, seen, _, _ = year
    one = {"ascending": surfaces["ascending"]}
    block = next(year_blocks(seen, one, cells, PLAIN))
    assert block["overpass"].values.tolist() == ["ascending"]
    assert block.sizes["time"] == 31
    with pytest.raises(GlabError, match=r"tb40\.surface"):
        next(year_blocks(seen, {}, cells, PLAIN))


def test_inputs_that_do_not_fit_raise(year):
    cells, surfaces, seen, _, _ = year
    later = {"ascending": surface(cells, 2012)}
    other = {"ascending": surface(domain(4), 2011)}
    no_deep = {"ascending": surfaces["ascending"].drop_vars("t_deep")}
    bare = cells.drop_vars("clay")
    for bad, message in [
        ((seen, later, cells), "lacks days"),
        ((seen, other, cells), "another domain"),
        ((seen, no_deep, cells), "soil temperature"),
        ((seen, surfaces, bare), "no map of clay"),
        ((seen.drop_vars("incidence"), surfaces, cells), "incidence"),
    ]:
        with pytest.raises(GlabError, match=message):
            next(year_blocks(*bad, PLAIN))


def test_polarisations_are_found_by_name(year):
    cells, surfaces, seen, _, _ = year
    few = seen.isel(time=slice(0, 31))
    warm = {name: part.isel(time=slice(0, 31)) for name, part in surfaces.items()}
    turned = few.isel(channel=[1, 0], angle=slice(None))
    one, other = (next(year_blocks(x, warm, cells, PLAIN)) for x in (few, turned))
    xr.testing.assert_equal(one, other)
