"""The step of `acquire`: write the manifest of a folder that someone filled, or check many."""

from __future__ import annotations

from pathlib import Path

from glab.config import Acquire
from glab.errors import GlabError
from glab.readers.acquire import MANIFEST, load_manifest, write_manifest
from glab.readers.formats import naming_of


def acquire(output: Path, settings: Acquire, source: str, year: int | None = None) -> None:
    """Check one year of a filled archive (stations: all of it) and write its manifest.

    Args:
        output: the manifest, in the folder of the source-year.
        settings: the format of the granules, and how many may be damaged.
        source: name of the source.
        year: calendar year in which its granules must start; None: any.
    """
    folder = output.parent
    if not folder.is_dir():
        raise GlabError(
            f"no archive of {source}" + (f" for {year}" if year else ""),
            path=folder,
            found="no such folder",
            expected=f"files such as {naming_of(settings.reader).example}",
            remedy="fill it, or leave this year of the source out of the configuration",
        )
    write_manifest(folder, output, settings.reader, year, settings.doi, settings.bad_fraction_max)


def check(archive: Path = Path("data")) -> None:
    """Hash every source-year that has a manifest again, and rewrite the manifests that differ.

    Args:
        archive: the folder that contains <source>/<year>/, and the folder of the stations.
    """
    manifests = sorted([*archive.glob(f"*/{MANIFEST}"), *archive.glob(f"*/*/{MANIFEST}")])
    if not manifests:
        raise GlabError(
            "no manifests",
            path=archive,
            expected=f"<source>/<year>/{MANIFEST}",
            remedy="run acquire",
        )
    for path in manifests:
        content = load_manifest(path)
        keys = (content[key] for key in ("reader", "year", "doi"))
        changed = write_manifest(path.parent, path, *keys)
        print(f"{'rewritten' if changed else 'unchanged'}  {path}")
