"""Bad granules: each gives one GlabError that names the file and says what to do, or NaN."""

import shutil

import h5py
import netCDF4
import numpy as np
import pytest

import fixtures_native as native
from fixtures_native import COLS, ROWS, SHAPE
from glab.errors import GlabError
from glab.readers.formats import format_names, naming_of, read

ML_FIELDS = ["A_TB10.7H (Res 1)", "D_TB36.5V (Res 1)"]


def smos(folder, **options):
    values = {f"BT_{p}": np.full((14, *SHAPE), 250.0) for p in "HV"}
    return native.smos_l3(folder, "2010-06-05", "A", ROWS, COLS, values, **options)


def smos_ic(folder):
    name = "SM_RE06_MIR_CDF3SA_20120301T000000_20120301T235959_105_001_8.DBL.nc"
    return native.retrieval(folder, name, "M25", ROWS, COLS, {"Soil_Moisture": np.ones(SHAPE)})


def smap_ib(folder, grid="M36"):
    values = {"Optical_Thickness_Nad": np.ones(SHAPE)}
    return native.retrieval(folder, "IB_SM_CDF3AM_20160101.nc", grid, ROWS, COLS, values)


def smap_l3(folder):
    passes = {"AM": {"tb_h_corrected": np.full(SHAPE, 250.0), "tb_v_corrected": np.ones(SHAPE)}}
    return native.smap_l3(folder, "2015-04-10", "M36", ROWS, COLS, passes)


def amsre(folder, **options):
    fields = {name: np.full(SHAPE, 2500) for name in ML_FIELDS}
    return native.amsre(folder, "2008-02-29", ROWS, COLS, fields, **options)


def amsr2(folder, **options):
    cells = np.arange(80, 140)
    tb = {"TBH10r2": np.full(60, 250.0)}
    return native.amsr2(folder, "2013-03-01", "D", cells, cells + 600, tb, **options)


def cetb(folder, **options):
    x, y = np.arange(-4, 4) * 25e3, -np.arange(-4, 4) * 25e3
    return native.cetb(folder, "2008278", "N", x, y, np.full((8, 8), 250.0), **options)


def casm(folder, **options):
    days = np.array(["2004-03-01", "2004-03-04"], "datetime64[D]")
    values = {"CASM_soil_moisture": np.full((2, *SHAPE), 0.2)}
    return native.casm(folder, 2004, days, ROWS, COLS, values, **options)


BUILDERS = {
    "smos_l3": smos,
    "smos_ic": smos_ic,
    "smap_ib": smap_ib,
    "smap_l3": smap_l3,
    "amsre": amsre,
    "amsr2": amsr2,
    "cetb": cetb,
    "casm": casm,
}


def fault(format_name, path, **options):
    """The error of reading a file, which must name the file and a remedy."""
    with pytest.raises(GlabError) as caught:
        read(format_name, path, **options)
    assert path.name in str(caught.value)
    assert caught.value.found is not None and caught.value.expected is not None
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("format_name", BUILDERS)
def test_empty_file(tmp_path, format_name):
    path = BUILDERS[format_name](tmp_path)
    path.write_bytes(b"")
    assert "0 bytes" in str(fault(format_name, path))


@pytest.mark.parametrize("format_name", BUILDERS)
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.95])
def test_truncated_file(tmp_path, format_name, fraction):
    path = BUILDERS[format_name](tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    fault(format_name, path)


@pytest.mark.parametrize("fraction", [0.3, 0.9])
def test_truncated_archive(tmp_path, fraction):
    path = smos(tmp_path, archive=True)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    fault("smos_l3", path)


@pytest.mark.parametrize("format_name", BUILDERS)
def test_another_formats_contents_under_the_name(tmp_path, format_name):
    path = BUILDERS[format_name](tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    strange = amsr2(other) if format_name in ("amsre", "smap_l3") else smap_l3(other)
    shutil.copy(strange, path)
    fault(format_name, path)


@pytest.mark.parametrize("format_name", BUILDERS)
def test_no_such_file(tmp_path, format_name):
    path = BUILDERS[format_name](tmp_path)
    path.unlink()
    assert "no such file" in str(fault(format_name, path))


@pytest.mark.parametrize("format_name", [*BUILDERS, "vodca", "era5", "gldas", "smos_ib"])
def test_a_name_of_no_granule(tmp_path, format_name):
    with pytest.raises(GlabError, match="not the name"):
        read(format_name, tmp_path / "notes.txt")


def test_unknown_format_names_the_nearest():
    with pytest.raises(GlabError, match="smos_ic"):
        read("smos_ik", "x.nc")


# --- wrong grid ------------------------------------------------------------------------------


def test_regular_grid_where_ease_is_due(tmp_path):
    path = tmp_path / "IB_SM_CDF3AM_20160101.nc"
    lat, lon = 40.0 - 0.25 * np.arange(8), 10.0 + 0.25 * np.arange(9)
    native.plain(path, lat, lon, {"Optical_Thickness_Nad": np.ones((8, 9))})
    assert "M36" in str(fault("smap_ib", path))


def test_smap_grid_where_smos_is_due(tmp_path):
    path = smos_ic(tmp_path)
    values = {"Soil_Moisture": np.ones(SHAPE)}
    native.retrieval(tmp_path, path.name, "M36", ROWS, COLS, values)
    assert "M25" in str(fault("smos_ic", path))


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        ([40.0, 40.0, 39.0], [10.0, 11.0]),
        ([np.nan, 39.0, 38.0], [10.0, 11.0]),
        ([140.0, 139.0, 138.0], [10.0, 11.0]),
        ([40.0, 39.0, 38.0], [11.0, 10.0]),
    ],
    ids=["repeated", "missing", "no degrees", "descending longitude"],
)
def test_coordinates_that_are_none(tmp_path, lat, lon):
    path = tmp_path / "vodca_v01-0_X-band_2008-07-05.nc"
    native.plain(path, lat, lon, {"vod": np.ones((3, 2), "f4")})
    fault("vodca", path)


def test_variable_off_the_files_own_grid(tmp_path):
    path = smap_ib(tmp_path)
    with netCDF4.Dataset(path, "a") as file:
        file.createDimension("other", 5)
        file.createVariable("Soil_Moisture", "f4", ("other", "lon"))
    assert "dimensions" in str(fault("smap_ib", path))


def test_smap_l3_variable_of_another_shape(tmp_path):
    path = smap_l3(tmp_path)
    with h5py.File(path, "a") as file:
        group = file["Soil_Moisture_Retrieval_Data_AM"]
        del group["latitude"]
        group["latitude"] = native.np.zeros((3, 4), "f4")
    fault("smap_l3", path)


def test_amsre_shape_unlike_its_metadata(tmp_path):
    assert "shape" in str(fault("amsre", amsre(tmp_path, shape=(20, 9), times=False)))


def test_amsre_without_metadata(tmp_path):
    assert "StructMetadata" in str(fault("amsre", amsre(tmp_path, metadata=False)))


@pytest.mark.parametrize("bases", [(2, 0), (1, 5), (-1, 0)])
def test_amsr2_numbers_that_contradict_the_coordinates(tmp_path, bases):
    error = fault("amsr2", amsr2(tmp_path, bases=bases))
    assert error.variable in ("RowIndex", "ColumnIndex")


def test_amsr2_numbers_that_contradict_each_other(tmp_path):
    path = amsr2(tmp_path)
    with h5py.File(path, "a") as file:
        table = "HDFEOS/POINTS/AMSR-2 Level 2 Land Data/Data/Combined NPD and SCA Output Fields"
        records = file[table][...]
        records["RowIndex"][7] += 1
        file[table][...] = records
    assert fault("amsr2", path).variable == "RowIndex"


def test_smos_l3_angles_that_are_not_known(tmp_path):
    path = tmp_path / smos(tmp_path).name
    with netCDF4.Dataset(path) as file:
        lat, lon = file["lat"][:], file["lon"][:]
    values = {f"BT_{p}": np.zeros((12, *SHAPE), "f4") for p in "HV"}
    native.plain(path, lat, lon, values, ("inc", "lat", "lon"))
    assert "12 bins" in str(fault("smos_l3", path))


# --- wrong variable --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format_name", "lost"),
    [("smos_l3", "BT_V"), ("casm", "CASM_soil_moisture"), ("cetb", "TB"), ("smap_ib", "lat")],
)
def test_lost_variable(tmp_path, format_name, lost):
    path = BUILDERS[format_name](tmp_path)
    with netCDF4.Dataset(path, "a") as file:
        file.renameVariable(lost, "something_else")
    assert "something_else" in str(fault(format_name, path))


def test_no_retrieval_at_all(tmp_path):
    path = tmp_path / "IB_SM_CDF3AM_20160101.nc"
    native.retrieval(tmp_path, path.name, "M36", ROWS, COLS, {"NDVI": np.ones(SHAPE)})
    assert "NDVI" in str(fault("smap_ib", path))


def test_smap_l3_without_data(tmp_path):
    path = native.smap_l3(tmp_path, "2015-04-10", "M36", ROWS, COLS, {"AM": {}})
    assert fault("smap_l3", path).variable == "tb_h_corrected"


def test_amsre_without_channels(tmp_path):
    fault("amsre", amsre(tmp_path), channels=["7h"])


def test_amsr2_without_channels(tmp_path):
    fault("amsr2", amsr2(tmp_path), channels=["7h"])


def test_a_variable_wanted_that_is_not_there(tmp_path):
    error = fault("smap_ib", smap_ib(tmp_path), variables=["vod", "soil_moisture"])
    assert error.variable == "soil_moisture"


def test_amsr2_table_under_another_name(tmp_path):
    path = amsr2(tmp_path, table="HDFEOS/POINTS/AMSR-2 Land/Data/Fields")
    assert np.isfinite(read("amsr2", path).tb).any()
    fault("amsr2", amsr2(tmp_path, table="elsewhere"))


# --- all fill --------------------------------------------------------------------------------


def test_granules_of_fills_alone_are_missing_values(tmp_path):
    values = {f"BT_{p}": np.full((14, *SHAPE), np.nan) for p in "HV"}
    fills = {name: np.full(SHAPE, 9999) for name in ML_FIELDS}
    nothing = np.full(SHAPE, np.nan)
    name = "IB_SM_CDF3AM_20160101.nc"
    paths = {
        "smos_l3": native.smos_l3(tmp_path, "2010-06-05", "A", ROWS, COLS, values),
        "amsre": native.amsre(tmp_path, "2008-02-29", ROWS, COLS, fills),
        "smap_ib": native.retrieval(tmp_path, name, "M36", ROWS, COLS, {"VOD": nothing}, fill=-999),
    }
    for format_name, path in paths.items():
        granule = read(format_name, path)
        main = granule["vod" if format_name == "smap_ib" else "tb"]
        assert main.size > 0 and np.isnan(main).all(), format_name


# --- dates -----------------------------------------------------------------------------------


def test_smos_l3_of_another_day_than_its_name(tmp_path):
    assert fault("smos_l3", smos(tmp_path, days="2010-06-12")).variable == "Days"


def test_amsr2_of_another_day_than_its_name(tmp_path):
    assert fault("amsr2", amsr2(tmp_path, hour=49.0)).variable == "Time"


def test_cetb_of_another_day_than_its_name(tmp_path):
    path = cetb(tmp_path)
    moved = path.with_name(path.name.replace("2008278", "2008279"))
    path.rename(moved)
    assert fault("cetb", moved).variable == "time"


def test_cetb_of_another_channel_than_its_name(tmp_path):
    assert "36V" in str(fault("cetb", cetb(tmp_path, stated="36V")))


def test_casm_of_another_year_than_its_name(tmp_path):
    path = casm(tmp_path).rename(tmp_path / "CASM_SM_2005.nc")
    assert fault("casm", path).variable == "date"


def test_casm_dates_that_are_none(tmp_path):
    assert fault("casm", casm(tmp_path, units="a while ago")).variable == "date"


@pytest.mark.parametrize(
    ("format_name", "filename", "day"),
    [
        (
            "smos_l3",
            "SM_OPER_MIR_CDF3TD_20121231T000000_20121231T235959_300_001_7.tgz",
            "2012-12-31",
        ),
        (
            "smos_l3",
            "SM_RE07_MIR_CDF3TA_20100601T000000_20100601T235959_330_001_7.DBL.nc",
            "2010-06-01",
        ),
        (
            "smos_ic",
            "SM_RE06_MIR_CDF3SA_20100601T000000_20100601T235959_105_001_8.DBL.nc",
            "2010-06-01",
        ),
        ("smos_ic", "SM_RE06_MIR_CDF3SA_20100601.nc", "2010-06-01"),
        ("smap_ib", "IB_SM_CDF3AM_2016366_v2.nc", "2016-12-31"),
        ("smap_l3", "SMAP_L3_SM_P_E_20150410_R19240_001.h5", "2015-04-10"),
        ("amsre", "AMSR_E_L3_DailyLand_V06_20111003.hdf", "2011-10-03"),
        ("amsr2", "AMSR_U2_L2_Land_B02_202312312326_D.he5", "2023-12-31"),
        ("casm", "CASM_SM_2010.nc", "2010-01-01"),
        ("smos_ib", "SMOS_IB_20150301.nc", "2015-03-01"),
        ("smos_ib", "smosmap-ib_2015-03-01_v2.nc", "2015-03-01"),
        ("era5", "era5_stl1_2010.nc", "2010-01-01"),
        ("era5", "ERA5-Land_hourly_2010-02.nc", "2010-02-01"),
        ("gldas", "GLDAS_NOAH025_3H.A20150101.0000.021.nc4", "2015-01-01"),
        ("vodca", "vodca_v01-0_X-band_2003-01-01.nc", "2003-01-01"),
        ("vodca", "VODCA_CXKu_2003-01-01.nc", "2003-01-01"),
    ],
)
def test_days_of_real_names(format_name, filename, day):
    assert str(naming_of(format_name).date(filename)) == day


@pytest.mark.parametrize("format_name", format_names("NAMING"))
def test_examples_are_names_of_their_format(format_name):
    naming = naming_of(format_name)
    assert naming.matches(naming.example)
    assert naming.identity(naming.example)[0] == str(naming.date(naming.example))


@pytest.mark.parametrize("stamp", ["20150231", "2015366", "20151301", "2015000"])
def test_days_there_are_not(stamp):
    name = f"IB_SM_CDF3AM_{stamp}.nc"
    assert not naming_of("smap_ib").matches(name)
    with pytest.raises(GlabError, match="does not exist"):
        naming_of("smap_ib").date(name)


def test_versions_of_one_granule_have_one_identity():
    identity = naming_of("smos_l3").identity
    stem = "SM_RE04_MIR_CDF3T{}_20100601T000000_20100601T235959_{}"
    old, new = (identity(stem.format("A", v)) for v in ("300_001_7.tgz", "310_002_7.nc"))
    assert old == new
    assert old != identity(stem.format("D", "300_001_7.tgz"))
    half, identity = "AMSR_U2_L2_Land_B02_20130101{}_D.he5", naming_of("amsr2").identity
    assert identity(half.format("0100")) != identity(half.format("0240"))


@pytest.mark.parametrize(
    ("format_name", "filename", "overpass"),
    [
        ("smos_l3", "SM_OPER_MIR_CDF3TD_20121231.tgz", "descending"),
        ("smap_ib", "IB_SM_CDF3PM_20160101.nc", "ascending"),
        ("amsr2", "AMSR_U2_L2_Land_B02_202312312326_D.he5", "descending"),
        ("cetb", "NSIDC-0630-EASE2_N25km-F13_SSMI-2008278-19H-M-GRD-RSS-v1.0.nc", "morning"),
    ],
)
def test_overpasses_of_names(format_name, filename, overpass):
    assert naming_of(format_name).overpass(filename) == overpass


@pytest.mark.parametrize("name", ["clay", "granule", "smos_ik", "../os"])
def test_only_dated_formats_have_a_naming(name):
    with pytest.raises(GlabError, match="unknown dated format"):
        naming_of(name)
