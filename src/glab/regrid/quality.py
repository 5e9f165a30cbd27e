"""Quality control on the native grid: declared rules, and what is physically possible."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from glab.config import QualityRule
from glab.errors import GlabError
from glab.variables import VARIABLES


def quality_controlled(granule: xr.Dataset, rules: Sequence[QualityRule]) -> xr.Dataset:
    """The granule with values masked that a rule forbids or that cannot be.

    A rule's quality variable may have more dimensions than the variable it masks (then one bad
    entry masks all it belongs to) or fewer. Where the quality variable is missing the value is
    masked too: unknown quality is no quality. Values outside of a variable's declared valid range
    are masked without a rule.

    Args:
        granule: as readers return it, before regridding.
        rules: applied in order, each to the variables as they came, not as masked before.

    Raises:
        GlabError: when the granule lacks a rule's variable.
    """
    masked = {str(name): _within_valid_range(str(name), granule[name]) for name in granule}
    for rule in rules:
        bad = ~_passes(granule, rule)
        for name in rule.applies_to:
            extra = [dim for dim in bad.dims if dim not in granule[_known(granule, name)].dims]
            masked[name] = masked[name].where(~(bad.any(extra) if extra else bad))
    return granule.assign(masked)


def _within_valid_range(name: str, values: xr.DataArray) -> xr.DataArray:
    """Values outside of the declared valid range masked."""
    valid = VARIABLES[name].valid_range if name in VARIABLES else None
    if valid is None:
        return values
    data = values.values
    possible = (data >= valid[0]) & (data <= valid[1])
    if possible.all():
        return values
    return values.copy(data=np.where(possible, data, np.float32(np.nan)))


def _passes(granule: xr.Dataset, rule: QualityRule) -> xr.DataArray:
    """Where the quality variable is known and as the rule wants it."""
    quality = granule[_known(granule, rule.variable)]
    good = quality.notnull()
    if rule.min is not None:
        good &= quality >= rule.min
    if rule.max is not None:
        limit = rule.max if rule.plus is None else rule.max + granule[_known(granule, rule.plus)]
        good = good & (quality <= limit)
    if rule.bits_clear is not None:
        bits = quality.fillna(0).astype(np.int64)
        good = good & ((bits & rule.bits_clear) == 0)
    return good


def _known(granule: xr.Dataset, name: str) -> str:
    if name not in granule:
        raise GlabError(
            "a quality rule names a variable that the granule does not have",
            variable=name,
            found=", ".join(str(key) for key in granule),
            remedy="correct sources.<source>.quality in the configuration",
        )
    return name
