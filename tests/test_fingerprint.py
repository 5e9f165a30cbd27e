"""The print of a stage's code: what changes it and what does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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


def prints(package: Path) -> dict[str, str]:
    """Print of each step of the package, from a process of its own (prints are cached)."""
    code = "from glab.fingerprint import code_print as p; print(p('steps.fit'), p('steps.draw'))"
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, cwd=package.parent, check=True, capture_output=True, text=True)
    return dict(zip(("fit", "draw"), done.stdout.split()))


def changed(package: Path, name: str, text: str) -> set[str]:
    """Steps whose print changes when a file gets another text."""
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


def test_a_new_import_enters_the_print(package: Path) -> None:
    assert changed(package, "fit.py", FILES["fit.py"] + "from glab.unused import X\n") == {"fit"}
    assert changed(package, "unused.py", "X = 3\n") == {"fit"}


def test_the_closure_of_a_real_step_holds_what_it_runs() -> None:
    from glab.fingerprint import PACKAGE, closure

    names = {path.relative_to(PACKAGE).as_posix() for path in closure("steps.climatology")}
    assert {"steps/climatology.py", "climatology/cycles.py", "calendar.py", "io/files.py"} <= names
    assert not any(name.startswith(("config/", "errors", "learning/")) for name in names)
