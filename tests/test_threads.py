"""Every library of a job uses as many threads as its rule has, so that no core is crowded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from planning import ROOT

COUNT = """
import ctypes, json, os
from pathlib import Path
import numba, numpy, torch

counts = {"numba": numba.get_num_threads(), "torch": torch.get_num_threads()}
for library in Path(numpy.__file__).parents[1].glob("numpy.libs/libscipy_openblas64_*"):
    counts["numpy"] = ctypes.CDLL(library).scipy_openblas_get_num_threads64_()
counts |= {name: int(n) for name, n in os.environ.items() if name.endswith("_NUM_THREADS")}
print(json.dumps(counts))
"""

SNAKEFILE = """
configfile: "{root}/config/config.yaml"
include: "{root}/rules/common.smk"
rule count:
    output: "threads.json"
    threads: 4
    shell: "python count.py > {{output}}"
"""


@pytest.mark.parametrize(("options", "threads"), [(["--profile", "local"], 1), ([], 2)])
def test_libraries_use_the_threads_of_the_rule(
    options: list[str], threads: int, tmp_path: Path
) -> None:
    (tmp_path / "count.py").write_text(COUNT)
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(root=ROOT))
    given = [str(ROOT / "profiles" / word) if word == "local" else word for word in options]
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--directory", str(tmp_path)]
    other = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "7")
    done = subprocess.run(
        [*command, "--snakefile", str(tmp_path / "Snakefile"), *given],
        env=os.environ | other,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads((tmp_path / "threads.json").read_text())
    assert {"torch", "numba", "OPENBLAS_NUM_THREADS"} <= set(counts)
    assert set(counts.values()) == {threads}
