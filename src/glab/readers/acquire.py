"""What a manifest is: the granules of one source-year, by name, size and hash.

A replaced, added or lost granule is seen through its year's manifest, and through nothing else.
The text depends on the files alone: no clock, no path, granules in order of date and name.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from glab.errors import GlabError
from glab.io import atomic_path
from glab.readers.naming import NAMINGS, granule_date, is_granule

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

MANIFEST = "manifest.json"
"""Name of the manifest in the folder of a source-year."""


class ArchiveFile(NamedTuple):
    """One file of an archive folder.

    Attributes:
        name: relative to the folder, parts joined by "/".
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
    """The manifest of a folder.

    Args:
        files: everything in the folder, in any order.
        reader: the format its granules have.
        year: calendar year that the granules must start in; None: any.
        doi: of the record they belong to.

    Returns:
        `reader`, `year`, `doi`; `granules`: date, name, bytes and sha256 of each; `set_aside`: name
        and reason of everything else.
    """
    granules, aside = [], []
    for file in files:
        fault = fault_of(file, reader, year)
        if fault is not None:
            aside.append({"name": file.name, "reason": fault})
            continue
        date = str(granule_date(reader, file.name))
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


def fault_of(file: ArchiveFile, reader: str, year: int | None) -> str | None:
    """Why a file is no granule of this source-year; None if it is one."""
    if not is_granule(reader, file.name):
        return f"not the name of a {reader} file"
    if year is not None and not str(granule_date(reader, file.name)).startswith(f"{year:04d}-"):
        return f"not of {year}"
    if file.size == 0:
        return "empty file"
    expected = next((s for end, s in SIGNATURES.items() if file.name.lower().endswith(end)), ())
    if expected and not file.head.startswith(expected):
        return f"damaged: begins with {file.head!r}"
    return None


def damaged_names(content: dict[str, Any]) -> list[str]:
    """Names of the files that are granules by name and cannot be by contents."""
    reasons = ("empty file", "damaged")
    return [e["name"] for e in content["set_aside"] if e["reason"].startswith(reasons)]


def check_manifest(content: dict[str, Any], bad_fraction_max: float) -> None:
    """Raise where a source-year has no granules, or too many damaged ones.

    Args:
        content: from `build_manifest`.
        bad_fraction_max: the share of damaged files above which the year fails.
    """
    good, bad = len(content["granules"]), damaged_names(content)
    if good == 0:
        found = ", ".join(entry["name"] for entry in content["set_aside"][:5])
        raise GlabError(
            "no granules in the archive",
            found=found or "an empty folder",
            expected=f"files such as {NAMINGS[content['reader']].example}",
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
    """A manifest as JSON, one line a file."""
    lists = {
        key: "".join(f"\n  {json.dumps(entry)}," for entry in content[key]).removesuffix(",")
        for key in ("granules", "set_aside")
    }
    heads = "".join(f' "{key}": {json.dumps(content[key])},\n' for key in ("reader", "year", "doi"))
    granules, aside = (f"[{text}\n ]" if text else "[]" for text in lists.values())
    return f'{{\n{heads} "granules": {granules},\n "set_aside": {aside}\n}}\n'


def manifest_from_text(text: str) -> dict[str, Any]:
    """The manifest that `manifest_to_text` wrote.

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
    """Hash a folder and write its manifest, unless the very same is there.

    Args:
        folder: what is listed, folders below it included.
        path: the manifest.
        reader: the format of the granules.
        year: calendar year that they must start in; None: any.
        doi: of the record.
        bad_fraction_max: the share of damaged files above which this fails; None: an empty folder
            and any damage are allowed.

    Returns:
        Whether something differed.
    """
    content = build_manifest(_files(folder), reader, year, doi)
    if bad_fraction_max is not None:
        try:
            check_manifest(content, bad_fraction_max)
        except GlabError as error:
            error.path = folder
            raise
    text = manifest_to_text(content)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    with atomic_path(path) as place:
        place.write_text(text, encoding="utf-8")
    return True


def read_manifest(path: Path) -> list[Path]:
    """The granules that a manifest lists, in order of date and name.

    Raises:
        GlabError: for a file that is no manifest.
    """
    try:
        content = manifest_from_text(path.read_text(encoding="utf-8"))
    except GlabError as error:
        error.path = path
        raise
    return [path.parent / entry["name"] for entry in content["granules"]]


def _files(folder: Path) -> Iterator[ArchiveFile]:
    """Every file of a folder and those below it; manifests and hidden ones are passed over."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if hidden or name == Path(MANIFEST) or not path.is_file():
            continue
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(0, os.SEEK_SET)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield ArchiveFile(name.as_posix(), path.stat().st_size, digest, head)
