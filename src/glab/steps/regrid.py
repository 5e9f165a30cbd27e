"""The step of `regrid`: one year of a source, or some files by hand, onto the domain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from glab import io
from glab.calendar import Days, days_of_year
from glab.config import Regrid
from glab.errors import GlabError
from glab.readers import formats, naming
from glab.readers.acquire import damaged_names, manifest_from_text
from glab.regrid.on_domain import ToDomain
from glab.regrid.quality import IngestReport, latest_versions
from glab.regrid.year import Archive, year_blocks

HOURLY = ("era5", "gldas")
HOURS = 24
"""Times of an hourly file that are read at once."""

DEFAULTS = Regrid()

CHANGING = ("part", "rest", "hour")
"""Parts of a name that tell granules of one day apart without saying what they hold."""


def regrid(
    domain: Path,
    output: Path,
    settings: Regrid = DEFAULTS,
    manifest: Path | None = None,
    granules: list[Path] | None = None,
    year: int | None = None,
) -> None:
    """Put a year of granules onto the domain, quality-controlled; a report tells what was left out.

    Args:
        domain: the domain.
        output: year file; the report is put beside it as `<year>.ingest.json`.
        settings: slice of the source; without a reader the names of the granules tell it.
        manifest: of the source-year, its granules beside it.
        granules: loose files instead of a manifest.
        year: calendar year of the output; None: the days of the granules.
    """
    listed = _listed(manifest) if manifest else {"granules": [], "set_aside": []}
    folder = manifest.parent if manifest else Path()
    digests = {folder / entry["name"]: str(entry["sha256"]) for entry in listed["granules"]}
    paths = list(digests) if manifest else list(granules or [])
    if not settings.reader:
        settings = settings.model_copy(update={"reader": _format_of(paths)})
    reasons = {entry["name"]: entry["reason"] for entry in listed["set_aside"]}
    ingest = IngestReport(set_aside={name: reasons[name] for name in damaged_names(listed)})
    archive = _archive(paths, settings, digests, ingest)
    days = days_of_year(year) if year is not None else _days_named(archive, settings.reader)
    land = io.read(domain)[["cell", "lon"]].load()
    blocks = year_blocks(archive, days, land, ToDomain(land["cell"].values, settings), ingest)
    inputs = [manifest, domain] if manifest else [*archive.paths, domain]
    references = [settings.doi] if settings.doi else []
    provenance = io.Provenance("regrid", settings, inputs, references)
    io.write_blocks(blocks, output, provenance, time=days)
    with io.atomic_path(output.with_suffix(".ingest.json")) as report:
        report.write_text(json.dumps(ingest.as_dict(), indent=1) + "\n")


def _listed(manifest: Path) -> dict[str, Any]:
    """The content of a manifest."""
    try:
        return manifest_from_text(manifest.read_text(encoding="utf-8"))
    except OSError as error:
        raise GlabError("no manifest", path=manifest, remedy="run acquire") from error
    except GlabError as error:
        error.path = manifest
        raise


def _archive(
    paths: Sequence[Path], settings: Regrid, digests: Mapping[Path, str], ingest: IngestReport
) -> Archive:
    """The granules to read, one version of each, by first day and name."""
    reader = settings.reader

    def digest(path: Path) -> str:
        return digests.get(path) or hashlib.sha256(path.read_bytes()).hexdigest()

    def identity(path: Path) -> tuple[str, ...]:
        return naming.granule_identity(reader, path.name)

    chosen = latest_versions(sorted(paths), identity, digest, ingest)
    dated = sorted((naming.granule_date(reader, p.name), p.name, p) for p in chosen)
    ordered = [path for *_, path in dated]
    kinds = [_kind(identity(path)) for path in ordered]
    return Archive(ordered, [day for day, *_ in dated], kinds, lambda p: _read(settings, p))


def _kind(identity: tuple[str, ...]) -> tuple[str, ...]:
    """What granules of one overpass and channel have in common."""
    return tuple(part for part in identity[1:] if part.split("=")[0] not in CHANGING)


def _read(settings: Regrid, path: Path) -> Iterator[xr.Dataset]:
    """A granule, one of many hours day by day."""
    if settings.reader not in HOURLY:
        wanted = _wanted(settings)
        yield formats.read(settings.reader, path, **({"variables": wanted} if wanted else {}))
        return
    first = 0
    while True:
        hours = slice(first, first + HOURS)
        granule = formats.read(settings.reader, path, variables=_wanted(settings), hours=hours)
        if granule.sizes["time"]:
            yield granule
        if granule.sizes["time"] < HOURS:
            return
        first += HOURS


def _wanted(settings: Regrid) -> list[str] | None:
    """Variables to read: those kept, and those that the quality rules look at; None: all."""
    if settings.keep is None:
        return None
    rules = settings.quality
    looked_at = [name for rule in rules for name in (rule.variable, rule.plus) if name]
    return list(dict.fromkeys([*settings.keep, *looked_at]))


def _format_of(paths: Sequence[Path]) -> str:
    """The format that all names belong to."""
    names = [path.name for path in paths]
    for known in formats.FORMATS:
        if names and all(_is_granule(known, name) for name in names):
            return known
    raise GlabError(
        "the format of the files is not told by their names",
        found=", ".join(names[:3]) or "no files",
        remedy="""give --settings '{"reader": "<format>"}'""",
    )


def _is_granule(known: str, name: str) -> bool:
    try:
        return naming.is_granule(known, name)
    except GlabError:
        return False


def _days_named(archive: Archive, reader: str) -> Days:
    """Every day of the days, months or years that the granules' names tell."""
    periods = [naming.granule_period(reader, path.name) for path in archive.paths]
    days = [np.arange(p, p + 1, dtype="datetime64[D]") for p in periods]
    return np.unique(np.concatenate(days)) if days else np.array([], "datetime64[D]")
