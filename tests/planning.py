"""Plans of runs: the jobs that Snakemake would run, also for runs whose files are faked; prints."""

from __future__ import annotations

import copy
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
CODE = ("Snakefile", "rules", "config", "src")
TARGETS = {"all", "products", "publish", "manifests"}


class Run:
    """A run in its own folder, with a copy of the code that a test may edit.

    Attributes:
        code: copy of the repository's code.
        folder: working directory of the run.
        overlays: configuration files that overlay `config/config.yaml`.
    """

    def __init__(self, parent: Path, overlay: str | None, **settings: Any) -> None:
        self.code, self.folder = parent / "code", parent / "run"
        self.folder.mkdir(parents=True)
        for name in CODE:
            copy_of(ROOT / name, self.code / name)
        self.overlays = [self.code / "config" / overlay] if overlay else []
        self.settings = settings

    def copy_to(self, parent: Path) -> Run:
        """Return a copy of the run, with its files, in another folder."""
        other = object.__new__(Run)
        other.code, other.folder = parent / "code", parent / "run"
        copy_of(self.code, other.code)
        copy_of(self.folder, other.folder)
        other.overlays = [other.code / path.relative_to(self.code) for path in self.overlays]
        other.settings = dict(self.settings)
        return other

    def command(self, *options: str, **settings: Any) -> list[str]:
        """Return the words of a Snakemake command for this run, with further settings."""
        overlay = self.folder / "overlay.yaml"
        overlay.write_text(yaml.safe_dump(merged(self.settings, settings)))
        return command(self.code, self.folder, [*self.overlays, overlay], *options)

    def environment(self) -> dict[str, str]:
        """Return environment variables with which the copy of the code is imported."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        variables = {
            "PYTHONPATH": str(self.code / "src"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
        }
        return os.environ | variables | {"PATH": path}

    def snakemake(self, *options: str, **settings: Any) -> str:
        """Run Snakemake and return its output and log."""
        command, variables = self.command(*options, **settings), self.environment()
        done = subprocess.run(command, capture_output=True, text=True, env=variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def plan(self, *targets: str, **settings: Any) -> dict[str, int]:
        """Return the number of planned jobs by rule, without target rules."""
        return count_jobs(self.snakemake(*targets, "--dry-run", "--quiet", "rules", **settings))

    def elsewhere(self, name: str) -> Run:
        """Return a run of the same code and settings in an empty folder beside this one."""
        other = copy.copy(self)
        other.folder = self.folder.with_name(name)
        other.folder.mkdir()
        return other

    def pretend(self, *targets: str) -> None:
        """Write every file as if all jobs had run; existing files are kept."""
        summary = self.snakemake(*targets, "--summary").splitlines()
        start = next(n for n, line in enumerate(summary) if line.startswith("output_file"))
        for line in summary[start + 1 :]:
            if "\t" in line:
                path = self.folder / line.partition("\t")[0]
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():
                    path.write_text(f"{path.name}\n")
        self.snakemake(*targets, "--touch", "--forceall", "--quiet", "all")


def command(code: Path, folder: Path, configs: list[Path], *options: str) -> list[str]:
    """Return the words of a Snakemake command for a run in a folder, with some code."""
    words = [sys.executable, "-m", "snakemake", "--snakefile", str(code / "Snakefile")]
    words += ["--directory", str(folder), "--cores", "1", *options]
    return [*words, "--configfile", *map(str, configs)]


class Job(NamedTuple):
    """A job of a plan: its files, and its command as words, without the redirection to its log."""

    rule: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    words: tuple[str, ...]


def jobs(output: str) -> Iterator[Job]:
    """Return the jobs with a command, from the output of a dry run with `--printshellcmds`."""
    for block in re.split(r"^(?=(?:local)?rule \w+:)", output, flags=re.M)[1:]:
        shell = re.search(r"^Shell command: (.*?)(?: &> \S+)?$", block, re.M)
        if shell and shell[1] != "None":  # a target rule
            rule = block.partition(":")[0].rpartition(" ")[2]
            files = (_files(block, kind) for kind in ("input", "output"))
            yield Job(rule, *files, tuple(shlex.split(shell[1])))


def _files(block: str, kind: str) -> tuple[str, ...]:
    """Return the files of a job of one kind."""
    line = re.search(rf"^    {kind}: (.*)$", block, re.M)
    return tuple(line[1].split(", ")) if line else ()


def count_jobs(output: str) -> dict[str, int]:
    """Return the number of jobs by rule, from the output of a dry run, without target rules."""
    table = output.partition("Job stats:")[2].partition("total")[0]
    counts = {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", table, re.M)}
    assert counts or "Nothing to be done" in output
    return {rule: n for rule, n in counts.items() if rule not in TARGETS}


def load_fingerprint(package: Path) -> ModuleType:
    """Return the fingerprint module of a copy of the package, with empty caches."""
    spec = importlib.util.spec_from_file_location("fingerprint", package / "fingerprint.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def copy_of(source: Path, target: Path) -> None:
    """Copy a file or folder with its times, without compiled files."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        left_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(source, target, symlinks=True, ignore=left_out)
    else:
        shutil.copy2(source, target)


def merged(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `overlay` on top, mapping by mapping."""
    result = dict(base)
    for key, value in overlay.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result
