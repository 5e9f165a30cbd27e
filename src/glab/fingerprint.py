"""A print of the code a stage runs, so that an edit reruns what depends on it and nothing else.

The print covers the syntax trees of every module in a stage's import closure, without docstrings
(comments are not in a tree), and the files that lie beside them as package data. Left out are
`glab.config` (a step sees nothing of it but its settings, which rules hand over as values),
`glab.errors` (it words faults, and a fault makes no file) and this module. Standard library only.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
"""Folder of the package whose modules are followed; imports from elsewhere are not."""

NEUTRAL = ("config", "errors", "fingerprint")
"""Modules and packages that cannot change a result."""


@cache
def code_print(*modules: str) -> str:
    """Print of all code that the modules run, 16 hexadecimal digits.

    Args:
        *modules: dotted names inside the package, for example "steps.regrid".
    """
    digest = hashlib.sha256()
    for path in sorted(closure(*modules)):
        digest.update(f"{path.relative_to(PACKAGE).as_posix()} {_file_print(path)}\n".encode())
    return digest.hexdigest()[:16]


def closure(*modules: str) -> frozenset[Path]:
    """Files of the modules and of all they import, package data included."""
    found: set[Path] = set()
    waiting = [path for name in modules for path in _module_files(tuple(name.split(".")))]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imported_files(path)
    return frozenset(found)


@cache
def imported_files(path: Path) -> tuple[Path, ...]:
    """Files of the package that a file brings in, directly; none for what is no module."""
    if path.suffix != ".py":
        return ()
    names = {name for node in ast.walk(_tree(path)) for name in _imported(node, path)}
    return tuple(sorted({file for name in names for file in _module_files(name)}))


def _imported(node: ast.AST, path: Path) -> Iterator[tuple[str, ...]]:
    """Names, relative to the package, that an import statement in `path` may bring in."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            root, *rest = alias.name.split(".")
            if root == PACKAGE.name:
                yield tuple(rest)
    elif isinstance(node, ast.ImportFrom):
        parent = _origin(node, path)
        if parent is not None:
            yield from (parent + tuple(alias.name.split(".")) for alias in node.names)


def _origin(node: ast.ImportFrom, path: Path) -> tuple[str, ...] | None:
    """What stands between `from` and `import`, relative to the package; None if outside of it."""
    named = tuple(node.module.split(".")) if node.module else ()
    if node.level == 0:
        return named[1:] if named[:1] == (PACKAGE.name,) else None
    folder = path.relative_to(PACKAGE).parts[:-1]
    return folder[: len(folder) - node.level + 1] + named


@cache
def _module_files(name: tuple[str, ...]) -> tuple[Path, ...]:
    """Files read when `name` is imported: its own and every package's above it.

    A name that is no module is an object of the module above it.
    """
    if name[:1] and name[0] in NEUTRAL:
        return ()
    files: list[Path] = []
    for depth in range(len(name) + 1):
        place = PACKAGE.joinpath(*name[:depth])
        if place.is_dir():
            files += [place / "__init__.py"] if (place / "__init__.py").is_file() else []
            files += _package_data(place)
        elif place.with_suffix(".py").is_file():
            files.append(place.with_suffix(".py"))
            break
        else:
            break
    return tuple(files)


def _package_data(folder: Path) -> list[Path]:
    """Files of a package that are no code: templates, tables."""
    known = {".py", ".pyc", ".nbi", ".nbc"}
    files = (path for path in folder.iterdir() if path.is_file())
    return [path for path in files if path.suffix not in known and not path.name.startswith(".")]


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def _file_print(path: Path) -> str:
    """Print of one file: of its tree without docstrings, of its bytes where it is no code."""
    if path.suffix != ".py":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    tree = _tree(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_text(node: ast.stmt) -> bool:
    """A statement that is a bare string: a docstring of a module, class, function or constant."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
