"""Quality control on the native grid: declared rules, and what is physically possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from glab.config import QualityRule
from glab.errors import GlabError
from glab.variables import VARIABLES

Variables = Mapping[str, xr.Variable]


def quality_controlled(granule: Variables, rules: Sequence[QualityRule]) -> dict[str, xr.Variable]:
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
