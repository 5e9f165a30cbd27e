"""The recipe docs/extend.md, followed literally: its blocks, in their order."""

from __future__ import annotations

import contextlib
import io as text_io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import xarray as xr
import yaml

from fixtures_learning import toy_domain
from glab import io
from glab.calendar import days_of_year
from planning import ROOT, copy_of, count_jobs
from recipes import recipe

PAGE = recipe("A second L-band reference")


class Block(NamedTuple):
    """A fenced block: its language, its text, and the paragraph in front of it."""

    language: str
    text: str
    before: str


def blocks(language: str) -> list[Block]:
    parts = re.findall(r"([^\n]+(?:\n[^\n`]+)*)\n\n```(\w+)\n(.*?)```", PAGE, re.S)
    return [Block(kind, text, before) for before, kind, text in parts if kind == language]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the repository's plan with the overlay of the page, and year files of a run."""
    folder = tmp_path_factory.mktemp("repository")
    for name in ("Snakefile", "rules", "config"):
        copy_of(ROOT / name, folder / name)
    (overlay,) = blocks("yaml")
    (name,) = re.findall(r"`(\w+\.yaml)`:", overlay.before)
    (folder / name).write_text(overlay.text)
    write_year_files(folder / "results")
    return folder


def write_year_files(results: Path) -> None:
    """SMOS every second day, SMAP every third, warm ground; 2016."""
    domain, time = toy_domain(3, tiles=1), days_of_year(2016).astype("datetime64[ns]")
    day, shape = np.arange(len(time)), (len(time), 9, 1, 2)
    dims = ("time", "cell", "overpass", "channel")

    def observed(value, every, overpass, **further):
        seen = np.where(day % every == 0, value, np.nan)[:, None, None, None]
        tb = np.broadcast_to(seen, shape).astype("f4")
        layers = {"tb": tb} | {name: np.full(shape, v, "f4") for name, v in further.items()}
        coords = {"time": time, "cell": domain["cell"], "overpass": [overpass]}
        variables = {name: (dims, values) for name, values in layers.items()}
        return xr.Dataset(variables, coords | {"channel": ["h", "v"]})

    tb40 = observed(240.0, 2, "ascending", tb_error=1.8)
    tb40["tb_rmse"] = dims[:3], np.full(shape[:3], 3.0, "f4")
    warm = (("time", "cell"), np.full(shape[:2], 290.0, "f4"))
    surface = xr.Dataset({"t_surface": warm}, {"time": time, "cell": domain["cell"]})
    files = {
        "domain.nc": domain,
        "tb40/2016.nc": tb40,
        "regrid/smap_l3/2016.nc": observed(241.0, 3, "descending"),
        "regrid/surface/2016.nc": surface,
    }
    for name, dataset in files.items():
        io.write(dataset, results / name, io.Provenance("regrid"))


def plan(folder: Path, command: str) -> dict[str, int]:
    """Jobs by rule of a dry run, typed as the page has it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    variables = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        command, shell=True, cwd=folder, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return count_jobs(done.stdout + done.stderr)


def run_python(folder: Path, text: str) -> str:
    """What a block prints."""
    with contextlib.chdir(folder), contextlib.redirect_stdout(text_io.StringIO()) as out:
        exec(compile(text, "docs/extend.md", "exec"), {"__name__": "__main__"})
    return out.getvalue()


def test_the_overlay_is_that_of_the_repository():
    (overlay,) = blocks("yaml")
    shown, kept = (
        yaml.safe_load(text)
        for text in (overlay.text, (ROOT / "config" / "smap_l3.yaml").read_text())
    )
    assert shown | {"name": ""} == kept | {"name": ""}


def test_the_plan_has_four_more_years(folder):
    (command,) = blocks("bash")
    two = plan(folder, command.text)
    one = plan(folder, command.text.replace(" two_references.yaml", ""))
    more = {rule: number - one.get(rule, 0) for rule, number in two.items()}
    assert {rule: number for rule, number in more.items() if number} == {"regrid": 4, "simulate": 4}


def test_one_year_is_composed_and_read(folder):
    compose, read = blocks("python")
    (text,) = blocks("text")
    said = run_python(folder, compose.text)
    assert said == "tb of smap_l3 minus tb40: h +1.00 K (549 values), v +1.00 K (549 values)\n"
    numbers = r"[-+]\d\.\d\d K \(\d+ values\)"
    assert re.sub(numbers, "", said) == re.sub(numbers, "", text.text)
    printed = dict(line.split()[1:] for line in run_python(folder, read.text).splitlines())
    expected = {"none": 122, "smos": 122, "smap": 61, "smos_and_smap": 61}
    assert {name: int(n) for name, n in printed.items() if int(n)} == {
        name: 9 * days for name, days in expected.items()
    }
    with xr.open_dataset(folder / "composed.nc") as composed:
        tb = composed["tb"].values[[0, 2, 3, 1], 4, 0]
        joint = (240 / 1.8**2 + 241 / 1.2**2) / (1 / 1.8**2 + 1 / 1.2**2)
        np.testing.assert_allclose(tb, [joint, 240, 241, np.nan], atol=0.01)
