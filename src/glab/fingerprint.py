"""Print of the code that a stage runs, so that an edit re-runs what depends on it and nothing else.

The print covers every module in the import closure of a stage, as a syntax tree without docstrings,
comments and words of errors; the data files of its packages; and the versions of the numerical
libraries that it imports. Of the registry of variables it covers the entries that the stage can
name. Modules in `NEUTRAL` do not count. This module uses the standard library alone, because every
job on a cluster evaluates the rules again.
"""

from __future__ import annotations

import ast
import hashlib
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parent
"""Folder of the package whose modules are followed; imports from elsewhere are not."""

NEUTRAL = ("cli", "config", "errors", "fingerprint", "io.progress")
"""Modules that cannot change a result. A step sees nothing of `config` but its settings, which its
rule has as a parameter; an error writes no file; a progress bar passes its blocks on unchanged."""

ERRORS = ("GlabError", "unknown_name")
"""Callables whose arguments are words of an error, also outside of a `raise` statement."""

REGISTRY = PACKAGE / "variables.py"
"""Module with the tables from which a stage takes single entries by name."""

TABLES = ("VARIABLES", "SUFFIXES", "OWN_KIND")
"""Tables of `REGISTRY`. A key that begins with "_" is the suffix of a family of variables."""

NAMES_OF_FILES = ("acquire", "simulate")
"""Stages that use of a reader nothing but the names of its files, `NAMING`."""

LIBRARIES = ("h5py", "netCDF4", "numba", "numpy", "scipy", "torch", "xarray")
"""Libraries whose version can change a value."""

WORD = re.compile(r"[A-Za-z0-9_]+")


class Code(NamedTuple):
    """Content of one file, or of all files of a closure, that counts.

    Attributes:
        print: hash of the code without the tables of the registry.
        imports: names inside the package that it imports, as tuples of their parts.
        libraries: those of `LIBRARIES` that it imports.
        words: words of its texts, keyword arguments and class fields.
        atoms: texts that are a single word, of which code can compose a name.
    """

    print: str
    imports: frozenset[tuple[str, ...]] = frozenset()
    libraries: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    atoms: frozenset[str] = frozenset()


# --- prints ----------------------------------------------------------------------------------


@cache
def stage_print(stage: str, settings: str = "", *readers: str) -> str:
    """Return the print of a stage with its settings, 16 hexadecimal digits.

    Args:
        stage: name of the stage.
        settings: its settings as JSON. The readers that they name belong to its code (the step
            reports an unknown one), and their words can be names of variables.
        *readers: formats that the stage reads or writes although its settings do not name them.
    """
    names = sorted({*readers, *re.findall(r'"reader": ?"(\w+)"', settings)})
    names = [name for name in names if (PACKAGE / "readers" / f"{name}.py").is_file()]
    suffix = ":NAMING" if stage in NAMES_OF_FILES else ""
    modules = (f"steps.{stage}", *(f"readers.{name}{suffix}" for name in names))
    return code_print(*modules, words=frozenset(WORD.findall(settings)))


@cache
def code_print(*modules: str, words: frozenset[str] = frozenset()) -> str:
    """Return the print of all code that modules run, 16 hexadecimal digits.

    Args:
        *modules: dotted names inside the package, for example "steps.regrid"; with
            "readers.casm:NAMING" a single constant of a module that is imported at run time.
        words: words outside of the code that can be names of variables or parts of them.

    Raises:
        ModuleNotFoundError: for a name that is not a module of the package.
    """
    constants = [name for name in modules if ":" in name]
    modules = tuple(name for name in modules if ":" not in name)
    whole = _closure_code(*modules)
    entries = [f"{name} {_constant_code(*name.split(':'))}" for name in constants]
    entries += [f"{name} {_entries()[name]}" for name in sorted(_entries_used(modules, words))]
    return hashlib.sha256("\n".join([whole.print, *entries]).encode()).hexdigest()[:16]


@cache
def _closure_code(*modules: str) -> Code:
    """Return all code that modules run, as one."""
    files = sorted(closure(*modules))
    code = [_file_code(path) for path in files]
    lines = [
        f"{path.relative_to(PACKAGE).as_posix()} {each.print}" for path, each in zip(files, code)
    ]
    libraries = frozenset[str]().union(*(each.libraries for each in code))
    lines += [f"{library} {_version(library)}" for library in sorted(libraries)]
    return Code(
        hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        words=frozenset[str]().union(*(each.words for each in code)),
        atoms=frozenset[str]().union(*(each.atoms for each in code)),
    )


@cache
def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


# --- entries of the registry -----------------------------------------------------------------


def _entries_used(modules: tuple[str, ...], words: frozenset[str]) -> frozenset[str]:
    """Return the entries of the registry that code with some further words can name.

    A name that reaches a stage through its data alone need not count: the stage that wrote the data
    has it in its code or settings, so that an edit of its entry re-runs both.
    """
    if REGISTRY not in closure(*modules):
        return frozenset()
    within, atoms = _entries_within(*modules), _closure_code(*modules).atoms | words
    further = {name for word in words for name in _entries_named(word)}
    return within | further | {name for name in _entries() if _is_composed(name, atoms)}


@cache
def _entries_within(*modules: str) -> frozenset[str]:
    words = _closure_code(*modules).words
    return frozenset(name for word in words for name in _entries_named(word))


@cache
def _entries_named(word: str) -> frozenset[str]:
    """Return the entries that a word names.

    A word names the entry of that name and, where it ends in suffixes of families ("tb_residual"),
    the suffixes and the base. "tb_" names all entries that begin with it, "_error" all that end
    with it: code adds the rest, as in f"tb_{pol}" and f"{name}_error".
    """
    names = {name for name in (word,) if name in _entries()}
    for suffix in _entries():
        if suffix.startswith("_") and word.endswith(suffix):
            names |= {suffix} | _entries_named(word.removesuffix(suffix))
    if word.strip("_") and word.endswith("_"):
        names |= {name for name in _entries() if name.startswith(word)}
    if word.strip("_") and word.startswith("_"):
        names |= {name for name in _entries() if name.endswith(word)}
    return frozenset(names)


def _is_composed(name: str, atoms: frozenset[str]) -> bool:
    """Return whether atoms and numbers, joined by "_", give a name, as in f"{variable}_{key}"."""
    if name in atoms or name.isdigit():
        return True
    cuts = (place for place, letter in enumerate(name) if letter == "_")
    return any(
        (name[:cut] in atoms or name[:cut].isdigit() or not cut)
        and _is_composed(name[cut + 1 :], atoms)
        for cut in cuts
    )


@cache
def _entries() -> dict[str, str]:
    """Return the entries of the registry's tables, by name or suffix."""
    reader = _Reader(REGISTRY)
    reader.visit(ast.parse(REGISTRY.read_text(encoding="utf-8")))
    return reader.entries


# --- closures --------------------------------------------------------------------------------


@cache
def closure(*modules: str) -> frozenset[Path]:
    """Return the files of modules and of all that they import, data files of packages included.

    Raises:
        ModuleNotFoundError: for a name that is not a module of the package.
    """
    files: set[Path] = set()
    waiting: list[Path] = []
    for name in modules:
        waiting += _module_files(_module_path(name).relative_to(PACKAGE).with_suffix("").parts)
    while waiting:
        path = waiting.pop()
        if path not in files:
            files.add(path)
            waiting += [file for name in _file_code(path).imports for file in _module_files(name)]
    return frozenset(files)


def _module_path(name: str) -> Path:
    path = PACKAGE.joinpath(*name.split(".")).with_suffix(".py")
    if not path.is_file():
        raise ModuleNotFoundError(f"no module {name} in {PACKAGE}")
    return path


@cache
def _module_files(name: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the files read when `name` is imported: its own and those of the packages above it.

    A name that is not a module is an object of the module above it.
    """
    if any(".".join(name[:depth]) in NEUTRAL for depth in range(1, len(name) + 1)):
        return ()
    files: list[Path] = []
    for depth in range(len(name) + 1):
        path = PACKAGE.joinpath(*name[:depth])
        if path.is_dir():
            files += [path / "__init__.py"] if (path / "__init__.py").is_file() else []
            files += _package_data(path)
        elif path.with_suffix(".py").is_file():
            files.append(path.with_suffix(".py"))
            break
        else:
            break
    return tuple(files)


@cache
def _package_data(folder: Path) -> list[Path]:
    """Return the files of a package that are not code: templates, tables."""
    code = {".py", ".pyc", ".nbi", ".nbc"}
    files = (path for path in folder.iterdir() if path.is_file())
    return [path for path in files if path.suffix not in code and not path.name.startswith(".")]


# --- files -----------------------------------------------------------------------------------


@cache
def _file_code(path: Path) -> Code:
    """Return what counts of one file."""
    if path.suffix != ".py":
        return Code(hashlib.sha256(path.read_bytes()).hexdigest())
    reader = _Reader(path)
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    if path == PACKAGE / "__init__.py":
        # A step gets nothing from here but the version; public functions are imported by users.
        tree.body = [node for node in tree.body if ast.unparse(node).startswith("__version__")]
    tree = reader.visit(tree)
    # The registry's own texts say nothing about who uses its entries.
    texts = set() if path == REGISTRY else reader.texts
    words = {word for text in texts for word in WORD.findall(text)}
    return Code(
        hashlib.sha256(ast.dump(tree).encode()).hexdigest(),
        frozenset(reader.imports),
        frozenset(reader.libraries),
        frozenset(words | reader.names),
        frozenset(text for text in texts if text in words),
    )


@cache
def _constant_code(module: str, name: str) -> str:
    """Return a constant of a module and the constants of the module that it is composed of."""
    tree = ast.parse(_module_path(module).read_text(encoding="utf-8"))
    values = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    parts, waiting = {}, [name]
    while waiting:
        each = waiting.pop()
        if each in values and each not in parts:
            parts[each] = ast.dump(values[each])
            waiting += [n.id for n in ast.walk(values[each]) if isinstance(n, ast.Name)]
    return repr(sorted(parts.items()))


class _Reader(ast.NodeTransformer):
    """Remove from the syntax tree of a module what does not count, and collect what it names.

    Attributes:
        imports: names inside the package that it imports.
        libraries: those of `LIBRARIES` that it imports.
        texts: string constants that count.
        names: keyword arguments and fields of classes.
        entries: entries of the tables of `REGISTRY`, written out.
    """

    def __init__(self, path: Path) -> None:
        self.folder = path.relative_to(PACKAGE).parts[:-1]
        self.tables = TABLES if path == REGISTRY else ()
        self.within_error = False
        self.imports: set[tuple[str, ...]] = set()
        self.libraries: set[str] = set()
        self.texts: set[str] = set()
        self.names: set[str] = set()
        self.entries: dict[str, str] = {}

    def visit_Import(self, node: ast.Import) -> ast.AST:
        """Collect the modules of `import a.b, c`."""
        for alias in node.names:
            self._collect_import(tuple(alias.name.split(".")))
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        """Collect the modules or objects of `from a.b import c`, relative imports included."""
        origin = tuple(node.module.split(".")) if node.module else ()
        if node.level:
            above = self.folder[: len(self.folder) - node.level + 1]
            origin = (PACKAGE.name, *above, *origin)
        for alias in node.names:
            self._collect_import((*origin, alias.name))
        return node

    def _collect_import(self, name: tuple[str, ...]) -> None:
        if name[0] == PACKAGE.name:
            self.imports.add(name[1:])
        elif name[0] in LIBRARIES:
            self.libraries.add(name[0])

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Leave out a statement that is a bare string, such as a docstring."""
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if text else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Take the arguments of what is raised as words of an error."""
        return self._visit_error(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Take the arguments of an error's class as words of an error."""
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        return self._visit_error(node) if name in ERRORS else self.generic_visit(node)

    def _visit_error(self, node: ast.AST) -> ast.AST:
        outside, self.within_error = self.within_error, True
        node = self.generic_visit(node)
        self.within_error = outside
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Collect a text; empty it within an error."""
        if isinstance(node.value, str):
            if self.within_error:
                return ast.Constant("")
            self.texts.add(node.value)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """Keep of a formatted text within an error only its values."""
        if self.within_error:
            values = [part for part in node.values if isinstance(part, ast.FormattedValue)]
            node = ast.JoinedStr([ast.FormattedValue(part.value, -1) for part in values])
        return self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        """Collect the name of an argument, which can be a variable's: `assign(tb=…)`."""
        self.names.add(node.arg or "")
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Collect the fields of a class, which can become names of variables."""
        targets = (part.target for part in node.body if isinstance(part, ast.AnnAssign))
        self.names |= {target.id for target in targets if isinstance(target, ast.Name)}
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Take the entries out of a table of the registry."""
        if ast.unparse(node.target) not in self.tables or not isinstance(node.value, ast.Dict):
            return self.generic_visit(node)
        for key, value in zip(node.value.keys, node.value.values):
            name = ast.literal_eval(key or "")
            self.entries[name] = self.entries.get(name, "") + ast.dump(value)
        node.value = None
        return node
