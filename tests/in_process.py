"""A plan's jobs run one after another in this process: no start of Python for each of them.

What runs is what Snakemake would run, the very commands of its plan, in an order that its files
allow. For tests that need whole runs of small worlds.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

from glab.cli import application

ROOT = Path(__file__).parents[1]


class Job(NamedTuple):
    """A job of a plan: its files, and the words behind `glab`."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    words: tuple[str, ...]


def planned(folder: Path, configs: list[Path], *targets: str) -> list[Job]:
    """Jobs of a plan, each behind those whose outputs it needs."""
    command = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--dry-run", "--printshellcmds", "--cores", "1"]
    command += ["--rerun-triggers", "mtime", "--configfile", *map(str, configs)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    jobs = list(_jobs(told.stdout + told.stderr))
    maker = {path: number for number, job in enumerate(jobs) for path in job.outputs}
    needs = {
        number: {maker[path] for path in job.inputs if path in maker}
        for number, job in enumerate(jobs)
    }
    return [jobs[number] for number in TopologicalSorter(needs).static_order()]


def run(folder: Path, configs: list[Path], *targets: str) -> None:
    """Make the targets of a run in its folder; what is there already is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    app = application()
    with contextlib.chdir(folder), open(os.devnull, "w") as nothing:
        for job in planned(folder, configs, *targets):
            for path in job.outputs:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            with contextlib.redirect_stdout(nothing):
                app(job.words, result_action="return_value")


def _jobs(text: str) -> Iterator[Job]:
    """Jobs as a dry run tells them."""
    for block in re.split(r"^(?=(?:local)?rule \w+:)", text, flags=re.M)[1:]:
        shell = re.search(r"^Shell command: glab (.*?)(?: &> \S+)?$", block, re.M)
        if shell:
            files = (_files(block, kind) for kind in ("input", "output"))
            yield Job(*files, tuple(shlex.split(shell[1])))


def _files(block: str, kind: str) -> tuple[str, ...]:
    found = re.search(rf"^    {kind}: (.*)$", block, re.M)
    return tuple(found[1].split(", ")) if found else ()
