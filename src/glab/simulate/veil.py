"""What high frequencies see and L-band does not: moist air, the soil's skin, the outer canopy."""

from __future__ import annotations

import numpy as np

from glab.simulate.climate import Setting
from glab.simulate.fields import Weather

HUMIDITY_DAYS, HUMIDITY_YEARS = 0.15, 0.07
CANOPY_DAYS, CANOPY_SEASONS = 0.05, 0.06
SKIN_DAYS, SKIN_SEASONS = 0.020, 0.008


def humidity(weather: Weather, setting: Setting) -> np.ndarray:
    """Moisture of the air relative to what its temperature suggests, shape (time, cell)."""
    passing = weather.series("humid days", length_cells=8, memory_days=3)
    lasting = weather.series("humid years", length_cells=10, memory_days=150)
    usual = (0.6 + 0.6 * setting.wetness).astype(np.float32)
    return usual * np.exp(HUMIDITY_DAYS * passing + HUMIDITY_YEARS * lasting)


def canopy_opacity(weather: Weather) -> np.ndarray:
    """Opacity of the canopy at high frequencies relative to what its L-band VOD suggests.

    Water on leaves, their angle and their layering matter there. Shape (time, cell).
    """
    passing = weather.series("canopy days", length_cells=3, memory_days=6)
    lasting = weather.series("canopy seasons", length_cells=3, memory_days=150)
    return np.exp(CANOPY_DAYS * passing + CANOPY_SEASONS * lasting)


def skin_moisture(
    weather: Weather, setting: Setting, moisture: np.ndarray, rain: np.ndarray
) -> np.ndarray:
    """Moisture of the uppermost centimetre, m3 m-3, shape (time, cell)."""
    size = (0.4 + setting.wetness).astype(np.float32)
    passing = weather.series("skin days", length_cells=3, memory_days=3)
    lasting = weather.series("skin seasons", length_cells=4, memory_days=100)
    apart = size * (SKIN_DAYS * passing + SKIN_SEASONS * lasting)
    return np.clip(0.9 * moisture + 0.025 * np.tanh(rain / 6.0) + apart, 0.01, 0.55)
