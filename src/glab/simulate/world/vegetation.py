"""VOD of wood and leaf: mean by land cover, season, anomalies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glab.simulate.world.climate import Setting
from glab.simulate.world.fields import Weather, detrend
from glab.simulate.world.weather import Slow

CLASSES = {  # IGBP class: VOD of wood, VOD of leaves, share of leaves that come and go
    "ENF": (0.44, 0.12, 0.25),
    "EBF": (0.72, 0.18, 0.14),
    "DNF": (0.40, 0.12, 0.50),
    "DBF": (0.46, 0.16, 0.60),
    "MF": (0.45, 0.14, 0.45),
    "CSH": (0.14, 0.10, 0.40),
    "OSH": (0.03, 0.05, 0.40),
    "WSA": (0.34, 0.18, 0.60),
    "SAV": (0.14, 0.16, 0.75),
    "GRA": (0.02, 0.12, 0.80),
    "WET": (0.12, 0.14, 0.60),
    "CRO": (0.02, 0.15, 1.00),
    "URB": (0.04, 0.06, 0.50),
    "MOS": (0.10, 0.16, 0.80),
    "ICE": (0.0, 0.0, 0.0),
    "BAR": (0.0, 0.01, 0.50),
}
WOOD, LEAF, SWING = (np.array(column) for column in zip(*CLASSES.values()))


@dataclass(frozen=True)
class Stand:
    """Mean state of vegetation, each of shape (cell,): VOD of wood and leaf, seasonal swing."""

    wood: np.ndarray
    leaf: np.ndarray
    swing: np.ndarray


def stand_of(weather: Weather, setting: Setting) -> Stand:
    """Mean VOD by land cover and by what differs within a class."""
    wood = setting.igbp @ WOOD * np.exp(0.15 * weather.map("wood", length_cells=3))
    leaf = setting.igbp @ LEAF * np.exp(0.12 * weather.map("leaf", length_cells=3))
    swing = setting.igbp @ SWING
    return Stand(*(part.astype(np.float32) for part in (wood, leaf, swing)))


def greenness(weather: Weather, setting: Setting, phase: np.ndarray) -> np.ndarray:
    """Season of leaves, mean 0, about -0.5…1, peaked more than a sine and skewed a little."""
    shift = 0.08 * detrend(weather.series("onset", length_cells=8, memory_days=200))
    angle = phase[:, None].astype(np.float32) - setting.green_phase.astype(np.float32) + shift
    skewed = angle + 0.35 * np.sin(angle)
    peaked = np.exp(1.1 * (np.cos(skewed) - 1.0))
    return 1.6 * (peaked - 0.46)


def leaf_and_wood(
    weather: Weather,
    setting: Setting,
    stand: Stand,
    phase: np.ndarray,
    slow: Slow,
    lasting: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Daily VOD of wood and leaf, each of shape (time, cell).

    Args:
        weather: source of random fields.
        setting: static maps.
        stand: mean state.
        phase: phase of the year of each day, radians.
        slow: slow anomalies that vegetation shares with water.
        lasting: factors of long-term change on wood and leaf.
    """
    own = detrend(weather.series("leaf years", length_cells=4, memory_days=200))
    quick = weather.series("leaf weeks", length_cells=3, memory_days=20)
    hydration = detrend(weather.series("wood years", length_cells=5, memory_days=300))
    green = greenness(weather, setting, phase)
    dry = (1.3 - setting.wetness).astype(np.float32)
    leaf_anomaly = dry * (0.12 * slow.common + 0.14 * own + 0.07 * quick - 0.35 * slow.drought)
    wood_anomaly = 0.06 * hydration + 0.02 * slow.common + 0.015 * quick - 0.06 * slow.drought
    leaf = stand.leaf * (1.0 + stand.swing * green) * np.exp(leaf_anomaly)
    season = np.float32(0.05) * np.roll(green, 20, axis=0)
    wood = stand.wood * (1.0 + season) * np.exp(wood_anomaly)
    return lasting_only(wood) * lasting[0], lasting_only(leaf) * lasting[1]


def lasting_only(vod: np.ndarray) -> np.ndarray:
    """VOD without the straight line that anomalies happen to make: the known change is all."""
    return np.maximum(detrend(vod) + vod.mean(axis=0), np.float32(0.2) * vod)
