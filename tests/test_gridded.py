"""Gridded validation sets: reading, pairing in time, and measures whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

import fixtures_products as work
from glab import io
from glab.config import Config, Evaluate, GridSet, Product, Report, config_from
from glab.errors import GlabError
from glab.evaluation.gridded import list_files, pair_in_time, read_set
from glab.evaluation.records import evaluation_cells, product_records
from glab.evaluation.statistics import rank_correlation
from glab.report.content import unit_named
from glab.report.material import Material
from glab.report.validation import validation
from glab.steps.evaluate import evaluate
from glab.steps.product import product
from planning import ROOT

LAT, LON = np.arange(7.75, 3.0, -0.25), np.arange(19.0, 23.25, 0.25)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """The VOD of two years on a small domain."""
    folder = tmp_path_factory.mktemp("run")
    work.write_work_files(folder, 2011, 2012)
    results = folder / "results"
    for year in (2011, 2012):
        layers = [results / f"predict/tb_vod/{year}.nc"]
        made = results / f"product/glab_vod/{year}.nc"
        product(layers, results / "domain.nc", year, made, Product(product="glab_vod"))
    return folder


def land(run: Path) -> xr.Dataset:
    return evaluation_cells(io.read(run / "results/domain.nc").load(), None, Evaluate())


def record(run: Path, cells: xr.Dataset) -> xr.Dataset:
    (vod,) = product_records(sorted((run / "results/product/glab_vod").glob("*.nc")), cells)
    return vod


def write_map(path: Path, values: np.ndarray, units: str, **coordinates) -> Path:
    dims = ("time", "lat", "lon")[-values.ndim :]
    array = xr.DataArray(values, {"lat": LAT, "lon": LON, **coordinates}, dims, "height")
    array.assign_attrs(units=units).to_netcdf(path)
    return path


def compare(run: Path, data: Path, folder: Path, **options) -> tuple[pd.DataFrame, xr.Dataset]:
    spec = GridSet(kind="grid", path=str(data), **options)
    evaluate(
        products=sorted((run / "results/product/glab_vod").glob("*.nc")),
        domain=run / "results/domain.nc",
        output=folder / "set.csv",
        cells=folder / "set.nc",
        settings=Evaluate(against={"set": spec}),
        against="set",
        data=[data],
    )
    return pd.read_csv(folder / "set.csv"), io.read(folder / "set.nc").load()


def value(table: pd.DataFrame, metric: str, signal: str = "mean", cells: str = "all") -> float:
    rows = table[(table["metric"] == metric) & (table["signal"] == signal)]
    return float(rows[rows["cells"] == cells]["value"].iloc[0])


# --- static maps ----------------------------------------------------------------------------------


def test_a_static_map_is_averaged_over_cells_and_compared_in_space(run, tmp_path):
    """A map that rises northwards by 1 m per degree has the latitude of each cell."""
    height = np.broadcast_to(LAT[:, None], (len(LAT), len(LON)))
    table, fields = compare(run, write_map(tmp_path / "map.nc", height, "m"), tmp_path)
    np.testing.assert_allclose(fields["reference"], fields["lat"], atol=0.05)
    assert fields["reference"].attrs["units"] == "m"
    cells = land(run)
    mean = record(run, cells)["value"].mean("time").values
    np.testing.assert_allclose(fields["VOD"], mean, rtol=1e-5)
    assert value(table, "r") == pytest.approx(
        np.corrcoef(mean, fields["reference"])[0, 1], abs=1e-4
    )
    assert value(table, "rank_r") == pytest.approx(
        rank_correlation(mean, fields["reference"].values), abs=1e-4
    )
    assert set(table["signal"]) == {"mean"} and not {"bias", "rmse"} & set(table["metric"])
    assert set(table["cells"]) == {"all", "trained", "held_out"}
    assert (table["against"] == "set").all() and (table["product"] == "glab_vod").all()


def test_errors_are_computed_where_units_are_equal(run, tmp_path):
    constant = np.full((len(LAT), len(LON)), 0.2)
    path = write_map(tmp_path / "map.nc", constant, "")
    assert "bias" not in set(compare(run, path, tmp_path)[0]["metric"])
    table, fields = compare(run, path, tmp_path, units="1")
    assert value(table, "bias") == pytest.approx(float(fields["VOD"].mean()) - 0.2, abs=1e-5)


def test_a_map_elsewhere_has_nothing_in_common(run, tmp_path, capsys):
    values = np.full((len(LAT), len(LON)), np.nan)
    table, fields = compare(run, write_map(tmp_path / "map.nc", values, "m"), tmp_path)
    assert table.empty and set(fields.data_vars) == {"lat", "lon"}
    assert "set: no values in the domain" in capsys.readouterr().err


# --- dated sets -----------------------------------------------------------------------------------


def series(run: Path, folder: Path, days: np.ndarray, noise: float = 0.0) -> Path:
    """The product as a CF file on its own grid of cells, twice its value plus noise."""
    cells = land(run)
    vod = record(run, cells)["value"]
    starts = vod["time"].values.astype("datetime64[D]")
    window = np.searchsorted(starts, days, side="right") - 1
    rng = np.random.default_rng(0)
    lat, lon = np.unique(cells["lat"])[::-1], np.unique(cells["lon"])
    values = np.full((len(days), len(lat), len(lon)), np.nan)
    at = np.searchsorted(-lat, -cells["lat"].values), np.searchsorted(lon, cells["lon"].values)
    values[:, at[0], at[1]] = 2 * vod.values[window] + noise * rng.standard_normal(
        (len(days), cells.sizes["cell"])
    )
    coords = {"time": days.astype("datetime64[ns]"), "lat": lat, "lon": lon}
    xr.DataArray(values, coords, ("time", "lat", "lon"), "vod2").to_netcdf(folder / "set.nc")
    return folder / "set.nc"


DAYS = np.arange("2011-02-01", "2012-11-01", 5, dtype="datetime64[D]")


@pytest.mark.parametrize("mean", ["window", "day"])
def test_a_dated_set_is_paired_with_the_windows_of_the_product(run, tmp_path, mean):
    path = series(run, tmp_path, DAYS)
    out = tmp_path / "out"
    table, fields = compare(run, path, out, reader="cf", mean=mean)
    assert value(table, "r_cell_median", "deseasonalised") == pytest.approx(1.0, abs=1e-3)
    assert value(table, "r", "full") == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(fields["reference"], 2 * fields["VOD"], rtol=1e-3)
    windows = len(np.unique((DAYS - np.datetime64("2002-06-19")).astype(int) // 18))
    assert int(fields["count"].max()) == (len(DAYS) if mean == "day" else windows)


def test_noise_lowers_the_temporal_correlation_only(run, tmp_path):
    path = series(run, tmp_path, DAYS, noise=0.5)
    table, fields = compare(run, path, tmp_path / "out", reader="cf")
    assert value(table, "r_cell_median", "deseasonalised") < 0.6 < value(table, "r")
    median = float(fields["VOD_r"].median())
    assert median == pytest.approx(value(table, "r_cell_median", "deseasonalised"), abs=1e-4)


def test_annual_means_need_enough_of_a_year(run, tmp_path):
    path = series(run, tmp_path, np.array(["2011-01-02", "2012-01-01"], "datetime64[D]"))
    cells = land(run)
    spec = GridSet(kind="grid", path=str(path), reader="cf", mean="annual")
    vod = record(run, cells)
    pairs = pair_in_time(vod, read_set([path], cells, spec), spec)
    assert [str(day) for day in pairs.days] == ["2011-01-01", "2012-01-01"]
    whole = vod["value"].sel(time="2012").mean("time").values
    np.testing.assert_allclose(pairs.product[1], whole, rtol=1e-5)
    short = vod.isel(time=np.flatnonzero(vod["time"].dt.month < 6))
    few = pair_in_time(short, read_set([path], cells, spec), spec)
    np.testing.assert_allclose(
        few.product[1], short["value"].sel(time="2012").mean("time"), rtol=1e-5
    )
    gaps = vod.assign(value=vod["value"].where(vod["time"].dt.month > 8))
    assert np.isnan(pair_in_time(gaps, read_set([path], cells, spec), spec).product).all()


def test_files_of_a_dated_format_are_found_by_name(tmp_path):
    names = ["vodca_v01-0_X-band_2008-07-05.nc", "2008/vodca_v01-0_X-band_2008-07-06.nc", "x.nc"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert {path.name for path in list_files(tmp_path, "vodca")} == {names[0], names[1][5:]}
    assert len(list_files(tmp_path, "cf")) == 3
    assert list_files(tmp_path / "none", "cf") == []


def test_a_dated_format_is_read_by_its_reader(run, tmp_path):
    for day in ("2011-07-05", "2011-07-06"):
        data = {"vod": (("lat", "lon"), np.full((len(LAT), len(LON)), 0.4, np.float32))}
        xr.Dataset(data, {"lat": LAT, "lon": LON}).to_netcdf(
            tmp_path / f"vodca_v01-0_X-band_{day}.nc"
        )
    spec = GridSet(kind="grid", path=str(tmp_path), reader="vodca", variable="vod")
    blocks = list(read_set([tmp_path], land(run), spec))
    assert [str(block.days[0]) for block in blocks] == ["2011-07-05", "2011-07-06"]
    assert blocks[0].units == "1" and np.allclose(blocks[0].values, 0.4)


def test_a_source_of_the_run_is_on_the_cells_already(run, tmp_path):
    with io.read(run / "results/retrieve/2011.nc") as year:
        overpasses = year["vod"].load()
    spec = GridSet(kind="grid", source="retrieve", variable="vod")
    blocks = list(read_set([run / "results/retrieve/2011.nc"], land(run), spec))
    days = np.concatenate([block.days for block in blocks])
    values = np.concatenate([block.values for block in blocks])
    assert len(days) == 365 and blocks[0].units == "1"
    expected = overpasses.mean("overpass").transpose("time", "cell").values
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    wrong = spec.model_copy(update={"variable": "tb"})
    with pytest.raises(GlabError, match="further dimensions"):
        list(read_set([run / "results/tb40/2011.nc"], land(run), wrong))


# --- settings and page ----------------------------------------------------------------------------

GLOBAL = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


def with_sets(**sets) -> Config:
    return config_from(GLOBAL | {"evaluate": {"against": sets}})


@pytest.mark.parametrize(
    ("against", "message"),
    [
        ({"a": {"kind": "grid"}}, "either a path or a source"),
        ({"a": {"kind": "grid", "source": "x", "path": "y"}}, "either a path or a source"),
        ({"a": {"kind": "grid", "source": "x"}}, "name the variable of the source"),
        ({"a": {"kind": "grid", "source": "x", "variable": "v"}}, "unknown source 'x'"),
        ({"a": {"kind": "grid", "pth": "x"}}, "did you mean 'path'"),
        ({"a": {"kind": "stations", "depth_max": 1}}, "did you mean 'depth_max_m'"),
        ({"a b": {"kind": "grid", "path": "x"}}, "should match pattern"),
    ],
)
def test_faulty_sets_are_named(against, message):
    with pytest.raises(GlabError, match=message) as caught:
        with_sets(**against)
    assert "grid." not in str(caught.value.variable)


def test_an_overlay_removes_a_set_by_null():
    config = with_sets(a=None, b={"kind": "grid", "path": "x"})
    assert list(config.evaluate.against) == ["b"]


def test_the_page_has_a_section_for_each_set(run, tmp_path):
    path = series(run, tmp_path, DAYS)
    table, fields = compare(run, path, tmp_path / "out", reader="cf")
    spec = GridSet(kind="grid", path="data/set.nc", reader="cf", title="twice the VOD")
    lost = GridSet(kind="grid", path="data/lost.nc")
    with io.read(run / "results/product/glab_vod/2011.nc") as year:
        summaries = {"glab_vod": [year[["y", "x", "lat", "lon"]].load()]}
    material = Material(
        Report(against={"set": spec, "lost": lost}, dots_per_inch=50),
        summaries,
        {},
        fields,
        *(table, table),
        against={"set": (table, fields)},
    )
    section, missing = validation(material)
    assert section.title == "GLAB-VOD and twice the VOD"
    density, correlation, numbers = section.parts
    assert density.image.startswith("data:image/png") and "anomalies" in correlation.title
    assert numbers.rows[0][0] == "All cells" and numbers.rows[0][3] == "1.00"
    assert missing.text == ["lost (data/lost.nc): no files."]


def test_units_for_readers():
    assert unit_named("m3 m-3") == "m³ m⁻³" and unit_named("Mg ha-1") == "Mg ha⁻¹"
    assert unit_named("1") == ""
