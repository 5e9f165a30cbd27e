"""Follow docs/extend.md literally: its fenced blocks, on products of a small domain."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import fixtures_products as work
from glab import io
from glab.config import Product, load_config
from glab.steps.product import product
from planning import ROOT, Run
from recipes import recipe

TEXT = recipe("A validation set")


def blocks(language: str) -> list[str]:
    """Fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.M | re.S)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run folder with the VOD of two years, in which the first block is executed."""
    folder = tmp_path_factory.mktemp("run")
    work.write_work_files(folder, 2011, 2012)
    for year in (2011, 2012):
        layers = [folder / f"results/predict/tb_vod/{year}.nc"]
        made = folder / f"results/product/glab_vod/{year}.nc"
        product(layers, folder / "results/domain.nc", year, made, Product(product="glab_vod"))
    execute(blocks("python")[0], folder)
    return folder


def execute(block: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-c", block], cwd=folder, check=True)


def test_the_command_writes_the_table_that_the_recipe_reads(run: Path) -> None:
    (command,) = blocks("sh")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(["bash", "-c", command], cwd=run, check=True, env=os.environ | {"PATH": path})
    reading = blocks("python")[1] + "\nprint(f'{rank_r:.6g}')\n"
    words = [sys.executable, "-c", reading]
    said = subprocess.run(words, cwd=run, check=True, capture_output=True, text=True).stdout
    with io.read(run / "canopy_height.nc") as fields:
        vod, height = fields["VOD"].values, fields["reference"].values
        assert fields["reference"].attrs["units"] == "m"
        expected = 30 - 4 * np.abs(fields["lat"].values - 5.3)
        np.testing.assert_allclose(height, expected, atol=0.15)
    ranks = (pd.Series(side).rank() for side in (vod, height))
    assert float(said) == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-4)


def test_the_overlay_is_one_job_of_a_run(run: Path, tmp_path: Path) -> None:
    (overlay,) = blocks("yaml")
    planned = Run(tmp_path, "test.yaml", **yaml.safe_load(overlay))
    target = "results/evaluate/against/canopy_height.csv"
    assert target in TEXT
    (planned.folder / "data").mkdir()
    (planned.folder / "data/canopy_height.nc").write_bytes(
        (run / "data/canopy_height.nc").read_bytes()
    )
    plan = planned.plan(target)
    assert plan["evaluate_against"] == 1 and "evaluate" not in plan
    assert planned.plan("all")["evaluate_against"] >= 1


def test_the_command_has_the_settings_of_the_overlay(tmp_path: Path) -> None:
    path = tmp_path / "validation.yaml"
    path.write_text(blocks("yaml")[0])
    config = load_config([ROOT / "config/config.yaml", path])
    one = config.evaluate.against["canopy_height"]
    assert (one.reader, one.variable, one.product) == ("map", "height", "glab_vod")
    assert "ismn" in config.evaluate.against
