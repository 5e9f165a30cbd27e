"""Find the module of a format by its name, detect formats, and read native files.

A format is one module of this package that has `TITLE`, `read` and, where file names contain a
date, `NAMING`. Modules are imported by name only. So a job loads one format, and an edit of a
format repeats the jobs of that format only (see `glab.fingerprint`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import xarray as xr

from glab.errors import GlabError, unknown_name
from glab.readers.naming import Naming


@cache
def format_names(attribute: str = "TITLE") -> tuple[str, ...]:
    """Return the names of all formats, in alphabetical order; this imports their modules.

    Args:
        attribute: "TITLE" for every format that `read` can read, "NAMING" for every format whose
            file names contain a date.
    """
    # Modules import their file libraries (h5py, netCDF4, …) inside functions, so this is fast.
    return tuple(name for name in _module_names() if hasattr(_module(name), attribute))


def naming_of(format_name: str) -> Naming:
    """Return the naming scheme of a format; no other format is imported.

    Raises:
        GlabError: for the name of no dated format.
    """
    naming: Naming = _declared(format_name, "NAMING")
    return naming


def find_format(filenames: Sequence[str]) -> str:
    """Return the format that all names belong to.

    A format with a particular pattern takes precedence over one whose pattern is general.

    Raises:
        GlabError: where no format matches.
    """
    # Point series (ismn) have a naming scheme, but `read` cannot return them as a granule.
    dated = [name for name in format_names() if name in format_names("NAMING")]
    matching = [name for name in dated if all(map(naming_of(name).matches, filenames))]
    if not filenames or not matching:
        raise GlabError(
            "no format matches the names of the files",
            found=", ".join(filenames[:3]) or "no files",
            expected=f"names of one of the formats {', '.join(dated)}",
            remedy="""give --settings '{"reader": "<format>"}'""",
        )
    return min(matching, key=lambda name: naming_of(name).general)


def reads_some_hours(format_name: str) -> bool:
    """Return whether files of a format may contain more hours than fit in memory at once."""
    return "hours" in inspect.signature(_reader(format_name)).parameters


def read(format_name: str, path: Path, **options: Any) -> xr.Dataset:
    """Read one native file into a dataset of canonical variables.

    Args:
        format_name: one of `format_names()`.
        path: the file.
        **options: of the format's `read`: `variables` (canonical names wanted; dated formats),
            `channels` (AMSR), `hours` (ERA5, GLDAS), `variable`, `name`, `fills`, `units` (maps),
            `igbp` (land cover).

    Returns:
        float32, NaN where missing; dimensions as in the package's docstring.

    Raises:
        GlabError: for an unknown format, and for a file that is of another format, damaged, empty,
            on another grid, of another day than its name, or without a wanted variable.
    """
    reader, path = _reader(format_name), Path(path)
    inspect.signature(reader).bind(path, **options)  # a wrong option is no fault of the file
    if hasattr(_module(format_name), "NAMING"):
        naming_of(format_name).date(path.name)
    dataset = _read_foreign(reader, path, options)
    lacking = sorted(set(options.get("variables") or ()) - set(dataset.variables))
    if lacking:
        raise GlabError(
            "a variable is missing",
            path=path,
            variable=", ".join(lacking),
            found=", ".join(str(name) for name in dataset.data_vars),
            expected=", ".join(options["variables"]),
            remedy="remove it from sources.<source>.keep, or fetch files that contain it",
        )
    return dataset


def _read_foreign(
    reader: Callable[..., xr.Dataset], path: Path, options: dict[str, Any]
) -> xr.Dataset:
    """Call the reader of a format, and turn everything it raises into a GlabError."""
    try:
        return reader(path, **options)
    except GlabError:
        raise
    # The bytes of a file are foreign. A damaged one makes h5py, netCDF4, pyhdf, rasterio, tarfile
    # and numpy raise almost any exception (KeyError, TypeError, MemoryError, ...), and no list of
    # them is complete. One bad file must be set aside and must not end its year.
    except Exception as error:  # noqa: BLE001
        there = path.is_file()
        size = f"{path.stat().st_size} bytes; " if there else "no such file; "
        raise GlabError(
            "a granule cannot be read",
            path=path,
            found=f"{size}{type(error).__name__}: {error}",
            expected=f"a complete file of the format {reader.__module__.rpartition('.')[2]}",
            remedy="fetch the file again, or remove it" if there else "run acquire again",
        ) from error


def _reader(format_name: str) -> Callable[..., xr.Dataset]:
    """Return the function `read` of a format."""
    _declared(format_name, "TITLE")
    reader: Callable[..., xr.Dataset] = _declared(format_name, "read")
    return reader


def _declared(format_name: str, attribute: str) -> Any:
    """Return what the module of a format declares."""
    module = _module(format_name)
    if not hasattr(module, attribute):
        kind = "dated format" if attribute == "NAMING" else "format"
        raise unknown_name(kind, format_name, format_names(attribute))
    return getattr(module, attribute)


@cache
def _module(name: str) -> ModuleType | None:
    """Return a module of this package; None where no module has this name."""
    return import_module(f"glab.readers.{name}") if name in _module_names() else None


def _module_names() -> list[str]:
    """Return the names of all modules of this package, without importing them."""
    return [module.name for module in iter_modules([str(Path(__file__).parent)])]
