"""Soil moisture and VOD: one run, priors of the second run, flags, the step."""

import numpy as np
import pytest
import xarray as xr

from fixtures_smos import (
    NO_SKY,
    PROVENANCE,
    SURFACES,
    domain,
    ground,
    modelled,
    surface,
)
from glab import io
from glab.config import Lmeb, PriorSigma, Retrieve
from glab.retrieval.prior import prior_of_days, prior_of_year, sum_preceding
from glab.retrieval.retrieve import (
    FIRST_PRIOR,
    PROCESSING,
    VOD_ZERO,
    has_negative_median,
    retrieve,
    year_blocks,
    zero_and_clip,
)
from glab.retrieval.scene import (
    FROZEN,
    POLLUTED,
    ground_of,
    ground_temperature,
    sky_tb,
    static_ground,
    static_scene_flags,
)
from glab.steps.retrieve import retrieve as step

SETTINGS = Retrieve(lmeb=NO_SKY)
ORACLE = Lmeb(sky="none", dielectric="mironov2009", n_rh=0.0, n_rv=0.0)


def at_40(sm, vod, scenes, lmeb=NO_SKY, sky_k=0.0, warm_at=0.2):
    """40° TB, (scene, channel)."""
    return modelled(sm, vod, scenes, [[40.0]], lmeb, sky_k, warm_at)[:, 0]


# --- one run -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vod_prior", "vod_sigma", "sm", "vod"),
    [(0.3, 0.19, 0.20000, 0.30000), (0.5, 0.25, 0.20139, 0.30305)],
)
def test_the_check_values_are_retrieved(vod_prior, vod_sigma, sm, vod):
    scenes = ground(1, t_surface_k=290.0, t_deep_k=290.0, omega=0.1, h_r=0.1)
    settings = Retrieve(lmeb=ORACLE, tb_sigma_k=1.0)
    tb = np.array([[234.7782, 257.9086]])
    got = retrieve(tb, np.full((1, 2), np.nan), scenes, vod_prior, vod_sigma, settings)
    assert got.soil_moisture[0] == pytest.approx(sm, abs=1e-4)
    assert got.vod[0] == pytest.approx(vod, abs=1e-4)
    assert got.converged.all()


def test_the_reflected_sky_is_corrected():
    lmeb, scenes = Lmeb(), ground(50)
    sm, vod = np.linspace(0.1, 0.4, 50), np.full(50, 0.3)
    tb = at_40(sm, vod, scenes, lmeb, sky_tb(scenes, lmeb, np.full((50, 1), 40.0)))
    loose = Retrieve(lmeb=lmeb, tb_sigma_k=0.01)
    got = retrieve(tb, tb, scenes, 0.3, 1.0, loose)
    np.testing.assert_allclose(got.soil_moisture, sm, atol=2e-3)
    np.testing.assert_allclose(got.vod, vod, atol=2e-3)


def test_the_error_of_tb40_is_that_of_the_inversion():
    scenes, error = ground(2), np.array([[1.0, 1.0], [3.0, 3.0]])
    tb = at_40(np.full(2, 0.2), np.full(2, 0.3), scenes)
    by_error = Retrieve(lmeb=NO_SKY, tb_sigma_k="tb_error")
    got = retrieve(tb, error, scenes, 0.5, 1.0, by_error)
    for scene, sigma in enumerate((1.0, 3.0)):
        fixed = Retrieve(lmeb=NO_SKY, tb_sigma_k=sigma)
        same = retrieve(tb, error, scenes, 0.5, 1.0, fixed)
        assert got.vod[scene] == same.vod[scene]
        assert got.vod_error[scene] == same.vod_error[scene]
    assert got.vod_error[1] > got.vod_error[0]


def test_posterior_spread_covers_the_errors_where_all_is_known():
    rng, scenes = np.random.default_rng(0), ground(20000)
    prior = rng.uniform(0.1, 0.8, 20000)
    sigma = np.minimum(0.1 + 0.3 * prior, 0.3)
    vod = prior + sigma * rng.standard_normal(20000)
    sm = 0.2 + 0.08 * rng.standard_normal(20000)
    tb = at_40(sm, np.maximum(vod, 0), scenes) + 1.5 * rng.standard_normal((20000, 2))
    settings = Retrieve(lmeb=NO_SKY, tb_sigma_k=1.5, sm_sigma=0.08)
    got = retrieve(tb, tb, scenes, prior, sigma, settings)
    for value, error, truth in (
        (got.soil_moisture, got.soil_moisture_error, sm),
        (got.vod, got.vod_error, np.maximum(vod, 0)),
    ):
        assert np.mean(np.abs(value - truth) < error) == pytest.approx(0.68, abs=0.04)


def test_the_ground_temperature_is_computed_at_the_prior():
    scenes = ground(3)
    weight = (0.2 / 0.3) ** 0.3
    np.testing.assert_allclose(ground_temperature(scenes, NO_SKY, 0.2), 290 + 5 * weight)
    constant = NO_SKY.model_copy(update={"effective_temperature": "choudhury1982"})
    np.testing.assert_allclose(ground_temperature(scenes, constant, 0.2), 290 + 5 * 0.246)


# --- priors ------------------------------------------------------------------------------------


def test_the_prior_is_the_mean_where_there_are_values_enough():
    vod = np.full((60, 4), np.nan)
    for cell, (mean, count) in enumerate([(0.4, 30), (1.0, 60), (-0.1, 30), (0.2, 29)]):
        vod[:count, cell] = mean
    prior = prior_of_year(vod, SETTINGS)
    np.testing.assert_allclose(prior.mean, [0.4, 1.0, -0.1, 0.5])
    np.testing.assert_allclose(prior.sigma, [0.22, 0.3, 0.1, 1.0])
    np.testing.assert_array_equal(prior.is_first, [False, False, False, True])
    narrow = SETTINGS.model_copy(update={"prior_sigma": PriorSigma(year=(0.05, 0.1, 0.12))})
    np.testing.assert_allclose(prior_of_year(vod, narrow).sigma, [0.09, 0.12, 0.05, 1.0])


def test_the_prior_is_of_the_preceding_days_else_of_the_year():
    vod = np.full((40, 2), np.nan)
    vod[[0, 4, 20], 0], vod[:, 1] = [0.2, 0.4, 0.9], 0.6
    prior = prior_of_days(vod, prior_of_year(vod, SETTINGS), SETTINGS)
    np.testing.assert_allclose(prior.mean[[1, 5, 12, 21], 0], [0.2, 0.3, 0.4, 0.9])
    np.testing.assert_allclose(prior.mean[[0, 19], 0], 0.5)  # too few in the year as well: run 1's
    np.testing.assert_array_equal(prior.is_first[[0, 1], 0], [True, False])
    np.testing.assert_allclose(prior.sigma[[0, 1], 0], [1.0, 0.1])
    np.testing.assert_allclose(prior.mean[:, 1], 0.6)
    np.testing.assert_allclose(prior.sigma[[0, 1], 1], [0.28, 0.1])


def test_preceding_days_never_look_at_the_day_itself():
    values = np.array([1.0, np.nan, 3.0, 5.0, 100.0])[:, None]
    total, count = sum_preceding(values, 2)
    np.testing.assert_allclose(total[:, 0], [0, 1, 1, 3, 8])
    np.testing.assert_array_equal(count[:, 0], [0, 1, 1, 1, 2])


# --- flags -------------------------------------------------------------------------------------


def test_scene_flags_have_the_documented_bits():
    cells = domain(6)
    cells["topography"] = ("cell", np.float32([0, 1, 2, 0, np.nan, 1]))
    cells["water_fraction"] = ("cell", np.float32([0, 0, 0, 0.06, 0.09, 0.2]))
    cells["urban_fraction"] = ("cell", np.float32([0, 0, 0, 0.06, 0, np.nan]))
    got = static_scene_flags(cells, SETTINGS)
    np.testing.assert_array_equal(got, [0, 1, 2, 4, 0, 5])


def test_urban_area_and_ice_are_land_cover_where_they_have_no_map():
    cells = domain(2)
    cells["igbp_fraction"][0] = np.eye(16)[12]
    cells["igbp_fraction"][1] = np.eye(16)[14]
    np.testing.assert_array_equal(static_scene_flags(cells, SETTINGS), [4, 4])


def test_a_negative_median_counts_only_where_there_are_values():
    values = np.array([[-1.0, 1, np.nan], [-2, -2, np.nan], [5, 3, np.nan]])
    np.testing.assert_array_equal(has_negative_median(values), [True, False, False])


def test_values_are_set_to_zero_then_clipped():
    values = np.array([[-0.1, 0.3, np.nan], [-0.1, 3.0, 0.5]])
    got = zero_and_clip(values, np.array([False, False, True]), 2.0)
    np.testing.assert_array_equal(got, [[0, 0.3, np.nan], [0, 2, 0]])


# --- the year ----------------------------------------------------------------------------------


def world(cells=6, year=2011, noise_k=1.5, seed=0):
    """A year of 40° TB over steady vegetation and changing soil, one day in three unseen."""
    rng = np.random.default_rng(seed)
    land = domain(cells)
    surfaces = {"ascending": surface(land, year), "descending": surface(land, year, 5.0)}
    shape = (surfaces["ascending"].sizes["time"], cells)
    sm = np.clip(0.2 + 0.08 * rng.standard_normal(shape), 0.03, 0.5)
    vod = np.broadcast_to(np.linspace(0.1, 0.7, cells), shape)
    static, (day, cell) = static_ground(land), np.indices(shape).reshape(2, -1)
    wet, green = sm.ravel(), vod.ravel()
    passes = [
        at_40(wet, green, ground_of(static, warm, day, cell), warm_at=wet).reshape(*shape, 2)
        for warm in surfaces.values()
    ]
    tb = np.stack(passes, axis=2)
    tb += noise_k * rng.standard_normal(tb.shape)
    tb[::3] = np.nan
    seen = a_year(land, surfaces, tb, noise_k)
    return land, surfaces, seen, sm, vod


def a_year(land, surfaces, tb, error_k):
    """40° TB (time, cell, overpass, channel) as `tb40` writes it."""
    full = ("time", "cell", "overpass", "channel")
    missing = np.where(np.isfinite(tb), np.float32(0), np.float32(np.nan))
    return xr.Dataset(
        {
            "tb": (full, tb.astype(np.float32)),
            "tb_error": (full, np.float32(error_k) + missing),
            "tb_rmse": (full[:-1], np.float32(3) + missing[..., 0]),
        },
        {
            "time": next(iter(surfaces.values()))["time"],
            "cell": land["cell"],
            "overpass": list(surfaces),
            "channel": ["h", "v"],
        },
    )


def whole(seen, surfaces, land, settings=SETTINGS):
    return xr.concat(list(year_blocks(seen, surfaces, land, settings)), "time")


@pytest.fixture(scope="module")
def truth():
    return world()


@pytest.fixture(scope="module")
def year(truth):
    land, surfaces, seen, _, _ = truth
    return whole(seen, surfaces, land)


def test_a_year_is_retrieved(truth, year):
    _, _, _, sm, vod = truth
    there = np.isfinite(year["vod"].values)
    np.testing.assert_array_equal(there[:, 0, 0], np.arange(365) % 3 != 0)
    sm_off = (year["soil_moisture"].values - sm[..., None])[there]
    vod_off = (year["vod"].values - vod[..., None])[there]
    assert abs(sm_off.mean()) < 0.005 and abs(vod_off.mean()) < 0.01
    for off, name, low in ((sm_off, "soil_moisture", 0.9), (vod_off, "vod", 0.7)):
        spread = np.std(off / year[f"{name}_error"].values[there])
        assert low < spread < 1.1, name  # the prior of VOD is wider than its changes
    assert (year["processing_flags"].values == 0).all()


def test_the_second_run_knows_the_year_or_the_days_before(truth, year):
    land, surfaces, seen, _, vod = truth
    of_year = SETTINGS.model_copy(update={"prior": "year"})
    first = of_year.model_copy(update={"prior_values_min": 10_000})
    known, alone = (whole(seen, surfaces, land, settings) for settings in (of_year, first))
    errors = [np.nanstd(x["vod"].values - vod[..., None]) for x in (year, known, alone)]
    assert errors[0] < 0.92 * errors[2] and errors[1] < 0.92 * errors[2]
    bit = FIRST_PRIOR
    there = np.isfinite(alone["vod"].values)
    np.testing.assert_array_equal(alone["processing_flags"].values, np.where(there, bit, 0))


def test_the_second_run_takes_the_temperature_at_the_first_one_s_moisture():
    """Dry ground in a cold morning is warmer at depth than moist ground would seem."""
    land = domain(2)
    warm = surface(land, 2011, warmer_k=-12.0)
    wet = np.full((365, 2), 0.04)
    static, (day, cell) = static_ground(land), np.indices(wet.shape).reshape(2, -1)
    scenes = ground_of(static, warm, day, cell)
    tb = at_40(wet.ravel(), np.full(730, 0.1), scenes, warm_at=wet.ravel())
    seen = a_year(land, {"ascending": warm}, tb.reshape(365, 2, 1, 2), 1.0)
    off = {
        at: np.nanmean(whole(seen, {"ascending": warm}, land, changed(at))["soil_moisture"]) - 0.04
        for at in ("prior", "first_run")
    }
    assert off["prior"] < -0.01 and abs(off["first_run"]) < 0.004


def changed(temperature_at):
    return SETTINGS.model_copy(update={"temperature_at": temperature_at})


def test_doubtful_fits_form_no_prior(truth):
    land, surfaces, seen, _, _ = truth
    doubtful = seen.copy(deep=True)
    doubtful["tb_rmse"][:, 2] = 20.0
    got = whole(doubtful, surfaces, land)
    first = (got["processing_flags"].values & FIRST_PRIOR) > 0
    there = np.isfinite(got["vod"].values)
    assert first[:, 2][there[:, 2]].all() and not first[:, 3].any()


def test_the_preceding_days_are_the_same_across_blocks(truth):
    land, surfaces, seen, _, _ = truth
    settings = SETTINGS.model_copy(update={"prior_values_min": 10_000})
    got = whole(seen, surfaces, land, settings)
    later = slice(20, 100)
    moved = {name: part.isel(time=later) for name, part in surfaces.items()}
    part = whole(seen.isel(time=later), moved, land, settings)
    inside = slice(10, None)  # the first ten days see fewer than there were
    np.testing.assert_allclose(
        part["vod"].isel(time=inside),
        got["vod"].isel(time=later).isel(time=inside),
        atol=1e-6,
    )
    assert (got["processing_flags"].values[0:2] & FIRST_PRIOR).any()


def test_frozen_ground_and_water_have_flags_and_no_values(truth):
    land, surfaces, seen, _, _ = truth
    wet = land.copy(deep=True)
    wet["water_fraction"][4] = 0.5
    cold = {name: part.copy(deep=True) for name, part in surfaces.items()}
    cold["ascending"]["t_surface"][40:60] = 260.0
    got = whole(seen, cold, wet)
    scene = got["scene_flags"].values
    there = np.isfinite(got["vod"].values)
    assert (scene[40:60, :, 0] & FROZEN == FROZEN).all()
    assert not there[40:60, :, 0].any() and there[40:60, 0, 1].any()
    assert (scene[:, 4] & POLLUTED == POLLUTED).all() and not there[:, 4].any()
    assert (scene[:40, :4] == 0).all()


def test_a_cell_whose_median_is_negative_becomes_zero_with_a_flag(truth):
    land, surfaces, seen, _, _ = truth
    warm = seen.copy(deep=True)
    warm["tb"][:, 1, :, 1] += 25.0  # more polarised than bare soil can be
    got = whole(warm, surfaces, land)
    there = np.isfinite(got["vod"].values)
    zero = (got["processing_flags"].values & VOD_ZERO) > 0
    np.testing.assert_array_equal(zero[:, 1], there[:, 1])
    assert (got["vod"].values[:, 1][there[:, 1]] == 0).all()
    assert not zero[:, [0, 2, 3, 4, 5]].any()


def test_values_about_zero_stay_symmetric_until_the_end():
    """Bare soil: the prior of run 2 is the mean over negative values too, so it has no bias."""
    land, surfaces, seen, _, _ = world(cells=2, noise_k=2.0)
    static = static_ground(land)
    day, cell = np.indices((365, 2)).reshape(2, -1)
    bare = at_40(
        np.full(730, 0.15), np.zeros(730), ground_of(static, surfaces["ascending"], day, cell)
    )
    noise = 2.0 * np.random.default_rng(5).standard_normal((365, 2, 2))
    seen["tb"][:, :, 0] = np.where(
        np.isfinite(seen["tb"][:, :, 0]), bare.reshape(365, 2, 2) + noise, np.nan
    )
    got = whole(seen, surfaces, land)["vod"].values[..., 0]
    assert np.nanmean(got) < 0.04 and (got[np.isfinite(got)] >= 0).all()


def test_the_step_writes_and_is_reproducible(truth, tmp_path):
    land, surfaces, seen, _, _ = truth
    paths = []
    for name, part in surfaces.items():
        paths.append(tmp_path / "regrid" / SURFACES[name] / "2011.nc")
        io.write(part, paths[-1], PROVENANCE)
    io.write(seen, tmp_path / "tb40.nc", PROVENANCE)
    io.write(land, tmp_path / "domain.nc", PROVENANCE)
    out = tmp_path / "retrieve.nc"
    step(tmp_path / "tb40.nc", paths, tmp_path / "domain.nc", out, SETTINGS)
    first = out.read_bytes()
    got = io.read(out)
    assert got["vod"].dims == ("time", "cell", "overpass")
    assert set(got.data_vars) == {
        *("soil_moisture", "vod", "soil_moisture_error", "vod_error"),
        *("tb_rmse", "scene_flags", "processing_flags"),
    }
    assert got["processing_flags"].attrs["flag_meanings"].split() == list(PROCESSING)
    assert "frozen" in got["scene_flags"].attrs["flag_meanings"]
    step(tmp_path / "tb40.nc", paths, tmp_path / "domain.nc", out, SETTINGS)
    assert out.read_bytes() == first


def test_the_composed_tb_is_inverted_as_one_overpass(truth, tmp_path):
    land, surfaces, seen, sm, vod = truth
    composed = seen.sel(overpass="ascending", drop=True)
    composed = composed[["tb", "tb_error"]].rename(tb_error="tb_std_total")
    folder = tmp_path / "regrid" / SURFACES["ascending"] / "2011.nc"
    io.write(surfaces["ascending"], folder, PROVENANCE)
    io.write(composed, tmp_path / "compose.nc", PROVENANCE)
    io.write(land, tmp_path / "domain.nc", PROVENANCE)
    out = tmp_path / "inverted.nc"
    step(tmp_path / "compose.nc", [folder], tmp_path / "domain.nc", out, SETTINGS)
    got = io.read(out).load()
    assert got["overpass"].values.tolist() == ["ascending"]
    assert np.isnan(got["tb_rmse"]).all()
    there = np.isfinite(got["vod"].values[..., 0])
    np.testing.assert_array_equal(there[:, 0], np.arange(365) % 3 != 0)
    assert abs((got["vod"].values[..., 0] - vod)[there].mean()) < 0.01
    assert abs((got["soil_moisture"].values[..., 0] - sm)[there].mean()) < 0.005


def test_unknown_ground_counts_as_frozen_and_is_logged(truth, capsys):
    land, surfaces, seen, _, _ = truth
    part = {"time": slice(0, 31)}
    unknown = {name: warm.isel(part).copy(deep=True) for name, warm in surfaces.items()}
    unknown["ascending"]["snow"][3:7, 2] = np.nan
    got = whole(seen.isel(part), unknown, land)
    scene, there = got["scene_flags"].values, np.isfinite(got["vod"].values)
    assert (scene[3:7, 2, 0] & FROZEN == FROZEN).all() and not there[3:7, 2, 0].any()
    assert (scene[:, 2, 1] == 0).all() and there[3:7, 2, 1].any()
    line = f"frozen state unknown for 4 of {2 * 31 * land.sizes['cell']} values: masked"
    assert capsys.readouterr().err == f"{line}\n"
