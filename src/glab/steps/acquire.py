"""The step of `acquire`: the manifest of a folder that someone filled, and the check of many."""

from __future__ import annotations

from pathlib import Path

from glab.config import Acquire
from glab.errors import GlabError
from glab.readers.acquire import MANIFEST, manifest_from_text, write_manifest
from glab.readers.naming import NAMINGS


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
    write_manifest(folder, output, settings.reader, year, settings.doi, settings.bad_fraction_max)


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
        content = manifest_from_text(path.read_text(encoding="utf-8"))
        names = (content[key] for key in ("reader", "year", "doi"))
        differs = write_manifest(path.parent, path, *names)
        print(f"{'rewritten' if differs else 'unchanged'}  {path}")
