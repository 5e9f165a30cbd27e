"""Stages whose code print changes after an edit: every row of the table of tests/README.md."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glab.cli import STAGES
from glab.config import Config, load_config
from planning import ROOT, load_fingerprint

CONFIG = ROOT / "config"
OF_SOURCES = ("acquire", "simulate", "regrid", "climatology", "residuals")
OF_LINKS = ("samples", "train", "calibrate", "predict")

Prints = dict[str, dict[str, str]]
Edit = Callable[[str], str]


# --- prints ----------------------------------------------------------------------------------


PARSED: dict[tuple[Path, bytes], Any] = {}


def parsed(content: tuple[Path, bytes], parse: Callable[[Path], Any]) -> Any:
    """Return the code of a file; a file that did not change is parsed once for all edits."""
    if content not in PARSED:
        PARSED[content] = parse(content[0])
    return PARSED[content]


def prints(package: Path, run: Config) -> Prints:
    """Return the prints of a stage by source or link, as rules/common.smk computes them."""
    fingerprint = load_fingerprint(package)
    parse = fingerprint._file_code
    fingerprint._file_code = lambda path: parsed((path, path.read_bytes()), parse)
    stage_print = fingerprint.stage_print
    granules = [name for name, spec in run.sources.items() if spec.reader]
    series = [name for name, spec in run.sources.items() if spec.series]
    table: Prints = {stage: {} for stage in STAGES}
    for name in granules:
        table["acquire"][name] = stage_print("acquire", run.acquire_of(name).model_dump_json())
        settings = run.simulate_of().model_dump_json()
        table["simulate"][name] = stage_print("simulate", settings, run.sources[name].reader)
        table["regrid"][name] = stage_print("regrid", run.regrid_of(name).model_dump_json())
    for name in series:
        settings = run.climatology_of(name, "vod").model_dump_json()
        table["climatology"][name] = stage_print("climatology", settings)
        settings = run.residuals_of(name).model_dump_json()
        table["residuals"][name] = stage_print("residuals", settings)
    for stage in OF_LINKS:
        for link in run.links:
            settings = getattr(run, f"{stage}_of")(link).model_dump_json()
            table[stage][link] = stage_print(stage, settings)
    for product in run.products:
        settings = run.product_of(product).model_dump_json()
        table["product"][product] = stage_print("product", settings)
    for stage in ("domain", "tb40", "retrieve", "compose", "publish", "evaluate", "report"):
        section = getattr(run, f"{stage}_of", lambda stage=stage: getattr(run, stage))()
        table[stage][stage] = stage_print(stage, section.model_dump_json())
    return table


def differences(before: Prints, after: Prints) -> str:
    """Return the stages whose prints differ, with the sources or links where not all do."""
    if all(own[name] != after[stage][name] for stage, own in before.items() for name in own):
        return "every stage"
    parts = []
    for stage, own in before.items():
        names = [name for name in own if own[name] != after[stage][name]]
        if names:
            parts.append(stage if len(names) == len(own) else f"{stage} ({', '.join(names)})")
    return ", ".join(parts) or "none"


@pytest.fixture(scope="module")
def run() -> Config:
    return load_config([CONFIG / "config.yaml"])


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the real tree."""
    folder = tmp_path_factory.mktemp("edits") / "glab"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "glab", folder, ignore=ignored)
    return folder


@pytest.fixture(scope="module")
def before(package: Path, run: Config) -> Prints:
    return prints(package, run)


# --- edits -----------------------------------------------------------------------------------


def replaced(old: str, new: str) -> Edit:
    """Return an edit that replaces the first occurrence of a regular expression."""

    def edit(text: str) -> str:
        changed, number = re.subn(old, new, text, count=1, flags=re.M)
        assert number, f"no {old}"
        return changed

    return edit


UNUSED = replaced(
    r"^    \"tb_accuracy\"", r'    "chlorophyll": Variable("1", "chlorophyll"),\n    "tb_accuracy"'
)

EDITS: dict[str, list[tuple[str, Edit]]] = {
    "a comment, a docstring": [
        ("regrid/quality.py", replaced(r'^"""', '# a comment\n"""Another text. ')),
        ("io/files.py", replaced(r'^    """', '    """Another text. ')),
    ],
    "the words of an error": [
        (
            "regrid/quality.py",
            replaced("a quality rule names a variable", "a rule names something"),
        ),
        ("io/files.py", replaced('"file not found"', '"no such file"')),
    ],
    "the progress bar": [("io/progress.py", replaced("progress.advance", "progress.update"))],
    "a setting's class, its comment or default": [
        ("config/sources.py", replaced("values_min: int = 40", "values_min: int = 41  # days"))
    ],
    "a public function of `glab`": [("__init__.py", replaced('    "invert": .*\n', ""))],
    "the version of `glab`": [("__init__.py", replaced('__version__ = "', '__version__ = "9'))],
    "a new entry of `variables.py` that nothing uses": [("variables.py", UNUSED)],
    "an entry of `variables.py`: `acquisition_time`": [
        ("variables.py", replaced("time of observation after", "time of observation since"))
    ],
    "an entry of `variables.py`: `t_deep`": [
        ("variables.py", replaced("soil temperature at depth", "soil temperature at 1 m"))
    ],
    "an entry of `variables.py`: `tb`": [
        ("variables.py", replaced(r'"tb": _kelvin\("', '"tb": _kelvin("observed '))
    ],
    "a naming pattern of one format: `smap_ib`": [
        ("readers/smap_ib.py", replaced(r"IB_SM_CDF3\(", "IB_SM_CDF4("))
    ],
    "the reading of one format: `smap_ib`": [
        ("readers/smap_ib.py", replaced(r'"M36", "M25"', '"M25", "M36"'))
    ],
    "a new format, in a file of its own": [
        ("readers/mine.py", lambda text: '"""My format."""\n\nTITLE = "mine"\n')
    ],
    "the reading of clay maps": [("readers/clay.py", replaced(r"^TITLE = .*$", 'TITLE = "clay"'))],
    "a constant of `regrid/quality.py`": [
        ("regrid/quality.py", lambda text: text + "\nLIMIT = 1.0\n")
    ],
    "a constant of `regrid/rules.py`, the rule itself": [
        ("regrid/rules.py", lambda text: text + "\nLIMIT = 1.0\n")
    ],
    "a constant of the seasonal cycles": [
        ("climatology/harmonics.py", lambda text: text + "\nLIMIT = 1.0\n")
    ],
    "a constant of the radiative transfer model": [
        ("lmeb/dielectric.py", lambda text: text + "\nLIMIT = 1.0\n")
    ],
    "a constant of training": [("learning/train.py", lambda text: text + "\nLIMIT = 1.0\n")],
    "a constant of prediction": [("learning/predict.py", lambda text: text + "\nLIMIT = 1.0\n")],
    "a constant of `compose`": [("products/compose.py", lambda text: text + "\nLIMIT = 1.0\n")],
    "a constant of the evaluation": [
        ("evaluation/breaks.py", lambda text: text + "\nLIMIT = 1.0\n")
    ],
    "the template of the page": [("report/page.html.j2", lambda text: text + "<p></p>")],
}


def rows() -> dict[str, str]:
    """Return the stages by edit, from the table of tests/README.md."""
    section = (ROOT / "tests" / "README.md").read_text().partition("## What an edit re-runs")[2]
    table = re.findall(r"^\| (.+?) \| (.+?) \|$", section.partition("\n## ")[0], re.M)
    return {edit: stages.replace("`", "") for edit, stages in table[1:]}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_the_prints_of_these_stages(
    edit: str, package: Path, run: Config, before: Prints
) -> None:
    originals: dict[Path, str | None] = {}
    try:
        for name, change in EDITS[edit]:
            path = package / name
            originals[path] = path.read_text(encoding="utf-8") if path.exists() else None
            path.write_text(change(originals[path] or ""), encoding="utf-8")
        stages = differences(before, prints(package, run))
    finally:
        for path, text in originals.items():
            path.unlink() if text is None else path.write_text(text, encoding="utf-8")
    assert stages == rows().get(edit, "no row in tests/README.md")


def test_every_row_of_the_table_is_an_edit() -> None:
    assert list(rows()) == list(EDITS)


def test_the_reader_of_a_source_comes_from_its_settings(package: Path, run: Config) -> None:
    stage_print = load_fingerprint(package).stage_print
    for name, spec in run.sources.items():
        if spec.reader:
            settings = run.regrid_of(name).model_dump_json()
            assert stage_print("regrid", settings) == stage_print("regrid", settings, spec.reader)
    assert stage_print("regrid", '{"reader": "no_such_format"}') == stage_print("regrid")
