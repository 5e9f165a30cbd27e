"""The benchmark's measures, its table, and the order of the methods on three reduced worlds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import in_process
from glab.config import load_config
from glab.io.files import read_table
from glab.report.tables import CEILING, EARLY, FALSE_TREND, summary

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
    told = {"product": product, "variable": "VOD", "truth": "footprint", "period": period}
    return told | {"cells": cells, "signal": signal, "metric": metric, "value": value, "n": n}


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
    place = {"product": "glab_vod", "truth": "footprint", "cells": "all"}
    chance = {"placebo_p05": -0.002, "placebo_p95": 0.002}
    return pd.DataFrame([place | {"break": s} | chance for s in (0.001, -0.006, 0.0015, -0.0001)])


def test_measures_are_looked_up_where_they_stand(skill, breaks):
    told = summary(skill, breaks)
    assert told["trend gain, all cells"] == 0.9
    assert told["trend gain, held-out cells"] == 0.7
    assert told[FALSE_TREND[0]] == 0.001
    assert told["R of anomalies, 2003–2009"] == 0.8
    assert told["R of anomalies, 2003–2009, ceiling"] == 0.95
    assert told["clearings: gain of the drop"] == 0.85
    assert told[f"coverage of ±1σ, held-out cells, {EARLY}"] == 0.66
    assert told["largest break at a change of sensors"] == 0.006
    assert told["share of the breaks within those of placebo dates"] == 0.75
    assert np.isnan(told["trend skill, all cells"])


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
        found[method] = summary(*tables)
    old, new = found["published"], found["trend-preserving"]
    print(pd.DataFrame(found).to_string())
    assert new["trend skill, all cells"] > old["trend skill, all cells"]
    assert new["RMSE"] < old["RMSE"]
