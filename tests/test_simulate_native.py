"""Native granules of the simulated Earth, read raw with the libraries of the formats."""

import hashlib
import re
import time

import h5py
import netCDF4
import numpy as np
import pytest
from pyhdf.SD import SD

from fixtures_world import truth_of
from glab.grids import EASE1_ML, M25, M36
from glab.simulate.formats import amsr as native_amsr
from glab.simulate.formats import gridded as native_gridded
from glab.simulate.formats.netcdf import FileField, FileLayout
from glab.simulate.granules import write_granules
from glab.simulate.world import world_of

YEARS = {
    "smos_l3": 2011,
    "smos_ic": 2011,
    "amsre": 2011,
    "amsr2": 2012,
    "casm": 2011,
    "surface": 2011,
}
LATER = {"smap_l3": 2015, "smap_ib": 2015, "smosmap_ib": 2015}
MOST_MS_A_GRANULE = 15.0  # processor time, signal included; 5 is wanted on a quiet machine


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    """Paths of a year of a source, written once, and the processor seconds this takes."""
    written = {}

    def of(source):
        if source not in written:
            one_pass = {"smos_overpasses": ("A",)}
            folder = tmp_path_factory.mktemp(source)
            year = (YEARS | LATER)[source]
            choice = {"first_year": year, "last_year": year} if source in LATER else one_pass
            settings, truth, _ = truth_of(**choice)
            world = world_of(truth, settings, year)
            start = time.process_time()
            write_granules(source, world, folder)
            written[source] = sorted(folder.iterdir()), time.process_time() - start, world, truth
        return written[source]

    return of


def digest(paths):
    """Return names and hashes of files."""
    return [(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]


@pytest.mark.parametrize("source", [*YEARS, *LATER])
def test_bytes_repeat(granules, tmp_path, source):
    paths, _, world, truth = granules(source)
    again = world_of(truth, world.settings, world.year)
    write_granules(source, again, tmp_path)
    assert digest(sorted(tmp_path.iterdir())) == digest(paths)


@pytest.mark.parametrize("source", ["smos_l3", "smos_ic", "amsre", "amsr2"])
def test_writing_is_quick(granules, source):
    paths, seconds, _, _ = granules(source)
    assert len(paths) > 100
    assert 1000.0 * seconds / len(paths) < MOST_MS_A_GRANULE


def test_smos_l3_as_catds_packs_it(granules):
    paths, _, world, _ = granules("smos_l3")
    pattern = r"SM_RE07_MIR_CDF3T[AD]_(\d{8})T000000_\1T235959_330_001_7\.DBL\.nc"
    assert all(re.fullmatch(pattern, path.name) for path in paths)
    assert not [path for path in paths if path.name[18:26] in ("20110101", "20110102")]
    with netCDF4.Dataset(paths[40]) as file:
        file.set_auto_maskandscale(False)
        assert file["BT_H"].dimensions == ("inc", "lat", "lon") and file["BT_H"].dtype == "int16"
        assert list(file["inc"][:][[0, 7, 8, 9, 13]]) == [2.5, 37.5, 40.0, 42.5, 62.5]
        lat, lon = file["lat"][:], file["lon"][:]
        assert (np.diff(lat) > 0).all(), "row 0 in the south"
        assert np.allclose(lat[::-1], M25.lat[M25.index(lat[::-1], lon[:1])[0]], atol=1e-9)
        for name, scale in (("BT_H", 200.0), ("BT_V", 200.0), ("Incidence_Angle", 45.0),
                            ("Pixel_Radiometric_Accuracy_H", 25.0),
                            ("Pixel_BT_Standard_Deviation_V", 25.0)):  # fmt: skip
            assert file[name].scale_factor == pytest.approx(scale / 32767.0)
            assert file[name].add_offset == scale
            assert file[name]._FillValue == -32768
            raw = file[name][:]
            assert (raw == -32768).any() and (raw > -32768).any()
        seen = file["BT_H"][:] != -32768
        for name in ("Nviews", "Nb_RFI_Flags", "Days", "UTC_Seconds"):
            assert np.array_equal(file[name][:] != -32768, seen)
        assert (file["Nb_RFI_Flags"][:] <= file["Nviews"][:]).all()
        date = np.datetime64("2000-01-01") + int(file["Days"][:][seen][0])
        assert str(date).replace("-", "") == paths[40].name[19:27]
        hours = file["UTC_Seconds"][:][seen] / 3600.0
        assert (abs(hours - (4.6 if "TA_" in paths[40].name else 16.6)) < 1.5).all()


def angles_in(path):
    """Return the number of angle bins with values in a SMOS granule."""
    with netCDF4.Dataset(path) as file:
        return int((~np.ma.getmaskarray(file["BT_H"][:])).any(axis=(1, 2)).sum())


def test_smos_l3_bins_lie_about_their_centres(granules):
    paths, _, _, _ = granules("smos_l3")
    whole = [path for path in paths if angles_in(path) == 14]
    with netCDF4.Dataset(whole[0]) as file:
        offset = file["Incidence_Angle"][:] - file["inc"][:][:, None, None]
        assert abs(offset.mean()) < 0.7 and abs(offset).max() < 4.5
        brightness = file["BT_V"][:].mean(axis=(1, 2)) - file["BT_H"][:].mean(axis=(1, 2))
        assert brightness[-3] > brightness[4] > brightness[0]


def test_smos_ic_has_both_kinds_of_missing(granules):
    paths, _, world, _ = granules("smos_ic")
    with netCDF4.Dataset(paths[40]) as file:
        file.set_auto_mask(False)
        lat = file["lat"][:]
        assert (np.diff(lat) < 0).all(), "row 0 in the north"
        vod = file["Optical_Thickness_Nad"][:]
        assert file["Optical_Thickness_Nad"]._FillValue == -999.0
        wanted = {"Soil_Moisture", "Optical_Thickness_Nad_StdError", "RMSE", "Scene_Flags",
                  "Processing_Flags", "Soil_Temperature_Level1", "BT_H_IC_Fitted",
                  "BT_V_IC_Fitted"}  # fmt: skip
        assert wanted <= set(file.variables)
        sea = np.isnan(world.land.on_window(np.zeros(len(world.land.lat))))
        assert (vod[sea] == -999.0).all()
    partial = []
    for path in paths[:30]:
        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            partial.append(np.isnan(file["RMSE"][:]).any())
    assert any(partial), "land that was not seen is NaN"


def test_amsre_as_hdf_eos_grids(granules):
    paths, _, world, _ = granules("amsre")
    assert paths[-1].name == "AMSR_E_L3_DailyLand_V06_20111003.hdf"
    file = SD(str(paths[100]))
    fields = file.datasets()
    for overpass in "AD":
        for channel in ("10.7", "18.7", "36.5"):
            for polarisation in "HV":
                name = f"{overpass}_TB{channel}{polarisation} (Res 1)"
                raw = file.select(name).get()
                assert raw.dtype == np.int16
                good = raw[abs(raw.astype(int)) != 9999]
                assert good.size == 0 or (good.min() > 1800 and good.max() < 3300)
        assert f"{overpass}_Time" in fields
    metadata = file.attributes()["StructMetadata.0"]
    left, top = map(
        float, re.search(r"UpperLeftPointMtrs=\(([-\d.]+),([-\d.]+)\)", metadata).groups()
    )
    rows, cols = (int(re.search(rf"{d}Dim=(\d+)", metadata)[1]) for d in "YX")
    assert raw.shape == (rows, cols)
    row0, col0 = round((7344784.825 - top) / 25067.525), round((left + 17334193.5375) / 25067.525)
    assert EASE1_ML.lat[row0] > 6.9 > EASE1_ML.lat[row0 + rows // 2]
    assert EASE1_ML.lon[col0] < 20.3 and EASE1_ML.lon[col0 + cols - 1] > 21.7
    file.end()


def test_amsre_has_both_fills(granules):
    paths, _, _, _ = granules("amsre")
    raw = set()
    for path in paths[:20]:
        file = SD(str(path))
        raw |= set(np.unique(file.select("D_TB18.7H (Res 1)").get()).tolist())
        file.end()
    assert {9999, -9999} <= raw


def test_amsr2_as_a_table_of_half_orbits(granules):
    paths, _, world, _ = granules("amsr2")
    assert paths[0].name[20:28] >= "20120702" and paths[-1].name[20:28] <= "20121231"
    assert {path.name[-5] for path in paths} == {"A", "D"}
    with h5py.File(paths[10]) as file:
        table = file[native_amsr.TABLE][:]
    row, col = EASE1_ML.index(table["Latitude"], table["Longitude"])
    assert np.array_equal(table["RowIndex"] - 1, row), "counted from 1"
    assert np.array_equal(table["ColumnIndex"], col), "counted from 0"
    tb = table["TBV10r2"]
    assert tb.min() > 200.0 and tb.max() < 330.0
    start = paths[10].name[20:32]
    named = np.datetime64(f"{start[:4]}-{start[4:6]}-{start[6:8]}T{start[8:10]}:{start[10:]}")
    seconds = (named - np.datetime64("1993-01-01T00:00")).astype("timedelta64[s]").astype(int) + 8
    assert ((table["Time"] - seconds > 0) & (table["Time"] - seconds < 3600)).all()


def test_atomic_time_counts_leap_seconds():
    day = np.datetime64("2016-12-31"), np.datetime64("2017-01-01")
    midnight = [float(native_amsr.tai93(d, np.array(0.0))) for d in day]
    assert midnight[1] - midnight[0] == 86401.0


def test_smap_ib_on_the_36_km_grid(granules):
    paths, _, _, _ = granules("smap_ib")
    assert paths[0].name >= "IB_SM_CDF3AM_20150331"
    with netCDF4.Dataset(paths[5]) as file:
        lat, lon = file["lat"][:], file["lon"][:]
        row, col = M36.index(lat, np.full(len(lat), lon[0]))
        assert np.allclose(M36.lat[row], lat) and (np.diff(row) == 1).all()
        vod = file["Optical_Thickness_Nad"][:]
        assert vod.min() >= 0.0 and vod.max() < 2.0


def test_smosmap_ib_on_the_25_km_grid_begins_before_smap(granules):
    paths, _, world, _ = granules("smosmap_ib")
    assert re.fullmatch(r"SMOSMAP-IB_2015010\d\.nc", paths[0].name)
    with netCDF4.Dataset(paths[5]) as file:
        lat, lon = file["lat"][:], file["lon"][:]
        assert np.array_equal(lat, world.land.window.lat)
        row, _ = M25.index(lat, np.full(len(lat), lon[0]))
        assert np.allclose(M25.lat[row], lat) and (np.diff(row) == 1).all()
        assert {"Soil_Moisture", "Optical_Thickness_Nad"} <= set(file.variables)


def test_casm_is_a_year_of_three_day_steps(granules):
    paths, _, _, _ = granules("casm")
    assert [path.name for path in paths] == ["CASM_SM_2011.nc"]
    with netCDF4.Dataset(paths[0]) as file:
        assert file["CASM_soil_moisture"].dimensions == ("date", "lat", "lon")
        lat = file["lat"][:]
        assert np.array_equal(lat, np.round(lat, 3))
        first = netCDF4.num2date(file["date"][0], file["date"].units)
        elapsed = np.datetime64(first.isoformat()[:10]) - np.datetime64("2002-06-19")
        assert elapsed.astype(int) % 3 == 0
        assert (np.diff(file["date"][:]) == 3).all()


def test_reanalysis_as_monthly_files(granules):
    paths, _, _, _ = granules("surface")
    assert [path.name for path in paths] == [f"era5_2011-{m:02d}.nc" for m in range(1, 13)]
    with netCDF4.Dataset(paths[6]) as file:
        assert (np.diff(file["latitude"][:]) < 0).all()
        assert (file["longitude"][:] >= 0).all()
        assert {"stl1", "stl3", "t2m", "sd"} <= set(file.variables)
        assert len(file["valid_time"]) == 62


def test_layout_packs_fills_and_clips(tmp_path):
    field = FileField(("y", "x"), "i2", -32768, {"scale_factor": 0.01, "add_offset": 200.0})
    layout = FileLayout({"y": 2, "x": 2}, {"t": field}, {})
    layout.write(tmp_path / "t.nc", {"t": np.array([[np.nan, 250.126], [1e6, -1e6]])})
    with netCDF4.Dataset(tmp_path / "t.nc") as file:
        file.set_auto_maskandscale(False)
        assert file["t"][:].tolist() == [[-32768, 5013], [32767, -32767]]


def test_rounded_names_of_half_orbits_that_begin_the_day_before():
    name = native_amsr.granule_name(np.datetime64("2013-03-01"), -0.26, "D")
    assert name == "AMSR_U2_L2_Land_B02_201302282344_D.he5"


def test_units_of_retrievals_are_those_of_the_family():
    units = {"Soil_Moisture": "m3 m-3", "Optical_Thickness_Nad": "1"}
    assert units == native_gridded.RETRIEVAL_UNITS
