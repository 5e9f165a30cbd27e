"""Plans from nothing, counted by rule. Plans after a change are in test_rebuild."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from glab.config import load_config
from planning import ROOT, Run, jobs


def test_the_global_run_is_planned_from_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path, None)
    before = os.times()
    plan = run.plan()
    after = os.times()
    busy_s = after.children_user + after.children_system
    assert busy_s - before.children_user - before.children_system < 10.0
    assert sum(plan.values()) <= 1000
    whole = load_config([ROOT / "config/config.yaml"])
    assert plan["acquire"] <= plan["regrid"]  # sources can share an archive
    assert plan["climatology"] % whole.domain.tiles == 0
    assert plan["train"] == sum(link.members for link in whole.links.values())
    assert plan["product"] == sum(p.last - p.first + 1 for p in whole.products.values())


@pytest.mark.parametrize("overlay", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_configuration_can_be_planned(overlay: Path, tmp_path: Path) -> None:
    plan = Run(tmp_path, overlay.name).plan()
    assert plan["report"] == 1


def test_one_year_of_a_product_plans_its_ancestors_only(tmp_path: Path) -> None:
    run = Run(tmp_path, "test.yaml", archive="acquire")
    plan = run.plan("results/product/glab_tb/2010.nc")
    assert plan["product"] == 1
    assert "evaluate" not in plan and "report" not in plan
    whole = run.plan("all")
    assert plan["predict"] < whole["predict"]
    assert sum(plan.values()) < sum(whole.values())


PRODUCTS = ("glab_tb", "glab_vod", "smos_ib")


@pytest.mark.parametrize(
    ("product", "rules"),
    [
        ("smos_ib", {"tb40", "retrieve"}),
        ("glab_tb", {"tb40", "train", "predict", "compose"}),
        ("glab_vod", {"tb40", "train", "predict", "compose"}),
    ],
)
def test_each_product_can_be_planned_alone(product: str, rules: set[str], tmp_path: Path) -> None:
    others = {name: None for name in PRODUCTS if name != product}
    run = Run(tmp_path, "test.yaml", products=others)
    plan = run.plan()
    assert {"evaluate", "report", *rules} <= set(plan)
    assert plan["product"] == 4
    if product == "smos_ib":
        assert not set(plan) & {"samples", "train", "predict", "compose", "climatology"}


def test_the_vod_link_can_have_another_name(tmp_path: Path) -> None:
    link = load_config([ROOT / "config/config.yaml", ROOT / "config/test.yaml"]).links["tb_vod"]
    links = {"tb_vod": None, "my_vod": link.model_dump()}
    products = {"glab_vod": {"link": "my_vod"}, "glab_tb": {"link": "my_vod"}}
    run = Run(tmp_path, "test.yaml", links=links, products=products)
    planned = list(jobs(run.snakemake("-n", "--printshellcmds")))
    outputs = {path for job in planned for path in job.outputs}
    assert {"results/predict/my_vod/2011.nc", "results/train/my_vod/1/curve.csv"} <= outputs
    assert not any("tb_vod" in path for path in outputs)
    (layers,) = (job.inputs for job in planned if "product/glab_vod/2011.nc" in job.outputs[0])
    assert layers[0] == "results/predict/my_vod/2011.nc"


def test_paths_are_quoted_in_commands(tmp_path: Path) -> None:
    networks = tmp_path / "run" / "an 'odd' run; $(touch x)"
    run = Run(tmp_path, "test.yaml", train={"from": networks.name})
    (networks / "results" / "train").mkdir(parents=True)
    for link in ("amsr_smos", "tb_vod"):
        for member in range(2):
            folder = networks / "results/train" / link / str(member)
            folder.mkdir(parents=True)
            (folder / "network.safetensors").touch()
            (folder / "curve.csv").touch()
    planned = list(jobs(run.snakemake("-n", "--printshellcmds")))
    (words,) = (job.words for job in planned if "results/predict/tb_vod/2011.nc" in job.outputs)
    paths = words[words.index("--networks") + 1 : words.index("--calibrate")]
    weights = "results/train/tb_vod/{}/network.safetensors"
    assert paths == tuple(f"{networks.name}/{weights.format(member)}" for member in range(2))


def test_a_missing_optional_input_has_no_option(tmp_path: Path) -> None:
    run = Run(tmp_path, "test.yaml", mask={"frozen_source": None})
    target = "results/residuals/vod/casm/2011.nc"
    *_, job = jobs(run.snakemake(target, "-n", "--printshellcmds"))
    assert job.words[job.words.index("--surface") + 1] == "--domain"


def test_manifests_alone_can_be_asked_for(tmp_path: Path) -> None:
    plan = Run(tmp_path, "test.yaml", archive="acquire").plan("manifests")
    assert set(plan) == {"acquire"}


def test_the_documents_show_the_graph_of_rules(tmp_path: Path) -> None:
    """As `make dag` draws it."""
    run = Run(tmp_path, None)
    graph = run.snakemake("all", "--forceall", "--rulegraph", "mermaid-js", "--quiet", "all")
    page = tmp_path / "run.md"
    shutil.copy(ROOT / "docs/run.md", page)
    script = [sys.executable, str(ROOT / "docs/rule_graph.py"), str(page)]
    subprocess.run(script, input=graph, text=True, check=True)
    assert page.read_text() == (ROOT / "docs/run.md").read_text(), "make dag"
