"""The recipe of docs/extend.md, followed literally: a VOD link of another name."""

from __future__ import annotations

import re
import shlex
import subprocess
import textwrap
from pathlib import Path

import pytest
import xarray as xr

import in_process
from planning import ROOT, Run, jobs
from recipes import recipe

RECIPE = recipe("A VOD link of another name")


def fenced(language: str) -> list[str]:
    """Return the fenced blocks of the recipe in a language."""
    blocks = re.findall(rf"^ *```{language}\n(.*?)^ *```$", RECIPE, re.M | re.S)
    return [textwrap.dedent(block) for block in blocks]


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """The configuration file of the recipe, under the name in its first line."""
    (text,) = fenced("yaml")
    name = re.match(r"# (\S+\.yaml)\n", text)[1]
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_the_plan_of_the_recipe_contains_the_link_and_not_the_default_one(
    overlay: Path, tmp_path: Path
) -> None:
    run = Run(tmp_path / "global", None)
    words = shlex.split(fenced("sh")[0])
    assert words[1:] == ["-n", "--configfile", overlay.name]
    (run.folder / overlay.name).write_text(overlay.read_text())
    command = [*run.command("-n", "--printshellcmds"), str(run.folder / overlay.name)]
    done = subprocess.run(command, capture_output=True, text=True, env=run.environment())
    assert done.returncode == 0, done.stderr
    outputs = {path for job in jobs(done.stdout + done.stderr) for path in job.outputs}
    assert "results/predict/smos_vod/2015.nc" in outputs
    assert "results/product/glab_vod/2015.nc" in outputs
    assert not any("/tb_vod" in path for path in outputs)


@pytest.mark.slow
def test_the_recipe_makes_a_product(overlay: Path, tmp_path: Path) -> None:
    """On a simulated year of a few cells."""
    few = "members: 2, samples_max: 10000, network: {hidden: [16], epochs: 2}"
    (tmp_path / "small.yaml").write_text(f"links: {{smos_vod: {{{few}}}}}")
    world = [ROOT / "config/config.yaml", ROOT / "config/test.yaml", ROOT / "tests/one_year.yaml"]
    path = shlex.split(fenced("sh")[1])[-1].replace("2015", "2013")
    in_process.run(tmp_path / "run", [*world, overlay, tmp_path / "small.yaml"], path)
    with xr.open_dataset(tmp_path / "run" / path) as product:
        assert product["VOD"].notnull().any()
    assert not (tmp_path / "run/results/predict/tb_vod").exists()
