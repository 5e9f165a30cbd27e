"""The contract of the code base: names of stages, direction of imports, sizes."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from glab import config
from glab.cli import STAGES

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "glab"
MODULES = sorted(PACKAGE.rglob("*.py"))
RULES = sorted((ROOT / "rules").glob("*.smk"))
SOURCES = [*MODULES, *sorted((ROOT / "tests").glob("*.py"))]

RANKS = {
    **dict.fromkeys(("errors", "fingerprint", "seeds", "calendar", "arrays"), 0),
    **dict.fromkeys(("variables", "config", "lmeb", "grids"), 1),
    **dict.fromkeys(("io", "mask", "splits"), 2),
    "readers": 3,
    "regrid": 4,
    "climatology": 5,
    "simulate": 5,
    **dict.fromkeys(("products", "learning", "retrieval"), 6),
    "evaluation": 7,
    "report": 8,
    "steps": 9,
    "cli": 10,
}
"""The order of dependence: a package imports itself and packages of a lower rank."""

UNITS = ("config", "grids", "io", "lmeb", "report.figures", "simulate.world")
"""Closed units, whose `__init__` exports their public names."""

OPEN_FILES = ("io", "readers", "simulate.formats", "steps")
"""Packages whose modules open files."""

OPEN_FILES_TOO = {
    "config.run": "the configuration",
    "evaluation.records": "products and predictions, month by month",
    "evaluation.gridded": "year files of a source",
    "evaluation.stations": "days of products",
    "fingerprint": "source code",
    "learning.inputs": "residuals and climatologies, lazily",
    "learning.network": "weights and settings",
    "learning.train": "the checkpoint",
}
"""Other modules that open files, and which."""

TORCH = {f"learning.{name}" for name in ("network", "rebasing", "train", "predict", "calibrate")}
NO_FOLDER = {"acquire", "simulate", "domain"}  # their results do not lie in a folder of their name
ARCHIVES = {"acquire", "simulate"}  # included one or the other


def name_of(path: Path) -> str:
    """Dotted name of a module below `glab`; empty for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(node: ast.AST) -> Iterator[str]:
    """Dotted names that the import statements within a node bring in."""
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            yield from (alias.name for alias in part.names)
        elif isinstance(part, ast.ImportFrom):
            yield from (f"{part.module}.{alias.name}" for alias in part.names)


def glab_imports(path: Path) -> set[str]:
    """First name below `glab` of what a module imports from it."""
    names = [name.split(".") for name in imports(tree(path))]
    return {name[1] for name in names if name[0] == "glab" and len(name) > 1}


def rank(name: str) -> int:
    """Rank of a module by its first name; the package itself, with its version, is below all."""
    return RANKS[name.split(".")[0]] if name else -1


# --- one word per stage ----------------------------------------------------------------------


@pytest.mark.parametrize("stage", STAGES)
def test_one_word_per_stage(stage: str) -> None:
    rule = (ROOT / "rules" / f"{stage}.smk").read_text()
    rules = re.findall(r"^rule (\w+):", rule, re.M)
    assert stage in rules
    assert all(name == stage or name.startswith(f"{stage}_") for name in rules)
    assert f"glab {stage} " in rule
    assert set(re.findall(r"_of\(\"(\w+)\"\)", rule)) == {stage}
    functions = [f for f in tree(PACKAGE / "steps" / f"{stage}.py").body if hasattr(f, "args")]
    step = next(function for function in functions if function.name == stage)
    settings = next(a for a in [*step.args.args, *step.args.kwonlyargs] if a.arg == "settings")
    assert ast.unparse(settings.annotation) == stage.capitalize()
    assert hasattr(config, stage.capitalize())
    names = {name_of(path) for path in MODULES if "steps" not in path.parts}
    assert any(stage in name.split(".") for name in names)
    assert (ROOT / "tests" / f"test_{stage}.py").exists()


@pytest.mark.parametrize("stage", STAGES)
def test_results_logs_and_benchmarks_lie_in_the_folder_of_their_stage(stage: str) -> None:
    rule = (ROOT / "rules" / f"{stage}.smk").read_text()
    outputs = re.findall(r"output:\n((?:        .*\n)+)", rule)
    results = re.findall(r'"(results/[^"]*|data/[^"]*)"', "".join(outputs))
    logs = re.findall(r'"(logs/[^"]*)\.log"', rule)
    assert results and logs
    assert logs == [name.removesuffix(".tsv") for name in re.findall(r'"(logs/[^"]*\.tsv)"', rule)]
    if stage not in NO_FOLDER:
        assert all(path.startswith(f"results/{stage}/") for path in results)
        assert all(path.startswith(f"logs/{stage}/") for path in logs)


def test_every_rule_file_belongs_to_a_stage_and_is_included() -> None:
    assert {path.stem for path in RULES} == {*STAGES, "common"}
    included = set(re.findall(r'include: "rules/(\w+)\.smk"', (ROOT / "Snakefile").read_text()))
    assert included == {*STAGES, "common"} - ARCHIVES


# --- rules -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [p for p in RULES if p.stem != "common"], ids=lambda p: p.stem)
def test_rules_are_short_and_ordered(path: Path) -> None:
    order = ["input", "output", "log", "benchmark", "threads", "resources", "params", "shell"]
    for rule in re.split(r"^(?=rule |use rule )", path.read_text(), flags=re.M)[1:]:
        assert len(rule.strip().splitlines()) <= 30
        if rule.startswith("use rule"):  # as another, but for its files
            continue
        assert rule.splitlines()[1].strip().startswith('"""')
        found = re.findall(r"^    (\w+):", rule, re.M)
        if found == ["input"]:  # a target
            continue
        assert found == [word for word in order if word in found]
        assert set(order) - {"input"} <= set(found)


@pytest.mark.parametrize("profile", ["local", "ci", "slurm"])
def test_every_line_of_a_profile_is_explained(profile: str) -> None:
    lines = (ROOT / "profiles" / profile / "config.yaml").read_text().splitlines()
    assert all("#" in line for line in lines if line)
    assert not (ROOT / "profiles" / "default").exists()


def test_the_slurm_profile_is_found_by_its_name() -> None:
    assert (ROOT / "slurm").is_symlink()
    assert (ROOT / "slurm" / "config.yaml").samefile(ROOT / "profiles/slurm/config.yaml")


def test_the_snakefile_is_a_page_of_contents() -> None:
    text = (ROOT / "Snakefile").read_text()
    assert "def " not in text and "lambda" not in text and "import glab" not in text


def test_rules_import_only_configuration_and_fingerprint() -> None:
    text = "\n".join(path.read_text() for path in [ROOT / "Snakefile", *RULES])
    found = set(re.findall(r"^(?:from|import) (glab[\w.]*)", text, re.M))
    assert found <= {"glab.config", "glab.fingerprint"}


# --- who may import what ---------------------------------------------------------------------


def test_modules_at_the_top_are_few() -> None:
    assert len([path for path in MODULES if path.parent == PACKAGE]) <= 10


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards(path: Path) -> None:
    own = name_of(path).split(".")[0]
    above = {name for name in glab_imports(path) - {own, "__version__"} if rank(name) >= rank(own)}
    assert not above, f"{name_of(path)} imports {above}, of the same rank or above"


@pytest.mark.parametrize("path", sorted((PACKAGE / "steps").glob("*.py")), ids=name_of)
def test_no_step_imports_a_step(path: Path) -> None:
    assert "steps" not in glab_imports(path)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*/__init__.py")), ids=name_of)
def test_packages_are_described_and_hold_no_code(path: Path) -> None:
    text = ast.get_docstring(tree(path))
    assert text and len(text.splitlines()) <= 15
    rest = [node for node in tree(path).body[1:] if not isinstance(node, ast.ImportFrom)]
    names = [ast.unparse(target) for node in rest for target in getattr(node, "targets", [])]
    if name_of(path) in UNITS:
        assert names == ["__all__"]
    else:
        assert not tree(path).body[1:]


def test_modules_import_few_others() -> None:
    names = {f"glab.{name_of(path)}".rstrip(".") for path in MODULES}
    number = 0
    for path in MODULES:
        wanted = [name for name in imports(tree(path)) if name.split(".")[0] == "glab"]
        known = {name if name in names else name.rpartition(".")[0] for name in wanted}
        number += len(known & names)
    assert number / len(MODULES) <= 3.6


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_modules_that_say_so_open_files(path: Path) -> None:
    name = name_of(path)
    if name.startswith(OPEN_FILES) or name in OPEN_FILES_TOO:
        return
    text = path.read_text(encoding="utf-8")
    calls = r"\b(?:open_dataset|read_text|write_text|read_bytes|load_file|io\.read|open)\("
    assert not re.search(rf"(?<!def ){calls}", text), name


def test_no_module_imports_itself_through_others() -> None:
    names = {name_of(path) for path in MODULES}
    graph = {}
    for path in MODULES:
        wanted = {name.removeprefix("glab.") for name in imports(tree(path)) if "glab." in name}
        known = {name if name in names else name.rpartition(".")[0] for name in wanted}
        graph[name_of(path)] = (known & names) - {name_of(path), ""}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_heavy_or_foreign_imports_stay_in_their_place(path: Path) -> None:
    found = {name.split(".")[0] for name in imports(tree(path))}
    assert "snakemake" not in found
    if name_of(path) not in TORCH:
        assert not found & {"torch", "pytorch_lightning"}
    if name_of(path).split(".")[0] in {"config", "variables", "calendar"}:
        assert found <= {
            *("__future__", "collections", "typing", "dataclasses", "datetime", "pathlib", "json"),
            *("numpy", "pydantic", "yaml", "glab"),
        }


def test_every_package_that_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[!<>=\[ ]", name)[0] for name in project["dependencies"]]
    declared = {name.lower().replace("-", "_") for name in names} | {"yaml", "glab", "xesmf"}
    for path in MODULES:
        found = {name.split(".")[0].lower() for name in imports(tree(path)) if name[0] != "."}
        foreign = found - {name.lower() for name in sys.stdlib_module_names} - declared
        assert not foreign, f"{name_of(path)} imports {foreign}"


def test_xesmf_is_imported_by_one_function() -> None:
    functions = [
        node
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and "xesmf" in {*imports(node)}
    ]
    everywhere = [path for path in MODULES if "import xesmf" in path.read_text()]
    assert len(functions) <= 1 and len(everywhere) == len(functions)


def test_settings_hold_values_only() -> None:
    """The fingerprint leaves `config` out: so no class a step receives may compute anything."""
    for name in ("sources", "links", "products", "retrieval"):
        for part in tree(PACKAGE / "config" / f"{name}.py").body:
            methods = [f for f in getattr(part, "body", []) if isinstance(f, ast.FunctionDef)]
            for method in methods:
                decorators = " ".join(ast.unparse(d) for d in method.decorator_list)
                assert "validator" in decorators, f"{name}: {method.name}"


# --- sizes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_functions_and_files_are_short(path: Path) -> None:
    limit = 450 if "tests" in path.parts else 400
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno + 1 <= 80, node.name


@pytest.mark.parametrize("path", sorted((PACKAGE / "steps").glob("*.py")), ids=lambda p: p.stem)
def test_steps_are_short(path: Path) -> None:
    """At most 30 lines of statements, docstring and signature apart."""
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef):
            first = node.body[1] if ast.get_docstring(node) else node.body[0]
            assert node.end_lineno - first.lineno + 1 <= 30, node.name
