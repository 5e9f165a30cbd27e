"""Daily weather: temperatures, rain, snow, soil moisture, open water.

Also the high-frequency effects, which L-band does not see: humidity of the air, moisture of the
soil's skin, opacity of the outer canopy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from glab.simulate.world.climate import Setting
from glab.simulate.world.fields import Weather, add_memory, detrend

FREEZING_K = 273.15


@dataclass(frozen=True)
class Slow:
    """Slow anomalies that vegetation and water share, each standard, shape (time, cell).

    Attributes:
        common: what moves soil moisture and leaves together.
        drought: 0 (none) … 1 (severe).
        trend: years since the middle of the record times the cell's trend, in units of the
            relative change of vegetation (0 in a world without long-term change).
        warming_k: rise of temperature.
    """

    common: np.ndarray
    drought: np.ndarray
    trend: np.ndarray
    warming_k: np.ndarray


@dataclass(frozen=True)
class Temperatures:
    """Temperatures, K, each of shape (time, cell); the hours are local solar time."""

    air: np.ndarray
    deep: np.ndarray
    surface_0130: np.ndarray
    surface_0600: np.ndarray
    surface_1330: np.ndarray


def annual(phase: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """Cosine of the season about its peak, shape (time, cell), float32."""
    return np.cos(phase[:, None] - peak).astype(np.float32)


def temperatures(
    weather: Weather, setting: Setting, phase: np.ndarray, slow: Slow, rain: np.ndarray
) -> Temperatures:
    """Air, surface and deep temperature with their daily range.

    Args:
        weather: source of random fields.
        setting: static maps.
        phase: phase of the year of each day, radians, shape (time,).
        slow: slow anomalies.
        rain: mm a day; cloudy days have a small range.
    """
    spread = (1.2 + 0.22 * setting.t_amplitude_k).astype(np.float32)
    mean = (setting.t_mean_k + slow.warming_k).astype(np.float32)
    synoptic = spread * weather.series("synoptic", length_cells=12, memory_days=4)
    yearly = 0.5 * detrend(weather.series("warm years", length_cells=20, memory_days=120))
    amplitude = setting.t_amplitude_k.astype(np.float32)
    heat = 1.2 * slow.drought - 0.3 * slow.common
    air = mean + amplitude * annual(phase, setting.warm_phase) + synoptic + yearly + heat
    lagged = 0.75 * amplitude * annual(phase, setting.warm_phase + 0.45)
    deep = mean + 0.8 + lagged + 0.8 * yearly + _smoothed(synoptic, 12.0)
    range_k = (16.0 - 9.0 * setting.wetness).astype(np.float32) * (0.55 + 0.45 * np.exp(-rain / 3))
    range_k = range_k * (1.0 + 0.15 * annual(phase, setting.warm_phase))
    return Temperatures(
        air=air,
        deep=deep,
        surface_0130=air - 0.30 * range_k,
        surface_0600=air - 0.38 * range_k,
        surface_1330=air + 0.62 * range_k,
    )


def _smoothed(series: np.ndarray, days: float) -> np.ndarray:
    """Exponential running mean along time."""
    smooth = series.copy()
    weight = np.float32(1.0 / days)
    for day in range(1, len(series)):
        smooth[day] = smooth[day - 1] + weight * (series[day] - smooth[day - 1])
    return smooth


def rainfall(weather: Weather, setting: Setting, phase: np.ndarray, slow: Slow) -> np.ndarray:
    """Rain (or snowfall) in mm a day, wetter in the wet season and in wet years."""
    season = annual(phase, setting.green_phase - 0.5)
    seasonality = (0.25 + 0.9 * np.exp(-(((abs(setting.lat) - 14) / 8) ** 2))).astype(np.float32)
    chance = weather.series("rain", length_cells=5, memory_days=0.9)
    threshold = (1.9 - 1.55 * setting.wetness).astype(np.float32)
    excess = chance - threshold + seasonality * season + 0.25 * (slow.common - 2 * slow.drought)
    return (5.0 + 4.0 * setting.wetness).astype(np.float32) * np.maximum(excess, 0.0) ** 1.3


def snow_cover(precipitation: np.ndarray, air_k: np.ndarray) -> np.ndarray:
    """Snow water equivalent, kg m-2, by degree days; at most 300."""
    falling = np.where(air_k < FREEZING_K + 0.5, 0.5 * precipitation, 0.0)
    melting = 2.5 * np.maximum(air_k - FREEZING_K, 0.0)

    def next_day(snow: np.ndarray, day: int) -> np.ndarray:
        return np.clip(snow + falling[day] - melting[day], 0.0, 300.0)

    return carry_over(next_day, np.zeros_like(precipitation))


def carry_over(next_day: Callable[[np.ndarray, int], np.ndarray], state: np.ndarray) -> np.ndarray:
    """Carry a state from day to day; its first day is as the same day of the year after.

    Args:
        next_day: the state of a day from that of the day before and the day's number.
        state: filled in place, shape (time, cell), zeros.
    """
    spin_up = min(365, len(state) - 1)
    for day in (*range(1, spin_up + 1), 0, *range(1, len(state))):
        state[day] = state[spin_up] if day == 0 else next_day(state[day - 1], day)
    return state


def soil_moisture(
    weather: Weather, setting: Setting, phase: np.ndarray, slow: Slow, rain: np.ndarray
) -> np.ndarray:
    """Soil moisture of the top 5 cm, m3 m-3: rain events, dry-downs, slow anomalies, trend."""
    driest = (0.02 + 0.10 * setting.clay + 0.12 * setting.wetness**2).astype(np.float32)
    room = (0.44 - driest).astype(np.float32)
    drying = (3.0 + 25.0 * setting.clay).astype(np.float32)  # e-folding time, days
    keep = np.exp(-(1.0 + 0.4 * annual(phase, setting.warm_phase)) / drying)
    filling = 1.0 - np.exp(-rain / 35.0)

    def next_day(water: np.ndarray, day: int) -> np.ndarray:
        rest = water * keep[day]
        return rest + (room - rest) * filling[day]

    fast = carry_over(next_day, np.zeros_like(rain))
    own = detrend(weather.series("slow soil", length_cells=5, memory_days=150))
    size = (0.004 + 0.010 * soft_bounds(setting.wetness)).astype(np.float32)
    drift = size * (0.8 * slow.common + 0.6 * own) - 1.5 * size * slow.drought + 0.05 * slow.trend
    return np.clip(driest + fast + drift, 0.01, 0.55)


def soft_bounds(wetness: np.ndarray) -> np.ndarray:
    """How much a climate lets soil moisture vary from year to year, 0…1."""
    return 4.0 * wetness * (1.0 - 0.6 * wetness) / 1.7


def open_water(weather: Weather, setting: Setting, phase: np.ndarray) -> np.ndarray:
    """Open-water fraction: lakes that stay and floods after the wet season."""
    plains = np.maximum(weather.map("floodplain", length_cells=2) - 1.5, 0.0)
    size = (0.10 * plains * setting.wetness).astype(np.float32)
    flood = np.maximum(annual(phase, setting.green_phase + 0.4), 0.0) ** 2
    years = np.exp(0.4 * add_memory(weather.series("flood", length_cells=6, memory_days=2), 100))
    return np.clip(setting.water.astype(np.float32) + size * flood * years, 0.0, 0.6)


def is_frozen(surface_k: np.ndarray, snow: np.ndarray) -> np.ndarray:
    """Where the ground is frozen or under snow at 06:00."""
    return (surface_k < FREEZING_K) | (snow > 2.0)


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
