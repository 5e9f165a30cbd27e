"""Mask values that fail a quality rule or lie outside the valid range of their variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from glab.config import QualityRule
from glab.errors import GlabError
from glab.regrid.rules import passes_rule
from glab.variables import VARIABLES

Variables = Mapping[str, xr.Variable]


def apply_quality_rules(granule: Variables, rules: Sequence[QualityRule]) -> dict[str, xr.Variable]:
    """Mask values that fail a quality rule or lie outside the valid range.

    A rule's quality variable may have more dimensions than the variable it masks (then one bad
    entry masks all values that belong to it) or fewer. A value whose quality is missing is masked,
    too. Values outside a variable's declared valid range are masked without a rule.

    Args:
        granule: name → variable from a reader, before regridding.
        rules: applied in order, each to the unmasked quality variables.

    Returns:
        The same variables, NaN where masked.

    Raises:
        GlabError: when the granule lacks a rule's variable.
    """
    masked = {name: _mask_invalid(name, values) for name, values in granule.items()}
    for rule in rules:
        plus = None if rule.plus is None else _require(granule, rule.plus)
        bad = ~passes_rule(rule, _require(granule, rule.variable), plus)
        for name in rule.applies_to:
            _require(granule, name)
            values = masked[name]
            # A retrieval without channels depends on all of them: one bad channel masks it.
            extra = [dim for dim in bad.dims if dim not in values.dims]
            masked[name] = values.where(~(bad.any(extra) if extra else bad))
    return masked


def _mask_invalid(name: str, values: xr.Variable) -> xr.Variable:
    """Mask values outside the declared valid range."""
    valid = VARIABLES[name].valid_range if name in VARIABLES else None
    if valid is None:
        return values
    data = values.values
    possible = (data >= valid[0]) & (data <= valid[1])
    # Most granules are valid throughout; without a copy they pass at no cost.
    if possible.all():
        return values
    return values.copy(data=np.where(possible, data, np.float32(np.nan)))


def _require(granule: Variables, name: str) -> xr.Variable:
    if name not in granule:
        raise GlabError(
            "a quality rule names a variable that the granule does not have",
            variable=name,
            found=", ".join(granule),
            remedy="correct sources.<source>.quality in the configuration",
        )
    return granule[name]
