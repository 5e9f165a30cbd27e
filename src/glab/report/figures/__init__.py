"""Figures, each a function of plain datasets and arrays, callable on a user's own files."""

from __future__ import annotations

from glab.report.figures.maps import Panel, hovmoller, maps
from glab.report.figures.series import (
    Example,
    Pair,
    origin_fraction,
    stations,
    time_series,
    training_curves,
)
from glab.report.figures.skill import (
    coverage,
    density,
    sensor_breaks,
    set_density,
    skill_by_period,
    spread_error,
    trend_scatter,
)
from glab.report.figures.style import QUANTITIES, Quantity, image

__all__ = [
    "QUANTITIES",
    "Example",
    "Pair",
    "Panel",
    "Quantity",
    "coverage",
    "density",
    "hovmoller",
    "image",
    "maps",
    "origin_fraction",
    "sensor_breaks",
    "set_density",
    "skill_by_period",
    "spread_error",
    "stations",
    "time_series",
    "training_curves",
    "trend_scatter",
]
