"""Partial rebuilds of the global run: how many jobs of each rule Snakemake plans after a change.

The files are faked. Each row of the table of docs/run.md is a test; its jobs are expected.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from glab.config import Config, load_config
from glab.readers.acquire import write_manifest
from glab.steps.acquire import check
from planning import ROOT, Run

pytestmark = pytest.mark.slow

GRANULES = {
    "smap_ib/2016": "IB_SM_CDF3PM_20160704_v1.nc",
    "casm/2005": "CASM_SM_2005.nc",
}
"""Source-years of the faked archive that hold a file, its contents without meaning."""

TILE = ("all", "--forcerun", "results/climatology/amsr2/amsr2/7.nc")
TO_2021 = {"first": 2002, "last": 2021}
SAHEL = {"box": {"west": -18.0, "east": 40.0, "south": 10.0, "north": 18.0}, "tiles": 1}

Plan = dict[str, int]


def rows() -> dict[str, Plan]:
    """What changed, and the jobs by rule, from the table of docs/run.md."""
    section = (ROOT / "docs" / "run.md").read_text().partition("## Partial rebuilds")[2]
    lines = re.findall(r"^\| (.+) \| (?:.+) \| (\d+)(?:: (.+))? \|$", section, re.M)
    found = {}
    for what, total, told in lines:
        found[what] = {rule: int(n) for n, rule in re.findall(r"(\d+) (\w+)", told)}
        assert sum(found[what].values()) == int(total), what
    return found


def archive(run: Run, place: str, whole: Config) -> None:
    """One folder of the archive and its manifest."""
    folder = run.folder / "data" / place
    folder.mkdir(parents=True)
    if place in GRANULES:
        (folder / GRANULES[place]).write_bytes(b"\x89HDF first")
    spec = whole.acquire_of(place.partition("/")[0])
    write_manifest(folder, folder / "manifest.json", spec.reader, int(place[-4:]), spec.doi)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The global run, complete, every file faked, manifests apart."""
    run = Run(tmp_path_factory.mktemp("global"), None)
    whole = load_config([ROOT / "config" / "config.yaml"])
    own = [n for n, s in whole.sources.items() if s.stage == "regrid" and s.archive is None]
    for source in own:
        for year in whole.source_years(source):
            archive(run, f"{source}/{year}", whole)
    run.pretend("all")
    return run


@contextmanager
def restored(path: Path) -> Iterator[Path]:
    """A file that may be edited or removed, and stands as it was afterwards."""
    before, times = path.read_bytes(), path.stat()
    try:
        yield path
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


# --- the cases -------------------------------------------------------------------------------


def one_product_year(run: Run) -> Plan:
    path = "results/product/glab_vod/2015.nc"
    with restored(run.folder / path) as product:
        product.unlink()
        return run.plan(path)


def one_product_year_from_nothing(run: Run) -> Plan:
    return run.elsewhere("nothing").plan("results/product/glab_vod/2015.nc")


def a_region(run: Run) -> Plan:
    region = run.elsewhere("sahel")
    (region.folder / "data").symlink_to("../run/data")
    return region.plan(domain=SAHEL, train={"from": "../run"})


def a_year_more(run: Run) -> Plan:
    products = {"glab_tb": TO_2021, "glab_vod": TO_2021, "smos_ib": {"first": 2010, "last": 2021}}
    longer = {"casm": {"period": {"end": "2021-12-31"}}}  # the one record that has an end
    return run.plan(years=TO_2021, sources=longer, products=products)


def replaced(place: str) -> Callable[[Run], Plan]:
    """Another file in a source-year, and `glab check` as a person calls it."""

    def plan(run: Run) -> Plan:
        folder = run.folder / "data" / place
        with restored(folder / GRANULES[place]) as granule, restored(folder / "manifest.json"):
            granule.write_bytes(b"\x89HDF second")
            check(run.folder / "data")
            return run.plan()

    return plan


def constant(module: str, before: str, after: str) -> Callable[[Run], Plan]:
    """A line of the code with another value."""

    def plan(run: Run) -> Plan:
        with restored(run.code / "src/glab" / module) as path:
            text = path.read_text()
            assert before in text
            path.write_text(text.replace(before, after))
            return run.plan()

    return plan


def comments_and_docstrings(run: Run) -> Plan:
    with ExitStack() as stack:
        for path in (run.code / "src/glab").rglob("*.py"):
            stack.enter_context(restored(path))
            path.write_text(path.read_text() + '\n# a remark\n"""And a text."""\n')
        return run.plan()


CASES: dict[str, Callable[[Run], Plan]] = {
    "nothing": lambda run: run.plan(),
    "one product year, of a finished run": one_product_year,
    "one product year, nothing there yet": one_product_year_from_nothing,
    "one tile of a climatology": lambda run: run.plan(*TILE),
    "the same, networks kept": lambda run: run.plan(*TILE, "--config", "train={from: .}"),
    "a region only, networks of the global run": a_region,
    "a new year of every source": a_year_more,
    "a setting of `evaluate`": lambda run: run.plan(evaluate={"trend_fraction_min": 0.3}),
    "a setting of `train`, of the last link": lambda run: run.plan(
        links={"tb_vod": {"network": {"learning_rate": 0.002}}}
    ),
    "a setting of `train`, of the first link": lambda run: run.plan(
        links={"amsr_smos": {"network": {"learning_rate": 0.002}}}
    ),
    "the climatology of one baseline": lambda run: run.plan(
        baselines={"vod": {"start": "2015-07-01"}}
    ),
    "one more member of the last link": lambda run: run.plan(links={"tb_vod": {"members": 6}}),
    "one more member of the first link": lambda run: run.plan(links={"amsr_smos": {"members": 6}}),
    "a constant in the code of evaluation": constant(
        "evaluation/breaks.py", "timedelta64(365", "timedelta64(366"
    ),
    "a constant in the code of the cycles": constant(
        "climatology/harmonics.py", "= 1e-12", "= 1e-11"
    ),
    "comments and docstrings": comments_and_docstrings,
    "a granule of a training year": replaced("smap_ib/2016"),
    "a granule of another year": replaced("casm/2005"),
}


@pytest.mark.parametrize("what", CASES)
def test_jobs_after_a_change(what: str, run: Run) -> None:
    expected = rows()
    assert what in expected, f"no such row in docs/run.md: {what}"
    assert CASES[what](run) == expected[what]


def test_every_row_of_the_readme_is_a_case() -> None:
    assert list(rows()) == list(CASES)


def test_only_what_must_learn_again_is_trained() -> None:
    for what, plan in rows().items():
        kept = "nothing" in what or "kept" in what or "region" in what or "new year" in what
        assert not (kept and "train" in plan) or what.endswith("yet"), what
    more = rows()["one more member of the first link"]
    assert more["train"] == 1 + 5  # its own, and every network of the link that learns from it


def test_a_touched_manifest_runs_nothing(run: Run) -> None:
    with restored(run.folder / "data/casm/2010/manifest.json") as manifest:
        os.utime(manifest)
        assert run.plan() == {}


def test_a_run_without_networks_cannot_lend_them(run: Run, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="train.from: no networks in"):
        run.plan(train={"from": str(tmp_path)})
