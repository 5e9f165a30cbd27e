"""The step of `regrid`: put one year of a source, or loose files, onto the domain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from glab import io
from glab.config import Regrid
from glab.readers.acquire import damaged_files, file_sha256, load_manifest
from glab.regrid.archive import IngestReport, open_archive
from glab.regrid.year import year_blocks

DEFAULTS = Regrid()


def regrid(
    domain: Path,
    output: Path,
    settings: Regrid = DEFAULTS,
    manifest: Path | None = None,
    granules: list[Path] | None = None,
    year: int | None = None,
) -> None:
    """Put a year of granules onto the domain, quality-controlled, and report the granules used.

    Args:
        domain: the domain.
        output: year file; the report is written beside it as `<year>.ingest.json`.
        settings: slice of the source; without a reader the names of the granules give it.
        manifest: of the source-year, its granules beside it.
        granules: loose files instead of a manifest.
        year: calendar year of the output; None: the days of the granules.
    """
    listed: dict[str, Any] = {"granules": [], "set_aside": []}
    if manifest is not None:
        listed = load_manifest(manifest)
    folder = manifest.parent if manifest else Path()
    digests = {folder / entry["name"]: str(entry["sha256"]) for entry in listed["granules"]}
    ingest = IngestReport(set_aside=damaged_files(listed))
    archive = open_archive(
        list(digests) if manifest else list(granules or []),
        settings,
        lambda path: digests.get(path) or file_sha256(path),
        ingest,
    )
    days = archive.days(year)
    land = io.read(domain)[["cell", "lon"]].load()
    inputs = [manifest, domain] if manifest else [*archive.paths, domain]
    references = [settings.doi] if settings.doi else []
    provenance = io.Provenance("regrid", archive.settings, inputs, references)
    io.write_blocks(year_blocks(archive, days, land, ingest), output, provenance, time=days)
    with io.atomic_path(output.with_suffix(".ingest.json")) as report:
        report.write_text(json.dumps(ingest.as_dict(), indent=1) + "\n")
