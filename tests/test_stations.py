"""Stations: files of ISMN, their values at the overpasses, and the comparison with a product."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import fixtures_products as work
from glab import io
from glab.config import Acquire, Evaluate, Product, Report, Simulate, StationSet
from glab.errors import GlabError
from glab.evaluation.stations import (
    IN_SITU,
    at_overpass,
    is_wanted,
    join_series,
    medians,
    nearest_cells,
    score_series,
)
from glab.readers import ismn
from glab.readers.acquire import build_manifest, read_manifest, write_manifest
from glab.report import figures
from glab.report.figures import Pair
from glab.report.material import Material
from glab.report.validation import choose_stations, station_table, validation
from glab.simulate.formats import ismn as native_ismn
from glab.simulate.formats.ismn import write_stations
from glab.simulate.instruments.stations import NETWORKS
from glab.steps.acquire import acquire, check
from glab.steps.evaluate import evaluate
from glab.steps.product import product
from glab.steps.simulate import simulate

SET = StationSet(kind="stations")
DAYS = np.arange("2011-01-01", "2011-12-31", dtype="datetime64[D]")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def station(layout="header_values", *, network="NET", name="Abc-1", lat=5.0, lon=21.0, depth=None):
    top_bottom = depth or (0.05, 0.05)
    at = (lat, lon, 120.0, top_bottom)
    return native_ismn.Station(network, name, layout, *at, 130, "Aw", 0.3)


def hourly(value=0.2, hours=96, start="2011-03-01"):
    time = np.datetime64(start, "h") + np.arange(hours)
    return time, np.full(hours, value), np.full(hours, "G")


# --- the files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["header_values", "ceop_sep"])
def test_both_layouts_come_back(layout, tmp_path):
    time, wet, flags = hourly()
    wet = 0.1 + 0.001 * np.arange(96)
    flags[[3, 5]] = ["D06", "D01,D03"]
    path = native_ismn.write(tmp_path, station(layout), time, wet, flags)
    series = ismn.read(path)
    assert series["soil_moisture"].dtype == np.float32
    np.testing.assert_allclose(series["soil_moisture"], wet, atol=1e-4)
    np.testing.assert_array_equal(series["time"].values, time.astype("datetime64[ns]"))
    assert series["flag"].values.tolist() == flags.tolist()
    about = series.attrs
    assert (about["network"], about["station"], about["climate"]) == ("NET", "Abc-1", "Aw")
    assert (about["lat"], about["lon"]) == (5.0, 21.0) and about["land_cover"] == "Grassland"
    assert (about["depth_from_m"], about["depth_to_m"]) == (0.05, 0.05)


def test_a_file_as_ismn_documents_it(tmp_path):
    """Header and lines typed after the description of the format, a sensor's name of two words."""
    folder = tmp_path / "FR_Aqui" / "fraye"
    folder.mkdir(parents=True)
    path = folder / (
        "FR-Aqui_FR-Aqui_fraye_sm_0.050000_0.050000_ThetaProbe-ML2X_B_20120101_20120102.stm"
    )
    path.write_text(
        "FR_Aqui FR_Aqui fraye 44.46728 -0.72690 46.00 0.0500 0.0500 ThetaProbe-ML2X\n"
        "2012/01/01 00:00     0.1530 G M\n"
        "2012/01/01 01:00     0.1535 C03,D05 M\n"
        "\n"
    )
    series = ismn.read(path)
    assert series.attrs["network"] == "FR_Aqui" and series.attrs["lat"] == 44.46728
    assert series.attrs["sensor"] == "ThetaProbe-ML2X_B"
    assert series["flag"].values.tolist() == ["G", "C03,D05"]
    assert series.attrs["land_cover"] == series.attrs["climate"] == ""
    assert ismn.depth_m(path.name) == (0.05, 0.05)


@pytest.mark.parametrize("text", ["", "nothing\n", "a b c d e f g h i\n2012/13/45 00:00 x G M\n"])
def test_another_file_is_an_error(text, tmp_path):
    path = tmp_path / "N" / "S" / "N_N_S_sm_0.050000_0.050000_P_20120101_20120102.stm"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(GlabError, match="not a readable ISMN file"):
        ismn.read(path)
    with pytest.raises(GlabError, match="no ISMN file"):
        ismn.read(tmp_path / "x.stm")


def test_another_variable_is_an_error(tmp_path):
    path = native_ismn.write(tmp_path, station(), *hourly())
    other = path.with_name(path.name.replace("_sm_", "_ts_"))
    path.rename(other)
    with pytest.raises(GlabError, match="not a series of soil moisture"):
        ismn.read(other)
    assert ismn.depth_m(other.name) is None


def test_an_archive_filled_by_hand_has_one_manifest(tmp_path):
    archive = tmp_path / "data" / "ismn"
    path = native_ismn.write(archive, station(), *hourly())
    acquire(archive / "manifest.json", Acquire(reader="ismn"), "ismn")
    assert read_manifest(archive / "manifest.json") == [path]
    content = json.loads((archive / "manifest.json").read_text())
    assert content["year"] is None and content["granules"][0]["date"] == "2011-03-01"
    path.write_text(path.read_text() + "2011/03/09 00:00 0.2 G M\n")
    before = (archive / "manifest.json").read_text()
    check(tmp_path / "data")
    assert (archive / "manifest.json").read_text() != before
    with pytest.raises(GlabError, match="no archive of ismn"):
        acquire(tmp_path / "none" / "manifest.json", Acquire(reader="ismn"), "ismn")
    assert build_manifest([], "ismn")["granules"] == []


# --- the comparison -----------------------------------------------------------------------------


def test_the_layer_is_zero_to_five_centimetres():
    assert is_wanted((0.05, 0.05), 0.05) and is_wanted((0.0, 0.05), 0.05)
    assert not is_wanted((0.05, 0.1), 0.05) and not is_wanted((-0.05, 0.05), 0.05)
    assert not is_wanted(None, 0.05)


def test_the_nearest_cell_counts_within_a_distance():
    cells = np.array([0.0, 0.0]), np.array([179.9, -179.6])
    nearest, distance = nearest_cells(np.array([0.0, 5.0]), np.array([-179.9, 0.0]), *cells, 25.0)
    assert nearest.tolist() == [0, -1]
    assert distance[0] == pytest.approx(0.2 * 111.195, rel=1e-3)


@pytest.mark.parametrize(
    ("lon", "day", "hour"), [(0.0, 1, 6), (-150.0, 1, 16), (150.0, 1, 20), (20.0, 1, 5)]
)
def test_the_overpass_of_a_utc_day_follows_the_sun(lon, day, hour):
    time = np.datetime64("2011-03-01", "h") + np.arange(72)
    series = xr.Dataset(
        {"soil_moisture": ("time", np.arange(72, dtype=float)), "flag": ("time", ["G"] * 72)},
        {"time": time.astype("datetime64[ns]")},
        {"lon": lon},
    )
    days = np.arange("2011-03-01", "2011-03-04", dtype="datetime64[D]")
    assert at_overpass(series, days, 6.0, 3.0)[day] == 24 * day + hour
    series["flag"][24 * day + hour - 5 : 24 * day + hour + 6] = "D03"
    assert np.isnan(at_overpass(series, days, 6.0, 3.0)[day])


def test_daily_values_count_by_their_dates():
    time = np.arange("2011-03-01", "2011-03-05", dtype="datetime64[D]")
    series = xr.Dataset(
        {"soil_moisture": ("time", [0.1, 0.2, np.nan, 0.4]), "flag": ("time", ["G"] * 4)},
        {"time": time.astype("datetime64[ns]")},
        {"lon": 170.0},
    )
    days = np.arange("2011-02-28", "2011-03-06", dtype="datetime64[D]")
    values = at_overpass(series, days, 6.0, 3.0)
    np.testing.assert_allclose(values, [np.nan, 0.1, 0.2, np.nan, 0.4, np.nan], rtol=1e-6)
    missing = at_overpass(series.isel(time=[2]), days, 6.0, 3.0)
    assert np.isnan(missing).all()


def joined(rng, count=200):
    """Three series: a good one, a biased and noisy one, and one with too few pairs."""
    days = DAYS[:count]
    true = 0.2 + 0.1 * rng.random((count, 3))
    product_values = true.copy()
    product_values[:, 1] = true[:, 1] + 0.05 + 0.02 * rng.standard_normal(count)
    product_values[99:, 2] = np.nan
    shared = {"sensor": "p", "lat": 1.0, "lon": 2.0, "depth_to_m": 0.05, "distance_km": 3.0}
    known = [
        xr.Dataset(
            attrs=shared | {"network": n, "station": s, "cell": i, "land_cover": c} | CLIMATE
        )
        for i, (n, s, c) in enumerate([("A", "1", "Grassland"), ("B", "1", ""), ("B", "2", "")])
    ]
    return join_series(known, {IN_SITU: true, "smos_ib": product_values}, days)


CLIMATE = {"climate": "Aw"}


def test_scores_are_those_of_the_field(rng):
    table = score_series(joined(rng), SET.pairs_min).set_index(["network", "station"])
    good, noisy, few = (table.loc[key] for key in (("A", "1"), ("B", "1"), ("B", "2")))
    assert good["r"] == pytest.approx(1.0) and good["rmse"] == pytest.approx(0.0, abs=1e-6)
    assert noisy["bias"] == pytest.approx(0.05, abs=0.005)
    assert noisy["ubrmse"] == pytest.approx(0.02, rel=0.15)
    assert noisy["rmse"] == pytest.approx(np.hypot(noisy["bias"], noisy["ubrmse"]))
    assert few["n"] == 99 and np.isnan([few[s] for s in ("r", "bias", "rmse", "ubrmse")]).all()
    by_network = medians(table.reset_index(), "network").set_index("network")
    assert by_network["series"].tolist() == [1, 1] and by_network.loc["B", "r"] == noisy["r"]
    assert medians(table.reset_index(), "land_cover")["land_cover"].tolist() == ["Grassland"]


# --- the whole way ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A tiny world's products and three stations in it, one of them under the ground's surface."""
    folder = tmp_path_factory.mktemp("run")
    nature = work.write_work_files(folder, 2011, 2011)
    results = folder / "results"
    layers = [results / "tb40/2011.nc", results / "retrieve/2011.nc"]
    output = results / "product" / "smos_ib" / "2011.nc"
    product(layers, results / "domain.nc", 2011, output, Product(product="smos_ib"))
    land = io.read(results / "domain.nc").load()
    days = nature["time"].sel(time="2011").values.astype("datetime64[D]")
    for number, name in ((0, "inside"), (1, "deep"), (2, "far")):
        here = land.isel(cell=number)
        wet = nature["soil_moisture"].sel(time="2011", cell=int(here["cell"])).values
        station_of = native_ismn.Station(
            *("NET", name, "header_values"),
            float(here["lat"]) + (30.0 if name == "far" else 0.02),
            float(here["lon"]),
            100.0,
            (0.1, 0.1) if name == "deep" else (0.05, 0.05),
            130,
            "Aw",
            0.2,
        )
        native_ismn.write(folder / "data/ismn", station_of, days, wet, np.full(len(days), "G"))
    write_manifest(folder / "data/ismn", folder / "data/ismn/manifest.json", "ismn")
    return folder


def compare(run: Path, **more) -> tuple[pd.DataFrame, xr.Dataset]:
    out = run / "results" / "evaluate" / "against"
    evaluate(
        products=[run / "results/product/smos_ib/2011.nc"],
        domain=run / "results/domain.nc",
        output=out / "ismn.csv",
        cells=out / "ismn.nc",
        settings=Evaluate(against={"ismn": SET.model_copy(update={"pairs_min": 20})}),
        against="ismn",
        data=[run / "data/ismn/manifest.json"],
        **more,
    )
    return pd.read_csv(out / "ismn.csv"), io.read(out / "ismn.nc").load()


def test_stations_of_the_layer_and_domain_are_compared(run):
    table, series = compare(run, truth=run / "data/truth.nc")
    assert table["station"].tolist() == ["inside", "inside"]
    assert table["product"].tolist() == ["smos_ib", "truth of the cell"]
    assert table["n"].nunique() == 1 and table["n"][0] > 20
    assert table["r"][1] == pytest.approx(1.0, abs=1e-3) and table["r"][0] < 1.0
    assert table["distance_km"][0] == pytest.approx(0.02 * 111.2, rel=0.1)
    assert series["product"].values.tolist() == ["in_situ", "smos_ib", "truth of the cell"]
    assert compare(run)[0]["product"].tolist() == ["smos_ib"]


def test_the_product_is_filtered_as_users_do(run):
    _, series = compare(run)
    with io.read(run / "results/product/smos_ib/2011.nc") as year:
        kept = int(((year["scene_flags"] <= 1) & (year["tb_rmse"] <= 8)).sum(("y", "x")).max())
    assert int(series["soil_moisture"].sel(product="smos_ib").notnull().sum()) <= kept * 365


def test_unreadable_files_are_set_aside_until_they_are_too_many(run, tmp_path, capsys):
    archive = tmp_path / "ismn"
    good = next((run / "data/ismn/NET/inside").glob("*.stm"))
    for number in range(5):
        path = archive / "NET" / f"s{number}" / good.name
        path.parent.mkdir(parents=True)
        path.write_text(good.read_text() if number else "damaged\n")
    write_manifest(archive, archive / "manifest.json", "ismn")

    def with_set(products=("results/product/smos_ib/2011.nc",), **options) -> pd.DataFrame:
        one = SET.model_copy(update={"pairs_min": 20} | options)
        evaluate(
            products=[run / path for path in products],
            domain=run / "results/domain.nc",
            output=tmp_path / "s.csv",
            cells=tmp_path / "s.nc",
            settings=Evaluate(against={"ismn": one}),
            against="ismn",
            data=[archive / "manifest.json"],
        )
        return pd.read_csv(tmp_path / "s.csv")

    assert len(with_set()) == 4
    assert "set aside" in capsys.readouterr().err
    with pytest.raises(GlabError, match="too many stations cannot be read"):
        with_set(bad_fraction_max=0.1)
    with pytest.raises(GlabError, match="no year of smos_ib"):
        with_set(products=())
    assert with_set(distance_max_km=0.01).empty
    assert "ismn: no values in the domain" in capsys.readouterr().err


# --- the simulated ones -------------------------------------------------------------------------


def test_a_world_has_networks_of_every_kind(tmp_path):
    nature = work.truth(2010, 2011).assign(
        water_fraction=lambda d: 0.0 * d["vod"],
        clay=("cell", np.full(work.truth().sizes["cell"], 0.2)),
    )
    io_path = tmp_path / "a"
    for folder in (io_path, tmp_path / "b"):
        folder.mkdir()
        write_stations(nature, 1, folder)
    files = sorted(io_path.rglob("*.stm"))
    assert {path.parents[1].name for path in files} == {network.name for network in NETWORKS}
    for path in files:
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(io_path)).read_bytes()
        series = ismn.read(path)
        assert is_wanted(ismn.depth_m(path.name), 0.05)
        good = series["soil_moisture"].values[series["flag"].values == "G"]
        assert good.min() >= 0.0 and good.max() <= 0.65
    with pytest.raises(GlabError, match="a source and a year"):
        simulate(tmp_path / "m.json", Simulate(), tmp_path / "t.nc", "casm")


# --- the page -----------------------------------------------------------------------------------


def material(table: pd.DataFrame, series: xr.Dataset, **against) -> Material:
    settings = Report(against={"ismn": SET})
    return Material(settings, {}, {}, xr.Dataset(), table, table, **against)


def test_the_page_shows_series_and_medians(run):
    table, series = compare(run, truth=run / "data/truth.nc")
    (section,) = validation(material(table, series, against={"ismn": (table, series)}))
    assert section.title == "SMOS-IB and stations"
    picture, numbers = section.parts
    assert picture.image.startswith("data:image/svg+xml")
    assert ["Network"] in numbers.rows and numbers.rows[0][:2] == ["All stations", "SMOS-IB"]


@pytest.mark.parametrize("scored", [False, None])
def test_a_set_without_scores_is_listed(run, scored):
    table, series = compare(run)
    against = {} if scored is None else {"ismn": (table.assign(r=np.nan), series)}
    (section,) = validation(material(table, series, against=against))
    assert section.parts == [] and section.title == "Validation sets without a comparison"
    assert section.text == ["ismn (data/ismn): SMOS-IB is not part of this run."]


def test_the_median_of_each_network_is_shown_first():
    rows = [("A", r) for r in (0.1, 0.5, 0.6, 0.9, 0.2, 0.7, 0.8)] + [("B", 0.3)]
    table = pd.DataFrame(rows, columns=["network", "r"])
    shown = choose_stations(table)
    assert len(shown) == 6 and 2 in shown and 7 in shown and 0 not in shown


def test_a_table_without_classes_has_networks_alone(rng):
    table = score_series(joined(rng), SET.pairs_min).assign(land_cover=np.nan, climate="")
    assert [row for row in station_table(table, SET).rows if len(row) == 1] == [["Network"]]


def test_a_figure_of_nothing_and_of_gaps():
    assert len(figures.image(figures.stations([], DAYS))) > 500
    wet = np.full(len(DAYS), 0.2)
    wet[50:80] = np.nan
    figure = figures.stations([Pair("one", wet, wet)], DAYS)
    line = figure.axes[0].lines[0]
    assert np.isnan(line.get_ydata()).sum() == 1
