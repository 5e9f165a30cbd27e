"""Helpers of the readers: packing, times, grids from metadata, faults of files."""

import h5py
import netCDF4
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fixtures_native as native
from fixtures_native import COLS, ROWS, SHAPE
from glab.errors import GlabError
from glab.grids import M36
from glab.readers.formats import read
from glab.readers.granule import projected, rectilinear, unpack_degrees
from glab.readers.naming import hours_from_tai93
from glab.readers.native import Packing, decode


@given(st.lists(st.integers(-32768, 32767), min_size=1), st.floats(1e-3, 10), st.floats(-300, 300))
def test_fills_are_masked_before_scaling(raw, scale, offset):
    numbers = np.array(raw, "i2")
    values = decode(numbers, Packing(scale, offset, (-32768.0, 9999.0)))
    filled = np.isin(numbers, (-32768, 9999))
    np.testing.assert_array_equal(np.isnan(values), filled)
    expected = numbers[~filled] * scale + offset
    np.testing.assert_allclose(values[~filled], expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("dtype", ["i2", "u1", ">i2", "f4", "f8", ">f4"])
def test_fills_that_a_type_cannot_hold_are_passed_over(dtype):
    numbers = np.array([1, 2, 200 if dtype == "u1" else -9999], dtype)
    values = decode(numbers, Packing(fills=(-9999.0, 1e20, 200.0, np.nan)))
    np.testing.assert_array_equal(values, [1, 2, np.nan])
    assert values.dtype == np.float32


@pytest.mark.parametrize("fill", [9.969209968386869e36, np.nan, 1e20])
def test_floats_never_written_are_missing(fill):
    for dtype in ("f4", "f8"):
        values = decode(np.array([1.5, fill], dtype), Packing(fills=(1e20,)))
        np.testing.assert_array_equal(values, [1.5, np.nan])


@pytest.mark.parametrize(
    ("seconds", "utc"),
    [
        (978221832.0, "2024-01-01T00:17:02"),
        (0.0, "1993-01-01T00:00:00"),
        (299116807.0, "2002-06-25T00:00:02"),
        (615254408.0, "2012-07-01T00:00:00"),
        (615254406.0, "2012-06-30T23:59:59"),
    ],
)
def test_tai93_counts_leap_seconds(seconds, utc):
    day = np.datetime64(utc, "D")
    expected = (np.datetime64(utc, "s") - day).astype(float) / 3600
    assert float(hours_from_tai93(np.array([seconds]), day)[0]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "degrees"), [(180e6, 180.0), (-90e6, -90.0), (30030000.0, 30.5), (0.0, 0.0)]
)
def test_packed_degrees(value, degrees):
    assert unpack_degrees(value) == pytest.approx(degrees)


# --- time axes -------------------------------------------------------------------------------


def casm_with_dates(folder, kind, values):
    path = native.casm(folder, 2004, ["2004-03-01", "2004-03-04"], ROWS, COLS, {})
    with netCDF4.Dataset(path, "r+") as file:
        file.renameVariable("date", "old")
        axis = file.createVariable("date", kind, ("date",))
        axis[:] = np.array(values, object) if kind is str else np.array(values)
        field = file.createVariable("CASM_soil_moisture", "f4", ("date", "lat", "lon"))
        field[:] = 0.2
    return path


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("i4", [20040301, 20040304]),
        (str, ["2004-03-01", "2004-03-04"]),
        (str, ["20040301", "20040304"]),
    ],
)
def test_dates_written_out(tmp_path, kind, values):
    granule = read("casm", casm_with_dates(tmp_path, kind, values))
    days = granule.time.values.astype("datetime64[D]").astype(str)
    assert list(days) == ["2004-03-01", "2004-03-04"]


@pytest.mark.parametrize(("kind", "values"), [("i4", [3, 4]), (str, ["spring", "summer"])])
def test_dates_that_are_none(tmp_path, kind, values):
    with pytest.raises(GlabError, match="time axis"):
        read("casm", casm_with_dates(tmp_path, kind, values))


def test_smap_l3_of_another_day_than_its_name(tmp_path):
    fields = {"soil_moisture": np.full(SHAPE, 0.2)}
    path = native.smap_l3(tmp_path, "2015-04-10", "M36", ROWS, COLS, {"AM": fields})
    since = (np.datetime64("2015-04-13T06") - np.datetime64("2000-01-01T12")).astype("m8[s]")
    with h5py.File(path, "a") as file:
        group = file["Soil_Moisture_Retrieval_Data_AM"]
        group["tb_time_seconds"] = np.full(SHAPE, since.astype(float))
    with pytest.raises(GlabError, match="different times"):
        read("smap_l3", path)


# --- coordinates ----------------------------------------------------------------------------------


def test_planes_of_coordinates_become_axes(tmp_path):
    planes = np.meshgrid(M36.lat[ROWS], M36.lon[COLS], indexing="ij")
    centres = rectilinear(*planes, tmp_path)
    np.testing.assert_allclose(centres.lat, M36.lat[ROWS])
    assert not centres.lat.flags.writeable, "all granules of the grid use it"


def test_curvilinear_planes_are_refused(tmp_path):
    lat, lon = np.meshgrid(np.arange(5.0), np.arange(4.0), indexing="ij")
    with pytest.raises(GlabError, match="not a rectilinear grid"):
        rectilinear(lat + 0.1 * lon, lon, tmp_path)
    with pytest.raises(GlabError, match="fill values only"):
        rectilinear(np.full((3, 4), np.nan), np.full((3, 4), np.nan), tmp_path)
    gaps = lat.copy()
    gaps[2] = np.nan
    with pytest.raises(GlabError, match="without coordinates"):
        rectilinear(gaps, lon, tmp_path)


def test_projections_there_are_not(tmp_path):
    with pytest.raises(GlabError, match="no grid"):
        projected(np.arange(4.0), np.arange(4.0), "EPSG:0", tmp_path)


@pytest.mark.parametrize("projection", ["GCTP_LAMAZ", "GCTP_UTM"])
def test_hdf_eos_projection_that_is_not_known(tmp_path, projection):
    path = native.amsre(tmp_path, "2008-02-29", ROWS, COLS, {"A_TB10.7H (Res 1)": np.zeros(SHAPE)})
    file = native.SD(str(path), native.SDC.WRITE)
    grid = (*SHAPE, (0.0, 2e6), (1e6, 1e6), projection)
    text = native.structmetadata({"Ascending_Land_Grid": grid})
    file.attr("StructMetadata.0").set(native.SDC.CHAR, text)
    file.end()
    with pytest.raises(GlabError, match=projection):
        read("amsre", path)


def test_passes_on_different_grids(tmp_path):
    path = native.amsre(tmp_path, "2008-02-29", ROWS, COLS, {"A_TB10.7H (Res 1)": np.zeros(SHAPE)})
    corners = native.ml_corners(ROWS, COLS), native.ml_corners(ROWS + 1, COLS)
    names = ("Ascending_Land_Grid", "Descending_Land_Grid")
    grids = {name: (*SHAPE, *pair, "GCTP_BCEA") for name, pair in zip(names, corners)}
    file = native.SD(str(path), native.SDC.WRITE)
    file.attr("StructMetadata.0").set(native.SDC.CHAR, native.structmetadata(grids))
    file.end()
    with pytest.raises(GlabError, match="different grids"):
        read("amsre", path)


# --- files -----------------------------------------------------------------------------------


def test_classic_netcdf_that_ends_early_is_not_read_as_zeros(tmp_path):
    path = tmp_path / "vodca_v01-0_X-band_2008-07-05.nc"
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
        for name, axis in (("lat", 40.0 - np.arange(20)), ("lon", np.arange(30.0))):
            file.createDimension(name, axis.size)
            file.createVariable(name, "f8", (name,))[:] = axis
        file.createVariable("vod", "f4", ("lat", "lon"))[:] = 0.5
    assert float(read("vodca", path).vod.min()) == 0.5
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 1000])
    with pytest.raises(GlabError, match="ends early|cannot be read"):
        read("vodca", path)


def test_rotated_map(tmp_path):
    import rasterio

    path = tmp_path / "rotated.tif"
    turn = rasterio.Affine(0.2, 0.1, 20.0, 0.1, -0.2, 60.0)
    profile = {"driver": "GTiff", "height": 4, "width": 5, "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", **profile, crs="EPSG:4326", transform=turn) as file:
        file.write(np.ones((4, 5), "f4"), 1)
    with pytest.raises(GlabError, match="rotated"):
        read("map", path)
