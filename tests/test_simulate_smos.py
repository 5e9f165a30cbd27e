"""Errors of the simulated SMOS: noise, common snapshots, edge of the swath, interference."""

from functools import cache

import numpy as np
import pytest

from fixtures_world import year_of
from glab.simulate.instruments import orbits, smos
from glab.simulate.world import footprint

BIN40, BIN37, BIN42 = 8, 7, 9


@cache
def smos_year():
    """Return a year of morning SMOS TB and the truth at its angles, (day, 2, angle, cell)."""
    world = year_of(2011)
    tb = np.full((365, 2, len(smos.ANGLES_DEG), len(world.land.lat)), np.nan, np.float32)
    flights = list(smos.overflights(world, "A"))
    for flight in flights:
        tb[flight.day] = flight.tb_k
    feet = {
        oblique: footprint(world.land, world.land.lat, world.land.lon, fwhm)
        for oblique, fwhm in smos.FWHM_KM.items()
    }
    clean = smos.clean_tb(world, "A", slice(0, 365), feet)
    return world, flights, tb, np.moveaxis(clean, 2, 0)


def spread(errors):
    """Return the standard deviation without the effect of outliers."""
    return 1.4826 * np.nanmedian(abs(errors - np.nanmedian(errors)))


def test_smos_noise_of_a_bin_and_its_components():
    _, _, tb, clean = smos_year()
    error = tb - clean
    assert 3.2 < spread(error[:, 0, BIN40]) < 4.8
    assert abs(np.nanmedian(error[:, :, BIN40])) < 0.3
    kept = np.where(abs(error) < 15.0, error, np.nan)
    angle_mean = kept.sum(axis=2, where=np.isfinite(kept)) / np.isfinite(kept).sum(axis=2).clip(1)
    angle_mean[angle_mean == 0.0] = np.nan
    assert 0.8 < spread(angle_mean) < 3.0, "errors common to all angles do not average out"


def test_40_degree_bin_shares_the_errors_of_its_neighbours():
    _, _, tb, clean = smos_year()
    error = np.where(abs(tb - clean) < 15.0, tb - clean, np.nan)

    def correlation(a, b):
        both = np.isfinite(error[:, 0, a]) & np.isfinite(error[:, 0, b])
        return np.corrcoef(error[:, 0, a][both], error[:, 0, b][both])[0, 1]

    common = correlation(4, 11)
    assert correlation(BIN40, BIN37) > common + 0.3
    assert correlation(BIN40, BIN42) > common + 0.3
    assert correlation(BIN37, BIN42) == pytest.approx(common, abs=0.12)


def test_smos_is_noisier_and_sees_fewer_angles_towards_the_edge():
    world, flights, _, _ = smos_year()
    view = orbits.nearest_passes(
        orbits.SMOS, "A", 2011, 365, world.land.lat, world.land.lon
    ).away_km
    away = np.concatenate([view[f.day] for f in flights])
    accuracy = np.concatenate([f.accuracy_k[0, BIN40] for f in flights])
    angles = np.concatenate([np.isfinite(f.tb_k[0]).sum(axis=0) for f in flights])
    near, far = away < 150.0, (away > 400.0) & np.isfinite(away)
    assert np.nanmean(accuracy[far]) > 1.3 * np.nanmean(accuracy[near])
    assert angles[near].mean() > angles[far].mean() + 4
    assert angles[~np.isfinite(away)].max() == 0


def test_interference_is_flagged_mostly_not_always():
    _, flights, tb, clean = smos_year()
    rfi = np.full(tb[:, 0].shape, np.nan, np.float32)
    for flight in flights:
        rfi[flight.day] = flight.rfi_views / flight.views
    strong = (tb - clean)[:, 0] > 25.0
    assert strong.sum() > 20
    assert 0.6 < (rfi[strong] > 0.2).mean() < 0.98
    assert (rfi[np.isfinite(rfi) & ~strong] > 0.2).mean() < 0.1
