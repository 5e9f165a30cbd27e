"""A year of granules onto the domain: quality, days, merging, versions, bad input, real files."""

import json
import os
import shutil
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

import fixtures_native as native
from glab import io
from glab.config import QualityRule, Regrid
from glab.errors import GlabError
from glab.grids import EASE1_ML, M25, M36
from glab.readers.acquire import write_manifest
from glab.regrid.on_domain import hour_weights
from glab.regrid.quality import apply_quality_rules
from glab.steps.regrid import regrid

ROWS, COLS = np.arange(285, 297), np.arange(765, 779)  # central Africa
COARSE = np.arange(197, 209), np.arange(530, 543)  # M36 around it
ML = np.arange(284, 300), np.arange(761, 777)


@pytest.fixture
def domain(tmp_path):
    row, col = (axis.ravel()[::-1] for axis in np.meshgrid(ROWS[2:-2], COLS[2:-2], indexing="ij"))
    cell = ("cell", (row * 1388 + col).astype(np.int32), {"compress": "y x"})
    dataset = xr.Dataset(
        {"lat": ("cell", M25.lat[row]), "lon": ("cell", M25.lon[col])}, coords={"cell": cell}
    )
    io.write(dataset, tmp_path / "domain.nc", io.Provenance("domain"))
    return tmp_path / "domain.nc"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "data"
    path.mkdir()
    return path


def run(folder, domain, reader, year=2015, **options):
    write_manifest(folder, folder / "manifest.json", reader)
    output = domain.parent / "out" / f"{year}.nc"
    settings = Regrid(reader=reader, **options)
    regrid(domain, output, settings, manifest=folder / "manifest.json", year=year)
    report = json.loads(output.with_suffix(".ingest.json").read_text())
    return io.read(output).load(), report


def smap(folder, day, vod, *, version="", grid="M36"):
    planes = {"Optical_Thickness_Nad": np.full((COARSE[0].size, COARSE[1].size), vod),
              "Soil_Moisture": np.full((COARSE[0].size, COARSE[1].size), 0.2)}  # fmt: skip
    name = f"IB_SM_CDF3AM_{day.replace('-', '')}{version}.nc"
    return native.retrieval(folder, name, grid, *COARSE, planes)


# --- quality rules -----------------------------------------------------------------------------


def granule(**variables):
    dims = ("channel", "y", "x")
    return {name: xr.Variable(dims, np.asarray(v, "f4")) for name, v in variables.items()}


def rule(variable, **limits):
    return QualityRule(variable=variable, applies_to=["tb"], **limits)


def test_rules_mask_by_limits_by_another_variable_and_by_bits():
    noisy = granule(
        tb=np.full((2, 1, 4), 250),
        tb_std=[[[4, 6, 8, np.nan]]] * 2,
        tb_accuracy=np.full((2, 1, 4), 2.5),
        scene_flags=[[[0, 1, 8, 9]]] * 2,
    )
    kept = [
        np.isfinite(apply_quality_rules(noisy, [rules])["tb"].values[0, 0]).tolist()
        for rules in (
            rule("tb_std", max=5.0),
            rule("tb_std", max=5.0, plus="tb_accuracy"),
            rule("tb_std", min=5.0, max=7.0),
            rule("scene_flags", bits_clear=8),
        )
    ]
    assert kept == [
        [True, False, False, False],  # unknown quality fails
        [True, True, False, False],
        [False, True, False, False],
        [True, True, False, False],
    ]
    assert np.isfinite(apply_quality_rules(noisy, [rule("tb_std", max=5.0)])["scene_flags"]).all()


def test_one_bad_channel_masks_what_has_no_channel():
    one = granule(tb_std=[[[1, 9]], [[1, 1]]], tb=np.ones((2, 1, 2)) * 200)
    one["vod"] = xr.Variable(("y", "x"), np.ones((1, 2), "f4"))
    rules = [QualityRule(variable="tb_std", max=5, applies_to=["vod", "tb"])]
    masked = apply_quality_rules(one, rules)
    assert masked["vod"].isnull().values.tolist() == [[False, True]]
    assert masked["tb"].isnull().values.tolist() == [[[False, True]], [[False, False]]]


def test_impossible_values_are_masked_without_a_rule():
    masked = apply_quality_rules(granule(tb=[[[-5, 250, 4000]]] * 2), [])
    assert masked["tb"].isnull().values[0, 0].tolist() == [True, False, True]


def test_a_rule_about_an_unknown_variable_is_an_error():
    with pytest.raises(GlabError, match="tb_stt"):
        apply_quality_rules(granule(tb=np.ones((2, 1, 1))), [rule("tb_stt", max=1)])


# --- a year ------------------------------------------------------------------------------------


def test_every_calendar_day_is_there_and_days_without_granule_are_missing(folder, domain):
    for day, vod in (("2015-04-01", 0.5), ("2015-04-03", 0.7), ("2015-12-31", 0.9)):
        smap(folder, day, vod)
    year, report = run(folder, domain, "smap_ib")
    assert year.sizes["time"] == 365
    assert year["vod"].dims == ("time", "cell", "overpass")
    mean = year["vod"].mean("cell").values[:, 0]
    assert np.flatnonzero(np.isfinite(mean)).tolist() == [90, 92, 364]
    np.testing.assert_allclose(mean[[90, 92, 364]], [0.5, 0.7, 0.9], atol=2e-4)
    assert year["count"].isel(time=90).values.tolist() == [[1]] * year.sizes["cell"]
    assert (year["count"].isel(time=91) == 0).all()
    assert report["granules_used"] == 3 and report["set_aside"] == {}


def test_only_what_shall_be_kept_is_kept(folder, domain):
    smap(folder, "2015-04-01", 0.5)
    year, _ = run(folder, domain, "smap_ib", keep=["vod"])
    assert set(year.data_vars) == {"vod", "count"}
    with pytest.raises(GlabError, match="tb_rmse"):
        run(folder, domain, "smap_ib", keep=["vod", "tb_rmse"])


def test_overpasses_and_angles_of_smos_are_side_by_side(folder, domain):
    shape = (14, ROWS.size, COLS.size)
    for letter, day, tb in (("A", "2015-01-05", 240.0), ("D", "2015-01-05", 250.0)):
        fields = {
            "Pixel_Radiometric_Accuracy": 3.0,
            "Pixel_BT_Standard_Deviation": 4.0,
            "BT": tb,
        }
        values = {f"{k}_{p}": np.full(shape, v + (p == "V")) for k, v in fields.items()
                  for p in "HV"}  # fmt: skip
        values["BT_V"][3] = np.nan
        values["Pixel_BT_Standard_Deviation_H"][5] = 9.0
        values |= {"Incidence_Angle": np.full(shape, 40.0), "Nviews": np.full(shape, 9.0),
                   "Nb_RFI_Flags": np.full(shape, 0.0)}  # fmt: skip
        native.smos_l3(folder, day, letter, ROWS, COLS, values)
    rules = [rule("tb_std", max=5.0, plus="tb_accuracy")]
    year, _ = run(folder, domain, "smos_l3", quality=rules, keep=["tb", "incidence"])
    assert year["tb"].dims == ("time", "cell", "overpass", "angle", "channel")
    assert year["overpass"].values.tolist() == ["ascending", "descending"]
    tb = year["tb"].isel(time=4, cell=7)
    np.testing.assert_allclose(tb.sel(channel="h").isel(angle=0), [240, 250], atol=0.02)
    np.testing.assert_allclose(tb.sel(channel="v", angle=42.5), [241, 251], atol=0.02)
    assert tb.sel(channel="v").isel(angle=3).isnull().all()
    assert tb.sel(channel="h").isel(angle=5).isnull().all()  # 9 K > 5 + 3 K
    assert year["count"].dims == ("time", "cell", "overpass")


def test_half_orbits_of_a_day_are_averaged_and_counted(folder, domain):
    row, col = (axis.ravel() for axis in np.meshgrid(*ML, indexing="ij"))
    west = EASE1_ML.lon[col] < EASE1_ML.lon[ML[1][9]]
    for start, some, tb in (("0010", west, 250.0), ("0150", ~west | west, 260.0)):
        fields = {name: np.full(some.sum(), tb) for name in ("TBH10r2", "TBV10r2")}
        native.amsr2(folder, "2015-07-02", "D", row[some], col[some], fields, start=start)
    native.amsr2(folder, "2015-07-02", "A", row, col, {"TBH10r2": np.full(row.size, 280.0)},
                 start="1310", hour=13.5)  # fmt: skip
    year, report = run(folder, domain, "amsr2", keep=["tb"])
    assert report["granules_used"] == 3
    day = year.isel(time=182)
    down = day.sel(overpass="descending")
    twice = (down["count"] == 2).values
    assert 0 < twice.sum() < twice.size and set(down["count"].values.tolist()) == {1, 2}
    np.testing.assert_allclose(down["tb"].sel(channel="10h")[twice], 255, atol=0.02)
    np.testing.assert_allclose(down["tb"].sel(channel="10v")[~twice], 260, atol=0.02)
    up = day["tb"].sel(overpass="ascending")
    np.testing.assert_allclose(up.sel(channel="10h"), 280, atol=0.02)
    assert up.sel(channel="10v").isnull().all()


def test_flags_are_taken_from_one_cell_and_never_averaged(folder, domain):
    flags = np.where(np.arange(COLS.size) % 2, 8.0, 3.0)[None].repeat(ROWS.size, 0)
    planes = {"Optical_Thickness_Nad": np.ones_like(flags), "Scene_Flags": flags,
              "Soil_Moisture": np.full_like(flags, 0.2)}  # fmt: skip
    name = "SM_RE06_MIR_CDF3SA_20150601T000000_20150601T235959_105_001_8.DBL.nc"
    native.retrieval(folder, name, "M25", ROWS, COLS, planes)
    year, _ = run(folder, domain, "smos_ic")
    assert set(np.unique(year["scene_flags"].isel(time=151))) == {3, 8}
    assert year["scene_flags"].isel(time=150).isnull().all()


def smap_l3_pass(flag):
    planes = {name: np.full((COARSE[0].size, COARSE[1].size), 0.2)
              for name in ("soil_moisture", "vegetation_opacity")}  # fmt: skip
    planes |= {f"tb_{p}_corrected": planes["soil_moisture"] + 250.0 for p in "hv"}
    planes |= {f"tb_qual_flag_{p}": flag for p in "hv"}
    return planes | {"retrieval_qual_flag": flag, "surface_flag": flag}


def test_bits_of_smap_are_kept_bit_by_bit_when_everything_is_kept(folder, domain):
    """Bit 15 and bit 0 in a checkerboard: a mean would have bits that no cell has."""
    board = np.add.outer(np.arange(COARSE[0].size), np.arange(COARSE[1].size)) % 2
    flag = np.where(board, 0x8001, 0x0006).astype(float)
    native.smap_l3(folder, "2015-06-01", "M36", *COARSE, {"AM": smap_l3_pass(flag)})
    year, report = run(folder, domain, "smap_l3")
    assert {"tb", "vod", "soil_moisture", "count"} <= set(year.data_vars)
    for name in ("tb_quality", "retrieval_quality", "surface_flags"):
        day = year[name].isel(time=151)
        assert set(np.unique(day)) == {0x8001, 0x0006}, name
        assert year[name].isel(time=150).isnull().all()
        with netCDF4.Dataset(domain.parent / "out" / "2015.nc") as file:
            assert file[name].dtype == np.int32
    assert report["granules_used"] == 1


def test_bits_of_several_granules_of_a_day_are_united(folder, domain):
    shape = (COARSE[0].size, COARSE[1].size)
    for bit, enhanced in ((0x8000, False), (0x0001, True)):
        planes = smap_l3_pass(np.full(shape, float(bit)))
        native.smap_l3(folder, "2015-06-01", "M36", *COARSE, {"PM": planes}, enhanced=enhanced)
    year, _ = run(folder, domain, "smap_l3", keep=["retrieval_quality"])
    assert set(np.unique(year["retrieval_quality"].isel(time=151))) == {0x8001}


def test_a_yearly_file_fills_its_days(folder, domain):
    days = np.arange("2015-01-02", "2015-12-31", 3, dtype="datetime64[D]")
    field = np.broadcast_to(np.linspace(0.1, 0.4, days.size)[:, None, None],
                            (days.size, ROWS.size, COLS.size))  # fmt: skip
    native.casm(folder, 2015, days, ROWS, COLS, {"CASM_soil_moisture": field})
    year, _ = run(folder, domain, "casm", keep=["soil_moisture"])
    mean = year["soil_moisture"].mean("cell").values
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(mean)), np.arange(1, 364, 3))
    np.testing.assert_allclose(mean[1::3][: days.size], np.linspace(0.1, 0.4, days.size), atol=2e-4)


def era5(folder, day, hours, kelvin):
    lat, lon = np.arange(4.0, -4.1, -0.5), np.arange(15.0, 25.1, 0.5)
    field = np.asarray(kelvin, float)[:, None, None] + np.zeros((len(hours), lat.size, lon.size))
    start = (np.datetime64(day) - np.datetime64("2015-01-01")).astype(int) * 24
    times = ("time", start + np.asarray(hours), "hours since 2015-01-01")
    native.plain(folder / f"era5_{day}.nc", lat, lon, {"stl1": field}, ("time", "lat", "lon"),
                 times=times)  # fmt: skip


def test_hours_become_the_value_at_six_local_time(folder, domain):
    hours = np.arange(24)
    era5(folder, "2015-03-01", hours, 280.0 + hours)
    year, _ = run(folder, domain, "era5")
    lon = year["cell"].values % 1388
    expected = 280 + 6 - M25.lon[lon] / 15
    np.testing.assert_allclose(year["t_surface"].isel(time=59), expected, atol=0.02)
    mean, _ = run(folder, domain, "era5", local_hour=None)
    np.testing.assert_allclose(mean["t_surface"].isel(time=59), 291.5, atol=0.02)


def test_weights_of_hours_follow_the_sun():
    hours, lon = np.array([0.0, 6.0, 12.0, 18.0]), np.array([0.0, 90.0, -90.0, 45.0, 120.0])
    weights = hour_weights(hours, lon, 6.0)
    np.testing.assert_allclose(weights.sum(0), 1)
    assert weights.argmax(0)[:3].tolist() == [1, 0, 2]
    np.testing.assert_allclose(weights[:, 3], [0.5, 0.5, 0, 0])
    np.testing.assert_allclose(weights[:, 4], [0, 0, 0, 1])  # 22 UTC: the last time of the day


def test_files_of_single_hours_are_joined_by_the_sun_too(folder, domain):
    for hour in (3, 6):
        lat, lon = np.arange(-4.125, 4.2, 0.25), np.arange(15.125, 25.2, 0.25)
        field = np.full((1, lat.size, lon.size), 280.0 + hour)
        name = f"GLDAS_NOAH025_3H.A20150301.{hour:02d}00.021.nc4"
        times = ("time", [59 * 24 + hour], "hours since 2015-01-01")
        native.plain(folder / name, lat, lon, {"SoilTMP0_10cm_inst": field},
                     ("time", "lat", "lon"), times=times)  # fmt: skip
    year, _ = run(folder, domain, "gldas", keep=["t_surface"])
    lon = M25.lon[year["cell"].values % 1388]
    np.testing.assert_allclose(year["t_surface"].isel(time=59), 286 - lon / 15, atol=0.02)


# --- faults ---------------------------------------------------------------------------------


def test_a_few_bad_granules_are_set_aside_and_the_year_goes_on(folder, domain):
    for day in range(1, 12):
        smap(folder, f"2015-05-{day:02d}", 0.5)
    bad = folder / "IB_SM_CDF3AM_20150503.nc"
    bad.write_bytes(bad.read_bytes()[:900])
    (folder / "IB_SM_CDF3AM_20150504.nc").write_bytes(b"")
    smap(folder, "2015-05-05", np.nan)
    year, report = run(folder, domain, "smap_ib", keep=["vod"])
    assert sorted(report["set_aside"]) == [
        "IB_SM_CDF3AM_20150503.nc",
        "IB_SM_CDF3AM_20150504.nc",
    ]
    assert str(folder) not in json.dumps(report)
    assert report["granules_used"] == 9
    assert report["empty"] == ["IB_SM_CDF3AM_20150505.nc"]
    seen = np.flatnonzero(np.isfinite(year["vod"].mean(("cell", "overpass"))))
    assert seen.tolist() == [120, 121, *range(125, 131)]


def test_too_many_bad_granules_fail_without_leaving_a_file(folder, domain):
    for day in range(1, 5):
        path = smap(folder, f"2015-05-{day:02d}", 0.5)
        if day < 3:
            path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(GlabError, match="2 of 4"):
        run(folder, domain, "smap_ib")
    assert list((domain.parent / "out").iterdir()) == []


@pytest.mark.parametrize("fault", ["empty folder", "wrong grid", "wrong variable", "no manifest"])
def test_a_year_without_a_usable_granule_is_one_clear_error(folder, domain, fault):
    if fault == "wrong grid":
        field = np.full((4, 5), 0.5)
        native.plain(folder / "IB_SM_CDF3AM_20150501.nc", np.arange(4.0), np.arange(5.0),
                     {"Optical_Thickness_Nad": field, "Soil_Moisture": field})  # fmt: skip
    if fault == "wrong variable":
        planes = {"Something": np.ones((12, 13))}
        native.retrieval(folder, "IB_SM_CDF3AM_20150501.nc", "M36", *COARSE, planes)
    with pytest.raises(GlabError) as caught:
        if fault == "no manifest":
            regrid(domain, domain.parent / "x.nc", manifest=folder / "manifest.json")
        run(folder, domain, "smap_ib")
    assert caught.value.remedy
    assert not (domain.parent / "out" / "2015.nc").exists()


def test_of_two_versions_the_later_wins_and_copies_are_dropped(folder, domain):
    for version, vod in (("_v2", 0.4), ("_v10", 0.8), ("_v9", 0.6)):
        smap(folder, "2015-05-01", vod, version=version)
    (folder / "again").mkdir()
    shutil.copy(folder / "IB_SM_CDF3AM_20150501_v10.nc", folder / "again")
    (folder / "other").mkdir()
    smap(folder / "other", "2015-05-01", 0.7, version="_v9")
    year, report = run(folder, domain, "smap_ib", keep=["vod"])
    assert year["vod"].isel(time=120).mean().item() == pytest.approx(0.8, abs=1e-3)
    assert (year["count"].isel(time=120) == 1).all()
    reasons = report["duplicates"]
    assert reasons["IB_SM_CDF3AM_20150501_v9.nc"].startswith("superseded by")
    assert [why for name, why in reasons.items() if "v10" in name] == [
        "same bytes as IB_SM_CDF3AM_20150501_v10.nc"
    ]


def test_granules_of_other_years_are_listed(folder, domain):
    smap(folder, "2015-05-01", 0.4)
    smap(folder, "2016-05-01", 0.4)
    _, report = run(folder, domain, "smap_ib")
    assert report["outside_of_the_year"] == ["IB_SM_CDF3AM_20160501.nc"]


def test_the_report_names_the_granules_of_each_day(folder, domain):
    """Those with values on that day: neither empty ones nor those set aside."""
    row, col = (axis.ravel() for axis in np.meshgrid(*ML, indexing="ij"))
    for day, start, tb in (
        ("2015-07-03", "0150", 250.0),
        ("2015-07-03", "0010", 260.0),
        ("2015-07-02", "0010", 260.0),
        ("2015-07-02", "0150", np.nan),
    ):
        fields = {"TBH10r2": np.full(row.size, tb)}
        native.amsr2(folder, day, "D", row, col, fields, start=start)
    _, report = run(folder, domain, "amsr2", keep=["tb"])
    stem = "AMSR_U2_L2_Land_B02_201507{}_D.he5"
    assert report["granules"] == {
        "2015-07-02": [stem.format("020010")],
        "2015-07-03": [stem.format("030010"), stem.format("030150")],
    }
    assert report["empty"] == [stem.format("020150")]
    assert [*report["granules"]] == sorted(report["granules"])


def test_the_report_names_a_yearly_file_on_the_days_that_it_has(folder, domain):
    days = np.arange("2015-01-02", "2015-12-31", 3, dtype="datetime64[D]")
    field = np.full((days.size, ROWS.size, COLS.size), 0.2)
    field[1] = np.nan
    native.casm(folder, 2015, days, ROWS, COLS, {"CASM_soil_moisture": field})
    _, report = run(folder, domain, "casm", keep=["soil_moisture"])
    named = [day for day in days.astype(str) if day != "2015-01-05"]
    assert report["granules"] == {day: ["CASM_SM_2015.nc"] for day in named}


def test_the_same_granules_give_the_same_bytes(folder, domain):
    smap(folder, "2015-05-01", 0.4)
    smap(folder, "2015-05-02", 0.5)
    results = []
    for _ in range(2):
        run(folder, domain, "smap_ib")
        output = domain.parent / "out" / "2015.nc"
        results.append(output.read_bytes() + output.with_suffix(".ingest.json").read_bytes())
    assert results[0] == results[1]


# --- loose files -------------------------------------------------------------------------------


def test_loose_files_need_neither_manifest_nor_settings(tmp_path, folder, domain):
    paths = [smap(folder, "2015-05-01", 0.4), smap(folder, "2016-02-01", 0.6)]
    regrid(domain, tmp_path / "loose.nc", granules=paths)
    year = io.read(tmp_path / "loose.nc")
    assert year["time"].dt.strftime("%Y-%m-%d").values.tolist() == ["2015-05-01", "2016-02-01"]
    with pytest.raises(GlabError, match="format"):
        regrid(domain, tmp_path / "no.nc", granules=[domain])


def test_m36_of_the_fixture_covers_the_domain():
    assert M36.lat[COARSE[0][0]] > M25.lat[ROWS[2]] and M36.lat[COARSE[0][-1]] < M25.lat[ROWS[-3]]


@pytest.mark.real
def test_a_real_amsre_file_comes_onto_north_america(tmp_path):
    root = os.environ.get("GLAB_REAL_DATA")
    if not root:
        pytest.skip("GLAB_REAL_DATA is not set")
    (path,) = Path(root).glob("NSIDC-0630-*.nc")
    row, col = (axis.ravel() for axis in np.meshgrid(range(60, 140), range(300, 460),
                                                     indexing="ij"))  # fmt: skip
    cell = ("cell", (row * 1388 + col).astype(np.int32), {"compress": "y x"})
    cells = xr.Dataset({"lat": ("cell", M25.lat[row]), "lon": ("cell", M25.lon[col])},
                       coords={"cell": cell})  # fmt: skip
    io.write(cells, tmp_path / "domain.nc", io.Provenance("domain"))
    regrid(tmp_path / "domain.nc", tmp_path / "out.nc", granules=[path])
    tb = io.read(tmp_path / "out.nc")["tb"].isel(time=0, overpass=0).sel(channel="18h").values
    assert 0.7 < np.isfinite(tb).mean() < 1.0
    with xr.open_dataset(path) as file:  # decoded by xarray, nearest pixel by pyproj
        from pyproj import Transformer

        x, y = Transformer.from_crs(4326, 6931, always_xy=True).transform(
            M25.lon[col], M25.lat[row]
        )
        i, j = (
            np.rint((8987500 - y) / 25000).astype(int),
            np.rint((x + 8987500) / 25000).astype(int),
        )
        nearest = file["TB"].values[0, i, j]
    both = np.isfinite(tb) & np.isfinite(nearest)
    assert np.corrcoef(tb[both], nearest[both])[0, 1] > 0.98
    assert abs(np.mean(tb[both] - nearest[both])) < 0.2
