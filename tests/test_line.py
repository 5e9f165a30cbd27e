"""The whole line on the test world, for real: from the simulated granules to the report."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from glab.errors import GlabError
from glab.steps.trace import trace
from glab.steps.verify import verify
from planning import ROOT, copy_of

pytestmark = pytest.mark.slow


def snakemake(folder: Path, *options: str) -> str:
    """What Snakemake says of the test world in a folder; the logs of failed jobs if one fails."""
    command = [sys.executable, "-m", "snakemake", *options, "--directory", str(folder)]
    command += ["--snakefile", str(ROOT / "Snakefile"), "--profile", str(ROOT / "profiles" / "ci")]
    command += ["--configfile", str(ROOT / "config" / "test.yaml")]  # it takes what follows it too
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-20000:]
    return done.stdout + done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    """Every result of a run, data and logs left out."""
    results = folder / "results"
    files = (path for path in results.rglob("*") if path.is_file())
    return {path.relative_to(results).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run of the test world, complete."""
    folder = tmp_path_factory.mktemp("line")
    snakemake(folder)
    return folder


def test_products_of_every_year_and_the_report_are_made(line: Path) -> None:
    for product in ("glab_tb", "glab_vod"):
        made = sorted(path.stem for path in (line / "results/product" / product).glob("*.nc"))
        assert made == ["2010", "2011", "2012", "2013"]
    assert (line / "results/report/index.html").stat().st_size > 10_000


def test_a_second_plan_has_nothing_to_do(line: Path) -> None:
    assert "Nothing to be done" in snakemake(line, "--dry-run")


def test_every_result_has_its_log_and_its_benchmark(line: Path) -> None:
    folder = line / "logs"
    jobs = {path.with_suffix("").relative_to(folder) for path in folder.rglob("*.log")}
    times = {path.with_suffix("").relative_to(folder) for path in folder.rglob("*.tsv")}
    assert jobs == times
    for stage in ("climatology", "residuals", "predict", "compose", "product"):
        results = (line / "results" / stage).rglob("*.nc")
        names = {path.relative_to(line / "results").with_suffix("") for path in results}
        assert names <= jobs


def test_nothing_half_written_is_left(line: Path) -> None:
    assert [str(path) for path in line.rglob("*.tmp")] == []
    assert [str(path) for path in line.rglob("*.resume")] == []


def test_another_folder_gets_the_same_bytes(line: Path, tmp_path: Path) -> None:
    snakemake(tmp_path, "results/product/glab_vod/2011.nc", "results/product/glab_tb/2012.nc")
    again, before = contents(tmp_path), contents(line)
    assert len(again) > 50
    assert [name for name in again if again[name] != before[name]] == []


def test_networks_of_another_run_are_taken(line: Path, tmp_path: Path) -> None:
    here, calibration = tmp_path / "here", "results/calibrate/amsr_smos.nc"
    copy_of(line, here)
    shutil.rmtree(here / "results/train")
    said = snakemake(here, calibration, "--config", f"train={{from: {line}}}")
    assert "1 of 1 steps" in said
    assert contents(here)["calibrate/amsr_smos.nc"] == contents(line)["calibrate/amsr_smos.nc"]
    assert not (here / "results/train").exists()


def test_all_years_join_in_one_store(line: Path) -> None:
    snakemake(line, "publish")
    for product in ("glab_tb", "glab_vod"):
        assert (line / "results/publish" / f"{product}.zarr").is_dir()
    assert os.listdir(line / "results/publish")


def test_a_value_leads_back_to_its_granules(line: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace(line / "results/product/glab_vod/2012.nc", lat=5.0, lon=21.0, day="2012-07-14")
    lines = [text.strip() for text in capsys.readouterr().out.splitlines()]
    assert not [text for text in lines if "missing in" in text or "not listed" in text]
    sources = [text.partition("/manifest")[0] for text in lines if "granules of 2012-07-14" in text]
    # Both overpasses of the surface are regridded from one archive.
    assert {source.split("/")[1] for source in sources} == {"amsr2", "smos_l3", "surface", "casm"}
    for source in sources:
        start = next(n for n, text in enumerate(lines) if text.startswith(f"{source}/manifest"))
        assert lines[start + 1] == "none" or (line / source / lines[start + 1]).is_file()


def test_every_product_follows_from_the_files_that_are_there(
    line: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    products = sorted((line / "results/product").rglob("*.nc"))
    verify(products)
    assert "0 changed, 0 missing, 0 unknown" in capsys.readouterr().out
    granule = next((line / "data/amsr2/2012").glob("*_D.he5"))
    content = granule.read_bytes()
    granule.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        with pytest.raises(GlabError, match="not every file is the one"):
            verify(products)
        assert f"changed  {granule.relative_to(line)}" in capsys.readouterr().out.splitlines()
    finally:
        granule.write_bytes(content)
