"""A run of one simulated year, every stage in it, whose jobs tests may disturb."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

from planning import Run, copy_of, jobs

OVERLAY = Path(__file__).with_suffix(".yaml")
TEMPORARY = re.compile(r"\.(tmp|resume)$")


def one_year(place: Path) -> Run:
    """The run, nothing made yet."""
    run = Run(place, "test.yaml")
    copy_of(OVERLAY, run.code / "config" / OVERLAY.name)
    run.overlays.append(run.code / "config" / OVERLAY.name)
    return run


def twin(run: Run, name: str) -> Run:
    """A copy of a run's folder, in use by the same copy of the code (so its kernels stay)."""
    other = run.elsewhere(name)
    other.folder.rmdir()
    copy_of(run.folder, other.folder)
    return other


def contents(folder: Path) -> dict[str, bytes]:
    """Data and results of a run, file by file; logs and what Snakemake notes left out."""
    places = (folder / name for name in ("data", "results"))
    files = (path for place in places for path in place.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def leftovers(folder: Path) -> list[str]:
    """What an interrupted step may leave."""
    return [str(path) for path in folder.rglob(".*") if TEMPORARY.search(path.name)]


def finished_jobs(folder: Path) -> int:
    """Jobs that have ended at least once, by their benchmarks."""
    return sum(1 for _ in (folder / "logs").rglob("*.tsv"))


def commands(run: Run, *targets: str) -> dict[str, list[str]]:
    """One command of each rule, as words, without the redirection into its log."""
    said = run.snakemake(*targets, "--forceall", "--dry-run", "--printshellcmds")
    found: dict[str, list[str]] = {}
    for job in jobs(said):
        found.setdefault(job.rule, list(job.words))
    return found


def working(folder: Path) -> Counter[str]:
    """Stages of the `glab` processes that work in a folder now, and everything else there."""
    found: Counter[str] = Counter()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            here = Path(os.readlink(process / "cwd")) == folder
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:  # it ended meanwhile
            continue
        if here:
            glab = next((n for n, word in enumerate(words) if word.endswith("/glab")), None)
            shell = Path(words[0]).name in ("bash", "sh")
            name = "shell" if shell else "other" if glab is None else words[glab + 1]
            found[name] += 1
    return found
