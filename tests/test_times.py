"""The table of time and memory of a run."""

from pathlib import Path

import pytest

from glab.errors import GlabError
from glab.steps.times import times

COLUMNS = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"


def benchmark(path: Path, *rows: tuple[object, object, object]) -> None:
    """A file as Snakemake writes it: (seconds, MB, CPU seconds) of each run of the job."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{s}\t0:00:00\t{mb}\t0\t0\t0\t0\t0\t0\t{cpu}" for s, mb, cpu in rows]
    path.write_text("\n".join([COLUMNS, *lines]) + "\n")


def test_time_and_memory_by_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark(tmp_path / "domain.tsv", (36.0, 900.0, 18.0))
    benchmark(tmp_path / "regrid/amsr2/2013.tsv", (3000.0, 250.5, 3600.0))
    benchmark(tmp_path / "regrid/amsr2/2014.tsv", (9.0, 999.0, 9.0), (600.0, 200.0, 360.0))
    benchmark(tmp_path / "product/glab_tb/2013.tsv", (0.4, "NA", "NA"))
    times(tmp_path)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["rule", "jobs", "hours", "cpu_hours", "mean_s", "longest_s", "peak_mb"],
        ["regrid", "2", "1.000", "1.100", "1800.0", "3000.0", "250"],
        ["domain", "1", "0.010", "0.005", "36.0", "36.0", "900"],
        ["product", "1", "0.000", "0.000", "0.4", "0.4", "–"],
        ["all", "4", "1.010", "1.105", "909.1", "3000.0", "900"],
    ]


def test_a_folder_without_benchmarks(tmp_path: Path) -> None:
    with pytest.raises(GlabError, match="no benchmark files"):
        times(tmp_path)
