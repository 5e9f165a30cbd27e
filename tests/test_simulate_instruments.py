"""Simulated instruments: missions, swaths, footprints, errors."""

from functools import cache

import numpy as np
import pytest

from fixtures_world import MERIDIAN, truth_of, year_of
from glab.calendar import days_between
from glab.errors import GlabError
from glab.lmeb import brightness_temperature, effective_temperature
from glab.lmeb.landcover import landcover_parameters
from glab.simulate.granules import write_granules
from glab.simulate.instruments import amsr, microwave, orbits
from glab.simulate.instruments.orbits import is_working
from glab.simulate.instruments.products import (
    casm,
    reanalysis,
    slow_parts,
    smap_ib,
    smos_ic,
    smosmap_ib,
)
from glab.simulate.world import footprint, lband_tb, scene_at, world_of


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("smos", "2010-01-12", None), ("amsre", "2002-06-19", "2011-10-03"),
     ("amsr2", "2012-07-02", None), ("smap", "2015-03-31", None),
     ("casm", "2002-06-19", "2020-08-31")],
)  # fmt: skip
def test_missions(name, first, last):
    days = days_between("2002-01-01", "2021-12-31")
    working = days[is_working(name, days)]
    assert working[0] == np.datetime64(first)
    assert working[-1] == np.datetime64(last or "2021-12-31")


def test_gaps():
    smos_out = ["2010-04-20", "2010-04-26", "2010-12-25", "2011-01-02"]
    assert not is_working("smos", np.array(smos_out, "datetime64[D]")).any()
    assert is_working("smos", np.array(["2010-04-19", "2010-04-27", "2011-01-03"], "M8[D]")).all()
    assert not is_working("smap", np.array(["2019-06-19", "2019-07-23"], "M8[D]")).any()


def test_only_smos_sees_the_ground_from_october_2011(tmp_path):
    settings, truth, _ = truth_of()
    for source, year in (("amsre", 2012), ("amsr2", 2011), ("smap_ib", 2012)):
        folder = tmp_path / source
        folder.mkdir()
        write_granules(source, world_of(truth, settings, year), folder)
        assert not list(folder.iterdir()), source


def test_unknown_source_is_an_error(tmp_path):
    settings, truth, _ = truth_of()
    with pytest.raises(GlabError, match="smos_l3"):
        write_granules("smos_l33", world_of(truth, settings, 2010), tmp_path)


@pytest.mark.parametrize("orbit", [orbits.SMOS, orbits.SMAP, orbits.AQUA])
def test_equator_is_crossed_at_the_nominal_local_hour(orbit):
    for overpass, hour in orbit.local_hour.items():
        lon, time = orbits.node(orbit, overpass, np.arange(50_000, 50_100))
        local = np.mod(np.mod(time, 1.0) * 24.0 + lon / 15.0, 24.0)
        assert np.allclose(local, hour, atol=1e-6)


def test_smos_returns_within_three_days_and_more_often_in_the_north():
    lat, lon = np.array([0.0, 60.0]), np.array([20.0, 20.0])
    view = orbits.nearest_passes(orbits.SMOS, "A", 2011, 365, lat, lon)
    seen = np.isfinite(view.away_km)
    gap = np.diff(np.flatnonzero(seen[:, 0])).max()
    assert gap <= 3 and 0.3 < seen[:, 0].mean() < 0.5
    assert seen[:, 1].mean() > 1.4 * seen[:, 0].mean()


def test_tracks_lean_west_and_turn_at_the_inclination():
    lat = np.array([-40.0, 0.0, 40.0])
    lon, hours = orbits.track(orbits.SMOS, "A", lat)
    assert lon[1] == 0.0 and (np.diff(lon) < 0).all() and (np.diff(hours) > 0).all()
    back, earlier = orbits.track(orbits.SMOS, "D", lat)
    assert np.allclose(back, -lon) and np.allclose(earlier, -hours)


def test_footprint_weights_add_up_and_have_their_width():
    settings, truth, _ = truth_of()
    land = world_of(truth, settings, 2010).land
    foot = footprint(land, land.lat, land.lon, 60.0)
    assert np.allclose(foot(np.ones((1, len(land.lat)), np.float32)), 1.0, atol=1e-5)
    centre = int(np.argmin(np.hypot(land.lat - 6.0, land.lon - 21.0)))
    weights = foot.weights.toarray()[centre]
    north = (land.lat - land.lat[centre]) * 111.2
    east = (land.lon - land.lon[centre]) * 111.2 * np.cos(np.deg2rad(6.0))
    assert np.sqrt((weights * (north**2 + east**2)).sum() / 2) == pytest.approx(60 / 2.355, rel=0.1)
    assert foot.seen_land[centre] > 0.9
    alone = footprint(land, np.array([-40.0]), np.array([0.0]), 40.0)
    assert np.isnan(alone(truth.vod.values[:3])).all()


def test_truth_tb_is_the_emission_of_the_truth_at_the_footprint():
    world = year_of(2011)
    tb = lband_tb(scene_at(world.daily, world.daily["t_surface_0600"]), world.patches, 40.0)
    seen = footprint(world.land, world.land.lat, world.land.lon, 43.0)(tb)
    assert np.allclose(np.moveaxis(seen, 0, -1), world.daily["tb"], atol=1e-3)
    assert world.daily["tb"].std(axis=1).mean() < tb.std(axis=2).mean()


def test_matched_world_follows_the_model_of_the_inversion():
    settings, truth, static = truth_of(first_year=2011, last_year=2011, matched_physics=True)
    world = world_of(truth, settings, 2011)
    day, cells = 200, slice(None)
    state = {name: world.daily[name][day, cells] for name in ("soil_moisture", "vod", "t_deep")}
    surface = world.daily["t_surface_0600"][day, cells]
    tb_h, _ = brightness_temperature(
        state["soil_moisture"],
        state["vod"],
        incidence_deg=40.0,
        clay=truth.clay.values[cells],
        t_ground_k=effective_temperature(surface, state["t_deep"], state["soil_moisture"]),
        t_canopy_k=surface,
        omega=truth.omega.values[cells],
        h_r=truth.h_r.values[cells],
    )
    dry = world.daily | {"water_fraction": 0.0 * world.daily["water_fraction"]}
    tb = lband_tb(scene_at(dry, dry["t_surface_0600"]), world.patches, 40.0)
    assert np.abs(tb[0, day, cells] - tb_h).max() < 0.01
    known = landcover_parameters(truth)
    assert np.allclose(known.omega, truth.omega, atol=1e-5)
    on_map = static.clay.values[np.isfinite(static.clay.values)]
    assert np.allclose(np.sort(on_map), np.sort(truth.clay.values), atol=1e-5)


def test_water_is_cold_and_frozen_ground_is_warm():
    world = year_of(2011)
    daily = {name: field[:5].copy() for name, field in world.daily.items()}
    base = lband_tb(scene_at(daily, daily["t_surface_0600"]), world.patches, 40.0)
    daily["water_fraction"] = daily["water_fraction"] + np.float32(0.2)
    wet = lband_tb(scene_at(daily, daily["t_surface_0600"]), world.patches, 40.0)
    assert (wet < base - 8.0).all()
    daily["vod"] = 0.1 * daily["vod"]
    thawed, frozen = (
        lband_tb(scene_at(daily, np.full_like(daily["vod"], t)), world.patches, 40.0)[0] / t
        for t in (280.0, 265.0)
    )
    assert (frozen > thawed).all(), "ice binds the water that makes soil reflect"


@cache
def amsr_year(name, year, **settings):
    sensor = amsr.sensor_of(name, year_of(year, **settings))
    clean = amsr.clean_tb(sensor, "D")
    return sensor, clean, amsr.calibrated(sensor, clean)


def test_amsr_channels_are_ordered_as_in_reality():
    _, clean, _ = amsr_year("amsre", 2011)
    mean = dict(zip(amsr.CHANNELS, np.nanmean(clean, axis=(0, 2))))
    for frequency in ("10", "18", "36"):
        assert mean[f"{frequency}v"] > mean[f"{frequency}h"]
    gap = {f: mean[f + "v"] - mean[f + "h"] for f in ("10", "18", "36")}
    assert gap["10"] > gap["18"] > gap["36"] > 0.5
    assert all(240.0 < value < 310.0 for value in mean.values())


def test_amsr_sensors_are_calibrated_differently_and_linearly():
    differences = []
    for name, year in (("amsre", 2011), ("amsr2", 2012)):
        _, clean, seen = amsr_year(name, year)
        kept = np.isfinite(clean).all(axis=(0, 1))
        for channel in range(6):
            x, y = clean[:, channel, kept].ravel(), seen[:, channel, kept].ravel()
            gain, offset = np.polyfit(x - 265.0, y - 265.0, 1)
            assert 0.94 < gain < 1.06 and abs(offset) < 7.0
            differences.append((round(float(gain), 4), round(float(offset), 2)))
    assert len(set(differences)) == 12


def test_calibration_drift_grows_with_time():
    sensor, clean, steady = amsr_year("amsre", 2011)
    _, clean_too, drifting = amsr_year("amsre", 2011, calibration_drift_k_per_decade=2.0)
    assert np.allclose(clean, clean_too, equal_nan=True)
    drift = np.nanmean(drifting - steady, axis=2)
    assert drift[-1, 0] == pytest.approx(2.0 * 0.95, abs=0.05)
    assert drift[-1, 2] < 0.0 < drift[-1, 4], "channels drift differently"
    assert drift[-1, 0] - drift[0, 0] == pytest.approx(0.2, abs=0.01)


def test_high_frequencies_saturate_over_forest_where_lband_does_not():
    settings, truth, _ = truth_of(MERIDIAN, 2010, 2011)
    world = world_of(truth, settings, 2011)
    forest = world.daily["vod"].mean(axis=0) > 0.8
    block, surface = slice(150, 180), world.daily["t_surface_0600"][150:180]

    def response(tb):
        plain = tb()
        for name in ("vod", "vod_wood"):
            world.daily[name] = world.daily[name] + np.float32(0.1)
        more = tb()
        for name in ("vod", "vod_wood"):
            world.daily[name] = world.daily[name] - np.float32(0.1)
        return abs(more - plain)[0][:, forest].mean()

    def lband():
        daily = {name: field[block] for name, field in world.daily.items()}
        return lband_tb(scene_at(daily, surface), world.patches, 40.0)

    def high():
        return microwave.ground_tb(microwave.BANDS[1], world, block, surface, 0.3)

    assert response(lband) > 2.0 * response(high)


def test_snow_cools_and_rain_and_vapour_warm():
    snow = np.array([0.0, 50.0], np.float32)
    signal = [microwave.snow_signal(band, snow)[:, 1] for band in microwave.BANDS]
    assert (np.diff(signal, axis=0) > 0).all() and (signal[0] < 5.0).all()
    air = [
        microwave.atmosphere(band, np.float32(290.0), np.float32(1.0), np.array([0.0, 30.0]))
        for band in microwave.BANDS
    ]
    assert all(a.opacity[1] > a.opacity[0] for a in air)
    warmed = [microwave.top_of_atmosphere_tb(np.array([230.0, 230.0]), 290.0, a) for a in air]
    assert all(w[1] > w[0] > 230.0 for w in warmed)


def test_retrieved_vod_carries_correlated_noise_of_its_size():
    settings, truth, _ = truth_of(first_year=2015, last_year=2015)
    world = world_of(truth, settings, 2015)
    retrieved = smap_ib(world)
    assert np.isnan(retrieved.vod[:89]).all() and np.isfinite(retrieved.vod[89:]).any()
    lat, lon = retrieved.window.centres
    error = retrieved.vod - footprint(world.land, lat, lon, 40.0)(world.daily["vod"])
    assert 0.02 < np.nanstd(error) < 0.12
    wet = retrieved.soil_moisture - footprint(world.land, lat, lon, 40.0)(
        world.daily["soil_moisture"]
    )
    both = np.isfinite(error) & np.isfinite(wet)
    assert 0.15 < np.corrcoef(error[both], wet[both])[0, 1] < 0.9
    near = np.isfinite(error[:, 15]) & np.isfinite(error[:, 16])
    pair = error[near][:, [15, 16]]
    assert np.corrcoef((pair - pair.mean(axis=0)).T)[0, 1] > 0.1


def test_the_fused_product_begins_with_smos_and_is_less_noisy_with_smap():
    settings, truth, _ = truth_of(first_year=2015, last_year=2015)
    world = world_of(truth, settings, 2015)
    fused, lone = smosmap_ib(world), smap_ib(world)
    lat, lon = fused.window.centres
    error = fused.vod - footprint(world.land, lat, lon, 43.0)(world.daily["vod"])
    first = int(np.flatnonzero(np.isfinite(lone.vod).any(axis=1))[0])
    before, after = error[:first], error[first:]
    assert np.isfinite(before).any() and fused.window.grid.name == "M25"
    seen = np.isfinite(before).sum(), np.isfinite(after).sum()
    assert seen[1] / after.size > 1.2 * seen[0] / before.size, "two satellites see more than one"
    spread = [np.nanstd(np.diff(half, axis=0)) for half in (before, after)]
    assert spread[0] > 1.1 * spread[1], "SMOS alone is noisier"
    level = np.nanmean(before, axis=0) - np.nanmean(after, axis=0)
    assert np.nanstd(level) < 0.03, "SMOS was scaled to SMAP"


def test_smos_ic_returns_its_native_variables():
    retrieval = next(smos_ic(year_of(2011), "A"))
    assert retrieval.day >= 2
    fields = retrieval.fields
    assert np.nanmedian(fields["Optical_Thickness_Nad"]) > 0.1
    assert set(np.unique(fields["Scene_Flags"][np.isfinite(fields["Scene_Flags"])])) <= set(
        np.arange(16.0)
    )


def test_casm_damps_slow_anomalies_and_keeps_fast_ones():
    settings, truth, _ = truth_of()
    world = world_of(truth, settings, 2011)
    moisture = truth.soil_moisture.values
    cycle, slow = slow_parts(moisture, truth.time.values.astype("datetime64[D]"))
    inside = truth.time.dt.year.values == 2011
    year = casm(world, cycle[inside], slow[inside])
    assert (np.diff(year.days) == np.timedelta64(3, "D")).all()
    elapsed = (year.days[0] - np.datetime64("2002-06-19")).astype(int)
    assert elapsed % 3 == 0
    still = casm(world, cycle[inside], 0.0 * slow[inside])
    steps = np.isin(world.days, year.days)
    change = (year.soil_moisture - still.soil_moisture).ravel()
    seen = footprint(world.land, world.land.lat, world.land.lon, 36.0)(slow[inside])[steps].ravel()
    assert np.polyfit(seen, change, 1)[0] == pytest.approx(0.35 - 0.8, abs=0.03)


def test_reanalysis_is_near_the_truth_at_the_hour():
    world = year_of(2011)
    fields = reanalysis(world)
    assert (np.diff(fields.lat) < 0).all() and set(fields.fields) == {"stl1", "stl3", "t2m", "sd"}
    hours = fields.time.astype("datetime64[h]").astype(int) % 24
    assert set(np.unique(hours)) == {5, 17}, "06:00 and 18:00 local time at 21 E"
    morning = fields.fields["stl1"][hours == 5].mean(
        axis=(1, 2), where=np.isfinite(fields.fields["stl1"][hours == 5])
    )
    error = morning - world.daily["t_surface_0600"].mean(axis=1)
    assert abs(error.mean()) < 2.5 and 0.1 < error.std() < 2.0
