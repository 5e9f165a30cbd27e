"""What Snakemake plans, from nothing and after each kind of change, counted by rule."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from glab.config import load_config
from planning import ROOT, Run

LEARNING = {"samples", "train", "calibrate"}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The test world, all files faked, from an archive filled by hand (years 2010 to 2013)."""
    run = Run(tmp_path_factory.mktemp("finished"), "test.yaml", archive="acquire")
    run.pretend("all")
    return run


@pytest.fixture
def run(finished: Run, tmp_path: Path) -> Run:
    """A copy of the finished run that a test may change."""
    return finished.copied(tmp_path)


# --- from nothing ----------------------------------------------------------------------------


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


# --- after a change --------------------------------------------------------------------------


def test_a_second_plan_has_nothing_to_do(finished: Run) -> None:
    assert finished.plan() == {}


def test_one_year_is_rebuilt_by_asking_for_its_product(run: Run) -> None:
    (run.folder / "results/product/glab_vod/2011.nc").unlink()
    assert run.plan("results/product/glab_vod/2011.nc") == {"product": 1}


def test_a_new_year_trains_nothing(run: Run) -> None:
    longer = {"first": 2010, "last": 2014}
    files = [ROOT / "config" / name for name in ("config.yaml", "test.yaml")]
    products = load_config(files).products
    plan = run.plan(years=longer, products=dict.fromkeys(products, longer))
    assert not LEARNING & set(plan) and "climatology" not in plan and "domain" not in plan
    used = {path.name for path in (run.folder / "results/regrid").iterdir()}
    used -= {"smos_ic"}  # a target, which training alone reads
    sources = load_config(files).sources
    seen_in_2014 = [
        n for n in used if not sources[n].period.end or sources[n].period.end.year > 2013
    ]
    assert plan["regrid"] == len(seen_in_2014)
    assert plan["compose"] == 1
    # amsr_smos 2014; tb_vod 2014, and 2013, whose means now reach into 2014
    assert plan["predict"] == 3
    assert plan["product"] == len(products) + 1


def test_a_setting_of_evaluate_runs_nothing_upstream(run: Run) -> None:
    assert run.plan(evaluate={"trend_share_min": 0.3}) == {"evaluate": 1, "report": 1}


def test_a_setting_of_train_runs_nothing_before_train(run: Run) -> None:
    plan = run.plan(links={"tb_vod": {"network": {"learning_rate": 0.002}}})
    products = {"product": 4, "evaluate": 1, "report": 1}
    assert plan == {"train": 2, "calibrate": 1, "predict": 4, **products}


def test_one_more_member_retrains_no_other(run: Run) -> None:
    plan = run.plan(links={"tb_vod": {"members": 3}})
    assert plan["train"] == 1 and plan["calibrate"] == 1 and "samples" not in plan


def test_a_baseline_runs_its_own_cycles_only(run: Run) -> None:
    plan = run.plan(baselines={"vod": {"start": "2010-07-01"}})
    # compose, casm and smos_ic, two tiles each
    assert plan["climatology"] == 6 and "regrid" not in plan and "compose" not in plan
    assert plan["samples"] == 1 and plan["train"] == 2


def test_a_replaced_granule_runs_what_depends_on_its_year(run: Run) -> None:
    manifest = run.folder / "data/casm/2010/manifest.json"
    manifest.write_text('{"granules": "another"}\n')
    plan = run.plan()
    assert plan["regrid"] == 1 and "acquire" not in plan
    assert plan["climatology"] == 2 and plan["train"] == 2 and "compose" not in plan


def test_a_touched_manifest_runs_nothing(run: Run) -> None:
    os.utime(run.folder / "data/casm/2010/manifest.json")
    assert run.plan() == {}


def test_an_edited_constant_runs_its_dependents(run: Run) -> None:
    with (run.code / "src/glab/steps/compose.py").open("a") as file:
        file.write("\nEDITED = 1\n")
    plan = run.plan()
    assert plan["compose"] == 4 and plan["train"] == 2  # the networks of tb_vod
    assert not {"regrid", "acquire", "domain"} & set(plan)
    assert plan["samples"] == 1 and plan["predict"] == 4


def test_an_edited_comment_runs_nothing(run: Run) -> None:
    for path in (run.code / "src/glab").rglob("*.py"):
        path.write_text(path.read_text() + "\n# a remark\n")
    assert run.plan() == {}
