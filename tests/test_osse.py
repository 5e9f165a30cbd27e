"""The benchmark's measures, its table, and the order of the methods on three reduced worlds."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import in_process
from glab.config import load_config
from glab.io.files import read_table
from glab.report.tables import CEILING, EARLY, FALSE_TREND, MEASURES, measure_run, method_table

ROOT = Path(__file__).parents[1]
CONFIGS = {
    "published": ["osse.yaml", "published.yaml", "osse/published.yaml"],
    "trend-preserving": ["osse.yaml"],
}
REDUCED = {
    "years": {"first": 2009, "last": 2018},
    "domain": {"box": {"west": 20.0, "east": 20.3, "south": -20.0, "north": 0.0}},
    "splits": {"held_out_years": [2018]},
    "evaluate": {"controls": [], "periods": {}},
    "products": {"glab_tb": None, "glab_vod": {"first": 2009, "last": 2018}},
}
BASELINES = {
    "published": {"own": {"start": "2009-01-01", "end": "2017-12-31"}},
    "trend-preserving": {
        "amsr2": {"start": "2013-01-01", "end": "2017-12-31"},
        "vod": {"start": "2015-04-01", "end": "2017-12-31"},
    },
}


def row(metric, value, cells="all", period="all", signal="full", product="glab_vod", n=9):
    row = {"product": product, "variable": "VOD", "truth": "footprint", "period": period}
    return row | {"cells": cells, "signal": signal, "metric": metric, "value": value, "n": n}


@pytest.fixture
def skill():
    return pd.DataFrame(
        [
            row("trend_gain", 0.9),
            row("trend_gain", 0.7, "held_out"),
            row("trend_gain", 0.1, product="glab_vod: climatology"),
            row("trend_error", 0.001),
            row("r", 0.8, period=EARLY, signal="deseasonalised"),
            row("r", 0.95, period=EARLY, signal="deseasonalised", product=CEILING),
            row("coverage_1", 0.66, "held_out", EARLY),
            row("clearing_gain", 0.85, "cleared"),
        ]
    )


@pytest.fixture
def breaks():
    where = {"product": "glab_vod", "truth": "footprint", "cells": "all"}
    chance = {"placebo_p05": -0.002, "placebo_p95": 0.002}
    return pd.DataFrame([where | {"break": s} | chance for s in (0.001, -0.006, 0.0015, -0.0001)])


def test_measures_are_rows_of_the_tables(skill, breaks):
    measures = measure_run(skill, breaks)
    assert measures["trend gain, all cells"] == 0.9
    assert measures["trend gain, held-out cells"] == 0.7
    assert measures[FALSE_TREND[0]] == 0.001
    assert measures["R of anomalies, 2003–2009"] == 0.8
    assert measures["R of anomalies, 2003–2009, ceiling"] == 0.95
    assert measures["clearings: gain of drops"] == 0.85
    assert measures[f"coverage of ±1σ, held-out cells, {EARLY}"] == 0.66
    assert measures["largest break at a change of sensors"] == 0.006
    assert measures["fraction of breaks within the placebo range"] == 0.75
    assert np.isnan(measures["trend skill, all cells"])


def test_methods_are_compared_in_one_table(skill, breaks):
    table = method_table({"published": (skill, breaks), "this": (skill, breaks)})
    assert table.columns == ["", "published", "this"]
    assert ["trend gain, all cells", "0.900", "0.900"] in table.rows
    assert ["largest break at a change of sensors", "0.0060", "0.0060"] in table.rows


def labels(section: str) -> list[str]:
    """Labels of the first table of a section of docs/method.md."""
    text = (ROOT / "docs" / "method.md").read_text().partition(f"\n## {section}\n")[2]
    table = text[text.index("\n|---") :].partition("\n\n")[0]
    return re.findall(r"^\| (.+?) \|", table, re.M)


def test_labels_of_the_benchmark_table_are_those_of_the_code(skill, breaks):
    known = set(measure_run(skill, breaks).index)
    in_docs = labels("The benchmark")
    assert {measure.label for measure in MEASURES} <= set(in_docs)
    relative = {"RMSE against published", FALSE_TREND[1]}
    for label in in_docs:
        coverage = label.startswith("coverage of ±")
        assert label in known | relative or coverage or ", against " in label, label


def test_the_readme_has_no_copy_of_the_table():
    text = (ROOT / "README.md").read_text()
    assert "docs/method.md" in text and "| trend gain" not in text


def test_the_published_overlay_reduces_and_changes_nothing_else():
    paths = [ROOT / "config" / name for name in ["config.yaml", *CONFIGS["published"]]]
    whole, reduced = load_config([paths[0], paths[2]]), load_config(paths)
    assert set(reduced.links) == set(whole.links)
    for name, link in reduced.links.items():
        full = whole.links[name]
        assert len(link.network.hidden) == len(full.network.hidden)
        shares = np.array(full.network.hidden) / link.network.hidden
        np.testing.assert_allclose(shares, 8, rtol=0.02)
        changed = {"hidden", "epochs", "batch_size"}
        assert link.network.model_dump(exclude=changed) == full.network.model_dump(exclude=changed)
        assert link.features == full.features and link.sensors == full.sensors


def overlay(folder, method, seed):
    """A world of 80 cells and ten years, the same for both methods."""
    extra = {"seed": seed, "simulate": {"seed": seed}, "baselines": BASELINES[method]}
    path = folder / f"{method}.yaml"
    path.write_text(yaml.safe_dump(REDUCED | extra))
    return [*(ROOT / "config" / name for name in CONFIGS[method]), path]


@pytest.mark.osse
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_the_default_keeps_more_of_change_than_the_published_method(seed, tmp_path):
    found = {}
    for method in CONFIGS:
        run = tmp_path / method
        if found:
            run.mkdir()
            (run / "data").symlink_to(tmp_path / "published" / "data")
        in_process.run(run, overlay(tmp_path, method, seed), "results/evaluate/skill.csv")
        tables = (read_table(run / f"results/evaluate/{name}.csv") for name in ("skill", "breaks"))
        found[method] = measure_run(*tables)
    old, new = found["published"], found["trend-preserving"]
    print(pd.DataFrame(found).to_string())
    assert new["trend skill, all cells"] > old["trend skill, all cells"]
    assert new["RMSE"] < old["RMSE"]
