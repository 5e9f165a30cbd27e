"""The step of `acquire`: the manifest of a folder that someone filled, and the check of many."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from glab import acquire as manifests
from glab import io
from glab.config import Acquire
from glab.errors import GlabError
from glab.readers.naming import NAMINGS

MANIFEST = "manifest.json"


def acquire(output: Path, settings: Acquire, source: str, year: int | None = None) -> None:
    """Check one year of a filled archive (stations: all of it) and write its manifest.

    Args:
        output: the manifest, in the folder of the source-year.
        settings: the format of the granules, and how many may be damaged.
        source: name of the source.
        year: calendar year that its granules must start in; None: any.
    """
    folder = output.parent
    if not folder.is_dir():
        raise GlabError(
            f"no archive of {source}" + (f" for {year}" if year else ""),
            path=folder,
            found="no such folder",
            expected=f"files such as {NAMINGS[settings.reader].example}",
            remedy="fill it, or leave this year of the source out of the configuration",
        )
    write_manifest(folder, output, settings.reader, year, settings.doi, settings.bad_share_max)


def write_manifest(
    folder: Path,
    path: Path,
    reader: str,
    year: int | None = None,
    doi: str = "",
    bad_share_max: float | None = None,
) -> bool:
    """Hash a folder and write its manifest, unless the very same is there.

    Args:
        folder: what is listed, folders below it included.
        path: the manifest.
        reader: the format of the granules.
        year: calendar year that they must start in; None: any.
        doi: of the record.
        bad_share_max: the share of damaged files above which this fails; None: an empty folder
            and any damage are allowed.

    Returns:
        Whether something differed.
    """
    content = manifests.manifest(_files(folder), reader, year, doi)
    if bad_share_max is not None:
        try:
            manifests.check(content, bad_share_max)
        except GlabError as error:
            error.path = folder
            raise
    text = manifests.as_text(content)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    with io.creating(path) as place:
        place.write_text(text, encoding="utf-8")
    return True


def read_manifest(path: Path) -> list[Path]:
    """The granules that a manifest lists, in order of date and name.

    Raises:
        GlabError: for a file that is no manifest.
    """
    try:
        content = manifests.from_text(path.read_text(encoding="utf-8"))
    except GlabError as error:
        error.path = path
        raise
    return [path.parent / entry["name"] for entry in content["granules"]]


def check(archive: Path = Path("data")) -> None:
    """Hash every source-year that has a manifest again; rewrite the manifests that differ.

    Args:
        archive: the folder that holds <source>/<year>/, and that of the stations.
    """
    known = sorted([*archive.glob(f"*/{MANIFEST}"), *archive.glob(f"*/*/{MANIFEST}")])
    if not known:
        raise GlabError(
            "no manifests", path=archive, expected=f"<source>/<year>/{MANIFEST}", remedy="acquire"
        )
    for path in known:
        content = manifests.from_text(path.read_text(encoding="utf-8"))
        names = (content[key] for key in ("reader", "year", "doi"))
        differs = write_manifest(path.parent, path, *names)
        print(f"{'rewritten' if differs else 'unchanged'}  {path}")


def _files(folder: Path) -> Iterator[manifests.File]:
    """Every file of a folder and those below it; manifests and hidden ones are passed over."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if hidden or name == Path(MANIFEST) or not path.is_file():
            continue
        with path.open("rb") as file:
            head = file.read(manifests.HEAD_BYTES)
            file.seek(0, os.SEEK_SET)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield manifests.File(name.as_posix(), path.stat().st_size, digest, head)
