"""Readers of AMSR-E, AMSR2, CETB, CASM and VODCA: values, places, fills and times come back."""

import numpy as np
import pytest

import fixtures_native as native
from fixtures_native import COLS, ROWS, SHAPE, amsre_fields, assert_canonical, gappy
from glab.grids import EASE1_ML, M25, from_coordinates
from glab.readers.formats import read


@pytest.fixture
def rng():
    return np.random.default_rng(20130301)


# --- AMSR ------------------------------------------------------------------------------------


def test_amsre_both_fills_both_passes(tmp_path, rng):
    fields = amsre_fields(rng)
    path = native.amsre(tmp_path, "2008-02-29", ROWS, COLS, fields)
    granule = read("amsre", path)
    assert_canonical(granule)
    assert granule.attrs["date"] == "2008-02-29"
    assert list(granule.channel.values) == ["10h", "10v", "18h", "18v", "36h", "36v", "89v"]
    np.testing.assert_allclose(granule.lat, EASE1_ML.lat[ROWS], atol=1e-5)
    np.testing.assert_allclose(granule.lon, EASE1_ML.lon[COLS], atol=1e-5)
    for overpass, letter in (("ascending", "A"), ("descending", "D")):
        raw = fields[f"{letter}_TB18.7H (Res 1)"]
        there = granule.tb.sel(overpass=overpass, channel="18h").values
        assert np.isnan(there[:2, :4]).all() and np.isfinite(there[2:]).all()
        np.testing.assert_allclose(there[2:], raw[2:] * 0.1, rtol=1e-6)
        hour = 13.5 if letter == "A" else 1.5
        np.testing.assert_allclose(granule.acquisition_time.sel(overpass=overpass), hour, atol=1e-4)


def test_amsre_chosen_channels(tmp_path, rng):
    path = native.amsre(tmp_path, "2008-02-29", ROWS, COLS, amsre_fields(rng))
    granule = read("amsre", path, channels=["36v", "10h"], variables=["tb"])
    assert list(granule.channel.values) == ["10h", "36v"]
    assert set(granule.data_vars) == {"tb"}


def test_amsre_global_window_is_the_whole_grid(tmp_path):
    rows, cols = np.arange(586), np.arange(1383)
    field = np.full((586, 1383), 9999)
    field[85, 710] = 2501  # 45° N, 5° E
    path = native.amsre(
        tmp_path, "2008-07-05", rows, cols, {"D_TB10.7H (Res 1)": field}, times=False
    )
    granule = read("amsre", path)
    assert granule.lat.values[0] == pytest.approx(85.3122711, abs=1e-5)
    assert granule.lon.values[0] == pytest.approx(-179.8698439, abs=1e-5)
    there = granule.tb.sel(overpass="descending", channel="10h")
    row, col = np.argwhere(np.isfinite(there.values))[0]
    assert granule.lat.values[row] == pytest.approx(45, abs=0.2)
    assert granule.lon.values[col] == pytest.approx(5, abs=0.2)
    assert float(there[85, 710]) == pytest.approx(250.1, abs=1e-4)
    assert np.isnan(granule.tb.sel(overpass="ascending")).all()


@pytest.mark.parametrize("bases", [(1, 0), (0, 0), (1, 1), (0, 1)])
def test_amsr2_records_land_on_their_cells_whatever_the_base(tmp_path, rng, bases):
    rows = rng.permutation(np.arange(80, 140))
    cols = rng.integers(650, 760, rows.size)
    tb = {f"TB{p}{f}r2": gappy(rng, 150, 300, rows.size) for f in (10, 18, 36) for p in "HV"}
    path = native.amsr2(tmp_path, "2013-03-01", "D", rows, cols, tb, bases=bases)
    granule = read("amsr2", path)
    assert_canonical(granule)
    assert granule.attrs["date"] == "2013-03-01"
    assert list(granule.channel.values) == ["10h", "10v", "18h", "18v", "36h", "36v"]
    first_row, first_col = granule.attrs["first_row"], granule.attrs["first_col"]
    window = slice(first_row, first_row + granule.sizes["y"])
    np.testing.assert_allclose(granule.lat, EASE1_ML.lat[window], atol=1e-9)
    there = granule.tb.sel(overpass="descending", channel="36v").values
    np.testing.assert_allclose(there[rows - first_row, cols - first_col], tb["TBV36r2"], rtol=1e-6)
    assert np.isfinite(there).sum() == np.isfinite(tb["TBV36r2"]).sum()
    time_there = granule.acquisition_time[0].values[rows - first_row, cols - first_col]
    np.testing.assert_allclose(time_there, 1.5, atol=1e-4)


def test_amsr2_half_orbits_of_a_day_share_their_windows(tmp_path, rng):
    shapes = set()
    for start in range(4):
        rows = rng.integers(65, 127, 50)
        cols = rng.integers(705, 735, 50)
        tb = {"TBH10r2": rng.uniform(150, 300, 50)}
        path = native.amsr2(tmp_path, "2013-03-01", "A", rows, cols, tb, start=f"0{start}10")
        shapes.add((*read("amsr2", path).sizes.values(), read("amsr2", path).attrs["first_row"]))
    assert len(shapes) == 1


def test_amsr2_two_records_of_a_cell_are_averaged(tmp_path):
    tb = {"TBH10r2": np.array([200.0, 220.0, np.nan, 250.0])}
    rows, cols = np.array([100, 100, 100, 101]), np.array([700, 700, 700, 700])
    path = native.amsr2(tmp_path, "2013-03-01", "A", rows, cols, tb)
    there = read("amsr2", path).tb.values
    np.testing.assert_allclose(np.sort(there[np.isfinite(there)]), [210.0, 250.0])


def test_amsr2_orbit_over_midnight_belongs_to_its_start(tmp_path):
    tb = {"TBH10r2": np.array([200.0])}
    path = native.amsr2(
        tmp_path, "2012-12-31", "D", [100], [700], tb, start="2326", hour=24.28, bases=(1, 0)
    )
    granule = read("amsr2", path)
    assert granule.attrs["date"] == "2012-12-31"
    assert float(granule.acquisition_time.max()) == pytest.approx(24.28, abs=1e-3)


def test_amsr2_without_records_is_all_missing(tmp_path):
    empty = np.array([], int)
    path = native.amsr2(tmp_path, "2013-03-01", "A", empty, empty, {"TBH10r2": np.array([])})
    assert np.isnan(read("amsr2", path).tb).all()


# --- other records ---------------------------------------------------------------------------


def test_cetb_north_is_projected(tmp_path, rng):
    x, y = np.arange(-12, 12) * 25e3 + 12500.0, -(np.arange(-10, 10) * 25e3 + 12500.0)
    tb = gappy(rng, 100, 290, (20, 24))
    granule = read("cetb", native.cetb(tmp_path, "2008278", "N", x, y, tb))
    assert_canonical(granule)
    assert granule.attrs["date"] == "2008-10-04" and granule.attrs["crs"] == "EPSG:6931"
    assert granule.lat.dims == ("y", "x")
    back = native.Transformer.from_crs("EPSG:4326", "EPSG:6931", always_xy=True)
    there = back.transform(granule.lon.values, granule.lat.values)
    np.testing.assert_allclose(there[0], np.broadcast_to(x, (20, 24)), atol=1e-3)
    np.testing.assert_allclose(there[1], np.broadcast_to(y[:, None], (20, 24)), atol=1e-3)
    assert list(granule.channel.values) == ["18h"]
    assert list(granule.overpass.values) == ["descending"], "Aqua's evening pass"
    np.testing.assert_allclose(granule.tb[0, 0], tb, atol=6e-3)


@pytest.mark.parametrize(("hemisphere", "crs"), [("S", "EPSG:6932"), ("M", None), ("T", None)])
def test_cetb_other_grids(tmp_path, rng, hemisphere, crs):
    cell, n_cols, n_rows = native.SIZES["M25"]
    x = (COLS + 0.5 - n_cols / 2) * cell
    y = (n_rows / 2 - ROWS - 0.5) * cell
    tb = gappy(rng, 100, 290, SHAPE)
    path = native.cetb(tmp_path, "2008278", hemisphere, x, y, tb, letter="A", channel="06V")
    granule = read("cetb", path)
    assert granule.attrs.get("crs") == crs
    assert list(granule.channel.values) == ["6v"]
    if crs is None:
        np.testing.assert_allclose(granule.lat, M25.lat[ROWS], atol=1e-5)
        assert granule.lat.dims == ("y",)
    np.testing.assert_allclose(granule.tb[0, 0], tb, atol=6e-3)


def test_casm_year_with_coordinates_of_three_decimals(tmp_path, rng):
    days = np.arange("2002-06-19", "2002-12-31", 3, dtype="datetime64[D]")
    shape = (days.size, *SHAPE)
    values = {"CASM_soil_moisture": gappy(rng, 0, 0.6, shape)}
    values["seasonal_cycle"] = gappy(rng, 0, 0.6, shape)
    path = native.casm(tmp_path, 2002, days, ROWS, COLS, values)
    granule = read("casm", path)
    assert_canonical(granule)
    assert granule.soil_moisture.dims == ("time", "y", "x")
    np.testing.assert_array_equal(granule.time.values.astype("datetime64[D]"), days)
    assert from_coordinates(granule.lat, granule.lon) == M25.window(ROWS, COLS)
    np.testing.assert_allclose(
        granule.soil_moisture, values["CASM_soil_moisture"].astype("f4"), rtol=1e-6
    )
    assert "soil_moisture_climatology" in granule
    assert set(read("casm", path, variables=["soil_moisture"]).data_vars) == {"soil_moisture"}


def test_casm_rows_without_land_left_out(tmp_path, rng):
    rows = np.array([100, 101, 105, 106, 120])
    days = np.array(["2004-03-01"], "datetime64[D]")
    values = {"CASM_soil_moisture": gappy(rng, 0, 0.6, (1, 5, COLS.size))}
    granule = read("casm", native.casm(tmp_path, 2004, days, rows, COLS, values))
    assert from_coordinates(granule.lat, granule.lon) == M25.window(rows, COLS)


def test_vodca_day(tmp_path, rng):
    lat, lon = 40.125 - 0.25 * np.arange(8), -10.125 + 0.25 * np.arange(6)
    vod = gappy(rng, 0, 1, (1, 8, 6))
    raw = np.where(np.isnan(vod), -9999.0, vod).astype("f4")
    since = (np.datetime64("2008-07-05") - np.datetime64("1900-01-01")).astype(int)
    path = native.plain(
        tmp_path / "vodca_v01-0_X-band_2008-07-05.nc",
        lat,
        lon,
        {"vod": raw},
        ("time", "lat", "lon"),
        times=("time", [since], "days since 1900-01-01"),
    )
    granule = read("vodca", path)
    assert granule.attrs["date"] == "2008-07-05"
    np.testing.assert_allclose(granule.vod, vod[0], rtol=1e-6)
