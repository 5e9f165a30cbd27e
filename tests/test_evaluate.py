"""Evaluation of records whose gain, noise and breaks are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import fixtures_products as work
from glab import io
from glab.config import Evaluate, Period, Product, Splits
from glab.errors import GlabError
from glab.evaluation.breaks import find_segments
from glab.evaluation.evaluate import (
    COLUMNS,
    annual_trend,
    climatology_controls,
    evaluate_records,
    summarise_year,
)
from glab.evaluation.records import (
    cell_groups,
    evaluation_cells,
    pair_with_truth,
    periods,
    product_records,
    to_record,
)
from glab.steps.evaluate import evaluate
from glab.steps.product import product

SPLITS = Splits(held_out_years=[2013], held_out_fraction=0.3)
SETTINGS = Evaluate(
    splits=SPLITS,
    seed=3,
    periods={"SMOS alone": Period(start="2011-10-04", end="2012-07-01")},
)


def vod_record(gain: float = 0.8, noise: float = 0.02, jump: float = 0.0) -> xr.Dataset:
    nature = work.truth()
    years = [
        work.predict_year(nature, year, gain=gain, noise=noise, jump=jump)
        for year in range(2010, 2014)
    ]
    renamed = {f"vod{s}": f"VOD{s}" for s in ("", "_residual", "_std_total")}
    return to_record(xr.concat(years, "time").rename(renamed), "VOD", "glab_vod")


@pytest.fixture(scope="module")
def nature() -> xr.Dataset:
    return work.truth()


@pytest.fixture(scope="module")
def cells(nature) -> xr.Dataset:
    return evaluation_cells(work.domain(), nature, SETTINGS)


@pytest.fixture(scope="module")
def tables(nature, cells) -> tuple[pd.DataFrame, pd.DataFrame, xr.Dataset]:
    return evaluate_records([vod_record()], nature, cells, SETTINGS)


def value(table: pd.DataFrame, metric: str, **where: str) -> float:
    where = {"product": "glab_vod", "truth": "cell", "period": "all", "cells": "all"} | where
    where = {"signal": "full"} | where if metric != "break" else where
    rows = table[table["metric"] == metric]
    for column, wanted in where.items():
        rows = rows[rows[column] == wanted]
    assert len(rows) == 1, (metric, where, len(rows))
    return float(rows["value"].iloc[0])


# --- the table ----------------------------------------------------------------------------------


def test_the_gain_of_a_damped_record_is_found(tables):
    skill = tables[0]
    assert value(skill, "trend_gain") == pytest.approx(0.8, abs=0.03)
    assert value(skill, "trend_gain", cells="held_out") == pytest.approx(0.8, abs=0.05)
    assert value(skill, "trend_skill") == pytest.approx(1 - 0.2**2, abs=0.03)
    assert value(skill, "clearing_gain", cells="cleared") == pytest.approx(0.8, abs=0.03)
    assert abs(value(skill, "early_fraction", cells="cleared")) < 0.1
    assert value(skill, "noise_cell_median") == pytest.approx(0.03, abs=0.01)


def test_a_correct_uncertainty_covers_and_a_small_one_does_not(nature, cells):
    wide, narrow = vod_record(gain=1.0), vod_record(gain=1.0)
    narrow["std"] = narrow["std"] / 10
    skills = [evaluate_records([each], nature, cells, SETTINGS)[0] for each in (wide, narrow)]
    assert value(skills[0], "coverage_1") == pytest.approx(0.77, abs=0.02)  # 1.2 σ
    assert value(skills[0], "coverage_2") == pytest.approx(0.984, abs=0.01)
    assert value(skills[1], "coverage_1") < 0.15
    assert value(skills[0], "spread") == pytest.approx(0.024, rel=1e-3)


def test_residual_and_full_signal_have_one_rmse_but_not_one_correlation(tables):
    skill = tables[0]
    for group in ("all", "trained", "held_out", "cleared"):
        full = value(skill, "rmse", cells=group)
        assert value(skill, "rmse", cells=group, signal="residual") == pytest.approx(full, rel=1e-5)
    assert value(skill, "r") > value(skill, "r", signal="deseasonalised")


def test_the_record_beats_its_controls(tables):
    skill = tables[0]
    for control in ("glab_vod: climatology", "glab_vod: persistence"):
        assert value(skill, "rmse", product=control) > 2 * value(skill, "rmse")
        assert value(skill, "r", product=control, signal="deseasonalised") < 0.6
    assert abs(value(skill, "trend_gain", product="glab_vod: climatology")) < 0.05


def test_both_truths_are_used_and_the_footprint_is_smoother(tables, nature, cells):
    assert set(tables[0]["truth"]) == {"cell", "footprint"}
    truths = pair_with_truth(vod_record(), nature, SETTINGS).truths
    spread = {kind: np.nanstd(field, axis=1).mean() for kind, field in truths.items()}
    assert spread["footprint"] < 0.8 * spread["cell"]
    assert np.nanmean(truths["footprint"]) == pytest.approx(np.nanmean(truths["cell"]), abs=0.02)


def test_the_table_is_tidy_and_counts_its_pairs(tables, cells):
    skill = tables[0]
    assert list(skill.columns) == COLUMNS
    assert not skill.duplicated(COLUMNS[:7]).any()
    pairs = skill[(skill["metric"] == "rmse") & (skill["signal"] == "full")]
    rows = pairs[(pairs["product"] == "glab_vod") & (pairs["truth"] == "cell")]
    whole = rows[(rows["period"] == "all")].set_index("cells")["n"]
    kinds = ["unchanged", "browned", "greened", "cleared"]
    assert whole[kinds].sum() == whole["all"]
    assert whole[["cleared", "uncleared"]].sum() == whole["all"]
    assert whole[[name for name in whole.index if "VOD" in name]].sum() == whole["all"]
    assert whole[[name for name in whole.index if "biome" in name]].sum() == whole["all"]
    times = rows[rows["cells"] == "all"].set_index("period")["n"]
    assert times["held-out years"] + times["other years"] == times["all"]
    assert 0 < times["SMOS alone"] < times["held-out years"]


def test_every_short_period_has_trained_and_held_out_cells(tables):
    skill = tables[0]
    for period in ("held-out years", "SMOS alone"):
        assert set(skill[skill["period"] == period]["cells"]) >= {"all", "trained", "held_out"}


# --- breaks and fields of cells ------------------------------------------------------------------


def test_a_break_at_the_change_of_sensors_is_larger_than_others(nature, cells):
    breaks = evaluate_records([vod_record(gain=1.0, jump=0.05)], nature, cells, SETTINGS)[1]
    by_date = breaks[(breaks["truth"] == "cell") & (breaks["cells"] == "all")].set_index("date")[
        "break"
    ]
    assert by_date["2012-07-02"] == pytest.approx(0.05, abs=0.005)
    assert by_date["2011-10-04"] == pytest.approx(0.0, abs=0.005)


def test_segments_follow_the_sensors_within_the_record():
    days = np.arange("2009-03-01", "2014-01-01", dtype="datetime64[D]")
    segments = find_segments(SETTINGS.sensors, days)
    assert [s.name for s in segments] == ["amsre", "amsre_smos", "smos", "amsr2_smos"]
    assert segments[0].start == days[0] and segments[-1].end == days[-1]
    for before, after in zip(segments, segments[1:]):
        assert after.start - before.end == np.timedelta64(1, "D")


def test_fields_of_cells_agree_with_the_table(tables, cells):
    skill, _, fields = tables
    of_vod = fields.sel(product="glab_vod", truth="cell")
    assert of_vod.sizes == {"cell": cells.sizes["cell"]}
    trend, true = of_vod["VOD_trend"].values, of_vod["VOD_truth_trend"].values
    assert np.sum(trend * true) / np.sum(true**2) == pytest.approx(
        value(skill, "trend_gain"), rel=1e-4
    )
    assert float(of_vod["VOD_r"].median()) == pytest.approx(
        value(skill, "r_cell_median", signal="deseasonalised"), rel=1e-4
    )


# --- cell groups and truths ---------------------------------------------------------------------


def test_groups_are_those_of_the_links_splits(nature, cells):
    masks = cell_groups(cells, nature, SETTINGS)
    assert not (masks["trained"] & masks["held_out"]).any()
    buffer = ~(masks["trained"] | masks["held_out"])
    assert buffer.any() and masks["held_out"].sum() > 10
    few = nature.isel(cell=slice(0, 40))
    subset = evaluation_cells(work.domain(), few, SETTINGS)
    expected = cells["split"].sel(cell=subset["cell"].values)
    assert np.array_equal(subset["split"], expected)


def test_frozen_days_count_in_no_window(nature):
    record = vod_record()
    frozen = nature.copy(deep=True)
    frozen["frozen"][: 31 + 10] = 1
    plain, masked = (
        pair_with_truth(record, each, SETTINGS).truths["cell"] for each in (nature, frozen)
    )
    assert np.isfinite(plain[0]).all()
    assert np.isnan(masked[0]).all() and np.isnan(masked[1]).all()
    assert np.array_equal(plain[5:], masked[5:])


def test_brightness_temperature_has_the_truth_of_its_footprint_alone(nature):
    tb = work.compose_year(nature, 2012)
    layers = xr.Dataset({"tb_h": tb["tb"].sel(channel="h", drop=True)})
    truths = pair_with_truth(to_record(layers, "tb_h", "glab_tb"), nature, SETTINGS).truths
    assert list(truths) == ["footprint"]
    expected = nature["tb"].sel(channel="h", time="2012", cell=tb["cell"].values)
    assert np.allclose(truths["footprint"], expected)


def test_persistence_is_last_years_truth(nature):
    record = vod_record()
    true = pair_with_truth(record, nature, SETTINGS).truths["cell"]
    controls = {
        each.attrs["product"].split(": ")[1]: each for each in climatology_controls(record, true)
    }
    last = controls["persistence"]["value"].values
    assert np.isnan(last[:20]).all()
    days = record["time"].values.astype("datetime64[D]")
    later = 30
    source = np.argmin(np.abs((days - (days[later] - 365)).astype(int)))
    assert np.array_equal(last[later], true[source])
    assert np.array_equal(controls["climatology"]["value"], record["climatology"], equal_nan=True)


def test_periods_without_a_day_are_left_out():
    days = np.arange("2012-01-01", "2012-03-01", dtype="datetime64[D]")
    assert list(periods(days, SETTINGS)) == ["all", "other years", "SMOS alone"]


def test_an_unknown_variable_and_foreign_cells_are_errors(nature, cells):
    record = vod_record()
    with pytest.raises(GlabError, match="the truth of this variable is not known"):
        pair_with_truth(record.assign_attrs(variable="origin"), nature, SETTINGS)
    with pytest.raises(GlabError, match="lacks cells"):
        pair_with_truth(record, nature.isel(cell=slice(0, 5)), SETTINGS)
    elsewhere = nature.assign_coords(cell=np.arange(nature.sizes["cell"]))
    with pytest.raises(GlabError, match="no cell in common"):
        evaluation_cells(work.domain(), elsewhere, SETTINGS)


# --- the step -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    work.write_work_files(folder, 2012, 2013)
    results = folder / "results"
    for year in (2012, 2013):
        inputs = {
            "glab_tb": [f"compose/{year}.nc", f"residuals/vod/compose/{year}.nc"],
            "glab_vod": [f"predict/tb_vod/{year}.nc"],
            "smos_ib": [f"tb40/{year}.nc", f"retrieve/{year}.nc"],
        }
        for name, layers in inputs.items():
            files = [results / layer for layer in layers]
            output = results / "product" / name / f"{year}.nc"
            product(files, results / "domain.nc", year, output, Product(product=name))
    return folder


def arguments(run: Path, folder: Path) -> dict:
    return {
        "products": sorted((run / "results" / "product").glob("*/*.nc")),
        "domain": run / "results" / "domain.nc",
        "output": folder / "skill.csv",
        "cells": folder / "cells.nc",
        "breaks": folder / "breaks.csv",
        "settings": SETTINGS,
    }


def test_the_step_evaluates_every_product_and_control_reproducibly(run, tmp_path):
    control = sorted((run / "results" / "predict" / "tb_vod").glob("*.nc"))
    for folder in ("a", "b"):
        keys = arguments(run, tmp_path / folder)
        evaluate(**keys, truth=run / "data" / "truth.nc", controls=control)
    for name in ("skill.csv", "cells.nc", "breaks.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    skill = pd.read_csv(tmp_path / "a" / "skill.csv")
    variables = set(zip(skill["product"], skill["variable"]))
    assert variables >= {
        ("glab_tb", "tb_h"),
        ("glab_tb", "tb_v"),
        ("glab_vod", "VOD"),
        ("smos_ib", "soil_moisture"),
        ("tb_vod", "VOD"),
    }
    same = [value(skill, "rmse", product=name) for name in ("glab_vod", "tb_vod")]
    assert same[0] == same[1]
    with io.read(tmp_path / "a" / "cells.nc") as fields:
        assert {"VOD_trend", "tb_h_rmse", "split", "change_kind", "lat"} <= set(fields.variables)


def test_single_bins_of_smos_are_noisier_than_the_40_degree_tb(run, tmp_path):
    bins = []
    for year in (2012, 2013):
        path = tmp_path / f"{year}.nc"
        with io.read(run / "results" / "tb40" / f"{year}.nc") as tb40:
            quiet = tb40["tb"].load().expand_dims(angle=np.array([40.0, 42.5]), axis=3)
            rng = np.random.default_rng(year)
            loud = (quiet + rng.normal(0, 4.0, quiet.shape)).astype(np.float32)
            io.write(loud.to_dataset(name="tb"), path, io.Provenance("regrid"))
        bins.append(path)
    evaluate(**arguments(run, tmp_path / "out"), truth=run / "data/truth.nc", observations=bins)
    skill = pd.read_csv(tmp_path / "out" / "skill.csv")
    skill = skill[skill["variable"] == "tb_h"]
    where = {"truth": "footprint"}
    fitted = value(skill, "ubrmse_cell_median", product="smos_ib", **where)
    for angle in ("40", "42.5"):
        single = value(skill, "ubrmse_cell_median", product=f"SMOS {angle}° bin", **where)
        assert single == pytest.approx(np.hypot(4.0, fitted), rel=0.05)
    assert value(skill, "slope", product="smos_ib", **where) == pytest.approx(1.0, abs=0.01)


def test_without_a_truth_products_are_summarised(run, tmp_path):
    evaluate(**arguments(run, tmp_path))
    skill = pd.read_csv(tmp_path / "skill.csv")
    assert set(skill["metric"]) == {"present", "mean"} and set(skill["truth"]) == {"none"}
    vod = skill[(skill["variable"] == "VOD") & (skill["metric"] == "present")]
    assert (vod["value"] == 1).all() and list(vod["period"]) == [2012, 2013]
    assert pd.read_csv(tmp_path / "breaks.csv").empty


def test_retrievals_are_filtered_as_their_users_do(run, cells):
    path = run / "results" / "product" / "smos_ib" / "2012.nc"
    values = {each.attrs["variable"]: each["value"] for each in product_records([path], cells)}
    with io.read(path) as year:
        good = (year["scene_flags"] <= 1) & (year["tb_rmse"] <= 8.0)
        assert int(values["vod"].count()) == int((year["vod"].where(good)).count())
        assert int(values["tb_h"].count()) == int(year["tb_h"].count())


def test_a_file_that_is_no_product_is_named(run, tmp_path):
    keys = arguments(run, tmp_path) | {"products": [run / "results" / "compose" / "2012.nc"]}
    with pytest.raises(GlabError, match="not a product file"):
        evaluate(**keys, truth=run / "data" / "truth.nc")
    assert list(tmp_path.iterdir()) == []


def test_records_have_the_order_of_the_cells(run, cells):
    paths = sorted((run / "results" / "product" / "glab_vod").glob("*.nc"))
    (record,) = product_records(paths, cells)
    with io.read(run / "results" / "predict" / "tb_vod" / "2012.nc") as year:
        assert np.array_equal(record["value"].sel(time="2012"), year["vod"], equal_nan=True)
    assert record.attrs["window_days"] == 18


# --- summaries ----------------------------------------------------------------------------------


def test_a_summary_has_the_means_of_the_year(run):
    with io.read(run / "results" / "product" / "glab_tb" / "2012.nc") as year:
        summary = summarise_year(year, ["tb_h", "absent"])
        whole = year.load()
    assert np.allclose(summary["tb_h_mean"], whole["tb_h"].mean("time"), equal_nan=True, atol=1e-3)
    assert np.allclose(summary["tb_h_zonal"], whole["tb_h"].mean("x"), equal_nan=True, atol=1e-3)
    assert np.allclose(summary["origin_fraction"].sum("flag"), 1.0, atol=1e-6)
    present = np.isfinite(whole["tb_h"]).mean("time")
    assert np.allclose(summary["tb_h_present"], present)


def test_a_digest_counts_the_flags_that_the_file_states(run):
    with io.read(run / "results" / "product" / "glab_tb" / "2012.nc") as year:
        whole = year.load()
    flags = {"flag_values": np.array([0, 1, 3, 5], "i2"), "flag_meanings": "none smos smap both"}
    whole["origin"].attrs |= flags
    summary = summarise_year(whole, [])
    assert summary["flag"].values.tolist() == ["none", "smos", "smap", "both"]
    both = (whole["origin"] == 5).sum(("y", "x")) / (whole["origin"] > 0).any("time").sum()
    assert np.allclose(summary["origin_fraction"].sel(flag="both"), both, atol=1e-6)
    assert np.allclose(summary["origin_fraction"].sum("flag"), 1.0, atol=1e-6)


def test_annual_trends_need_years():
    lat = np.array([1.0, 0.0])
    years = [
        xr.Dataset(
            {
                "VOD_mean": (
                    ("y", "x"),
                    np.array([[0.1 * n, np.nan], [1.0, n if n < 3 else np.nan]]),
                )
            },
            {"lat": ("y", lat), "year": 2003 + n},
        )
        for n in range(6)
    ]
    trend = annual_trend(years, "VOD")
    assert trend[0, 0] == pytest.approx(0.1, rel=1e-3) and trend[1, 0] == pytest.approx(0.0)
    assert np.isnan(trend[0, 1]) and np.isnan(trend[1, 1])
