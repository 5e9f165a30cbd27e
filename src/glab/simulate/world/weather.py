"""Daily weather: temperatures, rain, snow, soil moisture, open water.

Also the effects that only high frequencies see and L-band does not: humidity of the air, moisture
of the uppermost centimetre of soil, opacity of the outer canopy.

The numbers of this module are choices of ours. Slow soil moisture and the high-frequency effects
were balanced once (docs/simulated_earth.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from glab.arrays import Booleans, Floats
from glab.simulate.world.fields import RandomFields, add_memory, detrend
from glab.simulate.world.maps import FREEZING_K, TrueMaps


@dataclass(frozen=True)
class SlowAnomalies:
    """Slow anomalies that vegetation and water have in common, each of shape (time, cell).

    Attributes:
        common: of unit variance; soil moisture and leaves follow it.
        drought: 0 (none) … 1 (severe).
        trend: years since the middle of the world times the trend of the cell, as a relative
            change of vegetation (0 in a world without long-term change).
        warming_k: rise of temperature, K.
    """

    common: Floats
    drought: Floats
    trend: Floats
    warming_k: Floats


@dataclass(frozen=True)
class Temperatures:
    """Temperatures, K, each of shape (time, cell); the hours are local solar time."""

    air: Floats
    deep: Floats
    surface_0130: Floats
    surface_0600: Floats
    surface_1330: Floats


def seasonal_wave(phase: Floats, peak: Floats) -> Floats:
    """Return the annual cosine that peaks at a phase, shape (time, cell), float32."""
    return np.cos(phase[:, None] - peak).astype(np.float32)


def temperatures(
    random: RandomFields, maps: TrueMaps, phase: Floats, slow: SlowAnomalies, rain: Floats
) -> Temperatures:
    """Return air, surface and deep temperature with their daily range.

    Args:
        random: random fields on the cells.
        maps: static maps.
        phase: phase of the year of each day, radians, shape (time,).
        slow: slow anomalies.
        rain: mm per day, shape (time, cell); cloudy days have a small daily range.
    """
    spread = (1.2 + 0.22 * maps.t_amplitude_k).astype(np.float32)
    mean = (maps.t_mean_k + slow.warming_k).astype(np.float32)
    synoptic = spread * random.series("synoptic", length_cells=12, memory_days=4)
    yearly = 0.5 * detrend(random.series("warm years", length_cells=20, memory_days=120))
    amplitude = maps.t_amplitude_k.astype(np.float32)
    heat = 1.2 * slow.drought - 0.3 * slow.common
    air = mean + amplitude * seasonal_wave(phase, maps.warm_phase) + synoptic + yearly + heat
    # Deep soil follows with 75 per cent of the amplitude, 26 days (0.45 rad) later.
    lagged = 0.75 * amplitude * seasonal_wave(phase, maps.warm_phase + 0.45)
    deep = mean + 0.8 + lagged + 0.8 * yearly + _running_mean(synoptic, 12.0)
    range_k = (16.0 - 9.0 * maps.wetness).astype(np.float32) * (0.55 + 0.45 * np.exp(-rain / 3))
    range_k = range_k * (1.0 + 0.15 * seasonal_wave(phase, maps.warm_phase))
    return Temperatures(
        air=air,
        deep=deep,
        surface_0130=air - 0.30 * range_k,
        surface_0600=air - 0.38 * range_k,
        surface_1330=air + 0.62 * range_k,
    )


def _running_mean(series: Floats, days: float) -> Floats:
    """Return the exponential running mean along time."""
    mean = series.copy()
    weight = np.float32(1.0 / days)
    for day in range(1, len(series)):
        mean[day] = mean[day - 1] + weight * (series[day] - mean[day - 1])
    return mean


def rainfall(random: RandomFields, maps: TrueMaps, phase: Floats, slow: SlowAnomalies) -> Floats:
    """Return rain (or snowfall), mm per day, more in the wet season and in wet years."""
    # Rain leads leaves by 29 days (0.5 rad), and is most seasonal about 14 degrees of latitude.
    season = seasonal_wave(phase, maps.green_phase - 0.5)
    seasonality = (0.25 + 0.9 * np.exp(-(((abs(maps.lat) - 14) / 8) ** 2))).astype(np.float32)
    chance = random.series("rain", length_cells=5, memory_days=0.9)
    threshold = (1.9 - 1.55 * maps.wetness).astype(np.float32)
    excess = chance - threshold + seasonality * season + 0.25 * (slow.common - 2 * slow.drought)
    return (5.0 + 4.0 * maps.wetness).astype(np.float32) * np.maximum(excess, 0.0) ** 1.3


def snow_cover(precipitation: Floats, air_k: Floats) -> Floats:
    """Return the snow water equivalent, kg m⁻², at most 300, by the degree-day method.

    Args:
        precipitation: mm per day, shape (time, cell); half of it stays as snow below +0.5 °C.
        air_k: air temperature, K, of that shape; a degree above freezing melts 2.5 mm a day.
    """
    falling = np.where(air_k < FREEZING_K + 0.5, 0.5 * precipitation, 0.0)
    melting = 2.5 * np.maximum(air_k - FREEZING_K, 0.0)

    def next_day(snow: Floats, day: int) -> Floats:
        return np.clip(snow + falling[day] - melting[day], 0.0, 300.0)

    return carry_over(next_day, np.zeros_like(precipitation))


def carry_over(next_day: Callable[[Floats, int], Floats], state: Floats) -> Floats:
    """Carry a state from day to day.

    Args:
        next_day: the state of a day from that of the day before and the number of the day.
        state: filled in place, shape (time, cell), zeros.
    """
    # The first year runs twice: its end is the state on which the first day builds.
    spin_up = min(365, len(state) - 1)
    for day in (*range(1, spin_up + 1), 0, *range(1, len(state))):
        state[day] = state[spin_up] if day == 0 else next_day(state[day - 1], day)
    return state


def soil_moisture(
    random: RandomFields, maps: TrueMaps, phase: Floats, slow: SlowAnomalies, rain: Floats
) -> Floats:
    """Return the soil moisture of the top 5 cm, m³ m⁻³, shape (time, cell).

    It is the sum of rain events with dry-downs (a bucket that drains within 3 to 28 days, slower
    in clay), slow anomalies, and the long-term trend.
    """
    driest = (0.02 + 0.10 * maps.clay + 0.12 * maps.wetness**2).astype(np.float32)
    room = (0.44 - driest).astype(np.float32)
    drying_days = (3.0 + 25.0 * maps.clay).astype(np.float32)  # e-folding time
    keep = np.exp(-(1.0 + 0.4 * seasonal_wave(phase, maps.warm_phase)) / drying_days)
    filling = 1.0 - np.exp(-rain / 35.0)

    def next_day(water: Floats, day: int) -> Floats:
        rest = water * keep[day]
        return rest + (room - rest) * filling[day]

    fast = carry_over(next_day, np.zeros_like(rain))
    alone = detrend(random.series("slow soil", length_cells=5, memory_days=150))
    # Between 0 and 1: years differ most where it is neither dry nor always wet.
    variability = 4.0 * maps.wetness * (1.0 - 0.6 * maps.wetness) / 1.7
    size = (0.004 + 0.010 * variability).astype(np.float32)
    drift = size * (0.8 * slow.common + 0.6 * alone) - 1.5 * size * slow.drought + 0.05 * slow.trend
    return np.clip(driest + fast + drift, 0.01, 0.55)


def open_water(random: RandomFields, maps: TrueMaps, phase: Floats) -> Floats:
    """Return the open-water fraction: permanent lakes, and floods after the wet season."""
    plains = np.maximum(random.map("floodplain", length_cells=2) - 1.5, 0.0)
    size = (0.10 * plains * maps.wetness).astype(np.float32)
    flood = np.maximum(seasonal_wave(phase, maps.green_phase + 0.4), 0.0) ** 2
    years = np.exp(0.4 * add_memory(random.series("flood", length_cells=6, memory_days=2), 100))
    return np.clip(maps.water.astype(np.float32) + size * flood * years, 0.0, 0.6)


def is_frozen(surface_k: Floats, snow: Floats) -> Booleans:
    """Return where the ground is frozen or under more than 2 kg m⁻² of snow at 06:00."""
    return (surface_k < FREEZING_K) | (snow > 2.0)


# --- high-frequency effects: a factor or offset that passes within days, and one that lasts -----

HUMIDITY_DAYS, HUMIDITY_YEARS = 0.15, 0.07
CANOPY_DAYS, CANOPY_SEASONS = 0.05, 0.06
SKIN_DAYS, SKIN_SEASONS = 0.020, 0.008
"""Standard deviations: of the logarithm of humidity and of opacity, and of moisture, m³ m⁻³."""


def humidity(random: RandomFields, maps: TrueMaps) -> Floats:
    """Return the moisture of the air relative to that usual at its temperature, (time, cell)."""
    passing = random.series("humid days", length_cells=8, memory_days=3)
    lasting = random.series("humid years", length_cells=10, memory_days=150)
    usual = (0.6 + 0.6 * maps.wetness).astype(np.float32)
    return usual * np.exp(HUMIDITY_DAYS * passing + HUMIDITY_YEARS * lasting)


def canopy_opacity(random: RandomFields) -> Floats:
    """Return the opacity of the canopy at high frequencies relative to that of its L-band VOD.

    It varies with water on leaves, their angle and their layers. Shape (time, cell), about 1.
    """
    passing = random.series("canopy days", length_cells=3, memory_days=6)
    lasting = random.series("canopy seasons", length_cells=3, memory_days=150)
    return np.exp(CANOPY_DAYS * passing + CANOPY_SEASONS * lasting)


def skin_moisture(random: RandomFields, maps: TrueMaps, moisture: Floats, rain: Floats) -> Floats:
    """Return the moisture of the uppermost centimetre, m³ m⁻³, shape (time, cell)."""
    size = (0.4 + maps.wetness).astype(np.float32)
    passing = random.series("skin days", length_cells=3, memory_days=3)
    lasting = random.series("skin seasons", length_cells=4, memory_days=100)
    difference = size * (SKIN_DAYS * passing + SKIN_SEASONS * lasting)
    return np.clip(0.9 * moisture + 0.025 * np.tanh(rain / 6.0) + difference, 0.01, 0.55)
