"""Zarr stores: equal to the files, in uniform chunks, the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import fixtures_products as work
from glab import io
from glab.config import Product, Publish
from glab.errors import GlabError
from glab.io.chain import inputs_of
from glab.products.publish import chunk_lengths
from glab.steps.product import product
from glab.steps.publish import publish

SETTINGS = Publish(chunk_time=73, chunk_y=5, chunk_x=4)
YEARS = (2011, 2012, 2013)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, list[Path]]:
    folder = tmp_path_factory.mktemp("run")
    work.write_work_files(folder, 2011, 2013)
    results, files_of = folder / "results", {}
    inputs = {
        "glab_tb": ["compose/{}.nc", "residuals/vod/compose/{}.nc"],
        "glab_vod": ["predict/tb_vod/{}.nc"],
    }
    for name, patterns in inputs.items():
        files_of[name] = [results / "product" / name / f"{year}.nc" for year in YEARS]
        for year, path in zip(YEARS, files_of[name]):
            layers = [results / pattern.format(year) for pattern in patterns]
            product(layers, results / "domain.nc", year, path, Product(product=name))
    return files_of


@pytest.fixture(scope="module")
def stores(files, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("publish")
    for name, years in files.items():
        publish(years, folder / f"{name}.zarr", SETTINGS)
    return {name: folder / f"{name}.zarr" for name in files}


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("name", ["glab_tb", "glab_vod"])
def test_the_store_opens_equal_to_the_files(files, stores, name):
    parts = [io.read(path) for path in files[name]]
    whole = xr.concat(parts, "time", data_vars="minimal", coords="minimal", compat="override")
    with xr.open_zarr(stores[name], consolidated=True, chunks=None) as store:
        xr.testing.assert_equal(store.load(), whole.load())
        for variable in whole.variables:
            assert store[variable].dtype == whole[variable].dtype, variable
            ours, theirs = store[variable].attrs, whole[variable].attrs
            assert ours.keys() == theirs.keys()
            assert all(np.array_equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize("name", ["glab_tb", "glab_vod"])
def test_metadata_is_consolidated_and_chunks_are_uniform(stores, name):
    metadata = json.loads((stores[name] / ".zmetadata").read_text())["metadata"]
    fields = {
        key.removesuffix("/.zarray"): value
        for key, value in metadata.items()
        if key.endswith("/.zarray") and len(value["shape"]) == 3
    }
    assert len(fields) >= 8
    assert {tuple(value["chunks"]) for value in fields.values()} == {(73, 5, 4)}
    assert {value["dtype"] for value in fields.values()} <= {"<f4", "<i2"}


def test_attributes_contain_the_period_of_all_years(stores):
    with xr.open_zarr(stores["glab_tb"], chunks=None) as store:
        assert store.attrs["time_coverage_start"].startswith("2011-01-01")
        assert store.attrs["time_coverage_end"].startswith("2013-12-31")
        assert store.attrs["title"] == "GLAB-TB: daily L-band brightness temperature"
        assert store.attrs["id"] == "glab_tb"
        assert "stage publish" in store.attrs["source"]
        inputs = [f"product/glab_tb/{year}.nc" for year in (2011, 2012, 2013)]
        assert [each.path for each in inputs_of(store.attrs)] == inputs


def test_a_rewrite_gives_the_same_bytes_in_any_order_of_inputs(files, stores, tmp_path):
    publish(files["glab_tb"][::-1], tmp_path / "glab_tb.zarr", SETTINGS)
    assert content(tmp_path / "glab_tb.zarr") == content(stores["glab_tb"])
    publish(files["glab_tb"], tmp_path / "glab_tb.zarr", SETTINGS)
    assert content(tmp_path / "glab_tb.zarr") == content(stores["glab_tb"])


def test_a_further_year_moves_no_chunk_and_leaves_whole_chunks_as_they_were(
    files, stores, tmp_path
):
    publish(files["glab_tb"][:2], tmp_path / "glab_tb.zarr", SETTINGS)
    before, after = content(tmp_path / "glab_tb.zarr"), content(stores["glab_tb"])
    whole = (365 + 366) // 73
    kept = [
        name
        for name in before
        if name.startswith("tb_h/") and name[5].isdigit() and int(name[5:].split(".")[0]) < whole
    ]
    assert len(kept) > 50 and all(before[name] == after[name] for name in kept)
    publish(files["glab_tb"], tmp_path / "glab_tb.zarr", SETTINGS)
    assert content(tmp_path / "glab_tb.zarr") == after


def test_a_failed_publication_leaves_the_old_store(files, stores, tmp_path):
    publish(files["glab_vod"][:1], tmp_path / "x.zarr", SETTINGS)
    before = content(tmp_path / "x.zarr")
    with pytest.raises(GlabError, match="differ in their variables"):
        publish([files["glab_vod"][0], files["glab_tb"][1]], tmp_path / "x.zarr", SETTINGS)
    assert content(tmp_path / "x.zarr") == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.zarr"]


def test_years_that_overlap_or_differ_in_grid_are_refused(files, tmp_path):
    first = files["glab_vod"][0]
    (tmp_path / "copy.nc").write_bytes(first.read_bytes())
    with pytest.raises(GlabError, match="out of order or overlap"):
        publish([first, tmp_path / "copy.nc"], tmp_path / "x.zarr", SETTINGS)
    with xr.open_dataset(files["glab_vod"][1], decode_cf=False) as year:
        year.isel(y=slice(1, None)).to_netcdf(tmp_path / "cut.nc")
    with pytest.raises(GlabError, match="differ in their grid"):
        publish([first, tmp_path / "cut.nc"], tmp_path / "x.zarr", SETTINGS)
    with pytest.raises(GlabError, match="no year"):
        publish([], tmp_path / "x.zarr", SETTINGS)
    assert not (tmp_path / "x.zarr").exists()


def test_coordinates_are_whole_and_fields_in_configured_chunks():
    assert chunk_lengths({"time": 6940}, Publish()) == (6940,)
    assert chunk_lengths({"time": 20, "y": 584, "x": 1388}, Publish()) == (73, 73, 87)
    assert chunk_lengths({"time": 6940, "y": 14, "x": 9}, Publish()) == (73, 14, 9)
