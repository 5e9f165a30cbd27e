"""Readers of satellite formats: files written from the format descriptions come back as values."""

import subprocess
import sys
import time
from importlib import import_module

import numpy as np
import pytest

import fixtures_native as native
from fixtures_native import COLS, ROWS, SHAPE, amsre_fields, assert_canonical, gappy
from glab.errors import GlabError
from glab.fingerprint import PACKAGE, closure
from glab.grids import M25, M36, from_coordinates
from glab.readers.formats import find_format, format_names, naming_of, read


@pytest.fixture
def rng():
    return np.random.default_rng(20100601)


# --- SMOS ------------------------------------------------------------------------------------


def smos_values(rng):
    shape = (14, *SHAPE)
    values = {f"BT_{p}": gappy(rng, 120, 310, shape) for p in "HV"}
    values |= {f"Pixel_Radiometric_Accuracy_{p}": gappy(rng, 1, 6, shape) for p in "HV"}
    values |= {f"Pixel_BT_Standard_Deviation_{p}": gappy(rng, 1, 12, shape) for p in "HV"}
    values["Incidence_Angle"] = gappy(rng, 0, 65, shape)
    values["Nviews"] = np.full(shape, 8.0)
    values["Nb_RFI_Flags"] = rng.integers(0, 9, shape).astype(float)
    values["Nviews"][0], values["Nviews"][1] = 0.0, np.nan
    return values


@pytest.mark.parametrize("archive", [False, True], ids=["nc", "tgz"])
@pytest.mark.parametrize("attributes", [True, False], ids=["stated", "documented packing"])
def test_smos_l3_values_come_back_south_row_first(tmp_path, rng, archive, attributes):
    values = smos_values(rng)
    path = native.smos_l3(
        tmp_path, "2010-06-05", "A", ROWS, COLS, values, archive=archive, attributes=attributes
    )
    granule = read("smos_l3", path)
    assert_canonical(granule)
    assert granule.attrs["date"] == "2010-06-05"
    assert list(granule.overpass.values) == ["ascending"]
    assert list(granule.angle.values) == native.ANGLES
    assert granule.tb.dims == ("overpass", "angle", "channel", "y", "x")
    np.testing.assert_allclose(granule.lat, M25.lat[ROWS[::-1]], atol=1e-5)
    np.testing.assert_allclose(granule.lon, M25.lon[COLS], atol=1e-5)
    for p in "hv":
        for ours, theirs in (
            ("tb", "BT"),
            ("tb_accuracy", "Pixel_Radiometric_Accuracy"),
            ("tb_std", "Pixel_BT_Standard_Deviation"),
        ):
            there = granule[ours].sel(channel=p, overpass="ascending")
            expected = values[f"{theirs}_{p.upper()}"][:, ::-1]
            np.testing.assert_allclose(there, expected, atol=4e-3)
    np.testing.assert_allclose(granule.incidence[0], values["Incidence_Angle"][:, ::-1], atol=1e-3)


def test_smos_l3_fraction_of_flagged_views_and_time(tmp_path, rng):
    values = smos_values(rng)
    path = native.smos_l3(tmp_path, "2010-06-05", "D", ROWS, COLS, values)
    granule = read("smos_l3", path)
    fraction = (values["Nb_RFI_Flags"] / 8)[2:, ::-1]
    np.testing.assert_allclose(granule.rfi_fraction[0, 2:], fraction, atol=1e-6)
    assert np.isnan(granule.rfi_fraction[0, :2]).all(), "no views, no fraction"
    assert np.isnan(granule.view_count[0, 1]).all()
    seen = np.isfinite(granule.acquisition_time.values)
    np.testing.assert_allclose(granule.acquisition_time.values[seen], 6.0, atol=1e-4)
    assert list(granule.overpass.values) == ["descending"]


def test_smos_l3_reads_only_what_is_wanted(tmp_path, rng):
    path = native.smos_l3(tmp_path, "2010-06-05", "A", ROWS, COLS, smos_values(rng))
    granule = read("smos_l3", path, variables=["tb", "rfi_fraction"])
    assert {"tb", "rfi_fraction"} <= set(granule.data_vars)
    assert not {"tb_std", "incidence", "acquisition_time"} & set(granule.data_vars)


def test_smos_l3_angles_of_a_file_with_other_bins(tmp_path, rng):
    path = native.smos_l3(tmp_path, "2010-06-05", "A", ROWS, COLS, smos_values(rng))
    with native.netCDF4.Dataset(path, "a") as file:
        axis = file.createVariable("inc", "f4", ("inc",))
        axis[:] = np.arange(14) + 30.0
    assert list(read("smos_l3", path).angle.values) == list(np.arange(14) + 30.0)


@pytest.mark.parametrize("north_first", [True, False])
@pytest.mark.parametrize("fill", [None, -9999.0, 9.96921e36])
def test_smos_ic_orientation_and_both_kinds_of_missing(tmp_path, rng, north_first, fill):
    values = {
        "Soil_Moisture": gappy(rng, 0, 0.6, SHAPE),
        "Optical_Thickness_Nad": gappy(rng, 0, 1.2, SHAPE),
        "Optical_Thickness_Nad_StdError": gappy(rng, 0, 0.1, SHAPE),
        "RMSE": gappy(rng, 0, 20, SHAPE),
        "Scene_Flags": rng.integers(0, 16, SHAPE).astype(float),
        "BT_H_IC_Fitted": gappy(rng, 180, 280, SHAPE),
        "BT_V_IC_Fitted": gappy(rng, 200, 290, SHAPE),
    }
    name = "SM_RE06_MIR_CDF3SD_20120229T000000_20120229T235959_105_001_8.DBL.nc"
    path = native.retrieval(
        tmp_path, name, "M25", ROWS, COLS, values, north_first=north_first, fill=fill
    )
    granule = read("smos_ic", path)
    assert_canonical(granule)
    assert granule.attrs["date"] == "2012-02-29"
    order = slice(None) if north_first else slice(None, None, -1)
    np.testing.assert_allclose(granule.lat, M25.lat[ROWS][order], atol=1e-5)
    for ours, theirs in (("soil_moisture", "Soil_Moisture"), ("tb_rmse", "RMSE")):
        np.testing.assert_allclose(granule[ours][0], values[theirs][order], rtol=1e-6)
    fitted = granule.tb.sel(overpass="descending", channel="v")
    np.testing.assert_allclose(fitted, values["BT_V_IC_Fitted"][order], rtol=1e-6)
    assert np.isnan(granule.vod.values).sum() == np.isnan(values["Optical_Thickness_Nad"]).sum()


@pytest.mark.parametrize(
    ("names", "filename"),
    [
        (("SM", "VOD", "TB_RMSE", "SF", "TBH", "TBV"), "SMOS-IB_20150301.nc"),
        (
            ("Soil_Moisture", "Optical_Thickness_Nad", "RMSE", "Scene_Flags", "TB_H", "TB_V"),
            "smos_ib_daily_2015-03-01_v1.nc".replace("-", ""),
        ),
    ],
)
def test_smos_ib_goes_by_any_of_its_names(tmp_path, rng, names, filename):
    values = dict(zip(names, [gappy(rng, 0, 1, SHAPE) for _ in names]))
    path = native.retrieval(tmp_path, filename, "M25", ROWS, COLS, values, dtype="f8")
    granule = read("smos_ib", path)
    assert_canonical(granule)
    assert granule.attrs["date"] == "2015-03-01" and "overpass" not in granule.dims
    canonical = ("soil_moisture", "vod", "tb_rmse", "scene_flags")
    for ours, theirs in zip(canonical, names):
        np.testing.assert_allclose(granule[ours], values[theirs], rtol=1e-6)
    np.testing.assert_allclose(granule.tb.sel(channel="h"), values[names[4]], rtol=1e-6)


def test_smos_ib_pass_in_the_name(tmp_path, rng):
    values = {"VOD": gappy(rng, 0, 1, SHAPE)}
    path = native.retrieval(tmp_path, "SMOSIB_20150301_A_v2.nc", "M25", ROWS, COLS, values)
    assert list(read("smos_ib", path).overpass.values) == ["ascending"]


# --- SMAP ------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", ["M36", "M25"])
@pytest.mark.parametrize("stamp", ["20160229", "2016060"])
def test_smap_ib_on_either_grid_with_either_date(tmp_path, rng, grid, stamp):
    values = {"Soil_Moisture": gappy(rng, 0, 0.6, SHAPE)}
    values["Optical_Thickness_Nad"] = gappy(rng, 0, 1, SHAPE)
    path = native.retrieval(tmp_path, f"IB_SM_CDF3AM_{stamp}_v1.nc", grid, ROWS, COLS, values)
    granule = read("smap_ib", path)
    assert_canonical(granule)
    assert granule.attrs["date"] == "2016-02-29"
    assert from_coordinates(granule.lat, granule.lon).name == grid
    assert list(granule.overpass.values) == ["descending"]
    np.testing.assert_allclose(granule.vod[0], values["Optical_Thickness_Nad"], rtol=1e-6)


def smap_pass(rng, shape=SHAPE):
    return {
        "soil_moisture": gappy(rng, 0.02, 0.5, shape),
        "vegetation_opacity": gappy(rng, 0, 0.9, shape),
        "retrieval_qual_flag": gappy(rng, 0, 15, shape).round(),
        "tb_h_corrected": gappy(rng, 150, 300, shape),
        "tb_v_corrected": gappy(rng, 150, 300, shape),
    }


@pytest.mark.parametrize(("grid", "enhanced"), [("M36", False), ("M09", True)])
def test_smap_l3_passes_and_fills(tmp_path, rng, grid, enhanced):
    passes = {"AM": smap_pass(rng), "PM": smap_pass(rng)}
    path = native.smap_l3(tmp_path, "2015-04-10", grid, ROWS, COLS, passes, enhanced=enhanced)
    granule = read("smap_l3", path)
    assert_canonical(granule)
    assert from_coordinates(granule.lat, granule.lon).name == grid
    for overpass, key in (("descending", "AM"), ("ascending", "PM")):
        there = granule.sel(overpass=overpass)
        np.testing.assert_allclose(there.soil_moisture, passes[key]["soil_moisture"], rtol=1e-6)
        tb_v = there.tb.sel(channel="v")
        np.testing.assert_allclose(tb_v, passes[key]["tb_v_corrected"], rtol=1e-6)
        flag = passes[key]["retrieval_qual_flag"]
        np.testing.assert_array_equal(there.retrieval_quality, flag)


def test_smap_l3_masks_outside_the_valid_range(tmp_path, rng):
    fields = smap_pass(rng)
    fields["tb_h_corrected"][0, 0] = 331.0
    path = native.smap_l3(tmp_path, "2015-04-10", "M36", ROWS, COLS, {"AM": fields})
    granule = read("smap_l3", path)
    assert list(granule.overpass.values) == ["descending"]
    assert np.isnan(granule.tb.sel(channel="h").values[0, 0, 0])


def test_smap_l3_completes_coordinates_left_out(tmp_path, rng):
    gaps = np.zeros(SHAPE, bool)
    gaps[:2], gaps[5], gaps[:, -1], gaps[3, 3] = True, True, True, True
    passes = {"AM": smap_pass(rng)}
    path = native.smap_l3(tmp_path, "2015-04-10", "M36", ROWS, COLS, passes, gaps=gaps)
    granule = read("smap_l3", path)
    np.testing.assert_allclose(granule.lat, M36.lat[ROWS], atol=1e-5)
    np.testing.assert_allclose(granule.lon, M36.lon[COLS], atol=1e-5)


# --- all together ----------------------------------------------------------------------------


def test_files_of_one_grid_give_the_same_arrays(tmp_path, rng):
    values = {"Optical_Thickness_Nad": gappy(rng, 0, 1, SHAPE)}
    names = [f"IB_SM_CDF3AM_2016010{d}.nc" for d in (1, 2)]
    paths = [native.retrieval(tmp_path, name, "M36", ROWS, COLS, values) for name in names]
    first, second = (read("smap_ib", path) for path in paths)
    assert first.lat.values.tobytes() == second.lat.values.tobytes()
    assert first.lon.values.tobytes() == second.lon.values.tobytes()


def small_granules(folder, rng):
    values = smos_values(rng)
    retrievals = {
        "Soil_Moisture": values["BT_H"][0] / 400,
        "Optical_Thickness_Nad": values["BT_V"][0],
    }
    cells = np.arange(80, 140)
    tb = {f"TB{p}{f}r2": np.full(60, 250.0) for f in (10, 18, 36) for p in "HV"}
    ic = "SM_RE06_MIR_CDF3SA_20120301T000000_20120301T235959_105_001_8.DBL.nc"
    ib = "IB_SM_CDF3AM_20160101.nc"
    return {
        "smos_l3": native.smos_l3(folder, "2010-06-05", "A", ROWS, COLS, values),
        "smos_ic": native.retrieval(folder, ic, "M25", ROWS, COLS, retrievals),
        "smap_ib": native.retrieval(folder, ib, "M36", ROWS, COLS, retrievals),
        "smap_l3": native.smap_l3(folder, "2015-04-10", "M36", ROWS, COLS, {"AM": smap_pass(rng)}),
        "amsre": native.amsre(folder, "2008-02-29", ROWS, COLS, amsre_fields(rng)),
        "amsr2": native.amsr2(folder, "2013-03-01", "D", cells, cells + 600, tb),
    }


def test_small_granules_are_read_in_milliseconds(tmp_path, rng):
    """At most 3 ms of processor time on a quiet core; caches of a busy machine may cost more."""
    for name, path in small_granules(tmp_path, rng).items():
        read(name, path)
        spans = []
        for _ in range(15):
            start = time.process_time()
            read(name, path)
            spans.append(time.process_time() - start)
        assert min(spans) < 0.012, f"{name}: {min(spans) * 1e3:.1f} ms"


def test_every_module_with_a_title_is_a_format():
    names, dated = set(format_names()), set(format_names("NAMING"))
    assert {"smos_l3", "amsre", "amsr2", "casm", "era5", "clay", "landcover", "map"} <= names
    assert names - dated >= {"clay", "landcover", "map"} and dated - names == {"ismn"}
    assert not names & {"formats", "naming", "native", "granule", "raster", "acquire"}
    for name in names:
        assert callable(import_module(f"glab.readers.{name}").read)


@pytest.mark.parametrize("name", [n for n in format_names("NAMING") if n != "ismn"])
def test_a_format_is_found_by_the_names_of_its_files(name):
    assert find_format([naming_of(name).example]) == name


def test_no_format_is_found_for_other_names():
    for names in ([], ["notes.txt"], ["SMOS-IB_20100601.nc", "CASM_SM_2010.nc"]):
        with pytest.raises(GlabError, match="no format"):
            find_format(names)


def test_one_format_is_loaded_without_the_others():
    code = (
        "import sys; from glab.readers.formats import naming_of; naming_of('casm');"
        "print(*[m for m in sys.modules if m.startswith('glab.readers.')])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    loaded = {name.rpartition(".")[2] for name in done.stdout.split()}
    assert loaded == {"formats", "naming", "casm", "granule", "native"}


@pytest.mark.parametrize("step", ["regrid", "acquire"])
def test_the_code_of_one_format_is_in_the_print_of_its_own_sources_alone(step):
    def formats_in(name):
        paths = {p.relative_to(PACKAGE) for p in closure(f"steps.{step}", f"readers.{name}")}
        return {p.stem for p in paths if p.parts[0] == "readers"} & {*format_names("NAMING")}

    for name in format_names("NAMING"):
        assert formats_in(name) == {name}
