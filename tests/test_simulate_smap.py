"""SMAP L3 TB of the simulated Earth: the reader returns what was written; noise is as stated."""

import h5py
import numpy as np
import pytest

from fixtures_world import truth_of
from glab.grids import M36
from glab.readers.formats import naming_of, read
from glab.simulate.formats import smap_l3 as native
from glab.simulate.granules import write_granules
from glab.simulate.instruments.orbits import is_working
from glab.simulate.instruments.smap import (
    INTERFERENCE_FRACTION,
    NOISE_K,
    SMAP_FWHM_KM,
    smap_l3,
    smap_window,
)
from glab.simulate.world import footprint, lband_tb, scene_at, world_of

YEAR = 2015


@pytest.fixture(scope="module")
def world():
    settings, truth, _ = truth_of(first_year=YEAR, last_year=YEAR)
    return world_of(truth, settings, YEAR)


@pytest.fixture(scope="module")
def observed(world):
    return list(smap_l3(world))


@pytest.fixture(scope="module")
def granules(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("smap_l3")
    write_granules("smap_l3", world, folder)
    return sorted(folder.iterdir())


def test_days_are_those_of_the_mission_at_six_in_the_morning(world, observed):
    days = world.days[[one.day for one in observed]]
    assert np.datetime64("2015-03-31") <= days[0] < np.datetime64("2015-04-03")
    assert is_working("smap", days).all()
    lon = smap_window(world).centres[1]
    local = np.concatenate([one.hour + lon / 15.0 for one in observed])
    assert np.nanmax(abs(local - 6.0)) < 1.5
    seen = np.mean([np.isfinite(one.tb_k[0]).mean() for one in observed])
    revisit = len(observed) / (days[-1] - days[0]).astype(int) * seen
    assert 0.25 < revisit < 0.6, "every two or three days"


def test_the_reader_returns_what_was_written(world, observed, granules):
    window = smap_window(world)
    assert len(granules) == len(observed)
    for path, one in list(zip(granules, observed))[::10]:
        granule = read("smap_l3", path)
        assert naming_of("smap_l3").date(path.name) == world.days[one.day]
        assert granule["overpass"].values.tolist() == ["descending"]
        np.testing.assert_allclose(granule["lat"], window.lat, atol=1e-5)
        np.testing.assert_allclose(granule["lon"], window.lon, atol=1e-5)
        tb = granule["tb"].values[0].reshape(2, -1)
        np.testing.assert_allclose(tb, one.tb_k, atol=1e-4)
        quality = granule["tb_quality"].values[0].reshape(2, -1)
        np.testing.assert_array_equal(quality[0] == 1, one.disturbed)
        np.testing.assert_array_equal(np.isnan(quality), np.isnan(tb))
    row, _ = M36.index(window.lat, np.full(len(window.lat), window.lon[0]))
    assert (np.diff(row) == 1).all()


def test_files_are_laid_out_as_those_of_nsidc(granules):
    with h5py.File(granules[3]) as file:
        group = file[native.GROUP]
        for name in ("tb_h_corrected", "tb_v_corrected"):
            tb = group[name]
            assert tb.dtype == np.float32 and tb.attrs["_FillValue"] == -9999.0
            assert (tb.attrs["valid_min"], tb.attrs["valid_max"]) == (0.0, 330.0)
        assert group["tb_qual_flag_h"].dtype == np.uint16
        assert group["tb_qual_flag_h"].attrs["_FillValue"] == 65534
        missing = group["tb_h_corrected"][:] == -9999.0
        np.testing.assert_array_equal(group["latitude"][:] == -9999.0, missing)
        np.testing.assert_array_equal(group["tb_qual_flag_v"][:] == 65534, missing)


def test_truth_minus_observation_has_the_stated_noise(world, observed):
    foot = footprint(world.land, *smap_window(world).centres, SMAP_FWHM_KM)
    scene = scene_at(world.daily, world.surface_k(6.0))
    true = foot(lband_tb(scene, world.patches, 40.0))
    days = [one.day for one in observed]
    error = np.stack([one.tb_k for one in observed], axis=1) - true[:, days]
    disturbed = np.stack([one.disturbed for one in observed])
    assert disturbed.mean() == pytest.approx(
        INTERFERENCE_FRACTION * np.isfinite(error).mean(), rel=0.3
    )
    for channel in (0, 1):
        values = error[channel][~disturbed & np.isfinite(error[channel])]
        assert values.size > 2000
        assert values.mean() == pytest.approx(0.0, abs=0.06)
        assert values.std() == pytest.approx(NOISE_K[channel, 0], rel=0.05)
        assert np.nanmean(error[channel][disturbed]) > 8.0
