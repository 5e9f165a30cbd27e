"""True state of the simulated Earth: seasons, change, determinism."""

import numpy as np
import pytest

from fixtures_world import MERIDIAN, SAVANNA, truth_of
from glab import io
from glab.calendar import annual_phase, days_of_year
from glab.config import Box, Simulate
from glab.errors import GlabError
from glab.grids import M25
from glab.simulate.world import (
    RandomFields,
    add_memory,
    detrend,
    mixer,
    normal,
    stream,
    world_of,
)
from glab.steps.simulate import simulate

DAILY = {
    "vod": (0.0, 2.0),
    "soil_moisture": (0.0, 0.6),
    "t_surface_0600": (220.0, 325.0),
    "t_deep": (240.0, 320.0),
    "water_fraction": (0.0, 0.6),
    "snow": (0.0, 300.0),
}


def slopes(series):
    """Return the change per year by least squares, shape (cell,)."""
    years = (np.arange(len(series)) - (len(series) - 1) / 2) / 365.2425
    return years @ (series - series.mean(axis=0)) / (years @ years)


def first_harmonic(truth, name):
    """Return the phase of the annual wave of a variable, radians, shape (cell,)."""
    phase = annual_phase(truth.time.values.astype("datetime64[D]"))
    series = truth[name].values - truth[name].values.mean(axis=0)
    return np.angle(np.exp(1j * phase) @ series)


def test_truth_is_whole_and_physical():
    _, truth, _ = truth_of()
    assert truth.sizes["time"] == 365 + 365 + 366
    for name, (low, high) in DAILY.items():
        values = truth[name].values
        assert np.isfinite(values).all() and values.min() >= low and values.max() <= high, name
    tb = truth["tb"].values
    assert tb.min() > 180.0 and tb.max() < 320.0
    assert (tb[..., 1] > tb[..., 0]).mean() > 0.99
    assert np.allclose(truth.vod, truth.vod_wood + truth.vod_leaf)
    assert np.allclose(truth.igbp_fraction.sum("igbp"), 1.0)


def test_cells_are_real_land_of_the_box_in_row_major_order():
    _, truth, _ = truth_of(MERIDIAN, 2010, 2011)
    row, col = np.divmod(truth.cell.values, M25.shape[1])
    assert (np.diff(truth.cell.values) > 0).all()
    assert np.allclose(M25.lat[row], truth.lat) and np.allclose(M25.lon[col], truth.lon)
    lat = truth.lat.values
    assert not ((lat > 56.5) & (lat < 59.0)).any(), "the Baltic at 20 E is sea"
    assert ((lat > 15.0) & (lat < 30.0)).any()


def test_same_seed_same_world_other_seed_other_world():
    small = {"box": SAVANNA, "first_year": 2010, "last_year": 2010}
    one, again, other = (truth_of.__wrapped__(**small, seed=s)[1] for s in (3, 3, 4))
    assert one.identical(again)
    assert not np.allclose(one.vod, other.vod, atol=0.01)


def test_seasons_are_opposite_in_the_hemispheres():
    _, truth, _ = truth_of(MERIDIAN, 2010, 2011)
    lat = truth.lat.values
    north, south = (lat > 45.0) & (lat < 56.0), (lat < -10.0) & (lat > -28.0)
    for name in ("vod_leaf", "t_surface_0600"):
        wave = np.exp(1j * first_harmonic(truth, name))
        difference = np.angle(wave[north].mean() / wave[south].mean())
        assert abs(difference) > np.deg2rad(110.0), name


def test_biomes_and_frost_follow_latitude():
    _, truth, _ = truth_of(MERIDIAN, 2010, 2011)
    lat, vod = truth.lat.values, truth.vod.mean("time").values
    assert vod[abs(lat) < 3.0].mean() > 0.7
    assert vod[(lat > 18.0) & (lat < 28.0)].mean() < 0.1
    frozen = truth.frozen.mean("time").values
    assert frozen[lat > 60.0].mean() > 0.25 and frozen[abs(lat) < 15.0].max() == 0.0
    snowy = truth.snow.max("time").values
    assert snowy[lat > 60.0].mean() > 10.0


def test_season_is_not_a_sine():
    _, truth, _ = truth_of()
    phase = annual_phase(truth.time.values.astype("datetime64[D]"))
    amplitude = [abs(np.exp(1j * k * phase) @ truth.vod_leaf.values) for k in (1, 2)]
    assert np.median(amplitude[1] / amplitude[0]) > 0.1


def test_night_morning_and_noon_differ():
    _, truth, _ = truth_of()
    noon = (truth.t_surface_1330 - truth.t_surface_0600).values
    night = (truth.t_surface_0130 - truth.t_surface_0600).values
    assert 5.0 < noon.mean() < 25.0 and (noon > 0).all()
    assert 0.0 < night.mean() < 3.0


def test_world_without_change_has_no_trend():
    _, truth, _ = truth_of(MERIDIAN, 2003, 2012, long_term_change=False)
    relative = slopes(truth.vod.values) / truth.vod.mean("time").values
    assert (truth.change_kind == 0).all() and (truth.vod_trend == 0).all()
    assert np.std(relative) < 1e-3 and abs(np.mean(relative)) < 3e-4
    assert abs(slopes(truth.t_deep.values).mean()) < 0.02


def test_world_with_change_has_the_trends_it_declares():
    _, truth, _ = truth_of(MERIDIAN, 2003, 2012)
    wood = truth.vod_wood.values
    uncleared = (truth.change_kind != 3).values & (wood.mean(axis=0) > 0.01)
    relative = (slopes(wood) / np.maximum(wood.mean(axis=0), 0.01))[uncleared]
    declared = truth.vod_trend.values
    assert np.corrcoef(relative, declared[uncleared])[0, 1] > 0.99
    assert np.polyfit(declared[uncleared], relative, 1)[0] == pytest.approx(1, abs=0.03)
    assert (declared > 0.002).sum() > 20 and (declared < -0.002).sum() > 20
    assert abs(slopes(truth.t_deep.values).mean() - 0.03) < 0.02


def test_clearings_drop_as_declared_and_regrow():
    _, truth, _ = truth_of(MERIDIAN, 2003, 2012)
    cleared = np.flatnonzero(truth.change_kind == 3)
    vegetated = (truth.vod.isel(time=slice(0, 100)).mean("time") > 0.25).sum()
    assert 0.04 * vegetated < cleared.size < 0.2 * vegetated
    first = int((np.datetime64("2003-01-01") - np.datetime64("2000-01-01")).astype(int))
    kept = []
    for cell in cleared:
        day = int(truth.clearing_day[cell]) - first
        before, after = (truth.vod_wood[d, cell].item() for d in (day - 1, day))
        assert after / before == pytest.approx(1.0 - truth.clearing_drop[cell].item(), abs=0.03)
        kept.append(truth.vod_wood[-1, cell].item() > after)
    assert truth.clearing_drop[cleared].min() >= 0.3 and truth.clearing_drop.max() <= 0.8
    assert np.mean(kept) > 0.8


def test_slow_soil_moisture_follows_vegetation():
    _, truth, _ = truth_of(MERIDIAN, 2003, 2012, long_term_change=False)
    yearly = [
        detrend(truth[n].values)[: 9 * 365].reshape(9, 365, -1).mean(axis=1)
        for n in ("vod_leaf", "soil_moisture")
    ]
    leaf, wet = (means / means.std(axis=0) for means in yearly)
    assert 0.15 < np.mean(leaf * wet) < 0.9


def test_a_year_of_the_world_is_that_year_of_the_truth():
    settings, truth, _ = truth_of()
    world = world_of(truth, settings, 2011)
    assert np.array_equal(world.daily["vod"], truth.vod.sel(time="2011").values)
    assert len(world.days) == 365
    assert np.allclose(world.patches.mean("vod_factor"), 1.0, atol=1e-5)
    assert np.allclose(world.patches.mean("sm_offset"), 0.0, atol=1e-6)
    mean = (world.patches.mean("omega_h") + world.patches.mean("omega_v")) / 2
    assert np.allclose(mean, truth.omega, atol=1e-5), "maps are the same when drawn again"
    with pytest.raises(GlabError, match="does not contain this year"):
        world_of(truth, settings, 2015)


def test_static_maps_are_imperfect():
    _, truth, static = truth_of()
    assert set(static.data_vars) >= {
        "clay",
        "igbp_fraction",
        "topography",
        "water_fraction",
        "urban_fraction",
        "ice_fraction",
    }
    row = truth.cell.values // M25.shape[1] - M25.index(static.lat.values[:1], [20.5])[0][0]
    col = truth.cell.values % M25.shape[1] - M25.index([6.0], static.lon.values[:1])[1][0]
    clay = static.clay.values[row, col]
    assert 0.02 < np.std(clay / truth.clay.values - 1.0) < 0.4
    assert np.allclose(static.igbp_fraction.sum("igbp").values[row, col], 1.0, atol=1e-5)


def test_box_at_sea_is_an_error():
    with pytest.raises(GlabError, match="no land"):
        truth_of(Box(west=-32.0, east=-30.0, south=-2.0, north=1.0), 2010, 2010)


def test_box_smaller_than_a_cell_is_an_error():
    with pytest.raises(GlabError, match="contains no cell"):
        truth_of(Box(west=20.0, east=20.01, south=5.0, north=5.01), 2010, 2010)


def test_mixed_field_has_unit_variance_and_its_length():
    row, col = (axis.ravel() for axis in np.meshgrid(np.arange(30), np.arange(20), indexing="ij"))
    mix = mixer(row, col, 5.0)
    field = mix(normal(stream(1, "test"), 4000, mix.nodes)).reshape(-1, 30, 20)
    assert field.std() == pytest.approx(1.0, abs=0.02)
    assert np.mean(field[:, 10, 10] * field[:, 15, 10]) == pytest.approx(np.exp(-1), abs=0.06)


def test_memory_has_unit_variance_and_its_length():
    series = add_memory(normal(stream(1, "memory"), 3000, 50), 20.0)
    assert series.std() == pytest.approx(1.0, abs=0.05)
    assert np.mean(series[20:] * series[:-20]) == pytest.approx(np.exp(-1), abs=0.05)


def test_streams_differ_by_purpose_and_maps_do_not_depend_on_the_days():
    assert stream(1, "a", 2).random() != stream(1, "a", 3).random()
    row, col = np.arange(9), np.zeros(9)
    maps = [RandomFields(1, row, col, days).map("m", length_cells=3) for days in (10, 500)]
    assert np.array_equal(*maps)


def test_step_writes_truth_and_static_and_the_bytes_repeat(tmp_path):
    settings = Simulate(box=SAVANNA, first_year=2010, last_year=2010)
    for folder in ("a", "b"):
        simulate(tmp_path / folder / "truth.nc", settings)
    for name in ("truth.nc", "static.nc"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    with io.read(tmp_path / "a" / "truth.nc") as truth:
        assert np.array_equal(truth.time.values.astype("datetime64[D]"), days_of_year(2010))
        assert list(truth.channel.values) == ["h", "v"]


def test_step_needs_source_and_year(tmp_path):
    settings = Simulate(box=SAVANNA, first_year=2010, last_year=2010)
    with pytest.raises(GlabError, match="source and a year"):
        simulate(tmp_path / "m.json", settings, truth=tmp_path / "truth.nc", source="smos_l3")
