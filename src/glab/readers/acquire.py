"""Write and read manifests: the granules of one source-year, by name, size and hash.

A replaced, added or lost granule changes its year's manifest, and only through the manifest does
the pipeline notice it. The text depends on the files alone: no clock, no path, granules in order
of date and name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from glab.errors import GlabError
from glab.io import atomic_path
from glab.readers.formats import naming_of

SIGNATURES = {
    ".nc": (b"\x89HDF", b"CDF"),
    ".nc4": (b"\x89HDF", b"CDF"),
    ".h5": (b"\x89HDF",),
    ".he5": (b"\x89HDF",),
    ".hdf": (b"\x0e\x03\x13\x01",),
    ".tgz": (b"\x1f\x8b",),
    ".gz": (b"\x1f\x8b",),
}
"""First bytes of a file, by the end of its name."""

HEAD_BYTES = 4
"""Length of the longest of them."""

MANIFEST = "manifest.json"
"""Name of the manifest in the folder of a source-year."""

DAMAGED = ("empty file", "damaged")
"""Beginnings of the reasons why a granule by name is none by contents."""


class ArchiveFile(NamedTuple):
    """One file of an archive folder.

    Attributes:
        name: relative to the folder, levels separated by "/".
        size: in bytes.
        sha256: hexadecimal hash of the contents.
        head: the first `HEAD_BYTES` bytes.
    """

    name: str
    size: int
    sha256: str
    head: bytes


def build_manifest(
    files: Iterable[ArchiveFile], reader: str, year: int | None = None, doi: str = ""
) -> dict[str, Any]:
    """Return the manifest of a folder.

    Args:
        files: everything in the folder, in any order.
        reader: the format of its granules.
        year: calendar year in which the granules must start; None: any.
        doi: of the data set.

    Returns:
        `reader`, `year`, `doi`; `granules`: date, name, bytes and sha256 of each; `set_aside`: name
        and reason of everything else.
    """
    naming = naming_of(reader)
    granules, aside = [], []
    for file in files:
        fault = find_fault(file, reader, year)
        if fault is not None:
            aside.append({"name": file.name, "reason": fault})
            continue
        date = str(naming.date(file.name))
        granules.append(
            {"date": date, "name": file.name, "bytes": file.size, "sha256": file.sha256}
        )
    return {
        "reader": reader,
        "year": year,
        "doi": doi,
        "granules": sorted(granules, key=lambda entry: (entry["date"], entry["name"])),
        "set_aside": sorted(aside, key=lambda entry: entry["name"]),
    }


def find_fault(file: ArchiveFile, reader: str, year: int | None) -> str | None:
    """Return why a file is no granule of this source-year; None if it is one."""
    naming = naming_of(reader)
    if not naming.matches(file.name):
        return f"not the name of a {reader} file"
    if year is not None and not str(naming.date(file.name)).startswith(f"{year:04d}-"):
        return f"not of {year}"
    if file.size == 0:
        return "empty file"
    expected = next((s for end, s in SIGNATURES.items() if file.name.lower().endswith(end)), ())
    if expected and not file.head.startswith(expected):
        return f"damaged: begins with {file.head!r}"
    return None


def damaged_files(content: dict[str, Any]) -> dict[str, str]:
    """Return name and reason of the files of a manifest that are damaged granules."""
    entries = {entry["name"]: entry["reason"] for entry in content["set_aside"]}
    return {name: reason for name, reason in entries.items() if reason.startswith(DAMAGED)}


def check_manifest(content: dict[str, Any], bad_fraction_max: float) -> None:
    """Raise where a source-year has no granules, or too many damaged ones.

    Args:
        content: from `build_manifest`.
        bad_fraction_max: the fraction of damaged files above which the year fails.
    """
    good, bad = len(content["granules"]), list(damaged_files(content))
    if good == 0:
        names = ", ".join(entry["name"] for entry in content["set_aside"][:5])
        raise GlabError(
            "no granules in the archive",
            found=names or "an empty folder",
            expected=f"files such as {naming_of(content['reader']).example}",
            remedy="fill it, or leave this year of the source out of the configuration",
        )
    if len(bad) > bad_fraction_max * (good + len(bad)):
        raise GlabError(
            "too many granules are damaged",
            variable="bad_fraction_max",
            found=f"{len(bad)} of {good + len(bad)} ({', '.join(bad[:5])})",
            expected=f"at most {bad_fraction_max:.0%}",
            remedy="fetch them again, or raise regrid.bad_fraction_max",
        )


def manifest_to_text(content: dict[str, Any]) -> str:
    """Return a manifest as JSON, one line per file, so that a diff shows the files that changed."""
    lists = {
        key: "".join(f"\n  {json.dumps(entry)}," for entry in content[key]).removesuffix(",")
        for key in ("granules", "set_aside")
    }
    heads = "".join(f' "{key}": {json.dumps(content[key])},\n' for key in ("reader", "year", "doi"))
    granules, aside = (f"[{text}\n ]" if text else "[]" for text in lists.values())
    return f'{{\n{heads} "granules": {granules},\n "set_aside": {aside}\n}}\n'


def manifest_from_text(text: str) -> dict[str, Any]:
    """Return the manifest that `manifest_to_text` wrote.

    Raises:
        GlabError: for a text that is no manifest.
    """
    try:
        content = json.loads(text)
        entries: Sequence[dict[str, Any]] = content["granules"]
        if not all({"name", "date", "bytes", "sha256"} <= set(entry) for entry in entries):
            raise KeyError("name, date, bytes, sha256")
        return {"year": None, "doi": "", "set_aside": [], **content} | {"reader": content["reader"]}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GlabError(
            "no manifest",
            found=f"{text[:60]!r} ({error})",
            expected='JSON with "reader" and "granules"',
            remedy="remove it and run acquire again",
        ) from error


def write_manifest(
    folder: Path,
    path: Path,
    reader: str,
    year: int | None = None,
    doi: str = "",
    bad_fraction_max: float | None = None,
) -> bool:
    """Hash a folder and write its manifest, unless the same manifest exists.

    Args:
        folder: what is listed, folders below it included.
        path: the manifest.
        reader: the format of the granules.
        year: calendar year in which they must start; None: any.
        doi: of the data set.
        bad_fraction_max: the fraction of damaged files above which this fails; None: an empty
            folder and any damage are allowed.

    Returns:
        Whether the manifest changed.
    """
    content = build_manifest(_archive_files(folder), reader, year, doi)
    if bad_fraction_max is not None:
        try:
            check_manifest(content, bad_fraction_max)
        except GlabError as error:
            error.path = folder
            raise
    text = manifest_to_text(content)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return True


def load_manifest(path: Path) -> dict[str, Any]:
    """Return the content of a manifest.

    Raises:
        GlabError: where there is no file, or one that is no manifest.
    """
    try:
        return manifest_from_text(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise GlabError(
            "no manifest", path=path, found=str(error), remedy="run acquire again"
        ) from error
    except GlabError as error:
        error.path = path
        raise


def read_manifest(path: Path) -> list[Path]:
    """Return the paths of the granules that a manifest lists, in order of date and name."""
    return [path.parent / entry["name"] for entry in load_manifest(path)["granules"]]


def file_sha256(path: Path) -> str:
    """Return the hexadecimal hash of a file's contents."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _archive_files(folder: Path) -> Iterator[ArchiveFile]:
    """Yield every file of a folder and those below it, except its manifest and hidden ones."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        # Hidden files belong to the system or to a download that still runs.
        hidden = any(level.startswith(".") for level in name.parts)
        if hidden or name == Path(MANIFEST) or not path.is_file():
            continue
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        yield ArchiveFile(name.as_posix(), path.stat().st_size, file_sha256(path), head)
