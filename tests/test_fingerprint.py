"""Code prints of stages of a small package. Those of the real package are in test_edits."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest

from planning import load_fingerprint

SOURCE = Path(__file__).parents[1] / "src" / "glab" / "fingerprint.py"

FILES = {
    "__init__.py": "",
    "steps/__init__.py": "",
    "steps/fit.py": "from glab import fit as pure\nfrom glab.errors import GlabError\n",
    "steps/draw.py": "import glab.draw\nfrom glab.config import Draw\n",
    "fit.py": '"""Fit."""\nfrom glab.constants import PERIOD\ndef fit(x):\n    return x * PERIOD\n',
    "draw/__init__.py": "from .lines import WIDTH\n",
    "draw/lines.py": "WIDTH = 2  # points\n",
    "draw/page.html": "<p></p>",
    "constants.py": "PERIOD = 365.2425\n",
    "errors.py": "class GlabError(Exception): ...\n",
    "config/__init__.py": "class Draw: ...\n",
    "unused.py": "X = 1\n",
    "variables.py": """
VARIABLES: dict = {
    "tb": 1,
    "tb_h": 2,
    "vod_error": 3,
    "snow": 4,
    "snow_depth": 5,
    "clay": 6,
}
SUFFIXES: dict = {"_std": 1, "_trend": 2}
def lookup(name):
    return VARIABLES[name]
""",
    "readers/__init__.py": "",
    "readers/mine.py": """
from glab.errors import GlabError
DAY = "2010"
NAMING = "mine_" + DAY
def read(path):
    raise GlabError(f"cannot read {path:s}", found=path)
""",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small package of the same name with its own fingerprint module."""
    folder = tmp_path / "glab"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "fingerprint.py").write_text(SOURCE.read_text())
    return folder


def prints(
    package: Path, settings: str = "", stages: tuple[str, ...] = ("fit", "draw")
) -> dict[str, str]:
    """Return the print of stages with their settings."""
    stage_print = load_fingerprint(package).stage_print
    return {stage: stage_print(stage, settings) for stage in stages}


def changed(package: Path, name: str, text: str) -> set[str]:
    """Return the steps whose print changes when a file gets another text."""
    before = prints(package)
    (package / name).write_text(text)
    after = prints(package)
    return {step for step in before if before[step] != after[step]}


@pytest.mark.parametrize(
    ("name", "text", "steps"),
    [
        ("constants.py", "PERIOD = 365.0\n", {"fit"}),
        ("draw/lines.py", "WIDTH = 3  # points\n", {"draw"}),
        ("draw/page.html", "<p>more</p>", {"draw"}),
        ("__init__.py", '__version__ = "2"\n', {"fit", "draw"}),
        ("__init__.py", "PUBLIC = ['fit']\n", set()),
        ("unused.py", "X = 2\n", set()),
        ("errors.py", "class GlabError(Exception):\n    remedy = 1\n", set()),
        ("config/__init__.py", "class Draw:\n    width = 1\n", set()),
    ],
)
def test_an_edit_changes_the_prints_of_its_dependents(
    package: Path, name: str, text: str, steps: set[str]
) -> None:
    assert changed(package, name, text) == steps


def test_comments_docstrings_and_layout_change_nothing(package: Path) -> None:
    edited = (
        '"""Fit better."""\n\nfrom glab.constants import PERIOD  # days\n\n\ndef fit(\n    x,\n):\n'
    )
    edited += '    """Scaled."""\n    return x*PERIOD\n'
    assert changed(package, "fit.py", edited) == set()


ERRORS = """from glab.errors import GlabError, unknown_name
def fail(path, names):
    error = GlabError("no file", path=path, remedy="put " "it there")
    if names:
        raise unknown_name("name", path, names)
    raise ValueError(f"{path} has {len(names):d} names") from error
"""


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ('"no file"', '"there is no file"', True),
        ('"put " "it there"', '"fetch it"', True),
        ('"name"', '"variable"', True),
        ("{path} has {len(names):d} names", "{path}: {len(names):3d}", True),
        ("if names:", "if not names:", False),
        ("len(names)", "sum(names)", False),
        (', remedy="put " "it there"', "", False),
    ],
)
def test_words_of_errors_change_nothing(package: Path, old: str, new: str, same: bool) -> None:
    (package / "fit.py").write_text(ERRORS)
    assert old in ERRORS
    assert changed(package, "fit.py", ERRORS.replace(old, new)) == (set() if same else {"fit"})


@pytest.mark.parametrize(
    ("code", "entries"),
    [
        ("lookup('snow')", {"snow"}),
        ("lookup('snow_std')", {"snow", "_std"}),
        ("'tb of snow, clay: words of a text'", {"tb", "snow", "clay"}),
        ("lookup(f'tb_{pol}')", {"tb_h"}),
        ("lookup(f'{name}_error')", {"vod_error"}),
        ("[lookup(f'{a}_{b}') for a in ['snow'] for b in ['depth']]", {"snow", "snow_depth"}),
        ("dict(clay=lookup)", {"clay"}),
        ("lookup(name)", set()),
    ],
)
def test_entries_of_the_registry_count_where_code_can_name_them(
    package: Path, code: str, entries: set[str]
) -> None:
    (package / "fit.py").write_text(f"from glab.variables import lookup\nX = lambda: {code}\n")
    text = FILES["variables.py"]
    for line in re.findall(r'"\w+": \d', text):
        name = line.split('"')[1]
        expected = {"fit"} if name in entries else set()
        assert changed(package, "variables.py", text.replace(line, f"{line}0")) == expected, name
        (package / "variables.py").write_text(text)
    code = text.replace("return VARIABLES[name]", "return VARIABLES.get(name)")
    assert changed(package, "variables.py", code) == {"fit"}


def test_entries_count_where_settings_name_them(package: Path) -> None:
    (package / "fit.py").write_text("from glab.variables import lookup\n")
    before = prints(package, '{"variables": ["snow"]}')
    text = FILES["variables.py"].replace('"snow": 4', '"snow": 40').replace('"tb": 1', '"tb": 10')
    (package / "variables.py").write_text(text)
    after = prints(package, '{"variables": ["snow"]}')
    assert before["fit"] != after["fit"] and before["draw"] == after["draw"]
    assert prints(package, "{}") != after


def test_of_a_reader_a_stage_uses_its_code_or_the_names_of_its_files(package: Path) -> None:
    for name in ("acquire", "regrid"):
        (package / f"steps/{name}.py").write_text("from glab.fit import fit\n")
    settings = '{"reader":"mine"}'
    before = prints(package, settings, ("acquire", "regrid"))
    for old, new, stages in (
        ('"2010"', '"2011"', {"acquire", "regrid"}),
        ('"mine_" + DAY', 'DAY + "_mine"', {"acquire", "regrid"}),
        ("def read(path)", "def read(path, **options)", {"regrid"}),
        ("cannot read", "unable to read", set()),
    ):
        (package / "readers/mine.py").write_text(FILES["readers/mine.py"].replace(old, new))
        after = prints(package, settings, ("acquire", "regrid"))
        assert {stage for stage in before if before[stage] != after[stage]} == stages, old


def test_versions_of_imported_libraries_count(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "fit.py").write_text("import scipy.stats\n")
    before = prints(package)
    monkeypatch.setattr(importlib.metadata, "version", lambda library: f"9.9 of {library}")
    after = prints(package)
    assert before["fit"] != after["fit"] and before["draw"] == after["draw"]


def test_a_new_import_enters_the_print(package: Path) -> None:
    assert changed(package, "fit.py", FILES["fit.py"] + "from glab.unused import X\n") == {"fit"}
    assert changed(package, "unused.py", "X = 3\n") == {"fit"}


def test_the_closure_of_a_real_step_contains_what_it_imports() -> None:
    from glab.fingerprint import PACKAGE, closure

    names = {path.relative_to(PACKAGE).as_posix() for path in closure("steps.climatology")}
    assert {"steps/climatology.py", "climatology/cycles.py", "calendar.py", "io/files.py"} <= names
    assert not any(name.startswith(("config/", "errors", "learning/")) for name in names)
