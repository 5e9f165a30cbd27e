"""Faults: kills, full and read-only disks, damaged granules; nothing looks complete that is not."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from glab.cli import STAGES
from one_year import commands, contents, finished_jobs, leftovers, one_year, twin, working
from planning import ROOT, Run

pytestmark = pytest.mark.slow

KILLS = 20
SEED = 6
LARGEST_FILE = 64  # bytes: a disk without room for the smallest output


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of one year that nothing disturbed."""
    run = one_year(tmp_path_factory.mktemp("faults").resolve())
    run.snakemake("all", "publish", "--cores", "2")
    return run


@pytest.fixture(scope="module")
def jobs(undisturbed: Run) -> dict[str, list[str]]:
    """One command of each rule."""
    return commands(undisturbed, "all", "publish")


def tried(run: Run, words: list[str], **how: object) -> subprocess.CompletedProcess[str]:
    """A command of a job in the run's folder."""
    return subprocess.run(
        words, cwd=run.folder, env=run.environment(), capture_output=True, text=True, **how
    )


def assert_told(done: subprocess.CompletedProcess[str], what: str) -> None:
    """A fault was told in the project's words, with its file and a remedy, and no traceback."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert re.search(rf"^glab: {what}", done.stderr, re.M), done.stderr
    assert "do: " in done.stderr


# --- disks -----------------------------------------------------------------------------------


def without_room() -> None:
    """No file can grow beyond a few bytes: writing fails where it fails on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "acquire"])
def test_a_full_disk(stage: str, undisturbed: Run, jobs: dict[str, list[str]]) -> None:
    before = contents(undisturbed.folder)
    rule = {"publish": "publish_store"}.get(stage, stage)
    done = tried(undisturbed, jobs[rule], preexec_fn=without_room)
    assert_told(done, "cannot write the file")
    assert contents(undisturbed.folder) == before
    assert leftovers(undisturbed.folder) == []


@pytest.fixture
def obeying() -> list[str]:
    """What stands before a command so that permissions bind root as they bind everyone."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write anywhere, and there is no setpriv to give that up")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@pytest.mark.parametrize("rule", ["simulate", "regrid", "train", "publish_store", "report"])
def test_a_read_only_folder(
    rule: str, undisturbed: Run, jobs: dict[str, list[str]], obeying: list[str]
) -> None:
    words = jobs[rule]
    output = undisturbed.folder / words[words.index("--output") + 1]
    made = output.parent if rule in ("simulate", "train") else output  # these write whole folders
    before = contents(undisturbed.folder)
    made.parent.chmod(0o555)
    try:
        done = tried(undisturbed, [*obeying, *words])
    finally:
        made.parent.chmod(0o755)
    assert_told(done, "cannot write the file")
    assert contents(undisturbed.folder) == before


# --- granules --------------------------------------------------------------------------------


def granules(run: Run, words: list[str]) -> list[Path]:
    """Granules that a command of `regrid` reads."""
    manifest = run.folder / words[words.index("--manifest") + 1]
    listed = json.loads(manifest.read_text())["granules"]
    return [manifest.parent / entry["name"] for entry in listed]


def test_truncated_granules(undisturbed: Run) -> None:
    run = twin(undisturbed, "truncated")
    words = commands(run, "results/regrid/smos_ic/2013.nc")["regrid"]
    before, every = contents(run.folder), granules(run, words)
    every[10].write_bytes(every[10].read_bytes()[:5000])
    assert tried(run, words).returncode == 0
    after = contents(run.folder)
    told = json.loads(after["results/regrid/smos_ic/2013.ingest.json"])
    assert every[10].name in json.dumps(told)
    for path in every[::2]:
        path.write_bytes(path.read_bytes()[:5000])
    assert_told(tried(run, words), "too many granules")
    assert contents(run.folder).keys() == before.keys()
    assert (
        contents(run.folder)["results/regrid/smos_ic/2013.nc"]
        == after["results/regrid/smos_ic/2013.nc"]
    )
    assert leftovers(run.folder) == []


# --- kills -----------------------------------------------------------------------------------


def killed(process: subprocess.Popen[bytes]) -> None:
    """kill -9 of a process and of all that it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def nobody_left(folder: Path, wait_s: float = 10.0) -> bool:
    """Whether what was killed is gone, some moments later."""
    end = time.monotonic() + wait_s
    while working(folder) and time.monotonic() < end:
        time.sleep(0.05)
    return not working(folder)


def longer(words: list[str], epochs: int) -> list[str]:
    """A command of `train` with so many epochs."""
    place = words.index("--settings") + 1
    settings = json.loads(words[place])
    settings["network"] |= {"epochs": epochs, "batch_size": 64}
    return [*words[:place], json.dumps(settings), *words[place + 1 :]]


def test_a_training_killed_within_an_epoch_goes_on(
    undisturbed: Run, jobs: dict[str, list[str]]
) -> None:
    run, words = twin(undisturbed, "training"), longer(jobs["train"], 30)
    folder = (run.folder / words[words.index("--output") + 1]).parent
    whole = tried(run, words).stdout
    assert whole.count("epoch ") == 30
    expected = contents(folder.parent.parent.parent.parent)
    shutil.rmtree(folder)
    seen = []
    for last in (4, 15):
        process = subprocess.Popen(
            words,
            cwd=run.folder,
            env=run.environment() | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            seen.append(int(line.split()[1]))
            if seen[-1] == last:
                break
        time.sleep(0.05)  # into the next epoch
        killed(process)
        assert not folder.exists()
        seen += [int(line.split()[1]) for line in process.stdout if line.endswith(b"\n")]
    said = tried(run, words).stdout
    seen += [int(number) for number in re.findall(r"^epoch (\d+) ", said, re.M)]
    assert seen == sorted(seen) and set(seen) == set(range(1, 31))
    assert len(seen) <= 32  # an epoch that was told but whose state was not yet kept is run again
    assert contents(run.folder) == expected
    assert leftovers(run.folder) == []


def run_and_kill(run: Run, jobs_done: float, wait_s: float) -> Counter[str]:
    """Start a run, kill -9 all of it at a moment, and tell which stages were at work."""
    command = run.command("all", "publish", "--rerun-incomplete", "--cores", "2")
    with (run.folder / "said.txt").open("ab") as said:
        process = subprocess.Popen(
            command, env=run.environment(), stdout=said, stderr=said, start_new_session=True
        )
    while finished_jobs(run.folder) < jobs_done:
        assert process.poll() is None, (run.folder / "said.txt").read_text()[-3000:]
        time.sleep(0.1)
    time.sleep(wait_s)
    at_work = working(run.folder)
    killed(process)
    return at_work


def unlock(run: Run) -> None:
    """`make unlock`, from the folder of the code, for all runs in its `runs`."""
    runs = run.code / "runs"
    runs.mkdir(exist_ok=True)
    link = runs / run.folder.name
    if not link.is_symlink():
        link.symlink_to(run.folder)
    shutil.copy(ROOT / "Makefile", run.code)
    tools = f"BIN={Path(sys.executable).parent}"
    words = ["make", "unlock", tools, "--old-file=.venv/.installed"]
    done = subprocess.run(
        words, cwd=run.code, env=run.environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_killed_at_twenty_random_moments(undisturbed: Run) -> None:
    """Killed -9, the whole process group, unlocked, started again: the same bytes at the end."""
    run = undisturbed.elsewhere("killed")
    rng = random.Random(SEED)
    total = finished_jobs(undisturbed.folder)
    moments = sorted(rng.uniform(0, total - 3) for _ in range(KILLS))
    interrupted: Counter[str] = Counter()
    started = time.monotonic()
    for number, jobs_done in enumerate(moments, 1):
        interrupted += run_and_kill(run, jobs_done, rng.uniform(0, 3))
        assert nobody_left(run.folder)
        if (run.folder / ".snakemake/locks").is_dir():
            unlock(run)
        print(f"kill {number} at {finished_jobs(run.folder)} of {total} jobs", flush=True)
    run.snakemake("all", "publish", "--rerun-incomplete", "--cores", "2")
    print(f"{KILLS} kills, {time.monotonic() - started:.0f} s; at work: {dict(interrupted)}")
    in_jobs = sum(number for name, number in interrupted.items() if name in STAGES)
    assert in_jobs >= KILLS / 4  # the others while it planned
    expected, found = contents(undisturbed.folder), contents(run.folder)
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []
    assert leftovers(run.folder) == []
    print(f"{len(expected)} files, {sum(map(len, expected.values())) / 1e6:.0f} MB, equal")


# --- logs ------------------------------------------------------------------------------------


def test_a_fault_in_the_code_leaves_its_traceback_in_the_job_s_log(
    undisturbed: Run, tmp_path: Path
) -> None:
    run = undisturbed.copy_to(tmp_path)
    step = run.code / "src/glab/steps/publish.py"
    step.write_text(step.read_text().replace("    with io.", "    1 / 0\n    with io."))
    with pytest.raises(AssertionError, match=r"logs/publish/glab_tb\.log"):
        run.snakemake("results/publish/glab_tb.zarr")
    log = (run.folder / "logs/publish/glab_tb.log").read_text()
    assert "Traceback" in log and "ZeroDivisionError" in log and "steps/publish.py" in log
    assert not (run.folder / "results/publish/glab_tb.zarr").exists()
