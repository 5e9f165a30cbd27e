"""Figures, each a function of plain datasets and arrays, callable on a user's own files."""

from glab.figures.judgement import (
    coverage,
    density,
    sensor_steps,
    skill_by_period,
    spread_error,
    trend_scatter,
)
from glab.figures.maps import Panel, hovmoller, maps
from glab.figures.series import Example, origin_share, time_series, training_curves
from glab.figures.stations import Pair, stations
from glab.figures.style import QUANTITIES, Quantity, image

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
    "origin_share",
    "sensor_steps",
    "skill_by_period",
    "spread_error",
    "stations",
    "time_series",
    "training_curves",
    "trend_scatter",
]
