"""Readers of model analyses and of static maps: units, orientation, classes, coarse means."""

import netCDF4
import numpy as np
import pytest

import fixtures_native as native
from glab.errors import GlabError
from glab.readers import raster
from glab.readers.formats import read

LAT, LON = 60.0 - 0.25 * np.arange(9), 20.0 + 0.25 * np.arange(7)
SHAPE = (LAT.size, LON.size)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


# --- ERA5 and GLDAS --------------------------------------------------------------------------


def era5(path, rng, *, time="time", unit="hours since 1900-01-01 00:00:00", longitude=LON):
    hours = (np.datetime64("2010-06-01") - np.datetime64("1900-01-01")).astype("m8[h]").astype(int)
    values = {name: rng.uniform(240, 310, (24, *SHAPE)) for name in ("stl1", "stl3", "t2m")}
    values["sd"] = rng.uniform(0, 0.2, (24, *SHAPE))
    if "seconds" in unit:
        hours = (hours - 613608) * 3600  # 1900 to 1970
        numbers = hours + 3600 * np.arange(24)
    else:
        numbers = hours + np.arange(24)
    packing = {n: ((v.max() - v.min()) / 65000, (v.max() + v.min()) / 2) for n, v in values.items()}
    with netCDF4.Dataset(path, "w") as file:
        for dim, axis in (("latitude", LAT), ("longitude", longitude)):
            file.createDimension(dim, axis.size)
            native._variable(file, dim, (dim,), axis.astype("f4"))
        file.createDimension(time, 24)
        native._variable(
            file, time, (time,), numbers.astype("i4"), units=unit, calendar="gregorian"
        )
        for name, field in values.items():
            scale, offset = packing[name]
            raw = native.pack(field, scale, offset, -32767, "i2")
            raw[:, 0, 0] = -32767
            native._variable(
                file,
                name,
                (time, "latitude", "longitude"),
                raw,
                _FillValue=np.int16(-32767),
                missing_value=np.int16(-32767),
                scale_factor=scale,
                add_offset=offset,
            )
    return values


@pytest.mark.parametrize(
    ("time", "unit"),
    [("time", "hours since 1900-01-01 00:00:00.0"), ("valid_time", "seconds since 1970-01-01")],
)
@pytest.mark.parametrize("longitude", [LON, LON + 330.0], ids=["east", "around 360"])
def test_era5_hours_in_canonical_units(tmp_path, rng, time, unit, longitude):
    path = tmp_path / "era5_2010-06-01.nc"
    values = era5(path, rng, time=time, unit=unit, longitude=longitude)
    granule = read("era5", path)
    assert set(granule.data_vars) == {"t_surface", "t_deep", "t_air", "snow"}
    hours = np.datetime64("2010-06-01T00", "h") + np.arange(24)
    np.testing.assert_array_equal(granule.time.values.astype("datetime64[h]"), hours)
    np.testing.assert_allclose(granule.lat, LAT)
    np.testing.assert_allclose(granule.lon, longitude, atol=1e-4)
    assert np.isnan(granule.t_surface[:, 0, 0]).all()
    for ours, theirs, factor in (
        ("t_surface", "stl1", 1),
        ("t_deep", "stl3", 1),
        ("snow", "sd", 1e3),
    ):
        expected = values[theirs] * factor
        expected[:, 0, 0] = np.nan
        np.testing.assert_allclose(granule[ours], expected, atol=2e-3 * max(1, factor / 100))
        assert granule[ours].dtype == np.float32


def test_era5_some_hours_and_variables(tmp_path, rng):
    path = tmp_path / "era5_land_201006.nc"
    era5(path, rng)
    granule = read("era5", path, variables=["t_deep"], hours=slice(5, 8))
    assert set(granule.data_vars) == {"t_deep"}
    assert granule.sizes["time"] == 3
    assert str(granule.time.values[0])[:13] == "2010-06-01T05"
    np.testing.assert_array_equal(granule.t_deep, read("era5", path).t_deep[5:8])


def test_era5_preliminary_hours_fill_in(tmp_path):
    """Recent files carry final and preliminary values along a dimension of their own."""
    final, preliminary = np.full((3, *SHAPE), 280.0), np.full((3, *SHAPE), 290.0)
    final[2:], preliminary[:2] = np.nan, np.nan
    path = tmp_path / "era5_2010-06-01.nc"
    native.plain(
        path,
        LAT,
        LON,
        {"stl1": np.stack([final, preliminary], axis=1)},
        ("time", "expver", "lat", "lon"),
        times=("time", np.arange(3), "hours since 2010-06-01"),
    )
    np.testing.assert_array_equal(read("era5", path).t_surface[:, 4, 4], [280, 280, 290])


@pytest.mark.parametrize("name", ["era5_2010-06-02.nc", "era5_2010-07.nc", "era5_2011.nc"])
def test_era5_of_another_time_than_its_name(tmp_path, rng, name):
    era5(tmp_path / name, rng)
    with pytest.raises(GlabError, match="different times"):
        read("era5", tmp_path / name)


def test_era5_without_any_field(tmp_path):
    path = tmp_path / "era5_2010-06-01.nc"
    times = ("time", [0], "hours since 2010-06-01")
    native.plain(path, LAT, LON, {"u10": np.ones((1, *SHAPE))}, ("time", "lat", "lon"), times=times)
    with pytest.raises(GlabError, match="stl1"):
        read("era5", path)


def test_gldas_time_fill_and_soil_moisture(tmp_path, rng):
    path = tmp_path / "GLDAS_NOAH025_3H.A20150101.0300.021.nc4"
    fields = {
        "SoilTMP0_10cm_inst": rng.uniform(250, 300, (1, *SHAPE)),
        "SWE_inst": rng.uniform(0, 50, (1, *SHAPE)),
        "SoilMoi0_10cm_inst": rng.uniform(2, 47, (1, *SHAPE)),
    }
    for field in fields.values():
        field[0, 2, 3] = -9999.0
    times = ("time", [7889580.0 + 180.0], "minutes since 2000-01-01 03:00:00")
    native.plain(
        path,
        LAT[::-1],
        LON,
        {name: field.astype("f4") for name, field in fields.items()},
        ("time", "lat", "lon"),
        times=times,
        attributes={"_FillValue": np.float32(-9999.0)},
    )
    granule = read("gldas", path)
    assert str(granule.time.values[0])[:16] == "2015-01-01T03:00"
    assert granule.lat.values[0] < granule.lat.values[-1]
    expected = fields["SoilMoi0_10cm_inst"] / 100
    expected[0, 2, 3] = np.nan
    np.testing.assert_allclose(granule.soil_moisture, expected, rtol=1e-5)
    assert np.isnan(granule.t_surface.values[0, 2, 3])


# --- clay ------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["%", "g kg-1", "1", ""])
@pytest.mark.parametrize("kind", ["nc", "tif"])
def test_clay_is_a_fraction_whatever_the_unit(tmp_path, rng, unit, kind):
    fraction = rng.uniform(0.02, 0.6, SHAPE)
    fraction[0, 0] = np.nan
    factor = {"%": 100, "g kg-1": 1000, "1": 1, "": 100}[unit]
    raw = np.where(np.isnan(fraction), -32768.0, fraction * factor).astype("f4")
    if kind == "nc":
        path = tmp_path / "soil.nc"
        native.plain(
            path, LAT, LON, {"clay": raw}, units=unit, attributes={"_FillValue": np.float32(-32768)}
        )
        granule = read("clay", path)
    else:
        path = native.geotiff(
            tmp_path / "soil.tif",
            raw,
            west=LON[0] - 0.125,
            north=LAT[0] + 0.125,
            step=0.25,
            nodata=-32768.0,
        )
        granule = read("clay", path, units=unit or None)
    assert granule.clay.dtype == np.float32
    np.testing.assert_allclose(granule.clay, fraction, rtol=1e-5)
    np.testing.assert_allclose(granule.lat, LAT)
    np.testing.assert_allclose(granule.lon, LON)


def test_clay_soilgrids_map_of_sand_is_known_by_its_name(tmp_path):
    raw = np.full(SHAPE, 80, "i2")  # 80 g/kg, which could be 80 per cent
    path = native.geotiff(tmp_path / "clay_0-5cm_mean.tif", raw, west=20, north=60, step=0.25)
    np.testing.assert_allclose(read("clay", path).clay, 0.08, rtol=1e-6)


@pytest.mark.parametrize(("units", "value"), [("%", 300.0), ("furlongs", 20.0), ("1", -5.0)])
def test_clay_that_is_none(tmp_path, units, value):
    path = native.plain(tmp_path / "soil.nc", LAT, LON, {"clay": np.full(SHAPE, value)})
    with pytest.raises(GlabError, match="clay"):
        read("clay", path, units=units)


# --- land cover ------------------------------------------------------------------------------


def class_shares(rng):
    shares = rng.integers(0, 100, (*SHAPE, 17))
    return (100 * shares / shares.sum(axis=-1, keepdims=True)).astype("u1")


def test_landcover_mcd12c1_percent_to_fractions(tmp_path, rng):
    percent = class_shares(rng)
    percent[2, 3] = 255
    path = native.mcd12c1(tmp_path, percent, lat_top=60.0, lon_left=-20.0)
    granule = read("landcover", path)
    assert granule.igbp_fraction.dims == ("igbp", "y", "x")
    assert list(granule.igbp.values) == list(range(1, 17))
    assert granule.lat.values[0] == pytest.approx(59.975, abs=1e-6)
    assert granule.lon.values[0] == pytest.approx(-19.975, abs=1e-6)
    assert np.isnan(granule.igbp_fraction.values[:, 2, 3]).all()
    expected = percent[0, 0, 1:] / 100
    np.testing.assert_allclose(granule.igbp_fraction[:, 0, 0], expected, rtol=1e-6)
    few = read("landcover", path, igbp=[0, 13])
    np.testing.assert_allclose(few.igbp_fraction[:, 1, 1], percent[1, 1, [0, 13]] / 100, rtol=1e-6)


@pytest.mark.parametrize("order", ["class first", "class last"])
@pytest.mark.parametrize("factor", [1.0, 100.0])
def test_landcover_netcdf_of_class_fractions(tmp_path, rng, order, factor):
    shares = class_shares(rng).astype(float) / 100 * factor
    first = order == "class first"
    values = np.moveaxis(shares, -1, 0) if first else shares
    dims = ("class", "lat", "lon") if first else ("lat", "lon", "class")
    path = native.plain(tmp_path / "cover.nc", LAT, LON, {"fraction": values}, dims)
    granule = read("landcover", path)
    expected = np.moveaxis(shares[..., 1:], -1, 0) / factor
    np.testing.assert_allclose(granule.igbp_fraction, expected, rtol=1e-5)


def test_landcover_classes_by_their_numbers(tmp_path, rng):
    numbers = np.arange(16, 0, -1)
    values = np.repeat(numbers[:, None, None] / 136.0, SHAPE[0], 1).repeat(SHAPE[1], 2)
    path = native.plain(
        tmp_path / "cover.nc", LAT, LON, {"igbp_fraction": values}, ("igbp", "lat", "lon")
    )
    with netCDF4.Dataset(path, "a") as file:
        file.createVariable("igbp", "i4", ("igbp",))[:] = numbers
    granule = read("landcover", path)
    np.testing.assert_allclose(granule.igbp_fraction[:, 0, 0], np.arange(1, 17) / 136, rtol=1e-6)
    with pytest.raises(GlabError, match="classes"):
        read("landcover", path, igbp=[0])


def test_landcover_in_a_file_without_classes(tmp_path):
    path = native.plain(tmp_path / "cover.nc", LAT, LON, {"class": np.ones(SHAPE)})
    with pytest.raises(GlabError, match="missing"):
        read("landcover", path)


# --- any map ---------------------------------------------------------------------------------


def test_map_of_a_geotiff_with_codes_for_missing(tmp_path, rng):
    height = rng.integers(0, 60, SHAPE).astype("u1")
    height[1, 1], height[2, 2], height[3, 3] = 101, 102, 103
    path = native.geotiff(
        tmp_path / "Forest_height_2019_X.tif", height, west=20, north=60, step=0.25
    )
    granule = read("map", path, name="canopy_height", fills=(101, 102, 103))
    there = granule.canopy_height.values
    assert (
        np.isnan(there[[1, 2, 3], [1, 2, 3]]).all() and np.isfinite(there).sum() == there.size - 3
    )
    assert granule.lat.values[0] == pytest.approx(59.875)


def test_map_of_a_projected_geotiff(tmp_path, rng):
    values = rng.uniform(0, 1, (6, 5)).astype("f4")
    path = native.geotiff(
        tmp_path / "h_r.tif", values, west=-1e5, north=2e5, step=25e3, crs="EPSG:6931"
    )
    granule = read("map", path, name="h_r")
    assert granule.attrs["crs"] == "EPSG:6931" and granule.lat.dims == ("y", "x")
    assert granule.x.values[0] == -87500.0 and granule.y.values[0] == 187500.0


def test_map_of_one_variable_among_several(tmp_path):
    values = {"agb": np.ones(SHAPE), "agb_sd": np.zeros(SHAPE)}
    path = native.plain(tmp_path / "biomass.nc", LAT, LON, values)
    with pytest.raises(GlabError, match="several maps"):
        read("map", path)
    assert float(read("map", path, variable="agb", name="agb").agb.mean()) == 1.0
    with pytest.raises(GlabError, match="missing"):
        read("map", path, variable="height")


def test_map_band_of_a_geotiff(tmp_path, rng):
    values = rng.uniform(0, 1, SHAPE).astype("f4")
    path = native.geotiff(tmp_path / "two.tif", values, west=20, north=60, step=0.25, bands=2)
    with pytest.raises(GlabError, match="band of the file"):
        read("map", path)
    assert read("map", path, variable="2").value.shape == SHAPE


def test_map_that_is_no_geotiff(tmp_path):
    path = tmp_path / "map.tif"
    path.write_bytes(b"II*\0 and no more")
    with pytest.raises(GlabError, match="cannot be read"):
        read("map", path)


@pytest.mark.parametrize("kind", ["nc", "tif"])
@pytest.mark.parametrize("shape", [(60, 48), (59, 47)], ids=["even", "ragged"])
def test_maps_too_fine_are_averaged_while_read(tmp_path, rng, monkeypatch, kind, shape):
    fine = rng.uniform(0, 100, shape).astype("f4")
    fine[:7, :9] = -1.0
    lat, lon = 10.0 - 0.01 * (np.arange(shape[0]) + 0.5), 20.0 + 0.01 * (np.arange(shape[1]) + 0.5)
    if kind == "nc":
        path = native.plain(
            tmp_path / "fine.nc", lat, lon, {"agb": fine}, attributes={"_FillValue": np.float32(-1)}
        )
    else:
        path = native.geotiff(
            tmp_path / "fine.tif", fine, west=20.0, north=10.0, step=0.01, nodata=-1.0
        )
    monkeypatch.setattr(raster, "PIXELS_MAX", 200)
    granule = read("map", path, name="agb")
    assert granule.agb.size <= 240 and granule.agb.dtype == np.float32
    factor = -(-shape[0] // granule.sizes["y"])
    block = fine[factor : 2 * factor, 2 * factor : 3 * factor]
    expected = block[block >= 0].mean() if (block >= 0).any() else np.nan
    assert float(granule.agb[1, 2]) == pytest.approx(expected, rel=1e-5)
    assert np.isnan(granule.agb[0, 0])
    assert granule.lat.values[0] == pytest.approx(10.0 - 0.01 * factor / 2)
    assert granule.lon.values[1] == pytest.approx(20.0 + 0.01 * factor * 1.5)
