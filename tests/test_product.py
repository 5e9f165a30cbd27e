"""Products: names, layers, grid, CF attributes, and the daily files of SMOS-IB."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

import fixtures_products as work
from glab import io
from glab.config import Product
from glab.errors import GlabError
from glab.grids import M25, M25_CELL_M
from glab.grids.cells import extent_of, horizontal_coordinates, select_cells, to_grid
from glab.products.attributes import PRODUCTS
from glab.products.product import quality_filter
from glab.steps.product import export_daily, product

INPUTS = {
    "glab_tb": ["compose/{}.nc", "residuals/vod/compose/{}.nc"],
    "glab_vod": ["predict/tb_vod/{}.nc"],
    "smos_ib": ["tb40/{}.nc", "retrieve/{}.nc"],
}


def make(results: Path, name: str, year: int, output: Path | None = None, **keys) -> Path:
    product_file = output or results / "product" / name / f"{year}.nc"
    layers = [results / pattern.format(year) for pattern in INPUTS[name]]
    settings = Product(product=name, references=["10.5067/IKQ0G7ODMLC7"], **keys)
    product(layers, results / "domain.nc", year, product_file, settings)
    return product_file


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    work.write_work_files(folder, 2012, 2012)
    for name in PRODUCTS:
        make(folder / "results", name, 2012)
    return folder / "results"


# --- CF -----------------------------------------------------------------------------------------


def compliance(path: Path, report: Path) -> tuple[bool, str]:
    """Return result and report of the IOOS checker for cf:1.11."""
    from compliance_checker.runner import CheckSuite, ComplianceChecker

    CheckSuite.load_all_available_checkers()
    passed, _ = ComplianceChecker.run_checker(
        str(path), ["cf:1.11"], 0, "strict", output_filename=str(report), output_format="text"
    )
    return passed, report.read_text()


@pytest.fixture
def mended_checker(monkeypatch):
    """Correct a fault of checker 6.1: it lists the one required attribute of this projection as a
    string instead of a tuple, so it requires an attribute for each of its letters."""
    from compliance_checker.cf import appendix_f

    for version in ("16", "17"):
        table = getattr(appendix_f, f"grid_mapping_dict{version}")
        entry = list(table["lambert_cylindrical_equal_area"])
        if isinstance(entry[0], str):
            entry[0] = (entry[0],)
        monkeypatch.setitem(table, "lambert_cylindrical_equal_area", entry)


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_compliance_checker_finds_no_fault(results, name, tmp_path, mended_checker):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        passed, text = compliance(results / "product" / name / "2012.nc", tmp_path / "report.txt")
    assert passed and "Errors" not in text and "Warnings" not in text, text


@pytest.mark.parametrize("name", PRODUCTS)
def test_values_are_float32_compressed_and_described(results, name):
    with netCDF4.Dataset(results / "product" / name / "2012.nc") as file:
        fields = [v for v in file.variables.values() if v.dimensions[-2:] == ("y", "x")]
        assert len(fields) > 7
        for field in fields:
            assert field.dtype in (np.float32, np.int16)
            assert field.filters()["zlib"]
            assert field.grid_mapping == "crs" and field.coordinates == "lat lon"
            assert field.units and field.long_name
        for attribute in ("title", "summary", "license", "creator_name", "references", "id"):
            assert file.getncattr(attribute)
        assert "_FillValue" not in file["lat"].ncattrs()
        for main in PRODUCTS[name].main:
            others = file[main].ancillary_variables.split()
            assert others and all(other in file.variables for other in others)


def test_no_attribute_contains_a_clock_or_a_folder(results):
    with io.read(results / "product" / "glab_tb" / "2012.nc") as dataset:
        assert not {"date_created", "date_modified", "creation_date"} & dataset.attrs.keys()
        assert str(results) not in str(dataset.attrs)
        assert dataset.attrs["time_coverage_start"] == "2012-01-01T00:00:00Z"
        assert dataset.attrs["time_coverage_end"] == "2012-12-31T23:59:59Z"


@pytest.mark.parametrize("days", [9, 18])
def test_the_length_of_windows_is_in_the_attributes(results, tmp_path, days):
    layers = results / "predict" / "tb_vod" / "2012.nc"
    with io.read(layers) as work_file:
        windows = work_file.load()
    starts = np.datetime64("2012-01-04", "ns") + np.arange(windows.sizes["time"]) * np.timedelta64(
        days, "D"
    )
    bounds = np.stack([starts, starts + np.timedelta64(days, "D")], axis=-1)
    windows = windows.assign(time=starts, time_bnds=(("time", "nv"), bounds))
    path = tmp_path / "results" / "predict" / "tb_vod" / "2012.nc"
    io.write(windows, path, io.Provenance("predict", Product(product="glab_vod"), []))
    product_file = tmp_path / "glab_vod.nc"
    product([path], results / "domain.nc", 2012, product_file, Product(product="glab_vod"))
    with io.read(product_file) as dataset:
        assert f"GLAB-VOD: {days}-day" in dataset.attrs["title"]
        assert f"windows of {days} days" in dataset.attrs["summary"]
        assert dataset.attrs["time_coverage_resolution"] == f"P{days}D"
        assert dataset["VOD"].attrs["cell_methods"] == "area: mean time: mean"
        first, last = (
            np.datetime64(dataset.attrs[f"time_coverage_{end}"][:10]) for end in ("start", "end")
        )
        assert (last - first).astype(int) + 1 == days * dataset.sizes["time"]


def test_the_same_inputs_give_the_same_bytes(results, tmp_path):
    again = make(results, "glab_tb", 2012, tmp_path / "2012.nc")
    assert again.read_bytes() == (results / "product" / "glab_tb" / "2012.nc").read_bytes()


def documented_layers() -> dict[str, set[str]]:
    """Layers of each product in the table of docs/products.md."""
    text = (Path(__file__).parents[1] / "docs" / "products.md").read_text(encoding="utf-8")
    layers = {}
    for name, cell in re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", text, re.M):
        words = re.findall(r"`(\w+)`", cell)
        main = words[: next((i for i, w in enumerate(words) if w.startswith("_")), 0)]
        suffixes = [word for word in words if word.startswith("_")]
        layers[name] = {word for word in words if not word.startswith("_")}
        layers[name] |= {first + suffix for first in main for suffix in suffixes}
    return layers


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_documentation_lists_the_layers_of_a_product(results, name):
    with io.read(results / "product" / name / "2012.nc") as dataset:
        grid = {"crs", "lat_bnds", "lon_bnds"}
        assert documented_layers()[name] == {*map(str, dataset.data_vars)} - grid


# --- the grid -----------------------------------------------------------------------------------


def test_projected_coordinates_are_those_of_epsg_6933():
    from pyproj import Transformer

    there = horizontal_coordinates(extent_of(work.domain(), "grid"))
    assert there.sizes == {"y": 584, "x": 1388, "nv": 2}
    forward = Transformer.from_crs("EPSG:4326", "EPSG:6933", always_xy=True)
    x, y = forward.transform(there["lon"].values, np.zeros(1388))
    assert there["x"].values == pytest.approx(np.asarray(x), abs=0.5)
    _, y = forward.transform(np.zeros(584), there["lat"].values)
    assert there["y"].values == pytest.approx(np.asarray(y), abs=0.5)
    assert float(there["y"][0]) == pytest.approx(7307375.92 - M25_CELL_M / 2)


def test_geographic_software_reads_the_projection(results):
    import rasterio

    with rasterio.open(f"netcdf:{results}/product/glab_vod/2012.nc:VOD") as raster:
        assert raster.crs.to_epsg() == 6933
        left, top = raster.transform[2], raster.transform[5]
    rows, cols = (work.domain()[name].values for name in ("row", "col"))
    assert left == pytest.approx((cols.min() - 694) * M25_CELL_M, abs=1)
    assert top == pytest.approx((292 - rows.min()) * M25_CELL_M, abs=1)


@pytest.mark.parametrize(("extent", "shape"), [("grid", (584, 1388)), ("window", None)])
def test_the_extent_is_the_whole_grid_or_the_smallest_rectangle(extent, shape):
    domain = work.domain()
    window = extent_of(domain, extent)
    rows, cols = domain["row"].values, domain["col"].values
    assert window.shape == (shape or (int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1))
    field = to_grid(domain["cell"].values.astype(np.float32), window)
    full_row, full_col = np.nonzero(np.isfinite(field))
    expected = (full_row + window.rows.start) * 1388 + full_col + window.cols.start
    assert np.array_equal(field[full_row, full_col], expected.astype(np.float32))


def test_a_domain_of_the_globe_gives_the_whole_grid():
    rows, cols = np.array([3, 580]), np.array([0, 1387])
    globe = xr.Dataset({"row": ("cell", rows), "col": ("cell", cols)})
    assert extent_of(globe).shape == (584, 1388)
    assert extent_of(work.domain()).shape != (584, 1388)


def test_select_cells_returns_the_values_that_were_gridded(results):
    domain = work.domain()
    with io.read(results / "product" / "glab_vod" / "2012.nc") as dataset:
        cells = select_cells(dataset, domain["row"].values, domain["col"].values)
        with io.read(results / "predict" / "tb_vod" / "2012.nc") as predicted:
            assert np.array_equal(cells["VOD"], predicted["vod"], equal_nan=True)
        with pytest.raises(GlabError, match="does not cover"):
            select_cells(dataset, domain["row"].values + 100, domain["col"].values)


def test_lat_lon_and_bounds_are_the_grids(results):
    with io.read(results / "product" / "glab_vod" / "2012.nc") as dataset:
        row, _ = M25.index(dataset["lat"].values, dataset["lon"].values[:1])
        assert np.array_equal(dataset["lat_bnds"], M25.lat_bounds[row])
        assert dataset["lat"].attrs["bounds"] == "lat_bnds"
        assert dataset["lat"].values[0] > dataset["lat"].values[-1]


# --- layers -------------------------------------------------------------------------------------


def test_glab_tb_carries_every_layer_of_compose(results):
    with (
        io.read(results / "product" / "glab_tb" / "2012.nc") as product_file,
        io.read(results / "compose" / "2012.nc") as compose,
        io.read(results / "residuals/vod/compose/2012.nc") as residual,
    ):
        domain = work.domain()
        cells = select_cells(product_file, domain["row"].values, domain["col"].values)
        assert product_file.sizes["time"] == 366
        for number, pol in enumerate("hv"):
            pairs = {f"tb_{pol}": compose["tb"], f"tb_{pol}_residual": residual["tb_residual"]}
            pairs |= {
                f"tb_{pol}{s}": compose[f"tb{s}"] for s in ("_std", "_std_data", "_std_total")
            }
            for name, expected in pairs.items():
                assert np.array_equal(cells[name], expected[..., number], equal_nan=True), name
        assert np.array_equal(cells["origin"], compose["origin"])
        assert product_file["origin"].attrs["flag_meanings"].split()[1] == "smos"
        outside = ~np.isfinite(to_grid(np.ones(domain.sizes["cell"]), extent_of(domain)))
        assert np.isnan(product_file["tb_h"].values[:, outside]).all()
        assert (product_file["origin"].values[:, outside] == 0).all()


def test_glab_vod_is_climatology_plus_residual_in_windows_of_one_epoch(results):
    with io.read(results / "product" / "glab_vod" / "2012.nc") as product_file:
        assert np.allclose(
            product_file["VOD"],
            product_file["VOD_climatology"] + product_file["VOD_residual"],
            equal_nan=True,
        )
        bounds = product_file["time_bnds"].values.astype("datetime64[D]")
        assert np.array_equal(bounds[:, 0], product_file["time"].values.astype("datetime64[D]"))
        assert (np.diff(bounds, axis=1) == np.timedelta64(18, "D")).all()
        assert ((bounds[:, 0] - np.datetime64("2002-06-19")).astype(int) % 18 == 0).all()
        assert np.array_equal(
            product_file["VOD_residual_std"], product_file["VOD_std"], equal_nan=True
        )
        assert (
            (product_file["VOD_std_total"] >= product_file["VOD_std"])
            .values[np.isfinite(product_file["VOD"])]
            .all()
        )


def test_smos_ib_has_one_overpass_and_no_flags_where_nothing_was_observed(results, tmp_path):
    other = make(results, "smos_ib", 2012, tmp_path / "2012.nc", overpass="descending")
    domain = work.domain()
    for path, overpass in ((results / "product/smos_ib/2012.nc", 0), (other, 1)):
        with io.read(path) as product_file, io.read(results / "retrieve" / "2012.nc") as retrieve:
            cells = select_cells(product_file, domain["row"].values, domain["col"].values)
            assert np.array_equal(cells["vod"], retrieve["vod"][..., overpass], equal_nan=True)
            seen = np.isfinite(cells["tb_h"])
            assert np.isnan(cells["scene_flags"].values[~seen.values]).all()
            assert set(np.unique(cells["scene_flags"].values[seen.values])) <= {0, 1, 2, 4, 8}
            assert (
                product_file["processing_flags"].attrs["flag_meanings"]
                == "not_converged negative_median"
            )


def test_the_quality_filter_keeps_good_scenes_and_fits(results):
    with io.read(results / "product" / "smos_ib" / "2012.nc") as dataset:
        dataset = dataset.load()
        kept = quality_filter(dataset)
        good = (dataset["scene_flags"] <= 1) & (dataset["tb_rmse"] <= 8.0)
        assert 0.05 < float(good.mean()) < 0.5
        expected = dataset["soil_moisture"].where(good)
        assert np.array_equal(kept["soil_moisture"], expected, equal_nan=True)
        assert np.array_equal(kept["scene_flags"], dataset["scene_flags"], equal_nan=True)
        strict = quality_filter(dataset, scene_flags_max=0, tb_rmse_max_k=6.0)
        assert np.isfinite(strict["vod"]).sum() < np.isfinite(kept["vod"]).sum()
        loose = quality_filter(dataset, scene_flags_max=15, tb_rmse_max_k=99.0)
        assert np.array_equal(loose["vod"], dataset["vod"], equal_nan=True)


def test_daily_files_have_the_layout_of_smos_ib(results, tmp_path):
    with io.read(results / "product" / "smos_ib" / "2012.nc") as year:
        few = year.isel(time=slice(0, 2)).load()
    few.to_netcdf(tmp_path / "few.nc")
    files = export_daily(tmp_path / "few.nc", tmp_path / "daily")
    assert [path.name for path in files] == ["SMOS_IB_20120101.nc", "SMOS_IB_20120102.nc"]
    with xr.open_dataset(files[1]) as day:
        assert dict(day.sizes) == {"lat": 584, "lon": 1388}
        assert day["Soil_Moisture"].dtype == np.float64
        window = day.sel(lat=few["lat"].values, lon=few["lon"].values, method="nearest")
        known = window["Optical_Thickness_Nad"].values
        assert np.array_equal(known, few["vod"].values[1], equal_nan=True)
        assert int(day["TBH"].count()) == int(few["tb_h"][1].count())


# --- inputs that are refused -------------------------------------------------------------------


def test_work_files_of_another_domain_are_refused(results, tmp_path):
    other = work.domain().isel(cell=slice(None, None, -1))
    io.write(other, tmp_path / "domain.nc", io.Provenance("domain"))
    layers = [results / "predict/tb_vod/2012.nc"]
    with pytest.raises(GlabError, match="another domain"):
        product(
            layers, tmp_path / "domain.nc", 2012, tmp_path / "x.nc", Product(product="glab_vod")
        )
    assert not (tmp_path / "x.nc").exists()


def test_work_files_that_lack_a_variable_or_differ_in_time_are_refused(results, tmp_path):
    layers = [results / "compose/2012.nc", results / "predict/tb_vod/2012.nc"]
    with pytest.raises(GlabError, match="do not fit each other"):
        product(layers, results / "domain.nc", 2012, tmp_path / "x.nc", Product(product="glab_tb"))
    with pytest.raises(GlabError, match="lack a variable"):
        product(
            layers[:1], results / "domain.nc", 2012, tmp_path / "x.nc", Product(product="glab_tb")
        )
    assert list(tmp_path.iterdir()) == []
