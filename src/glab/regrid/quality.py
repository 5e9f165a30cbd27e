"""Mask values that fail a quality rule, choose granule versions, report what was left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from glab.config import QualityRule
from glab.errors import GlabError
from glab.variables import VARIABLES

Variables = Mapping[str, xr.Variable]


def apply_quality_rules(granule: Variables, rules: Sequence[QualityRule]) -> dict[str, xr.Variable]:
    """The variables of a granule, with values masked that a rule forbids or that cannot be.

    A rule's quality variable may have more dimensions than the variable it masks (then one bad
    entry masks all it belongs to) or fewer. Where the quality variable is missing the value is
    masked too: unknown quality is no quality. Values outside of a variable's declared valid range
    are masked without a rule.

    Args:
        granule: name → variable, as readers return them, before regridding.
        rules: applied in order, each to the variables as they came, not as masked before.

    Raises:
        GlabError: when the granule lacks a rule's variable.
    """
    masked = {name: _within_valid_range(name, values) for name, values in granule.items()}
    for rule in rules:
        bad = ~_passes(granule, rule)
        for name in rule.applies_to:
            values = masked[_known(granule, name)]
            extra = [dim for dim in bad.dims if dim not in values.dims]
            masked[name] = values.where(~(bad.any(extra) if extra else bad))
    return masked


def _within_valid_range(name: str, values: xr.Variable) -> xr.Variable:
    """Values outside of the declared valid range masked."""
    valid = VARIABLES[name].valid_range if name in VARIABLES else None
    if valid is None:
        return values
    data = values.values
    possible = (data >= valid[0]) & (data <= valid[1])
    if possible.all():
        return values
    return values.copy(data=np.where(possible, data, np.float32(np.nan)))


def _passes(granule: Variables, rule: QualityRule) -> xr.Variable:
    """Where the quality variable is known and as the rule wants it."""
    quality = granule[_known(granule, rule.variable)]
    good = quality.notnull()
    if rule.min is not None:
        good = good & (quality >= rule.min)
    if rule.max is not None:
        limit = rule.max if rule.plus is None else rule.max + granule[_known(granule, rule.plus)]
        good = good & (quality <= limit)
    if rule.bits_clear is not None:
        bits = quality.fillna(0).astype(np.int64)
        good = good & ((bits & rule.bits_clear) == 0)
    return good


def _known(granule: Variables, name: str) -> str:
    if name not in granule:
        raise GlabError(
            "a quality rule names a variable that the granule does not have",
            variable=name,
            found=", ".join(granule),
            remedy="correct sources.<source>.quality in the configuration",
        )
    return name


@dataclass
class IngestReport:
    """What became of the granules of a year.

    Attributes:
        used: names of the granules that were read.
        set_aside: name → why it could not be used.
        duplicates: name → why another one stands for it.
        empty: names of granules without one valid value.
        outside: names of granules of other days than those wanted.
    """

    used: list[str] = field(default_factory=list)
    set_aside: dict[str, str] = field(default_factory=dict)
    duplicates: dict[str, str] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def reject(self, path: Path, error: GlabError) -> None:
        """Set a granule aside; the reason names no folder, so that it is the same anywhere."""
        reason = " | ".join(line.strip() for line in str(error).splitlines())
        self.set_aside[path.name] = reason.replace(f"{path.parent}/", "")

    def check(self, bad_fraction_max: float) -> None:
        """Raise when too large a share of the granules could not be used."""
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
        """The report: counts, and every granule that did not come in, by name."""
        return {
            "granules_used": len(self.used),
            "set_aside": dict(sorted(self.set_aside.items())),
            "duplicates": dict(sorted(self.duplicates.items())),
            "empty": sorted(self.empty),
            "outside_of_the_year": sorted(self.outside),
        }


def latest_versions(
    paths: Sequence[Path],
    identity: Callable[[Path], Hashable],
    digest: Callable[[Path], str],
    ingest: IngestReport,
) -> list[Path]:
    """One file for each granule: of several the one whose name sorts last, numbers by value.

    Files of one name in two folders, or of one identity with the same bytes, are duplicates and
    one is dropped; of different bytes the later version in the name wins. Both are listed.

    Args:
        paths: files of one source.
        identity: what a file observes; equal for versions of one granule. A name it refuses with
            GlabError is set aside.
        digest: hash of a file's bytes; asked for files with an equal identity only.
        ingest: takes the list of what is dropped.

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
                name = path.name if path.name != last.name else f"{path.parent.name}/{path.name}"
                ingest.duplicates[name] = reason
    return [path for path in paths if path in chosen]


def _version(path: Path) -> tuple:
    """Sort key of a file's name: text as text, numbers by value; the folder decides a draw."""
    parts = re.split(r"(\d+)", path.name)
    return ([(int(p), "") if p.isdigit() else (-1, p) for p in parts], str(path))
