"""Run the jobs of a plan one after another in this process, without a new Python for each.

The commands are those of Snakemake's plan, in an order that their files allow. Tests use this for
whole runs of small worlds.
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
    """Return the jobs of a plan, each after those whose outputs it needs."""
    words = command(ROOT, folder, configs, *targets, *PLAN)
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    plan = list(jobs(done.stdout + done.stderr))
    producer = {path: number for number, job in enumerate(plan) for path in job.outputs}
    needs = {
        number: {producer[path] for path in job.inputs if path in producer}
        for number, job in enumerate(plan)
    }
    return [plan[number] for number in TopologicalSorter(needs).static_order()]


def run(folder: Path, configs: list[Path], *targets: str) -> None:
    """Make the targets of a run in its folder; existing files are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    app = application()
    with contextlib.chdir(folder), open(os.devnull, "w") as nothing:
        for job in planned(folder, configs, *targets):
            for path in job.outputs:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            with contextlib.redirect_stdout(nothing):
                app(job.words[1:], result_action="return_value")
