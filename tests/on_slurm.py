"""A SLURM on this machine, runs on it, and what its own records say of them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from planning import ROOT

GLAB = os.fsencode(Path(sys.executable).with_name("glab"))
Value = TypeVar("Value")
PLACE = ROOT / "tests" / "slurm"
WORLD = [ROOT / "config" / "test.yaml", PLACE / "world.yaml"]


@dataclass(frozen=True)
class Job:
    """One SLURM job as the controller and its log of finished jobs record it.

    Attributes:
        number: id.
        task: rule, or group of rules.
        state: what it does now.
        ends: how it ended, each time that it was started.
        partition: where it was sent.
        minutes: time limit.
        cores: CPUs asked for.
        memory_mb: memory asked for.
        gpus: GPUs asked for.
        starts: how often it was started.
    """

    number: int
    task: str
    state: str
    ends: tuple[str, ...]
    partition: str
    minutes: int
    cores: int
    memory_mb: int
    gpus: int
    starts: int


class Cluster:
    """The SLURM that `cluster.sh` brings up."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="glab-slurm-", dir="/tmp"))

    def control(self, command: str) -> None:
        """Start or stop it."""
        subprocess.run([PLACE / "cluster.sh", command, self.folder], check=True, timeout=120)

    def finished(self) -> dict[int, tuple[str, ...]]:
        """How each job ended, from the log of finished jobs."""
        log = self.folder / "jobcomp.log"
        states: dict[int, tuple[str, ...]] = {}
        for line in log.read_text().splitlines() if log.exists() else []:
            entry = fields(line)
            number = int(entry["JobId"])
            states[number] = (*states.get(number, ()), entry["JobState"])
        return states

    def jobs(self, folder: Path) -> list[Job]:
        """Every job of a run, by its folder, in the order of sending."""
        ended = self.finished()
        entries = map(fields, told("scontrol", "--oneliner", "show", "jobs").splitlines())
        ours = [job_of(entry, ended) for entry in entries if entry.get("WorkDir") == str(folder)]
        return sorted(ours, key=lambda job: job.number)

    def running(self, folder: Path) -> int | None:
        """Number of the one running job of a run, if there is one."""
        running = [job for job in self.jobs(folder) if job.state == "RUNNING"]
        return running[0].number if running else None


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A SLURM for as long as the block lasts."""
    slurm = Cluster()
    slurm.control("start")
    try:
        yield slurm
    finally:
        slurm.control("stop")
        shutil.rmtree(slurm.folder)


def told(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def jobs_in(folder: Path) -> list[str]:
    """Numbers of the jobs of a run that still wait or run."""
    rows = (
        row.split(maxsplit=1) for row in told("squeue", "--noheader", "--format=%A %Z").splitlines()
    )
    return [number for number, place in rows if place == str(folder)]


def fields(line: str) -> dict[str, str]:
    """The KEY=VALUE pairs of a record."""
    return dict(re.findall(r"([\w/:]+)=(\S+)", line))


def task_of(comment: str) -> str:
    """Rule or group that Snakemake's plugin names in a job's comment."""
    return re.sub(r"^rule_|_wildcards_.*$", "", comment)


def job_of(entry: dict[str, str], ended: dict[int, tuple[str, ...]]) -> Job:
    """A job from its record."""
    number = int(entry["JobId"])
    gpus = re.search(r"gres:gpu:(\d+)", entry.get("TresPerJob", ""))
    return Job(
        number,
        task_of(entry["Comment"]),
        entry["JobState"],
        ended.get(number, ()),
        entry["Partition"],
        minutes(entry["TimeLimit"]),
        int(entry["NumCPUs"]),
        megabytes(entry["MinMemoryNode"]),
        int(gpus[1]) if gpus else 0,
        1 + int(entry["Restarts"]),
    )


def minutes(limit: str) -> int:
    """A time as SLURM writes it, [days-]hours:minutes:seconds, in minutes."""
    days, _, clock = limit.rpartition("-")
    hours, whole, _ = map(int, clock.split(":"))
    return (24 * int(days or 0) + hours) * 60 + whole


def megabytes(size: str) -> int:
    """A size as SLURM writes it, such as 1500M or 62.50G, in MB."""
    return round(float(size[:-1]) * {"M": 1, "G": 1024}[size[-1]])


# --- runs --------------------------------------------------------------------------------------


class OnSlurm:
    """A run of the small world as SLURM jobs.

    Attributes:
        folder: working directory.
        log: everything that Snakemake printed, beside the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder.with_name(folder.name + ".txt")

    def command(self, *options: str) -> list[str]:
        """`snakemake --profile slurm` for this run, with what a SLURM without accounting needs."""
        command = [sys.executable, "-m", "snakemake", *options, "--profile", "slurm"]
        command += ["--workflow-profile", str(PLACE / "profile"), "--directory", str(self.folder)]
        return [*command, "--configfile", *map(str, WORLD)]

    @contextmanager
    def started(self, *options: str, limit_s: float) -> Iterator[subprocess.Popen[str]]:
        """Snakemake running in a group of processes that is killed at the block's end."""
        with self.log.open("a") as log:
            process = subprocess.Popen(
                ["timeout", "--signal=KILL", str(limit_s), *self.command(*options)],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                for number in jobs_in(self.folder):
                    told("scancel", number)

    def __call__(self, *options: str, limit_s: float) -> str:
        """Run to the end; what Snakemake said."""
        with self.started(*options, limit_s=limit_s) as process:
            process.wait()
        assert process.returncode == 0, self.said()[-20000:]
        return self.said()

    def said(self) -> str:
        """What Snakemake has printed so far, in every run in this folder."""
        return self.log.read_text()

    def pids(self, stage: str) -> list[int]:
        """Processes of a stage of this run."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
                here = (process / "cwd").resolve() == self.folder
            except OSError:  # it has ended meanwhile
                continue
            if here and words[1:3] == [GLAB, stage.encode()]:
                found.append(int(process.name))
        return found


def awaited(what: Callable[[], Value], limit_s: float = 300.0) -> Value:
    """The first true value that is got within a time."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"nothing in {limit_s} s")
