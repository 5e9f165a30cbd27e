"""Test values against a quality rule of the configuration.

`regrid` applies rules to granules, and the climatology to stages whose year files contain quality
variables. A module of its own: an edit of `regrid.quality` must not repeat the climatology.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import xarray as xr

from glab.config import QualityRule

Quality = TypeVar("Quality", xr.Variable, xr.DataArray)


def passes_rule(rule: QualityRule, quality: Quality, plus: Quality | None = None) -> Quality:
    """Return where a quality variable is known and satisfies a rule.

    Args:
        rule: bounds, or bits that must be clear.
        quality: `rule.variable`, any shape, NaN where unknown. Unknown quality fails the rule.
        plus: `rule.plus`, which is added to the upper bound; None: nothing is added.

    Returns:
        True or False, in the shape of `quality`.
    """
    good = quality.notnull()
    if rule.min is not None:
        good = good & (quality >= rule.min)
    if rule.max is not None:
        good = good & (quality <= (rule.max if plus is None else rule.max + plus))
    if rule.bits_clear is not None:
        # NaN has no bits; `good` is False there already.
        bits = quality.fillna(0).astype(np.int64)
        good = good & ((bits & rule.bits_clear) == 0)
    return good
