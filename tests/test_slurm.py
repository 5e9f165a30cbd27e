"""`snakemake --profile slurm` on a real SLURM: where jobs run, and what breaks on a cluster.

Every broken run starts from a copy of the undisturbed one without one network, asks for that
network, and must end with the same bytes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from on_slurm import PLACE, Cluster, Job, OnSlurm, awaited, cluster, told
from planning import ROOT, count_jobs

ON_GPUS = ("train", "predict")
NETWORK = "results/train/tb_vod/0/network.safetensors"
LOG = "logs/train/tb_vod/0.log"
LIMIT_S = 600.0  # of a broken run, which takes a minute or two on a quiet machine
ATTEMPTS = 3  # the first and what the profile allows more


def obstacle() -> str:
    """Why no SLURM can be started here; empty where one can."""
    said = subprocess.run([PLACE / "cluster.sh", "check"], capture_output=True, text=True)
    return said.stderr.strip()


pytestmark = [pytest.mark.slurm, pytest.mark.skipif(bool(obstacle()), reason=obstacle())]


@pytest.fixture(scope="module")
def slurm() -> Iterator[Cluster]:
    with cluster() as started:
        yield started


@pytest.fixture(scope="module")
def world(slurm: Cluster, tmp_path_factory: pytest.TempPathFactory) -> OnSlurm:
    """The small world, complete."""
    run = OnSlurm(tmp_path_factory.mktemp("slurm") / "world")
    run.folder.mkdir()
    run("--quiet", "reason", limit_s=1500)
    return run


@pytest.fixture(scope="module")
def jobs(slurm: Cluster, world: OnSlurm) -> list[Job]:
    """SLURM's records of the small world."""
    return slurm.jobs(world.folder)


@pytest.fixture
def run(world: OnSlurm, tmp_path: Path) -> OnSlurm:
    """The small world, but for one network."""
    shutil.copytree(world.folder, tmp_path / "run", symlinks=True)
    shutil.rmtree((tmp_path / "run" / NETWORK).parent)
    return OnSlurm(tmp_path / "run")


def training(slurm: Cluster, run: OnSlurm) -> list[Job]:
    """SLURM's records of a broken run, which trains and nothing else."""
    jobs = slurm.jobs(run.folder)
    assert {job.task for job in jobs} == {"train"}
    return jobs


def same_network(run: OnSlurm, world: OnSlurm) -> bool:
    """The network has the bytes of the undisturbed one."""
    return (run.folder / NETWORK).read_bytes() == (world.folder / NETWORK).read_bytes()


# --- where jobs run ------------------------------------------------------------------------------


def test_every_rule_ran_as_a_slurm_job(
    jobs: list[Job], tmp_path_factory: pytest.TempPathFactory
) -> None:
    plan = OnSlurm(tmp_path_factory.mktemp("plan"))
    planned = count_jobs(plan("--dry-run", "--quiet", "rules", limit_s=120))
    groups = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())["groups"]
    ran = Counter(job.task for job in jobs)
    assert {job.ends for job in jobs} == {("COMPLETED",)}
    assert {rule: ran[rule] for rule in planned} == {
        rule: 0 if rule in groups else n for rule, n in planned.items()
    }
    for group in {group for rule, group in groups.items() if rule in planned}:
        assert any(task.startswith(group.partition("{")[0]) for task in ran), group
    assert sum(ran.values()) < sum(planned.values())


def test_networks_ran_on_the_partition_with_gpus(jobs: list[Job]) -> None:
    where = {(job.task.startswith(ON_GPUS), job.partition, job.gpus) for job in jobs}
    assert where == {(True, "gpu", 1), (False, "cpu", 0)}


def test_a_group_asks_for_the_cores_and_memory_of_one_job(jobs: list[Job]) -> None:
    groups = [job for job in jobs if job.task.startswith(("product_", "cycle_", "compose_"))]
    assert {job.cores for job in groups} == {1}
    assert max(job.memory_mb for job in groups) < 1000


# --- what breaks ---------------------------------------------------------------------------------


def test_a_cancelled_job_is_sent_again_with_more(
    slurm: Cluster, world: OnSlurm, run: OnSlurm
) -> None:
    with run.started(NETWORK, limit_s=LIMIT_S) as snakemake:
        awaited(lambda: run.pids("train"))
        told("scancel", str(slurm.running(run.folder)))
        assert snakemake.wait() == 0, run.said()
    first, second = training(slurm, run)
    assert (first.ends, second.ends) == (("CANCELLED",), ("COMPLETED",))
    assert second.minutes == 2 * first.minutes
    assert second.memory_mb == pytest.approx(2 * first.memory_mb, abs=2)  # MB, rounded each
    assert same_network(run, world)


def test_a_job_whose_node_is_set_down_starts_again(
    slurm: Cluster, world: OnSlurm, run: OnSlurm
) -> None:
    with run.started(NETWORK, limit_s=LIMIT_S) as snakemake:
        awaited(lambda: run.pids("train"))
        number = slurm.running(run.folder)
        told("scontrol", "update", "NodeName=node2", "State=DOWN", "Reason=test")
        awaited(lambda: slurm.running(run.folder) is None and not run.pids("train"))
        told("scontrol", "update", "NodeName=node2", "State=RESUME")
        assert snakemake.wait() == 0, run.said()
    (job,) = training(slurm, run)
    assert (job.number, job.starts) == (number, 2)
    assert job.ends == ("NODE_FAIL", "COMPLETED")
    assert same_network(run, world)


def test_a_job_over_its_time_limit_is_sent_again_with_more(
    slurm: Cluster, world: OnSlurm, run: OnSlurm
) -> None:
    with run.started(NETWORK, limit_s=LIMIT_S) as snakemake:
        (process,) = awaited(lambda: run.pids("train"))
        asked = slurm.jobs(run.folder)[-1].minutes
        os.kill(process, signal.SIGSTOP)  # it hangs
        told("scontrol", "update", f"JobId={slurm.running(run.folder)}", "TimeLimit=1")
        assert snakemake.wait() == 0, run.said()
    first, second = training(slurm, run)
    assert (first.ends, second.ends) == (("TIMEOUT",), ("COMPLETED",))
    assert second.minutes == 2 * asked
    assert same_network(run, world)


def test_a_job_killed_for_memory_gets_more_and_then_one_clear_error(
    slurm: Cluster, world: OnSlurm, run: OnSlurm
) -> None:
    with run.started(NETWORK, limit_s=LIMIT_S) as snakemake:
        for _ in range(ATTEMPTS):
            (process,) = awaited(lambda: run.pids("train"))
            os.kill(process, signal.SIGKILL)  # as the kernel does, exit 137
            awaited(lambda: not run.pids("train"))
        assert snakemake.wait() == 1
    jobs = training(slurm, run)
    assert [job.ends for job in jobs] == [("FAILED",)] * ATTEMPTS
    first, second, third = (job.memory_mb for job in jobs)
    assert (second, third) == pytest.approx((2 * first, 3 * first), abs=2)
    *_, error = run.said().split("Trying to restart job")
    assert error.count("Error in rule train:") == 1 and error.count("Error") <= 2
    assert LOG in error and f"rule_train/tb_vod_0/{jobs[-1].number}.log" in error
    (told_by_slurm,) = (run.folder / ".snakemake/slurm_logs").rglob(f"{jobs[-1].number}.log")
    assert "exit status 137" in told_by_slurm.read_text()
    assert not (run.folder / NETWORK).exists()
    run(NETWORK, limit_s=LIMIT_S)
    assert same_network(run, world)
