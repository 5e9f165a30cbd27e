"""The recipe of docs/extend.md, followed literally: a derived variable as a feature."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

from fixtures_learning import toy_domain
from glab import io
from glab.calendar import days_of_year
from glab.config import load_config
from glab.steps.climatology import climatology
from glab.steps.residuals import residuals
from glab.steps.samples import samples
from planning import ROOT, Run, copy_of, jobs
from recipes import recipe

RECIPE = recipe("A derived variable as a feature")


def fenced(language: str) -> list[str]:
    """Return the fenced blocks of the recipe in a language."""
    blocks = re.findall(rf"^ *```{language}\n(.*?)^ *```$", RECIPE, re.M | re.S)
    return [textwrap.dedent(block) for block in blocks]


(OVERLAY,) = fenced("yaml")
PLAN, RUN = fenced("sh")
SHOW, FUNCTION, ENTRY, DECLARATION = fenced("python")
NAME = re.match(r"# (\S+\.yaml)\n", OVERLAY)[1]
CHANNELS = [f"{frequency}{pol}" for frequency in (10, 18, 36) for pol in "hv"]
YEARS = (2012, 2013)


def test_the_plan_of_the_recipe_derives_the_variable(tmp_path):
    """The settings of climatologies, residuals and samples of AMSR contain it."""
    run = Run(tmp_path, None)
    assert shlex.split(PLAN)[1:] == ["-n", "--configfile", NAME]
    assert shlex.split(RUN)[-2] == NAME
    (run.folder / NAME).write_text(OVERLAY)
    command = [*run.command("-n", "--printshellcmds"), str(run.folder / NAME), "--"]
    command += shlex.split(RUN)[-1:]
    done = subprocess.run(command, capture_output=True, text=True, env=run.environment())
    assert done.returncode == 0, done.stderr
    derived = {
        job.rule
        for job in jobs(done.stdout + done.stderr)
        if "tb_pr" in " ".join(job.words) and any("amsr" in path for path in job.outputs)
    }
    assert derived == {"climatology", "residuals", "samples"}


@pytest.mark.slow
def test_an_existing_run_keeps_its_values_on_the_domain(tmp_path):
    run = Run(tmp_path, "test.yaml")
    run.pretend("all")
    plan = run.plan("all", **yaml.safe_load(OVERLAY))
    assert not {"simulate", "regrid", "domain", "tb40"} & plan.keys()
    assert {"climatology", "residuals", "samples", "train", "predict"} <= plan.keys()


def write_sources(root):
    """Year files of AMSR2, of the 40° TB and of the surface, on a toy domain."""
    land, rng = toy_domain(), np.random.default_rng(2)
    io.write(land, root / "results/domain.nc", io.Provenance("domain"))
    size = land.sizes["cell"]
    for year in YEARS:
        days = days_of_year(year).astype("datetime64[ns]")
        coords = {"time": days, "cell": land["cell"]}
        shape = len(days), size
        amsr = rng.normal(260, 3, (*shape, len(CHANNELS)))
        smos = rng.normal(250, 3, (*shape, 1, 2))
        layers = {
            "regrid/amsr2": xr.Dataset(
                {"tb": (("time", "cell", "channel"), amsr)}, coords | {"channel": CHANNELS}
            ),
            "tb40": xr.Dataset(
                {
                    "tb": (("time", "cell", "overpass", "channel"), smos),
                    "tb_rmse": (("time", "cell", "overpass"), np.full((*shape, 1), 3.0)),
                },
                coords | {"overpass": ["ascending"], "channel": ["h", "v"]},
            ),
            "regrid/surface": xr.Dataset(
                {
                    "t_surface": (("time", "cell"), np.full(shape, 290.0)),
                    "snow": (("time", "cell"), np.zeros(shape)),
                },
                coords,
            ),
        }
        for name, dataset in layers.items():
            io.write(dataset, root / f"results/{name}/{year}.nc", io.Provenance("regrid"))


def test_the_overlay_gives_the_features_that_the_recipe_shows(tmp_path, monkeypatch):
    """Climatology, residuals and samples with the settings of the recipe, and its listing."""
    write_sources(tmp_path)
    (tmp_path / NAME).write_text(OVERLAY)
    world = [ROOT / "config" / name for name in ("config.yaml", "test.yaml")]
    config = load_config([*world, tmp_path / NAME])
    results, drawn_from, tiles = tmp_path / "results", [], []
    domain, frozen = results / "domain.nc", [results / f"regrid/surface/{y}.nc" for y in YEARS]
    for source, folder in (("amsr2", "regrid/amsr2"), ("tb40", "tb40")):
        values = [results / folder / f"{year}.nc" for year in YEARS]
        fitted = [results / f"climatology/amsr2/{source}/{tile}.nc" for tile in range(2)]
        for tile, output in enumerate(fitted):
            settings = config.climatology_of(source, "amsr2")
            climatology(values, domain, output, tile, settings, frozen)
        for path in values:
            output = results / "residuals" / "amsr2" / source / path.name
            residuals(path, fitted, domain, output, config.residuals_of(source), frozen)
            drawn_from.append(output)
        tiles += fitted
    samples(
        residuals=drawn_from,
        climatology=tiles,
        domain=domain,
        output=results / "samples" / "amsr_smos.nc",
        settings=config.samples_of("amsr_smos"),
    )
    monkeypatch.chdir(tmp_path)
    printed: list[str] = []
    exec(SHOW, {"print": printed.append})
    expected = [
        f"tb_pr_{frequency}_{kind}"
        for kind in ("residual", "mean18", "mean91", "mean365", "climatology")
        for frequency in ("10", "18")
    ]
    assert printed == expected
    assert {"tb_pr_10_residual", "tb_pr_10_mean18", "tb_pr_10_climatology"} <= set(
        re.findall(r"`(tb_pr_\w+)`", RECIPE)
    )


def test_the_formula_of_the_recipe_works_once_it_is_written_in(tmp_path):
    """In a copy of the code, by insertion at the lines that the recipe names."""
    code = tmp_path / "src" / "glab"
    copy_of(ROOT / "src" / "glab", code)
    insert(code / "climatology/derive.py", "DERIVATIONS: dict", FUNCTION + "\n\n", ENTRY)
    insert(code / "variables.py", "VARIABLES: dict", "", DECLARATION)
    script = f"""
import numpy as np, xarray as xr
from glab.climatology.series import series
from glab.config import Mask, Series
from glab.variables import lookup
channels = {CHANNELS}
tb = np.arange(12, dtype="f4").reshape(1, 2, 6) + 250
coords = {{"time": np.array(["2012-01-01"], "datetime64[ns]"), "cell": [1, 2], "channel": channels}}
dataset = xr.Dataset({{"tb": (("time", "cell", "channel"), tb)}}, coords)
spec = Series(variables=["tb"], derive={{"tb_sd": "spectral_difference"}})
domain = xr.Dataset(coords={{"cell": [1, 2]}})
derived = series(dataset, None, domain, spec, Mask(frozen_source=None))["tb_sd"]
assert derived.dims == ("time", "cell") and (derived == 2).all(), derived
assert lookup("tb_sd_residual").units == "K"
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def insert(path: Path, marker: str, above: str, first: str) -> None:
    """Insert a text above the line that begins with `marker`, and one as its dictionary's first."""
    head, line, rest = path.read_text().partition(f"\n{marker}")
    assert line, f"{path.name} has no {marker}"
    opening, _, entries = rest.partition("\n")
    path.write_text(f"{head}\n{above}{marker}{opening}\n    {first}{entries}")
