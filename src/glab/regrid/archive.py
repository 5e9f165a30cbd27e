"""Choose the granules of a source-year, read them, and report which of them were used."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from glab.calendar import Days, days_of_year
from glab.config import Regrid
from glab.errors import GlabError
from glab.readers.formats import find_format, naming_of, read, reads_some_hours

HOURS = 24
"""Times of an hourly file that are read at once: a year of hours does not fit in memory."""

CHANGING = ("part", "rest", "hour")
"""Groups of a name that differ between granules of one kind."""


# --- the report ------------------------------------------------------------------------------


@dataclass
class IngestReport:
    """Which granules of a year were used, and why others were not.

    Attributes:
        used: names of the granules that were read.
        by_day: day → names of the granules with values on that day.
        set_aside: name → why it could not be used.
        duplicates: name → why another file is used instead.
        empty: names of granules without any valid value.
        outside: names of granules of other days than the wanted ones.
    """

    used: list[str] = field(default_factory=list)
    by_day: dict[str, list[str]] = field(default_factory=dict)
    set_aside: dict[str, str] = field(default_factory=dict)
    duplicates: dict[str, str] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def reject(self, path: Path, error: GlabError) -> None:
        """Set a granule aside; the reason names no folder, so that it is the same anywhere."""
        reason = " | ".join(line.strip() for line in str(error).splitlines())
        # One line per granule, so that the report can be searched.
        self.set_aside[path.name] = reason.replace(f"{path.parent}/", "")

    def accept(self, path: Path, days: set[str], *, outside: bool) -> None:
        """List a granule that was read.

        Args:
            path: the granule.
            days: days of the year on which it has a valid value.
            outside: whether all its days lie outside the year.
        """
        self.used.append(path.name)
        for day in days:
            self.by_day.setdefault(day, []).append(path.name)
        if outside:
            self.outside.append(path.name)
        elif not days:
            self.empty.append(path.name)

    def check(self, bad_fraction_max: float) -> None:
        """Raise when too large a fraction of the granules could not be used."""
        total = len(self.used) + len(self.set_aside)
        if len(self.set_aside) <= bad_fraction_max * total:
            return
        examples = "; ".join(f"{name}: {why}" for name, why in list(self.set_aside.items())[:3])
        raise GlabError(
            "too many granules cannot be used",
            variable="regrid.bad_fraction_max",
            found=f"{len(self.set_aside)} of {total} ({examples})",
            expected=f"at most {bad_fraction_max:.0%}",
            remedy="fetch them again, or raise regrid.bad_fraction_max",
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the report for JSON; its order depends on the names alone."""
        return {
            "granules_used": len(self.used),
            "set_aside": dict(sorted(self.set_aside.items())),
            "duplicates": dict(sorted(self.duplicates.items())),
            "empty": sorted(self.empty),
            "outside_of_the_year": sorted(self.outside),
            "granules": {day: sorted(names) for day, names in sorted(self.by_day.items())},
        }


# --- the granules ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Archive:
    """The granules of a source-year.

    Attributes:
        paths: files, ordered by their first day and name.
        first_day: of each file.
        kind: of each file; files of one kind contain the same overpass and channels.
        settings: of the source, with the reader.
    """

    paths: Sequence[Path]
    first_day: Sequence[np.datetime64]
    kind: Sequence[Hashable]
    settings: Regrid

    def read(self, path: Path) -> Iterator[xr.Dataset]:
        """Read a granule, one of many hours day by day."""
        reader, wanted = self.settings.reader, self._variables()
        if not reads_some_hours(reader):
            yield read(reader, path, **({"variables": wanted} if wanted else {}))
            return
        first = 0
        while True:
            granule = read(reader, path, variables=wanted, hours=slice(first, first + HOURS))
            if granule.sizes["time"]:
                yield granule
            if granule.sizes["time"] < HOURS:
                return
            first += HOURS

    def days(self, year: int | None) -> Days:
        """Return every day of a year; None: of the days, months or years in the names."""
        if year is not None:
            return days_of_year(year)
        naming = naming_of(self.settings.reader)
        periods = [naming.period(path.name) for path in self.paths]
        # A period of one year or month spans all its days.
        days = [np.arange(p, p + 1, dtype="datetime64[D]") for p in periods]
        return np.unique(np.concatenate(days)) if days else np.array([], "datetime64[D]")

    def _variables(self) -> list[str] | None:
        """Return the variables to read: those kept and those of the quality rules; None: all."""
        if self.settings.keep is None:
            return None
        rules = self.settings.quality
        by_rules = [name for rule in rules for name in (rule.variable, rule.plus) if name]
        return list(dict.fromkeys([*self.settings.keep, *by_rules]))


def open_archive(
    paths: Sequence[Path], settings: Regrid, digest: Callable[[Path], str], ingest: IngestReport
) -> Archive:
    """Return the granules to read, one version of each.

    Args:
        paths: files of one source, in any order.
        settings: of the source; without a reader the names of the files give it.
        digest: hash of a file's bytes.
        ingest: the files that are not used are listed there.
    """
    reader = settings.reader or find_format([path.name for path in paths])
    naming = naming_of(reader)
    chosen = latest_versions(sorted(paths), lambda p: naming.identity(p.name), digest, ingest)
    dated = sorted((naming.date(path.name), path.name, path) for path in chosen)
    ordered = [path for *_, path in dated]
    kinds = [_kind(naming.identity(path.name)) for path in ordered]
    settings = settings.model_copy(update={"reader": reader})
    return Archive(ordered, [day for day, *_ in dated], kinds, settings)


def _kind(identity: tuple[str, ...]) -> tuple[str, ...]:
    """Return the groups of a name that all granules of one overpass and channel have in common."""
    return tuple(text for text in identity[1:] if text.split("=")[0] not in CHANGING)


def latest_versions(
    paths: Sequence[Path],
    identity: Callable[[Path], Hashable],
    digest: Callable[[Path], str],
    ingest: IngestReport,
) -> list[Path]:
    """Choose one file for each granule: the one whose name sorts last, numbers by value.

    Files of one name in two folders, or of one identity with the same bytes, are duplicates, of
    which one is used. Of different bytes the later version in the name is used. The report lists
    the others.

    Args:
        paths: files of one source.
        identity: observation of a file, equal for versions of one granule. A name that it refuses
            with GlabError is set aside.
        digest: hash of a file's bytes; called for files with an equal identity only.
        ingest: the files that are not used are listed there.

    Returns:
        The files to read, in the order of `paths`.
    """
    versions: dict[Hashable, list[Path]] = {}
    for path in paths:
        try:
            versions.setdefault(identity(path), []).append(path)
        except GlabError as error:
            ingest.reject(path, error)
    chosen = {max(files, key=_version) for files in versions.values()}
    for files in versions.values():
        last = max(files, key=_version)
        for path in files:
            if path != last:
                same = digest(path) == digest(last)
                reason = f"same bytes as {last.name}" if same else f"superseded by {last.name}"
                # Of copies in two folders the report needs the folder, too.
                name = path.name if path.name != last.name else f"{path.parent.name}/{path.name}"
                ingest.duplicates[name] = reason
    return [path for path in paths if path in chosen]


def _version(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort key of a file's name: text as text, numbers by value; the folder decides a draw."""
    texts = re.split(r"(\d+)", path.name)
    return [(int(t), "") if t.isdigit() else (-1, t) for t in texts], str(path)
