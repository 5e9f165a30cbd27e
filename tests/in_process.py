"""A plan's jobs run one after another in this process: no start of Python for each of them.

What runs is what Snakemake would run, the very commands of its plan, in an order that its files
allow. For tests that need whole runs of small worlds.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path

from glab.cli import application
from planning import ROOT, Job, command, jobs

PLAN = ("--dry-run", "--printshellcmds", "--rerun-triggers", "mtime")


def planned(folder: Path, configs: list[Path], *targets: str) -> list[Job]:
    """Jobs of a plan, each behind those whose outputs it needs."""
    words = command(ROOT, folder, configs, *targets, *PLAN)
    told = subprocess.run(words, check=True, capture_output=True, text=True)
    found = list(jobs(told.stdout + told.stderr))
    maker = {path: number for number, job in enumerate(found) for path in job.outputs}
    needs = {
        number: {maker[path] for path in job.inputs if path in maker}
        for number, job in enumerate(found)
    }
    return [found[number] for number in TopologicalSorter(needs).static_order()]


def run(folder: Path, configs: list[Path], *targets: str) -> None:
    """Make the targets of a run in its folder; what is there already is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    app = application()
    with contextlib.chdir(folder), open(os.devnull, "w") as nothing:
        for job in planned(folder, configs, *targets):
            for path in job.outputs:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            with contextlib.redirect_stdout(nothing):
                app(job.words[1:], result_action="return_value")
