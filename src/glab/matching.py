"""Inputs averaged to the footprint of a link's target, for samples and prediction alike.

Inputs finer than their target act like noise in the inputs and shrink every slope (SCIENCE §2,
point 10).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from glab.catalogue import Array
from glab.config import Predict
from glab.regrid.footprint import footprint
from glab.regrid.gaussian import gaussian_footprint

Average = Callable[[Array], Array]
"""Averages fields on the domain's cells, (…, cell), to a coarser grid or pattern and back."""


def averaging(to: float | str | None, cells: NDArray[np.integer]) -> Average | None:
    """How inputs are averaged to a target's footprint.

    Args:
        to: a grid's name, the width of a pattern in km, or None for no averaging.
        cells: flat index on the 25 km grid of the domain's cells.
    """
    if to is None:
        return None
    if isinstance(to, str):
        return partial(footprint, cell=cells, to=to)
    return partial(gaussian_footprint, cell=cells, fwhm_km=to)


def averaging_of(settings: Predict, cells: NDArray[np.integer]) -> Average | None:
    """How inputs are averaged before a link's networks are applied; None: at their full detail."""
    return averaging(settings.footprint if settings.detail == "target" else None, cells)


def match(features: Array, columns: list[int], average: Average) -> None:
    """Average some columns of features (window, cell, feature), in place and one by one."""
    for column in columns:
        values = np.ascontiguousarray(features[..., column])
        features[..., column] = average(values)
