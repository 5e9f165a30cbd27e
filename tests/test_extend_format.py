"""The recipe "A new format" of the documents, followed literally on a copy of the package."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from glab import io
from glab.config import load_config
from recipes import recipe

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow

FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.M | re.S)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder in which the recipe's files lie and its commands have run."""
    folder = tmp_path_factory.mktemp("recipe")
    shutil.copytree(ROOT / "src", folder / "src")
    (folder / "config").mkdir()
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PYTHONPATH": str(folder / "src"), "PATH": paths}
    for language, title, block in FENCE.findall(recipe("A new format: one file")):
        if title:
            (folder / title).write_text(block)
        else:
            assert language == "bash"
            subprocess.run(["bash", "-ec", block], cwd=folder, env=environment, check=True)
    return folder


def test_one_file_of_the_package_is_new(followed: Path) -> None:
    new = {path.relative_to(followed) for path in (followed / "src").rglob("*.py")}
    known = {path.relative_to(ROOT) for path in (ROOT / "src").rglob("*.py")}
    assert new - known == {Path("src/glab/readers/vodmap.py")}


def test_the_values_of_the_file_are_on_the_cells(followed: Path) -> None:
    with io.read(followed / "2012.nc") as year, io.read(followed / "domain.nc") as domain:
        assert str(year["time"].values[0])[:10] == "2012-07-03" and year.sizes["time"] == 1
        vod = year["vod"].isel(time=0).values
        # The field is a plane: 0.01 per step of 0.25 degrees southwards and eastwards.
        rows, cols = (7.875 - domain["lat"].values) / 0.25, (domain["lon"].values - 18.125) / 0.25
        np.testing.assert_allclose(vod, 0.3 + 0.01 * (rows + cols), atol=2e-3)
        assert (year["count"] == 1).all()
    report = json.loads((followed / "2012.ingest.json").read_text())
    assert report["granules"] == {"2012-07-03": ["VODMAP_20120703_v2.nc"]}


def test_the_overlay_is_a_valid_configuration(followed: Path) -> None:
    config = load_config([ROOT / "config" / "config.yaml", followed / "config" / "vodmap.yaml"])
    assert config.regrid_of("vodmap").reader == "vodmap"


def test_the_reader_enters_the_code_of_its_own_source_alone(followed: Path) -> None:
    code = (
        "from glab.fingerprint import closure, PACKAGE;"
        "print(*['vodmap' in map(lambda p: p.stem, closure('steps.regrid', f'readers.{name}'))"
        " for name in ('vodmap', 'smap_ib')])"
    )
    environment = os.environ | {"PYTHONPATH": str(followed / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["True", "False"]
