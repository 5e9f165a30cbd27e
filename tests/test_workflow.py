"""What Snakemake plans from nothing, counted by rule; after a change: see test_rebuild."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from glab.config import load_config
from planning import ROOT, Run


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
